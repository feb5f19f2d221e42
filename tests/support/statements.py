"""What is sent to the database while a block runs."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import event

from kit.db import Database


@contextmanager
def statements(db: Database) -> Iterator[list[str]]:
    """Collect every SQL statement of the block, BEGIN and COMMIT not counted."""
    seen: list[str] = []

    def note(_connection: object, _cursor: object, sql: str, *_rest: object) -> None:
        seen.append(sql)

    engine = db.engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", note)
