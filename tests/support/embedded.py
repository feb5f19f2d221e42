"""The embedded database of a program under test, seen from outside."""

from pathlib import Path

from kit.postgres import postmaster, reaching


def url_of(folder: Path) -> str:
    """Return the URL of the database that runs in a data folder."""
    url = reaching.running(folder / "postgres")
    assert url is not None, f"no database runs in {folder}"
    return url


def processes_of(folder: Path) -> list[int]:
    """Return every process of that database, which is in a session of its own."""
    return postmaster.left_behind((folder / "postgres" / "data").resolve())
