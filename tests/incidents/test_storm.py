"""Ten thousand alerts at once."""

from collections import Counter

from access.scope import EVERYTHING
from alerting.lifecycle import Kind, Priority
from alerting.schemas import Transition
from incidents import commands, queries
from kit.db import lock
from tests.support.incidents import P1, P2, House, transition
from tests.support.statements import statements

ALERTS, SYSTEMS = 10_000, 50


def storm(world: House, kind: Kind, priority: Priority | None) -> list[Transition]:
    """Let every alert of every system move in the same way."""
    return [
        transition(f"disk{n}", priority, kind=kind, system=f"s{n % SYSTEMS}", clock=world.clock)
        for n in range(ALERTS)
    ]


async def followed(world: House, transitions: list[Transition]) -> tuple[Counter[str], int]:
    """Carry a storm; return how often which event is promised, and how many statements it took."""
    async with world.db.transaction() as tx:
        await lock(tx, "client", "acme")
        with statements(world.db) as seen:
            promises = await commands.follow(tx, "acme", transitions, now=world.clock())
    return Counter(promise.event for promise in promises), len(seen)


async def test_a_storm_is_a_few_statements(world: House) -> None:
    promised, count = await followed(world, storm(world, Kind.FIRED, P2))
    assert promised == {"triggered": SYSTEMS}
    assert count <= 14

    promised, count = await followed(world, storm(world, Kind.RAISED, P1))
    assert promised == {"raised": SYSTEMS}
    assert count <= 16

    promised, count = await followed(world, storm(world, Kind.RESOLVED, None))
    assert not promised
    assert count <= 6
    assert all(incident.resolve_at for incident in await world.incidents())


async def test_many_incidents_end_in_a_few_statements(world: House) -> None:
    few = 4 * SYSTEMS
    await world.carries(storm(world, Kind.FIRED, P2)[:few])
    await world.carries(storm(world, Kind.RESOLVED, None)[:few])
    world.clock.advance(minutes=1)
    async with world.db.transaction() as tx:
        with statements(world.db) as seen:
            assert await commands.resolve_some(tx, now=world.clock(), limit=100) == SYSTEMS
    assert len(seen) <= 14


async def test_one_page_is_a_handful_of_statements(world: House) -> None:
    await world.carries(storm(world, Kind.FIRED, P2))
    with statements(world.db) as seen:
        shown = await world.shows()
    assert len(seen) <= 8
    assert (shown.alert_count, len(shown.alerts)) == (ALERTS // SYSTEMS, ALERTS // SYSTEMS)
    with statements(world.db) as seen:
        async with world.db.snapshot() as session:
            board = await queries.board(session, EVERYTHING, world.clock())
    assert len(seen) <= 6
    assert len(board) == SYSTEMS
