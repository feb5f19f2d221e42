"""Secrets that went along with a promise, sealed anew when the installation's key changes."""

import json
from collections.abc import Mapping

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

# also those that were sent: whoever was told of trouble is told of its end at the same contact
_EXCHANGE = text("""
UPDATE notifications SET contacts = (
  SELECT jsonb_agg(
    CASE WHEN given.new ? (c ->> 'secret')
      THEN jsonb_set(c, '{secret}', given.new -> (c ->> 'secret')) ELSE c END ORDER BY place)
  FROM jsonb_array_elements(contacts) WITH ORDINALITY AS way(c, place))
FROM (SELECT CAST(:new AS jsonb) AS new) AS given
WHERE EXISTS (
  SELECT FROM jsonb_array_elements(contacts) AS c WHERE given.new ? (c ->> 'secret'))
""")


async def exchange_seals(tx: AsyncSession, new_of: Mapping[str, str]) -> None:
    """Put the new seal in the place of each old one."""
    await tx.execute(_EXCHANGE, {"new": json.dumps(dict(new_of))})
