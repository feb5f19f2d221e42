"""An embedded database as an older Langyan would have made it, with PostgreSQL's older programs."""

import asyncio
from contextlib import suppress
from pathlib import Path

from kit.postgres import footing, programs
from kit.postgres.cluster import Cluster
from kit.postgres.errors import CannotStart
from kit.postgres.programs import Programs

NEWER = ("--locale-provider", "--builtin-locale")
"""What initdb has learnt since."""


class OldCluster(Cluster):
    """A cluster made by programs that know less."""

    def _initdb(self) -> list[str]:
        return [option for option in super()._initdb() if not option.startswith(NEWER)]


def there() -> Programs | None:
    """Return an older PostgreSQL that this machine has."""
    for major in range(programs.MAJOR - 1, 14, -1):
        with suppress(CannotStart):
            return programs.older(str(major))
    return None


async def make(folder: Path, old: Programs) -> None:
    """Make a database in `folder`."""
    folder.mkdir(mode=0o711, parents=True)
    await asyncio.to_thread(_made, folder, old)


def _made(folder: Path, old: Programs) -> None:
    way = footing.choose(folder, folder / "data", old)
    OldCluster(folder, old, way, durable=True).prepare()
