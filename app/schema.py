"""Every table of the house in one place, for migrations and for tests."""

import access.tables
import alerting.tables
import kit.outbox
import metrics.tables
from kit.db import Base

ROOMS = (access.tables, alerting.tables, kit.outbox, metrics.tables)
TABLES = Base.metadata.tables
