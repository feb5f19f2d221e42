"""The table of what is looked at, and how: each check alone, none may hang or hide another."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx
from sqlalchemy.ext.asyncio import AsyncSession

from app import opening
from app.doctor import database, machine, outside, people, settings, work
from app.doctor.findings import Finding, fail
from app.doctor.patient import Patient
from kit.clock import Clock
from kit.db import UNREACHED, Database
from kit.errors import Refusal
from kit.keys import Ring
from kit.postgres.errors import CannotStart
from kit.postgres.reaching import running
from kit.settings import Settings

Found = Finding | Sequence[Finding]
Check = Callable[[Patient], Awaitable[Found]]
OfRows = Callable[[AsyncSession, Patient], Awaitable[Found]]

WITHIN = 20.0


def rows(check: OfRows) -> Check:
    """Return a check that asks the tables, and is left out when they cannot be asked."""

    async def asked(patient: Patient) -> Found:
        if patient.db is None or not await database.usable(patient):
            return []
        async with patient.db.snapshot() as session:
            return await check(session, patient)

    return asked


CHECKS: Mapping[str, Check] = {
    "settings": settings.settings_here,
    "names": settings.unknown_settings,
    "configuration": settings.configuration,
    "folder": machine.folder,
    "restore": machine.half_restored,
    "disk": machine.disk,
    "embedded": database.embedded,
    "database": database.reachable,
    "rights": database.rights,
    "tables": database.tables,
    "clocks": database.clocks,
    "key": database.key,
    "port": machine.port,
    "public_url": machine.public_url,
    "engine": outside.engine,
    "smtp": outside.smtp,
    "heartbeat": outside.heartbeat,
    "sso": outside.single_sign_on,
    "contacts": rows(people.contacts),
    "mail": rows(people.mail),
    "schedules": rows(people.gaps),
    "escalations": rows(people.policies),
    "rules": rows(people.rules),
    "health": work.health,
    "events": rows(work.parked),
    "notifications": rows(work.failed),
    "muting": rows(work.muted),
    "incidents": rows(work.unheard),
}
"""What is looked at, in the order in which it is told."""


async def examine(found: Settings, clock: Clock) -> list[Finding]:
    """Look at everything; a check that cannot be carried out is a finding itself."""
    async with _patient(found, clock) as patient:
        findings = [await _carried_out(name, check, patient) for name, check in CHECKS.items()]
    return [finding for some in findings for finding in some]


async def _carried_out(name: str, check: Check, patient: Patient) -> list[Finding]:
    try:
        async with asyncio.timeout(WITHIN):
            found = await check(patient)
    except (Refusal, TimeoutError, *UNREACHED) as error:
        found = fail("not_looked_at", name=name, why=f"{type(error).__name__}: {error}"[:300])
    return [replace(one, check=name) for one in ([found] if isinstance(found, Finding) else found)]


@asynccontextmanager
async def _patient(found: Settings, clock: Clock) -> AsyncIterator[Patient]:
    patient = Patient(found, clock, os.environ, keys=_keys(found), health=await _health(found))
    if not found.database_url and not _has_database(found):
        yield patient
        return
    try:
        reached = opening.reach_database(found)
        db = await reached.__aenter__()
    except (CannotStart, Refusal, *UNREACHED) as error:
        yield replace(patient, away=str(error))
        return
    try:
        away = await _away(db)
        yield replace(patient, db=None if away else db, away=away)
    finally:
        await reached.__aexit__(None, None, None)


async def _away(db: Database) -> str:
    """Return why the database cannot be used, nothing if it can."""
    try:
        async with asyncio.timeout(WITHIN), db.engine.connect():
            return ""
    except (TimeoutError, *UNREACHED) as error:
        return f"{type(error).__name__}: {error}"[:300]


def _has_database(found: Settings) -> bool:
    place = found.data_dir / "postgres"
    return running(place) is not None or (place / "data" / "PG_VERSION").exists()


def _keys(found: Settings) -> Ring | None:
    """Return the keys if there are any; looking must not make it."""
    if not found.secret_key and not (found.data_dir / "secret_key").exists():
        return None
    return opening.keys_of(found)


async def _health(found: Settings) -> Mapping[str, Any] | None:
    """Return what the service says of itself; None if nobody of ours answers."""
    try:
        async with httpx.AsyncClient(trust_env=False, timeout=WITHIN) as client:
            answer = await client.get(f"{machine.here(found.host, found.port)}/healthz")
            said = answer.json()
    except (httpx.HTTPError, ValueError):
        return None
    return said if isinstance(said, dict) and "well" in said else None
