"""Lists in the order of their names: the cursor is the last name shown."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Query

from kit.web import LIMIT_MOST


@dataclass(frozen=True)
class Named:
    """Which part of a list by name is asked for: at most `limit` behind `after`."""

    limit: int
    after: str


async def _named(
    limit: Annotated[int, Query(ge=1, le=LIMIT_MOST)] = 50,
    cursor: Annotated[str, Query(max_length=127, pattern=r"^[a-z0-9_./-]*$")] = "",
) -> Named:
    return Named(limit, cursor)


ByName = Annotated[Named, Depends(_named)]
Row = TypeVar("Row")


def listed(
    rows: Sequence[Row], page: Named, shown: Callable[[Row], Any], place: Callable[[Row], str]
) -> dict[str, Any]:
    """Return one page of a list that was read with one row more than asked for."""
    more = len(rows) > page.limit
    kept = rows[: page.limit]
    return {"items": [shown(row) for row in kept], "next": place(kept[-1]) if more else None}
