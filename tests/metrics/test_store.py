"""The store: nothing accepted is lost, whatever is flushed, forgotten, restarted or late."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, func, select

from access.tables import AuditEntry
from kit.clock import milliseconds
from kit.db import Database
from kit.errors import Invalid, NotFound, Overloaded
from metrics import partitions
from metrics.batch import Batch
from metrics.columns import STALE, Labels
from metrics.journal import Record, Sync
from metrics.labels import Limits
from metrics.matchers import Matcher, Op
from metrics.ownership import OtherFolder
from metrics.ports.encode import write_request
from metrics.promql.refusals import NotComputable
from metrics.store import Store
from metrics.tables import Chunk, DeletedSeries, Deletion, JournalMark, Series
from tests.support.clock import NOON, FakeClock
from tests.support.samples import bits, points, series
from tests.support.stores import killed

MS = milliseconds(NOON)
DISK = series("disk", host="a")
EVERYTHING = [Matcher("client", Op.EQUAL, "acme")]


def kept_as(labels: Labels) -> Labels:
    return tuple(sorted([*labels, ("client", "acme")]))


class Site:
    """A store in a folder, fed by one client's token, that can be killed and started again."""

    def __init__(self, folder: Path, db: Database, **given: object) -> None:
        self.folder, self.db, self.given = folder, db, given
        self.clock = FakeClock()
        self.batches: list[Batch] = []
        self.store = self._store()

    def _store(self) -> Store:
        known = {"house", "acme"}
        store = Store(self.folder, self.db, known_clients=lambda: known, **self.given)  # type: ignore[arg-type]
        store.journal.spare_bytes = 0
        return store

    async def start(self) -> None:
        await self.store.open(self.clock())

    async def sends(self, *samples: tuple[Labels, int, float]) -> tuple[int, int, str | None]:
        labels, times, values = zip(*samples, strict=True)
        body = write_request(labels, times, values)
        got = await self.store.append(body, port="remote_write", client="acme", now=self.clock())
        return got.samples, got.refused, got.reason

    async def restart(self) -> None:
        await killed(self.store)
        self.store = self._store()
        self.store.listen(self.batches.append)
        await self.start()

    async def reads(
        self, start: int = 0, end: int = MS * 2
    ) -> dict[Labels, list[tuple[int, float]]]:
        return points(await self.store.read(EVERYTHING, start, end))

    async def chunks(self) -> int:
        async with self.db.snapshot() as session:
            return await session.scalar(select(func.count()).select_from(Chunk)) or 0


@pytest.fixture
async def site(tmp_path: Path, db: Database) -> AsyncIterator[Site]:
    site = Site(tmp_path, db)
    await site.start()
    yield site
    await site.store.close()


async def test_what_was_sent_is_read_and_told(site: Site) -> None:
    learned: list[list[int]] = []
    site.store.on_series(learned.append)
    site.store.listen(site.batches.append)

    assert await site.sends((DISK, MS, 97.0), (DISK, MS - 1000, 96.0)) == (2, 0, None)

    assert await site.reads() == {kept_as(DISK): [(MS - 1000, 96.0), (MS, 97.0)]}
    (batch,) = site.batches
    assert (batch.times.tolist(), batch.values.tolist()) == ([MS, MS - 1000], [97.0, 96.0])
    assert (batch.arrived, batch.position, batch.replayed) == (NOON, site.store.position, False)
    assert learned == [[0]]
    refs = site.store.select(EVERYTHING)
    assert [x.tolist() for x in site.store.newest(refs)] == [[MS], [97.0]]


async def test_samples_survive_kill_and_are_replayed_in_order(site: Site) -> None:
    for number in range(5):
        await site.sends((DISK, MS + number, float(number)))
    site.clock.advance(seconds=30)
    await site.restart()

    assert await site.reads() == {kept_as(DISK): [(MS + n, float(n)) for n in range(5)]}
    assert [b.values.tolist() for b in site.batches] == [[0.0], [1.0], [2.0], [3.0], [4.0]]
    assert all(b.replayed and b.arrived == NOON for b in site.batches)
    assert [b.position for b in site.batches] == sorted({b.position for b in site.batches})


SECONDS = st.one_of(st.integers(-50, 50), st.sampled_from([-3600, -5400, -90_000, -864_000]))
"""From now on: most are as good as new, some are late by hours or days."""
OPERATIONS = st.lists(
    st.one_of(
        st.lists(
            st.tuples(st.integers(0, 2), SECONDS, st.integers(0, 99).map(float)),
            min_size=1,
            max_size=40,
        ),
        st.tuples(st.integers(0, 2), st.integers(1, 150)),
        st.sampled_from(["flush", "pack", "clear", "delete", "restart"]),
        st.sampled_from(["five minutes", "an hour", "a day"]),
    ),
    max_size=12,
)
"""Samples in any order; a series and how many seconds of it, one after the other; what befalls."""
LATER = {"five minutes": 5, "an hour": 90, "a day": 24 * 60}
Sent = list[tuple[int, int, float]]
Model = dict[Labels, dict[int, float]]


def sent(operation: Sent | tuple[int, int], now: int) -> list[tuple[Labels, int, float]]:
    if isinstance(operation, tuple):
        n, seconds = operation
        operation = [(n, back - seconds, float(back)) for back in range(seconds)]
    return [(series("m", n=str(n)), now + 1000 * second, value) for n, second, value in operation]


def between(model: Model, start: int, end: int) -> dict[Labels, list[tuple[int, float]]]:
    found = {k: [p for p in sorted(v.items()) if start <= p[0] <= end] for k, v in model.items()}
    return {labels: samples for labels, samples in found.items() if samples}


async def undergoes(site: Site, what: str, model: Model) -> None:
    match what:
        case "flush":
            await site.store.flush(site.clock())
        case "pack":
            await site.store.upkeep.pack(site.clock())
        case "clear":
            await site.store.upkeep.clear(site.clock())
        case "restart":
            await site.restart()
        case "delete":
            with suppress(NotFound):
                await site.store.delete("acme", by="ken", now=site.clock())
            model.clear()
        case _:
            site.clock.advance(minutes=LATER[what])


def at_hand(site: Site, start: int, end: int) -> dict[Labels, list[tuple[int, float]]] | None:
    """Return what memory alone says, None where it does not say that this is all."""
    refs = site.store.select(EVERYTHING)
    if not site.store.covers(refs, start):
        return None
    found = points(site.store.window(refs, start, end))
    return {labels: samples for labels, samples in found.items() if samples}


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(OPERATIONS)
async def test_any_history_reads_back_like_a_dict(
    tmp_path: Path, db: Database, operations: list[str | Sent | tuple[int, int]]
) -> None:
    async with db.transaction() as tx:
        for table in (Chunk, Series, DeletedSeries, Deletion, JournalMark):
            await tx.execute(delete(table))
    site = Site(tmp_path / uuid4().hex, db)
    await site.start()
    model: Model = {}
    for operation in operations:
        if isinstance(operation, str):
            await undergoes(site, operation, model)
            continue
        samples = sent(operation, milliseconds(site.clock()))
        await site.sends(*samples)
        for labels, at, value in samples:
            model.setdefault(kept_as(labels), {})[at] = value

    assert await site.reads(0, MS * 2) == between(model, 0, MS * 2)
    now = milliseconds(site.clock())
    for start, end in ((now - 20_000, now + 20_000), (now - 97_500, now - 3_000)):
        assert await site.reads(start, end) == between(model, start, end)
        assert at_hand(site, start, end) in (None, between(model, start, end))
    await site.store.close()


async def test_stale_markers_come_back_from_chunks_by_their_bits(site: Site) -> None:
    await site.sends((DISK, MS, 1.0), (DISK, MS + 1, STALE), (DISK, MS + 2, float("nan")))
    await site.store.flush(site.clock())
    site.clock.advance(hours=3)
    await site.store.flush(site.clock())
    assert site.store.series == 0  # memory has let go of it

    assert bits(await site.reads()) == bits(
        {kept_as(DISK): [(MS, 1.0), (MS + 1, STALE), (MS + 2, float("nan"))]}
    )


async def test_a_flush_cuts_the_journal_once_the_rules_have_seen_it(site: Site) -> None:
    site.store.listen(site.batches.append)
    await site.sends((DISK, MS, 1.0))
    assert await site.store.flush(site.clock()) == 1
    site.clock.advance(hours=1)
    await site.sends((DISK, MS + 3_600_000, 2.0))
    await site.store.flush(site.clock())
    assert site.store.journal.segments == 3
    assert site.store.pending == 0

    site.store.release(site.batches[0].position)
    site.clock.advance(hours=1)
    await site.store.flush(site.clock())
    assert site.store.journal.segments == 2
    await site.restart()
    assert [b.values.tolist() for b in site.batches[2:]] == [[2.0]]


async def test_nothing_is_written_twice_when_nothing_is_new(site: Site) -> None:
    await site.sends((DISK, MS, 1.0))
    await site.store.flush(site.clock())
    await site.restart()
    assert await site.store.flush(site.clock()) == 0
    assert await site.chunks() == 1


async def test_the_database_of_another_folder_is_refused_until_it_is_adopted(
    site: Site, db: Database, tmp_path: Path
) -> None:
    await site.sends((DISK, MS, 1.0))
    other = Site(tmp_path / "other", db)
    with pytest.raises(OtherFolder, match="another data folder"):
        await other.start()
    await killed(other.store)

    adopting = Site(tmp_path / "other", db, adopt=True)
    await adopting.start()
    await killed(adopting.store)
    with pytest.raises(OtherFolder):
        await site.restart()


async def test_a_flush_that_fails_loses_nothing(site: Site, db: Database) -> None:
    await site.sends((DISK, MS, 1.0))
    broken = Database("postgresql+asyncpg://nobody@127.0.0.1:1/none")
    site.store._writing._db = broken
    with pytest.raises(OSError, match="cannot be reached"):
        await site.store.flush(site.clock())
    await broken.close()
    assert site.store.pending == 1

    site.store._writing._db = db
    assert await site.store.flush(site.clock()) == 1


async def test_a_record_that_is_no_longer_understood_does_not_keep_us_down(site: Site) -> None:
    await site.sends((DISK, MS, 1.0))
    old = Record("a port of old", "acme", MS, b"whatever it was")
    site.store.journal.append(old)
    await site.sends(*((series("disk", host=str(n)), MS, 2.0) for n in range(50)))
    await site.sends((DISK, MS + 1, 3.0))

    site.given["limits"] = Limits(body_bytes=200)
    await site.restart()

    assert await site.reads() == {kept_as(DISK): [(MS, 1.0), (MS + 1, 3.0)]}
    assert site.store.journal.damaged == 2


async def test_samples_that_come_while_a_flush_runs_are_not_forgotten(site: Site) -> None:
    await site.sends((DISK, MS, 1.0))
    flushing = asyncio.create_task(site.store.flush(site.clock()))
    for number in range(1, 200):
        await site.sends((DISK, MS + number, float(number)), (DISK, MS + number - 1, -1.0))
    await flushing
    await site.store.flush(site.clock())
    site.clock.advance(hours=3)
    await site.store.flush(site.clock())

    (found,) = (await site.reads()).values()
    assert found == [*((MS + number, -1.0) for number in range(199)), (MS + 199, 199.0)]


async def test_samples_out_of_time_are_refused_and_the_others_taken(site: Site) -> None:
    ahead = MS + 10 * 60_000
    old = MS - 401 * 86_400_000
    samples, refused, reason = await site.sends(
        (DISK, ahead + 1, 1.0), (DISK, ahead, 2.0), (DISK, old, 3.0), (DISK, -1, 4.0)
    )
    assert (samples, refused) == (1, 3)
    assert reason is not None
    assert "10 minutes ahead" in reason
    assert site.store.refused == {"ahead": 1, "old": 2, "labels": 0}


async def test_without_retention_any_time_since_1970_is_taken(tmp_path: Path, db: Database) -> None:
    site = Site(tmp_path, db, retention=timedelta(0))
    await site.start()
    assert await site.sends((DISK, 0, 1.0), (DISK, 883_612_800_000, 2.0)) == (2, 0, None)
    await site.store.flush(site.clock())
    await site.restart()
    assert await site.reads() == {kept_as(DISK): [(0, 1.0), (883_612_800_000, 2.0)]}
    assert await site.store.upkeep.retain(site.clock()) == 0
    await site.store.close()


async def test_a_body_that_is_nonsense_changes_nothing(site: Site) -> None:
    before = site.store.position
    with pytest.raises(Invalid):
        await site.store.append(b"nonsense", port="remote_write", client="acme", now=NOON)
    assert (site.store.position, site.store.series) == (before, 0)


async def test_a_full_journal_answers_overloaded_and_keeps_memory_as_it_was(site: Site) -> None:
    site.store.journal.spare_bytes = 2**62
    site.store.journal._unchecked = 0
    with pytest.raises(Overloaded):
        await site.sends((DISK, MS, 1.0))
    assert await site.reads() == {}
    site.store.journal.spare_bytes = 0
    assert await site.sends((DISK, MS, 1.0)) == (1, 0, None)


async def test_many_requests_at_once_are_all_kept(tmp_path: Path, db: Database) -> None:
    site = Site(tmp_path, db, sync=Sync.ALWAYS)
    await site.start()
    await asyncio.gather(*(site.sends((DISK, MS + n, float(n))) for n in range(50)))
    await site.restart()
    assert await site.reads() == {kept_as(DISK): [(MS + n, float(n)) for n in range(50)]}
    await site.store.close()


async def test_a_second_process_stands_by_until_the_folder_is_free(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    await site.sends((DISK, MS, 1.0))
    second = Site(site.folder, site.db)
    opening = asyncio.create_task(second.start())
    await asyncio.sleep(1.2)
    assert not opening.done()
    assert caplog.text.count("standing by") == 1
    assert f"belongs to process {os.getpid()}" in caplog.text
    with pytest.raises(Overloaded):
        await second.sends((DISK, MS, 1.0))

    await killed(site.store)
    await asyncio.wait_for(opening, 5)
    assert await second.reads() == {kept_as(DISK): [(MS, 1.0)]}
    await second.store.close()


async def test_old_days_are_dropped(site: Site) -> None:
    for day in range(4):
        await site.sends((DISK, MS - day * 86_400_000, 1.0))
    await site.store.flush(site.clock())
    site.clock.advance(days=398.5)
    assert await site.store.upkeep.retain(site.clock(), limit=1) >= 2  # other tests leave days
    assert await site.chunks() == 2
    async with site.db.snapshot() as session:
        assert min(await partitions.days(session)) == MS // partitions.DAY - 1


async def test_memory_holds_the_last_hour_and_says_what_of_it_is_at_hand(site: Site) -> None:
    for minute in range(300):
        site.clock.advance(minutes=1)
        await site.sends((DISK, milliseconds(site.clock()), float(minute)))
        if minute % 10 == 9:
            await site.store.flush(site.clock())
    refs = site.store.select(EVERYTHING)
    now = milliseconds(site.clock())
    assert site.store.covers(refs, now - 360_000)
    assert not site.store.covers(refs, now - 3_600_000)
    assert len((await site.reads())[kept_as(DISK)]) == 300

    away = Database("postgresql+asyncpg://nobody@127.0.0.1:1/none")
    site.store._reader._db = away
    recent = (await site.reads(now - 3_600_000, now))[kept_as(DISK)]
    assert recent == [(now - 60_000 * ago, 299.0 - ago) for ago in range(60, -1, -1)]
    with pytest.raises(OSError, match="cannot be reached"):
        await site.reads(MS, now)
    await away.close()


async def test_nobody_reads_more_from_chunks_than_there_is_room_for(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("metrics.reads.COUNTED", 0)
    await site.sends(*[(DISK, MS + n * 1000, float(n)) for n in range(3)])
    await site.store.flush(site.clock.advance(hours=2))
    monkeypatch.setattr("metrics.reads.READ_MOST", 3)
    assert len((await site.store.read(EVERYTHING, MS, MS + 2000)).times) == 3
    monkeypatch.setattr("metrics.reads.READ_MOST", 2)
    with pytest.raises(NotComputable, match="3 samples"):
        await site.store.read(EVERYTHING, MS, MS + 2000)


async def test_after_a_restart_memory_says_how_far_back_it_reaches(site: Site) -> None:
    await site.sends((DISK, MS, 0.0))
    await site.store.flush(site.clock())
    site.clock.advance(minutes=30)
    now = milliseconds(site.clock())
    await site.sends((DISK, now, 1.0))
    await site.store.flush(site.clock())
    await site.restart()
    refs = site.store.select(EVERYTHING)
    assert not site.store.covers(refs, now - 60_000)
    assert site.store.covers(refs, now + 10 * 60_000)
    assert (await site.reads())[kept_as(DISK)] == [(MS, 0.0), (now, 1.0)]


async def test_a_clients_samples_can_be_taken_away_for_good(site: Site, db: Database) -> None:
    cpu = series("cpu", host="a")
    await site.sends((DISK, MS, 1.0), (cpu, MS, 1.0))
    await site.store.flush(site.clock())
    site.clock.advance(minutes=1)
    await site.sends((DISK, MS + 60_000, 2.0), (DISK, MS - 1, 0.0), (cpu, MS + 60_000, 2.0))

    assert await site.store.delete("acme", by="li", now=site.clock()) == 2
    assert await site.reads() == {}
    assert site.store.series == 0
    assert site.store.index.values("host", "", limit=9) == []
    await site.restart()
    assert await site.reads() == {}
    assert site.store.index.values("host", "", limit=9) == []

    await site.sends((DISK, MS + 60_000, 3.0))
    await site.store.flush(site.clock())
    await site.store.upkeep.clear(site.clock())
    assert await site.chunks() == 1
    await site.restart()
    assert await site.reads() == {kept_as(DISK): [(MS + 60_000, 3.0)]}
    async with db.snapshot() as session:
        trail = (await session.execute(select(AuditEntry.who, AuditEntry.did, AuditEntry.on))).all()
    assert [tuple(one) for one in trail] == [("li", "samples.delete", "acme")]


async def test_who_has_no_series_has_none_to_take_away(site: Site) -> None:
    with pytest.raises(NotFound):
        await site.store.delete("acme", by="li", now=site.clock())
