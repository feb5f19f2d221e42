"""Every table of the house in one place, for migrations and for tests."""

import access.tables
import alerting.tables
import kit.outbox
from kit.db import Base

ROOMS = (access.tables, alerting.tables, kit.outbox)
TABLES = Base.metadata.tables
