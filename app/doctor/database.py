"""Checks of the database: there, of a version we speak, ours to change; and of the key."""

from datetime import timedelta

from sqlalchemy import text

from app import migrations, sealed
from app.doctor.findings import Finding, fail, ok, warn
from app.doctor.patient import Patient
from kit.postgres import files, postmaster, programs
from kit.postgres.errors import CannotStart
from kit.sealing import SealBroken, Sealer
from notifications import queries as notifications

OLDEST = 15
CONNECTIONS = 60
SKEW_MOST = timedelta(seconds=1)

_MAY = """
SELECT has_schema_privilege(current_schema(), 'CREATE'),
  (SELECT count(*) FROM pg_class WHERE relnamespace = current_schema()::regnamespace
    AND relkind = 'r' AND NOT pg_has_role(relowner, 'USAGE'))
"""
_ROOM = """
SELECT current_setting('max_connections')::int
  - current_setting('superuser_reserved_connections')::int
"""


async def embedded(patient: Patient) -> list[Finding]:
    """The folder of our own PostgreSQL: written by the version we bring, running or at rest."""
    if patient.settings.database_url:
        return []
    data = patient.settings.data_dir / "postgres" / "data"
    try:
        brought = programs.find().major
    except CannotStart as error:
        return [fail("embedded_gone", why=str(error))]
    wrote = files.read(data / "PG_VERSION").strip()
    if not wrote:
        return [ok("embedded_new", major=brought)]
    if wrote != str(brought):
        return [fail("embedded_old", found=wrote, major=brought)]
    note = postmaster.note(data)
    if note is not None and note.status == "starting":
        return [warn("embedded_recovers")]
    return [ok("embedded", major=wrote)]


async def reachable(patient: Patient) -> Finding:
    """Whether the database answers, and whether its version is one we speak."""
    if patient.db is None:
        return fail("database_away", why=patient.away) if patient.away else warn("database_none")
    async with patient.db.snapshot() as session:
        version = await session.scalar(text("SHOW server_version")) or ""
        number = int(await session.scalar(text("SHOW server_version_num")) or 0)
    if number // 10_000 < OLDEST:
        return fail("database_old", version=version, oldest=OLDEST)
    return ok("database", version=version)


async def rights(patient: Patient) -> list[Finding]:
    """What our role may do in a database of the operator's own, and how many may connect."""
    if patient.db is None or not patient.settings.database_url:
        return []
    async with patient.db.snapshot() as session:
        may_create, foreign = (await session.execute(text(_MAY))).one()
        room = await session.scalar(text(_ROOM)) or 0
    found = []
    if not may_create:
        found.append(fail("rights_missing"))
    if foreign:
        found.append(fail("tables_of_another", n=foreign))
    if room < CONNECTIONS:
        found.append(warn("connections_few", room=room, n=CONNECTIONS))
    return found or [ok("rights")]


async def tables(patient: Patient) -> list[Finding]:
    """Whether the tables are those of this program."""
    if patient.db is None:
        return []
    async with patient.db.engine.connect() as connection:
        at = await connection.run_sync(migrations.revision)
    if at is None:
        return [warn("tables_none")]
    if at not in migrations.chain():
        return [fail("tables_newer", at=at, head=migrations.head())]
    if at != migrations.head():
        return [warn("tables_older", at=at, head=migrations.head())]
    return [ok("tables", at=at)]


async def clocks(patient: Patient) -> list[Finding]:
    """Whether our clock and PostgreSQL's agree, or nothing would be sent."""
    if patient.db is None:
        return []
    async with patient.db.snapshot() as session:
        await notifications.clock_skew(session, patient.now)  # the first one also connects
        skew = abs(await notifications.clock_skew(session, patient.now))
    said = f"{skew.total_seconds():.1f}"
    return [fail("clocks_apart", seconds=said) if skew > SKEW_MOST else ok("clocks", seconds=said)]


async def key(patient: Patient) -> list[Finding]:
    """The installation's key: there, and able to open all that is sealed."""
    if patient.keys is None:
        new = patient.db is None and not patient.away
        place = str(patient.settings.data_dir)
        return [ok("key_none") if new else fail("key_missing", folder=place)]
    if not await usable(patient) or patient.db is None:
        return [ok("key_there")]
    async with patient.db.snapshot() as session:
        found = await sealed.everything(session)
    sealer, shut = Sealer(patient.keys), 0
    behind = [word for word in found if not sealer.is_current(word)]
    for word in found:
        try:
            sealer.unseal(word)
        except SealBroken:
            shut += 1
    if shut:
        return [fail("key_wrong", n=shut, all=len(found))]
    if behind and patient.keys.former:
        return [warn("key_former", n=len(behind))]
    return [ok("key", n=len(found))]


async def usable(patient: Patient) -> bool:
    """Tell whether the tables can be asked what this program asks them."""
    if patient.db is None:
        return False
    async with patient.db.engine.connect() as connection:
        return await connection.run_sync(migrations.revision) == migrations.head()
