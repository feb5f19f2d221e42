"""Which of the rules one of several processes evaluates. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Share:
    """The rules that are ours; what is not, another process evaluates.

    `groups` are groups of files, each with the moment until which silence means nothing to it:
    another process had it before. None: all groups.
    """

    thresholds: bool = True
    groups: Mapping[str, datetime] | None = None

    def __bool__(self) -> bool:
        return self.thresholds or self.groups is None or bool(self.groups)

    def has(self, group: str) -> bool:
        """Tell whether a group is ours."""
        return self.groups is None or group in self.groups

    def quiet_until(self, group: str) -> datetime | None:
        """Return until when silence means nothing to a group."""
        return None if self.groups is None else self.groups.get(group)


WHOLE = Share()
NOTHING = Share(thresholds=False, groups={})
