"""Every table of the house in one place, for migrations and for tests."""

import access.tables
import alerting.tables
import incidents.tables
import kit.leases
import kit.outbox
import metrics.tables
import notifications.tables
import oncall.tables
from kit.db import Base

ROOMS = (
    access.tables,
    alerting.tables,
    incidents.tables,
    kit.leases,
    kit.outbox,
    metrics.tables,
    notifications.tables,
    oncall.tables,
)
TABLES = Base.metadata.tables
