"""Answers kept under their Idempotency-Key: the same request again gets the same answer."""

import hashlib
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession

from access.tables import Answered
from kit.db import lock
from kit.errors import Invalid

KEPT_FOR = timedelta(hours=24)


class KeyReused(Invalid):
    """The Idempotency-Key was used for another request."""

    slug, title = "idempotency-key-reused", "This Idempotency-Key belongs to another request"


def request_digest(*parts: object) -> str:
    """Return what tells one request from another: its path and body, say."""
    body = orjson.dumps(parts, option=orjson.OPT_SORT_KEYS, default=str)
    return hashlib.sha256(body).hexdigest()


async def remembered(
    tx: AsyncSession, key: str, who: str, request_digest: str, now: datetime
) -> Answered | None:
    """Return the answer this request already got; the same key for another one is refused.

    Whoever comes with the same key at the same time waits here until we commit.
    """
    await lock(tx, "answered", who, key)
    await tx.execute(delete(Answered).where(Answered.at < now - KEPT_FOR))
    row = await tx.get(Answered, (key, who))
    if row is not None and row.request_digest != request_digest:
        raise KeyReused("use a new key for a new request", field="Idempotency-Key")
    return row


def remember(
    tx: AsyncSession,
    key: str,
    who: str,
    request_digest: str,
    *,
    now: datetime,
    body: dict[str, Any],
    status: int = 200,
) -> None:
    """Keep an answer for those who ask again with the same key."""
    row = Answered(
        key=key, who=who, request_digest=request_digest, status=status, body=body, at=now
    )
    tx.add(row)


async def once(
    tx: AsyncSession,
    key: str | None,
    *,
    who: str,
    request: object,
    now: datetime,
    work: Callable[[], Awaitable[dict[str, Any]]],
) -> dict[str, Any]:
    """Do `work` and return its answer; under a key that was answered before, only return that."""
    if key is None:
        return await work()
    asked = request_digest(request)
    known = await remembered(tx, key, who, asked, now)
    if known is not None:
        return known.body
    body = await work()
    remember(tx, key, who, asked, now=now, body=body)
    return body
