"""Statements that are built once and kept: after a start connections learn them before use."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from sqlalchemy import Executable
from sqlalchemy.ext.asyncio import AsyncSession

Asked = tuple[Executable, Mapping[str, object]]
"""A statement, and parameters with which it finds and changes nothing."""

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)

_kept: list[Callable[[], Asked]] = []


def keep(asked: Callable[[], Asked]) -> None:
    """Have connections learn a statement after the start; called once, at import."""
    _kept.append(asked)


async def learn(session: AsyncSession) -> None:
    """Ask everything that is kept: it is compiled, and the connection has it prepared."""
    for asked in _kept:
        await session.execute(*asked())
