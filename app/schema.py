"""Every table of the house in one place, for migrations and for tests."""

import access.tables
import kit.outbox
import metrics.tables
from kit.db import Base

ROOMS = (access.tables, kit.outbox, metrics.tables)
TABLES = Base.metadata.tables
