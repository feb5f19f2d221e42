"""Listens to what is said to the database."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event

from kit.db import Database


@contextmanager
def statements(db: Database) -> Iterator[list[str]]:
    """Collect every statement that runs inside the block."""
    heard: list[str] = []

    def hear(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        heard.append(statement)

    event.listen(db.engine.sync_engine, "before_cursor_execute", hear)
    try:
        yield heard
    finally:
        event.remove(db.engine.sync_engine, "before_cursor_execute", hear)
