"""The journal: what was appended is there after a crash, wherever the crash cut it off."""

import asyncio
import errno
import os
import resource
from pathlib import Path

import pytest

from kit.errors import Overloaded
from metrics import journal as journals
from metrics.batch import Position
from metrics.journal import Journal, Record, Sync, packed

NOW = 1_790_000_000_000


def record(number: int, size: int = 20) -> Record:
    return Record("remote_write", "acme" if number % 2 else None, NOW + number, b"x" * size)


def size_of(one: Record) -> int:
    return sum(map(len, packed(one)))


def newest(folder: Path) -> Path:
    return max(folder.glob("*.journal"))


async def opened(folder: Path, **settings: object) -> tuple[Journal, list[Record]]:
    journal = Journal(folder, spare_bytes=0, **settings)  # type: ignore[arg-type]
    journal.load()
    found = [one for _, one in journal.records()]
    journal.begin(NOW)
    return journal, found


async def written(folder: Path, count: int) -> Path:
    journal, _ = await opened(folder)
    for number in range(count):
        journal.append(record(number))
    await journal.close()
    return newest(folder)


async def test_a_tail_torn_at_any_byte_is_cut_off_and_the_rest_is_there(tmp_path: Path) -> None:
    segment = await written(tmp_path, 3)
    whole = segment.read_bytes()
    last = size_of(record(2))

    for missing in range(1, last + 1):
        segment.write_bytes(whole[:-missing])
        journal = Journal(tmp_path)
        journal.load()
        assert [one for _, one in journal.records()] == [record(0), record(1)]
        assert segment.stat().st_size == len(whole) - last
        assert journal.lost_bytes == last - missing
        assert journal.damaged == 0


async def test_zeros_behind_the_last_record_are_cut_off(tmp_path: Path) -> None:
    segment = await written(tmp_path, 2)
    segment.write_bytes(segment.read_bytes() + bytes(500))

    _, found = await opened(tmp_path)
    assert found == [record(0), record(1)]


async def test_a_damaged_record_in_the_middle_is_skipped_and_counted(tmp_path: Path) -> None:
    segment = await written(tmp_path, 3)
    content = bytearray(segment.read_bytes())
    content[size_of(record(0)) + size_of(record(1)) - 1] ^= 1
    segment.write_bytes(content)

    journal, found = await opened(tmp_path)
    assert found == [record(0), record(2)]
    assert journal.damaged == 1
    await journal.close()


async def test_a_damaged_header_in_an_older_segment_costs_the_rest_of_it(tmp_path: Path) -> None:
    first = await written(tmp_path, 2)
    await written(tmp_path, 1)
    content = bytearray(first.read_bytes())
    content[size_of(record(0)) + 5] ^= 1
    first.write_bytes(content)

    journal, found = await opened(tmp_path)
    assert found == [record(0), record(0)]
    assert (journal.damaged, journal.lost_bytes) == (1, size_of(record(1)))
    await journal.close()


async def test_segments_rotate_by_size_and_positions_only_grow(tmp_path: Path) -> None:
    journal, _ = await opened(tmp_path, segment_bytes=100)
    positions = [journal.append(record(number, size=60)) for number in range(5)]
    assert positions == sorted(positions)
    assert journal.segments == 3
    await journal.close()

    again, found = await opened(tmp_path)
    assert found == [record(number, size=60) for number in range(5)]
    assert again.append(record(9)) > positions[-1]
    await again.close()


async def test_positions_grow_even_when_the_folder_was_lost(tmp_path: Path) -> None:
    journal, _ = await opened(tmp_path / "a")
    before = journal.append(record(1))
    await journal.close()

    other = Journal(tmp_path / "b", spare_bytes=0)
    other.load()
    other.begin(NOW + 60_000)
    assert other.append(record(1)) > before
    await other.close()


async def test_segments_are_cut_when_they_are_done_with_and_old_enough(tmp_path: Path) -> None:
    journal, _ = await opened(tmp_path)
    first = journal.append(record(0))
    journal.rotate()
    second = journal.append(record(1))

    journal.cut(Position(first.segment, first.offset - 1), NOW + 60_000)
    assert journal.segments == 2
    journal.cut(second, NOW)
    assert journal.segments == 2
    journal.cut(second, NOW + 60_000)
    assert journal.segments == 1  # the one being written stays
    assert journal.bytes_kept == size_of(record(1))
    await journal.close()


async def test_a_full_disk_refuses_and_leaves_no_trace(tmp_path: Path) -> None:
    journal, _ = await opened(tmp_path)
    journal.append(record(0))
    size = size_of(record(0))

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 10, hard))
    try:
        with pytest.raises(Overloaded, match="cannot be written"):
            journal.append(record(1))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert newest(tmp_path).stat().st_size == size

    journal.append(record(2))
    await journal.close()
    _, found = await opened(tmp_path)
    assert found == [record(0), record(2)]


async def test_an_almost_full_disk_refuses_before_it_hurts_others(tmp_path: Path) -> None:
    journal = Journal(tmp_path, spare_bytes=2**62)
    journal.load()
    journal.begin(NOW)
    with pytest.raises(Overloaded, match="almost full"):
        journal.append(record(0))
    await journal.close()


async def test_always_forces_many_requests_with_few_syncs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    real = os.fsync

    def counted(file: int) -> None:
        synced.append(file)
        real(file)

    monkeypatch.setattr(os, "fsync", counted)
    journal, _ = await opened(tmp_path, sync=Sync.ALWAYS)

    async def append(number: int) -> None:
        journal.append(record(number))
        await journal.synced()

    await asyncio.gather(*(append(number) for number in range(100)))
    assert 0 < len(synced) < 20
    await journal.close()


async def test_a_failed_sync_refuses_and_the_next_record_goes_to_a_new_segment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal, _ = await opened(tmp_path, sync=Sync.ALWAYS)
    first = journal.append(record(0))

    def broken(files: tuple[int, ...], folder: Path) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as bad:
        bad.setattr(journals, "_fsync", broken)
        with pytest.raises(Overloaded, match="forced"):
            await journal.synced()
    assert journal.sync_failures == 1
    assert journal.append(record(1)).segment == first.segment + 1
    await journal.synced()
    await journal.close()
