"""What the doctor finds in tables, settings and folders, each with something to do about it."""

import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app import migrations
from app.doctor import database, machine, outside, people, settings, work
from app.doctor.findings import Finding, Level
from app.doctor.patient import Patient
from app.doctor.settings import unknown
from kit.db import Database
from kit.i18n import Locale, catalogue
from kit.keys import Ring
from kit.sealing import Sealer
from kit.settings import Settings
from tests.support.clock import FakeClock
from tests.support.world import STANDING, World, world

KEY = "k" * 43
Found = Finding | Sequence[Finding]


def listed(found: Found) -> dict[str, Level]:
    """Return what was found by its words, with how bad it is."""
    each = [found] if isinstance(found, Finding) else found
    for finding in each:
        for locale in Locale:
            assert finding.said(locale)
            assert bool(finding.advice(locale)) is (finding.level is not Level.OK)
    return {finding.words: finding.level for finding in each}


def patient(
    *,
    settings: Settings | None = None,
    clock: FakeClock | None = None,
    environ: Mapping[str, str] | None = None,
    db: Database | None = None,
    keys: Ring | None = None,
    health: Mapping[str, object] | None = None,
) -> Patient:
    """Return an installation of which nothing is there but what is given."""
    return Patient(
        settings or Settings(), clock or FakeClock(), environ or {}, db, keys=keys, health=health
    )


class Ward:
    """An installation in a database, and what the checks find in it."""

    def __init__(self, of: World) -> None:
        self.world = of
        self.patient = patient(clock=of.clock, db=of.db, keys=Ring(KEY))

    async def does(self, statement: str, **given: object) -> None:
        """Change rows as only a fault or another hand would."""
        async with self.world.db.transaction() as tx:
            await tx.execute(text(statement), given)

    async def asks(
        self, check: Callable[[AsyncSession, Patient], Awaitable[Found]]
    ) -> dict[str, Level]:
        """Return what a check of rows finds."""
        async with self.world.db.snapshot() as session:
            return listed(await check(session, self.patient))


@pytest.fixture
async def ward(db: Database, clock: FakeClock, tmp_path: Path) -> AsyncIterator[Ward]:
    async with world(db, tmp_path, clock, yaml=STANDING) as found:
        yield Ward(found)


async def test_an_installation_that_is_well_has_nothing_to_mend(ward: Ward) -> None:
    for check in (people.gaps, people.policies, people.rules, work.parked, work.failed):
        assert set((await ward.asks(check)).values()) == {Level.OK}, check
    assert listed(await database.tables(ward.patient)) == {"tables": Level.OK}
    assert listed(await database.key(ward.patient)) == {"key": Level.OK}
    assert listed(await database.reachable(ward.patient)) == {"database": Level.OK}


async def test_people_whom_nothing_reaches_are_named(ward: Ward) -> None:
    await ward.does("DELETE FROM contacts WHERE person = 'li'")

    assert (await ward.asks(people.contacts))["person_mute"] is Level.FAIL
    await ward.does("UPDATE people SET disabled = true WHERE name = 'li'")
    assert (await ward.asks(people.contacts))["person_gone"] is Level.FAIL


async def test_a_policy_that_reaches_nobody_and_the_rules_behind_it_are_named(ward: Ward) -> None:
    await ward.does("DELETE FROM contacts")

    assert (await ward.asks(people.policies))["policy_deaf"] is Level.FAIL
    assert (await ward.asks(people.rules))["rule_unheard"] is Level.FAIL


async def test_a_rule_whose_policy_is_gone_is_named(ward: Ward) -> None:
    await ward.does("UPDATE clients SET escalation = 'gone' WHERE name = 'acme'")

    assert (await ward.asks(people.rules))["rule_policy_gone"] is Level.WARN


async def test_a_schedule_that_has_nobody_for_a_while_is_named(ward: Ward) -> None:
    hours = '[{"days": ["Mon"], "from": "09:00", "to": "18:00"}]'
    await ward.does(
        "UPDATE schedules SET layers = jsonb_build_array(layers->0 || jsonb_build_object("
        "'only', CAST(:only AS jsonb)))",
        only=hours,
    )

    assert await ward.asks(people.gaps) == {"gap": Level.WARN}


async def test_mail_contacts_without_a_server_are_named(ward: Ward) -> None:
    await ward.does("UPDATE contacts SET channel = 'email'")

    assert await ward.asks(people.mail) == {"mail_none": Level.FAIL}


async def test_what_waits_for_a_person_is_counted(ward: Ward) -> None:
    await ward.does(
        "INSERT INTO outbox (id, topic, facts, happened_at, next_try_at, tries, parked_at) "
        "VALUES (gen_random_uuid(), 'x', '{}', :now, :now, 10, :now)",
        now=ward.world.clock(),
    )

    assert await ward.asks(work.parked) == {"parked": Level.FAIL}


async def test_secrets_that_another_key_sealed_are_counted(ward: Ward) -> None:
    await ward.does("UPDATE contacts SET secret = :s", s=Sealer("another").seal("what li knows"))

    assert listed(await database.key(ward.patient)) == {"key_wrong": Level.FAIL}


async def test_a_clock_that_is_off_is_told(ward: Ward) -> None:
    assert listed(await database.clocks(ward.patient)) == {"clocks_apart": Level.FAIL}


async def test_tables_of_another_version_are_told(ward: Ward) -> None:
    await ward.does("UPDATE alembic_version SET version_num = '0001'")
    older = listed(await database.tables(ward.patient))
    await ward.does("UPDATE alembic_version SET version_num = '9999'")
    newer = listed(await database.tables(ward.patient))
    usable = await database.usable(ward.patient)
    await ward.does("UPDATE alembic_version SET version_num = :head", head=head())

    assert (older, newer) == ({"tables_older": Level.WARN}, {"tables_newer": Level.FAIL})
    assert not usable


def head() -> str:
    """Return this program's revision."""
    found = migrations.head()
    assert found
    return found


async def test_the_health_of_the_service_is_passed_on() -> None:
    sick = patient(health={"well": False, "wrong": ["the tick rules is late"]})

    assert listed(await work.health(sick)) == {"unwell": Level.FAIL}
    assert listed(await work.health(patient(health={"well": True, "wrong": []}))) == {
        "well": Level.OK
    }
    assert listed(await work.health(patient())) == {}


def test_a_name_that_nobody_reads_is_told_with_what_may_be_meant() -> None:
    environ = {
        "LANGYAN_LISTN": "",
        "LANGYAN_QUEUE_PASSWORD": "",
        "LANGYAN_LISTEN": "",
        "PATH": "",
    }

    assert unknown(environ) == {"LANGYAN_LISTN": "LANGYAN_LISTEN", "LANGYAN_QUEUE_PASSWORD": ""}


def test_values_are_shown_with_where_they_come_from_and_without_secrets() -> None:
    given = Settings(
        database_url="postgresql://li:hush@db/langyan?password=hush",
        smtp_url="smtp://li:hush@mail:25",
        secret_key="hush",
        admin_token="hush",
        heartbeat_url="https://beat.example.com/hush",
    )
    found = settings.origins(patient(settings=given, environ={"LANGYAN_SMTP_URL": ""}))

    assert found["smtp_url"] == ("smtp://mail:25", True)
    assert found["listen"] == ("127.0.0.1:8080", False)
    assert "hush" not in str(found)


async def test_a_folder_of_yaml_is_read_as_check_does(tmp_path: Path) -> None:
    async def looked(**given: object) -> dict[str, Level]:
        return listed(await settings.configuration(patient(settings=Settings(**given))))  # type: ignore[arg-type]

    (tmp_path / "a.yml").write_text("clients: [{name: acme, title: Acme}]")
    assert await looked() == {"config_none": Level.OK}
    assert await looked(config=tmp_path) == {"config": Level.OK}
    assert await looked(config=tmp_path / "none") == {"config_missing": Level.FAIL}
    (tmp_path / "a.yml").write_text("clients: [{name: acme, titel: Acme}]")
    assert await looked(config=tmp_path) == {"config_wrong": Level.FAIL}


async def test_a_folder_that_others_can_read_is_told(tmp_path: Path) -> None:
    place = patient(settings=Settings(data_dir=tmp_path))
    os.chmod(tmp_path, 0o700)
    (tmp_path / "secret_key").write_text("k")
    (tmp_path / "secret_key").chmod(0o640)

    assert listed(await machine.folder(place)) == {"open_to_others": Level.FAIL}
    (tmp_path / "secret_key").chmod(0o600)
    assert listed(await machine.folder(place)) == {"folder": Level.OK}
    (tmp_path / "restoring").mkdir()
    assert listed(await machine.half_restored(place)) == {"half_restored": Level.FAIL}


async def test_a_database_of_another_major_version_is_told(tmp_path: Path) -> None:
    data = tmp_path / "postgres" / "data"
    data.mkdir(parents=True)
    (data / "PG_VERSION").write_text("15\n")

    found = listed(await database.embedded(patient(settings=Settings(data_dir=tmp_path))))
    assert found == {"embedded_old": Level.FAIL}


async def test_a_place_outside_that_nobody_answers_at_is_told() -> None:
    def at(**given: str) -> Patient:
        return patient(settings=Settings(**given))  # type: ignore[arg-type]

    deaf = "127.0.0.1:1"
    heartbeat = listed(await outside.heartbeat(at(heartbeat_url=f"http://{deaf}/beat")))
    assert heartbeat == {"heartbeat_away": Level.FAIL}
    mail = listed(await outside.smtp(at(smtp_url=f"smtp://{deaf}")))
    assert mail == {"smtp_away": Level.FAIL}
    sso = at(oidc_issuer=f"http://{deaf}", oidc_client_id="langyan")
    assert listed(await outside.single_sign_on(sso)) == {"issuer_away": Level.FAIL}
    engine = at(metrics_url=f"http://{deaf}")
    assert listed(await outside.engine(engine)) == {"engine_away": Level.FAIL}
    assert listed(await outside.heartbeat(at())) == {"heartbeat_none": Level.WARN}


def test_every_finding_that_is_not_well_says_what_to_do() -> None:
    words = {key.partition(".")[2] for key in catalogue(Locale.EN) if key.startswith("doctor.")}
    code = "".join(path.read_text() for path in Path(settings.__file__).parent.glob("*.py"))

    for word in words - {"summary"}:
        assert f'"{word.removesuffix("_do")}"' in code, f"nobody finds {word}"
