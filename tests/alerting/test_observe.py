"""Observing with the real database: few statements, one row for each alert, all or nothing."""

import time
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import StatementError

from alerting.commands import observe, set_aside, take_back
from alerting.lifecycle import START, Kind, Phase, Priority, Reading, after
from alerting.schemas import Observation, Observed, Terms
from alerting.tables import Alert, Progress, SetAside
from kit.db import Database
from metrics.batch import Position
from tests.support.alerts import ABOVE_90, add_clients, seen
from tests.support.clock import NOON
from tests.support.statements import statements


@pytest.fixture(autouse=True)
async def _acme(db: Database) -> None:
    await add_clients(db, "acme", "bolt")


async def observed(
    db: Database, *what: Observation, client: str = "acme", position: Position | None = None
) -> Observed:
    async with db.transaction() as tx:
        return await observe(tx, client, what, position=position, now=NOON)


async def alerts(db: Database) -> list[Alert]:
    async with db.snapshot() as session:
        return list(await session.scalars(select(Alert).order_by(Alert.fingerprint)))


async def test_an_alert_is_one_row_that_fires_and_resolves_and_fires_again(db: Database) -> None:
    kinds = []
    for minute, value in ((0, 91.0), (1, 50.0), (2, 95.0)):
        done = await observed(db, seen("a", value, at=NOON + timedelta(minutes=minute)))
        kinds += [t.kind for t in done.transitions]

    (row,) = await alerts(db)
    assert kinds == [Kind.FIRED, Kind.RESOLVED, Kind.FIRED]
    assert (row.phase, row.priority, row.value, row.version) == (Phase.FIRING, "P2", 95.0, 3)
    assert row.state == done.states["disk", "a"]


async def test_a_transition_says_what_people_need(db: Database) -> None:
    done = await observed(db, seen("a", 91.0, drill="fire"))

    (told,) = done.transitions
    assert (told.client, told.system, told.rule, told.title["en"]) == (
        *("acme", "pos", "disk"),
        "Disk",
    )
    assert (told.priority_before, told.priority, told.value) == (None, Priority.P2, 91.0)
    assert (told.drill, told.at, told.arrived) == ("fire", NOON, NOON)
    assert told.alert_id == (await alerts(db))[0].id


async def test_what_changes_nothing_writes_nothing(db: Database) -> None:
    await observed(db, seen("a", 91.0))
    with statements(db) as heard:
        done = await observed(db, seen("a", 92.0), seen("b", 10.0))
    assert done.transitions == []
    assert len(heard) == 1
    assert [row.version for row in await alerts(db)] == [1]


async def test_clients_have_alerts_of_their_own(db: Database) -> None:
    for client in ("acme", "bolt"):
        await observed(db, seen("a", 91.0), client=client)
    assert [row.client for row in await alerts(db)] == ["acme", "bolt"]


async def test_an_alert_that_only_waited_leaves_no_row(db: Database) -> None:
    patient = seen("a", 91.0)
    ladder = patient.terms.ladder
    assert ladder is not None
    level = replace(ladder.levels[Priority.P2], hold=timedelta(minutes=5))
    terms = replace(patient.terms, ladder=replace(ladder, levels={Priority.P2: level}))

    await observed(db, replace(patient, terms=terms))
    assert [row.phase for row in await alerts(db)] == [Phase.PENDING]
    await observed(db, replace(patient, terms=terms, value=1.0))
    assert await alerts(db) == []


async def test_a_rule_that_is_gone_resolves_its_alerts(db: Database) -> None:
    await observed(db, seen("a", 91.0))
    gone = replace(seen("a", None), terms=Terms("disk", {"en": "Disk"}, None))
    done = await observed(db, gone)
    assert [t.kind for t in done.transitions] == [Kind.RESOLVED]


async def test_progress_only_moves_forward(db: Database) -> None:
    for segment, offset in ((1, 10), (1, 5), (2, 0), (1, 99)):
        await observed(db, position=Position(segment, offset))
    async with db.snapshot() as session:
        (row,) = await session.scalars(select(Progress))
    assert (row.segment, row.offset) == (2, 0)


@pytest.mark.parametrize("label", ["a\0b", "\ud800"])
async def test_labels_that_cannot_be_written_are_refused_and_can_be_set_aside(
    db: Database, label: str
) -> None:
    bad = seen("bad", 91.0, name=label)
    with pytest.raises(StatementError) as refused:
        await observed(db, bad, seen("good", 91.0))
    assert await alerts(db) == []

    for _ in range(2):
        async with db.transaction() as tx:
            await set_aside(tx, "acme", bad, error=str(refused.value), now=NOON)
    async with db.snapshot() as session:
        (row,) = await session.scalars(select(SetAside))
    assert (row.count, row.at) == (2, NOON)
    async with db.transaction() as tx:
        await take_back(tx, "acme", [bad.key])
        assert await tx.scalar(select(func.count()).select_from(SetAside)) == 0


async def test_a_storm_is_a_few_statements(db: Database) -> None:
    storm = [seen(f"disk{i}", 97.0) for i in range(10_000)]
    calm = [seen(f"disk{i}", 7.0, at=NOON + timedelta(minutes=1)) for i in range(10_000)]
    for batch, kind in ((storm, Kind.FIRED), (calm, Kind.RESOLVED)):
        with statements(db) as heard:
            began = time.perf_counter()
            done = await observed(db, *batch, position=Position(1, 1))
            took = time.perf_counter() - began
        assert {t.kind for t in done.transitions} == {kind}
        assert len(done.transitions) == 10_000
        assert len(heard) <= 5
        print(f"10,000 alerts {kind}: {len(heard)} statements, {took:.2f} s")  # noqa: T201


async def test_what_was_weighed_against_another_state_is_weighed_again(db: Database) -> None:
    here = after(START, Reading(95.0), ladder=ABOVE_90, at=NOON)
    new = replace(seen("a", 95.0), weighed=(START, here))
    assert (await observed(db, new)).states[new.key] is here

    again = replace(seen("a", 50.0, at=NOON + timedelta(minutes=1)), weighed=(START, START))
    done = await observed(db, again)
    assert [t.kind for t in done.transitions] == [Kind.RESOLVED]
