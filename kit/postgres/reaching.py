"""Finding the server that another process of ours runs."""

from pathlib import Path

from kit.postgres import postmaster
from kit.postgres.cluster import url_of


def running(folder: Path) -> str | None:
    """Return the URL of the database that runs in `folder`; None if none does."""
    found = postmaster.living(folder.resolve() / "data")
    if found is None or found.socket is None:
        return None
    return url_of(folder.resolve(), found.socket)
