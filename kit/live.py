"""What changed while a page is open: topics announced in a transaction, heard by event streams."""

from sqlalchemy.ext.asyncio import AsyncSession

from kit.notices import notify

CHANNEL = "live"
BOARD = "board"
CONFIGURATION = "configuration"
"""The topic of what is configured, once this process goes by it."""


def incident(number: int) -> str:
    """Return the topic of one incident's page."""
    return f"incident:{number}"


def announce(tx: AsyncSession, *topics: str) -> None:
    """Say that what these topics show has changed; the word leaves at commit."""
    notify(tx, CHANNEL, *topics)
