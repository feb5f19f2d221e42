"""Facts that access announces."""

from typing import ClassVar

from kit.outbox import Event


class ResetAsked(Event):
    """Somebody asked for another password by this name; whether anybody has it is not known yet."""

    topic: ClassVar[str] = "access.reset_asked"

    name: str
