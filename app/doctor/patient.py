"""What the checks look at: the settings, the database if it can be had, the service if it runs."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from kit.clock import Clock
from kit.db import Database
from kit.errors import Unauthorized
from kit.keys import Ring
from kit.settings import Settings
from kit.signing import Signer

PURPOSE = "installation"
"""What an installation signs to show that it is the one whose key we know."""


@dataclass(frozen=True)
class Patient:
    """One installation; `health` is None when nobody serves.

    Without a `db`, `away` says why it cannot be used; nothing: there is none yet.
    """

    settings: Settings
    clock: Clock
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    db: Database | None = None
    away: str = ""
    keys: Ring | None = None
    health: Mapping[str, Any] | None = None

    @property
    def now(self) -> datetime:
        """The present moment."""
        return self.clock()


def proves(word: str, nonce: str, keys: Ring, now: datetime) -> bool:
    """Tell whether `word` is how the installation with these keys answers `nonce`."""
    try:
        return Signer(keys).read(PURPOSE, word, now=now) == {"nonce": nonce}
    except Unauthorized:
        return False
