"""Another key for the installation, while it serves.

The new key is in use from the moment its file stands, and the old one still known; then everything
sealed is sealed anew in one transaction. Interrupted anywhere between, both keys still open what
they sealed.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from access.commands import audit
from access.scope import SYSTEM
from app import opening, sealed
from app.migrations import upgrade
from kit.db import Database, lock
from kit.errors import Invalid
from kit.keys import KeptRing, Ring, fingerprint
from kit.sealing import SealBroken, Sealer
from kit.settings import Settings

LINKS_HOLD = timedelta(days=4)
"""How long a former key's signatures are good: more than the three days of the longest link."""
ROTATED = "installation.rotate_key"


@dataclass(frozen=True)
class Rotated:
    """What came of it: the key in use, how many secrets were sealed anew, how many stay shut."""

    key: str
    anew: int
    shut: int
    until: datetime | None


async def rotate(settings: Settings, *, reseal_only: bool, at_once: bool, now: datetime) -> Rotated:
    """Make a new key unless `reseal_only`, and seal everything with it.

    Links that were sent hold for four days more, or end `at_once`. With LANGYAN_SECRET_KEY the
    operator gives the keys, and all that is left to do is sealing.
    """
    keys = opening.keys_of(settings)
    kept = keys if isinstance(keys, KeptRing) else None
    if kept is None and at_once:
        raise Invalid(
            "with LANGYAN_SECRET_KEY links end when LANGYAN_SECRET_KEY_PREVIOUS is taken away"
        )
    async with opening.reach_database(settings) as db:
        await upgrade(db)  # the database is there, before the key changes
        if kept and not reseal_only:
            kept.replace(secrets.token_urlsafe(32), until=now + LINKS_HOLD)
        anew, shut = await seal_anew(db, keys, now=now)
        if at_once:  # and what was on its way into a table meanwhile
            more, shut = await seal_anew(db, keys, now=now)
            anew += more
    if kept and not shut:
        kept.forget([] if at_once else [each for each in kept.former if each.holds(now)])
    until = max((each.until for each in keys.former if each.until), default=None)
    return Rotated(fingerprint(keys.current), anew, shut, until)


async def seal_anew(db: Database, keys: Ring, *, now: datetime) -> tuple[int, int]:
    """Seal with the key in use what another one sealed; return how much, and what stays shut."""
    sealer, shut = Sealer(keys), 0
    async with db.transaction() as tx:
        await lock(tx, "installation", "keys")
        new_of = {}
        for old in await sealed.everything(tx):
            if sealer.is_current(old):
                continue
            try:
                new_of[old] = sealer.seal(sealer.unseal(old))
            except SealBroken:
                shut += 1
        if new_of:
            await sealed.exchange(tx, new_of)
        facts = {"key": fingerprint(keys.current), "secrets": len(new_of), "shut": shut}
        audit(tx, who=SYSTEM.name, did=ROTATED, on="secret_key", now=now, facts=facts)
    return len(new_of), shut
