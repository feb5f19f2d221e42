"""How Alembic reaches the database: on a connection that the program hands over."""

from typing import Any

from alembic import context

import app.schema
from app.migrations import ours
from kit.db import Base, Moment, Word

assert app.schema.ROOMS, "the tables must be known before they are compared"


def render_item(kind: str, item: Any, autogen_context: Any) -> str | bool:
    """Write plain types: a migration must not import living code."""
    if kind == "type" and isinstance(item, Moment):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and isinstance(item, Word):
        return "sa.String()"
    return False


def run() -> None:
    """Migrate on the connection in the config's attributes."""
    connection = context.config.attributes["connection"]
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        compare_type=True,
        include_name=ours,
        render_item=render_item,
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()


run()
