"""Facts that notifications announces."""

from typing import ClassVar
from uuid import UUID

from kit.outbox import Event


class NotificationFailed(Event):
    """Every contact of a person was tried in vain."""

    topic: ClassVar[str] = "notifications.failed"

    notification: UUID
    about: UUID
    client: str
    person: str
    event: str
    why: str
