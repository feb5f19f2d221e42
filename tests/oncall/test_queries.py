"""Policies, rosters and provisioning against the real database."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from access.scope import SYSTEM, Role
from access.tables import Person
from kit.db import Database
from kit.errors import Invalid, NotFound
from kit.sealing import Sealer
from kit.sync import Change
from oncall import commands, queries
from oncall.escalation import EVERY_ADMIN
from oncall.roster import ContactFacts, Reached
from oncall.schemas import ContactIn, OverrideIn, PolicyIn, ScheduleIn
from tests.support.clock import NOON
from tests.support.statements import statements

SEALER = Sealer("a key")
LI = ContactFacts("webhook", "http://127.0.0.1:9911/li")
HAN = ContactFacts("webhook", "http://127.0.0.1:9911/han")
HOUR = timedelta(hours=1)


def way(name: str, **more: str) -> tuple[ContactIn, str]:
    url = f"http://127.0.0.1:9911/{name}"
    return ContactIn.model_validate({"channel": "webhook", "url": url, **more}), "a.yml:1"


def daily(*people: str) -> tuple[ScheduleIn, str]:
    layer = {"rotation": "daily", "people": list(people), "start": "2026-11-01"}
    return ScheduleIn.model_validate({"name": "primary", "layers": [layer]}), "a.yml:2"


def policy(*targets: str, name: str = "default") -> tuple[PolicyIn, str]:
    steps = [{"notify": [target], "wait": "5m"} for target in targets]
    return PolicyIn.model_validate({"name": name, "steps": steps, "repeat": 2}), "a.yml:3"


async def people(db: Database, *rows: Person) -> None:
    named = {"li", "han", "boss"} - {row.name for row in rows}
    async with db.transaction() as tx:
        tx.add_all(rows)
        for name in named:
            role = Role.ADMIN if name == "boss" else Role.ENGINEER
            tx.add(Person(name=name, title=name, role=role))


async def provisioned(
    db: Database,
    *,
    schedules: tuple[tuple[ScheduleIn, str], ...] = (),
    policies: tuple[tuple[PolicyIn, str], ...] = (),
    contacts: Mapping[str, list[tuple[ContactIn, str]]] | None = None,
    environ: Mapping[str, str] | None = None,
) -> list[Change]:
    async with db.transaction() as tx:
        return await commands.provision(
            tx,
            schedules=schedules,
            policies=policies,
            contacts=contacts or {},
            seal=SEALER.seal,
            environ=environ or {},
        )


async def reached(db: Database, *targets: str, **later: float) -> list[Reached]:
    async with db.snapshot() as session:
        return await queries.reach(session, targets, now=NOON + timedelta(**later))


async def test_a_schedule_reaches_whose_turn_it_is(db: Database) -> None:
    await people(db)
    contacts = {"li": [way("li")], "han": [way("han")]}
    await provisioned(db, schedules=(daily("li", "han"),), contacts=contacts)

    assert await reached(db, "schedule:primary") == [Reached("han", (HAN,))]
    assert await reached(db, "schedule:primary", days=1) == [Reached("li", (LI,))]


async def test_each_person_is_reached_once_in_the_order_of_the_targets(db: Database) -> None:
    await people(db)
    contacts = {"li": [way("li")], "han": [way("han")]}
    await provisioned(db, schedules=(daily("li", "han"),), contacts=contacts)

    found = await reached(db, "person:li", "schedule:primary", "role:engineer", "person:li")

    assert [each.person for each in found] == ["li", "han"]


async def test_nobody_is_reached_without_a_contact_or_when_disabled_or_unknown(
    db: Database,
) -> None:
    await people(db, Person(name="han", title="han", disabled=True))
    await provisioned(db, contacts={"han": [way("han")]})

    assert await reached(db, "person:li", "person:han", "person:ghost", "schedule:ghost") == []


async def test_contacts_are_tried_in_the_order_in_which_they_are_written(db: Database) -> None:
    await people(db)
    await provisioned(db, contacts={"li": [way("z"), way("a"), way("m")]})

    (li,) = await reached(db, "person:li")

    assert [fact.address[-1] for fact in li.contacts] == ["z", "a", "m"]


async def test_a_roster_is_a_few_statements_however_many_schedules(db: Database) -> None:
    await people(db)
    await provisioned(db, contacts={"li": [way("li")]})
    with statements(db) as seen:
        await reached(db, *(f"schedule:s{number}" for number in range(50)))

    assert len(seen) <= 5


async def test_a_policy_falls_back_to_default_and_then_to_every_admin(db: Database) -> None:
    await people(db)
    async with db.snapshot() as session:
        assert await queries.policy(session, "bank") == EVERY_ADMIN
    await provisioned(db, policies=(policy("person:li"), policy("person:han", name="bank")))

    async with db.snapshot() as session:
        found = [await queries.policy(session, name) for name in ("bank", "ghost", None)]
    assert [each.steps[0].notify for each in found] == [
        ("person:han",),
        ("person:li",),
        ("person:li",),
    ]


async def test_without_any_policy_the_admins_are_told(db: Database) -> None:
    await people(db)
    await provisioned(db, contacts={"boss": [way("boss")], "li": [way("li")]})

    found = await reached(db, *EVERY_ADMIN.steps[0].notify)

    assert [each.person for each in found] == ["boss"]


async def test_the_same_files_again_change_nothing(db: Database) -> None:
    await people(db)
    given: dict[str, Any] = {
        "schedules": (daily("li"),),
        "policies": (policy("schedule:primary"),),
        "contacts": {"li": [way("li", secret="s3cret")]},
    }
    assert len(await provisioned(db, **given)) == 3

    assert await provisioned(db, **given) == []
    assert [change.kind for change in await provisioned(db)] == [
        "schedule",
        "escalation",
        "contact",
    ]


async def test_a_secret_is_sealed_at_rest_and_never_shown(db: Database) -> None:
    await people(db)
    given = {"li": [way("li", secret_env="LI_SECRET")]}

    changes = await provisioned(db, contacts=given, environ={"LI_SECRET": "s3cret"})

    assert "s3cret" not in repr(changes)
    (li,) = await reached(db, "person:li")
    assert li.contacts[0].secret is not None
    assert "s3cret" not in li.contacts[0].secret
    assert SEALER.unseal(li.contacts[0].secret) == "s3cret"


async def test_a_secret_that_the_environment_lacks_is_refused(db: Database) -> None:
    await people(db)
    with pytest.raises(Invalid, match="LI_SECRET is not set"):
        await provisioned(db, contacts={"li": [way("li", secret_env="LI_SECRET")]})


async def test_a_file_that_names_a_stranger_is_refused(db: Database) -> None:
    await people(db)
    with pytest.raises(Invalid, match="names ghost"):
        await provisioned(db, schedules=(daily("ghost"),))
    with pytest.raises(Invalid, match="names schedule:ghost"):
        await provisioned(db, policies=(policy("schedule:ghost"),))


async def test_who_stands_in_is_reached_and_shown(db: Database) -> None:
    await people(db)
    await provisioned(db, schedules=(daily("li", "han"),), contacts={"boss": [way("boss")]})
    given = OverrideIn(person="boss", starts_at=NOON - HOUR, ends_at=NOON + HOUR)

    async with db.transaction() as tx:
        await commands.stand_in(tx, "primary", given, by=SYSTEM, now=NOON)

    assert [each.person for each in await reached(db, "schedule:primary")] == ["boss"]
    async with db.snapshot() as session:
        (row,) = await queries.now_and_next(session, NOON)
        (week,) = await queries.week(session, NOON)
    assert (row.now, row.until, row.next) == (["boss"], NOON + HOUR, ["han"])
    assert [shift.person for shift in week.shifts][:3] == ["boss", "han", "li"]
    assert week.gaps == []


async def test_nobody_stands_in_on_a_schedule_that_is_not_there_or_for_a_time_that_is_over(
    db: Database,
) -> None:
    await people(db)
    await provisioned(db, schedules=(daily("li"),))
    given = OverrideIn(person="li", starts_at=NOON - 2 * HOUR, ends_at=NOON - HOUR)
    async with db.transaction() as tx:
        with pytest.raises(NotFound):
            await commands.stand_in(tx, "ghost", given, by=SYSTEM, now=NOON)
        with pytest.raises(Invalid, match="over already"):
            await commands.stand_in(tx, "primary", given, by=SYSTEM, now=NOON)
