"""As whom PostgreSQL runs: it refuses root, so root looks for the way that gives the least power.

`own` ourselves · `plain` a user of its own · `masked` the same, behind closed parents that are
covered for it alone · `reader`, `override` the same with a capability to pass them · `namespace`
root under another name. No permission of any parent is changed.
"""

import logging
import os
import pwd
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from signal import Signals

from kit.postgres import child
from kit.postgres.errors import CannotStart
from kit.postgres.launch import Order
from kit.postgres.programs import Programs

log = logging.getLogger(__name__)

FREE = range(60800, 60900)  # no distribution hands these out, nor does systemd
OVERFLOW = 65534


@dataclass(frozen=True)
class Footing:
    """A way to run: `owner` has the files, `called` is what the program takes itself for."""

    kind: str
    owner: int
    called: int

    def order(
        self, command: list[str], *, folder: Path, show: Iterable[Path], death: Signals
    ) -> Order:
        """Return the order to run `command` in `folder` on this footing."""
        return {
            "footing": self.kind,
            "uid": self.called,
            "parent": os.getpid(),
            "folder": str(folder),
            "show": [str(path) for path in (folder, *show)],
            "death": int(death),
            "command": command,
        }

    def named(self) -> "Footing":
        """Return the same under a user that has a name: initdb insists on one."""
        if self.kind in ("own", "namespace"):
            return self
        uid = _named_user()
        return replace(self, owner=uid, called=uid)


def choose(folder: Path, data: Path, programs: Programs) -> Footing:
    """Return the first footing that really works here for `data`, which lies in `folder`."""
    here = os.geteuid()
    owner = data.stat().st_uid if data.exists() else None
    if here != 0:
        if owner not in (None, here):
            raise CannotStart(f"{data} belongs to user {owner}: run as that user, or as root")
        return Footing("own", here, here)
    uid = owner or _free_user()
    ways = [Footing(kind, uid, uid) for kind in ("plain", "masked", "reader", "override")]
    faults = []
    for way in (*ways, Footing("namespace", 0, _named_user())):
        try:
            attempt(way, folder, programs)
        except (CannotStart, OSError) as fault:
            faults.append(f"{way.kind}: {fault}")
            continue
        level = logging.DEBUG if way.kind in ("plain", "masked") else logging.WARNING
        log.log(level, "PostgreSQL runs on the footing %s, as user %d", way.kind, way.owner)
        return way
    raise CannotStart(
        "PostgreSQL refuses to run as root, and none of the ways to run it as somebody else "
        f"works here; start Langyan as an ordinary user. Tried: {'; '.join(faults)}"
    )


def attempt(way: Footing, folder: Path, programs: Programs) -> None:
    """Run a program of PostgreSQL this way; raise CannotStart or OSError if it does not work."""
    trial = Path(tempfile.mkdtemp(prefix="trial-", dir=folder))
    try:
        os.chown(trial, way.owner, way.owner)
        command = [programs.path("postgres"), "--version"]
        child.run(way.order(command, folder=trial, show=programs.folders, death=Signals.SIGKILL))
    finally:
        trial.rmdir()


def _free_user() -> int:
    taken = {entry.pw_uid for entry in pwd.getpwall()}
    return next((uid for uid in FREE if uid not in taken), _named_user())


def _named_user() -> int:
    """Return a user with a name, not the one that stands for everybody without."""
    known = sorted(entry.pw_uid for entry in pwd.getpwall() if entry.pw_uid != 0)
    if not known:
        raise CannotStart("/etc/passwd knows nobody but root; start Langyan as an ordinary user")
    return next((uid for uid in known if uid != OVERFLOW), known[0])
