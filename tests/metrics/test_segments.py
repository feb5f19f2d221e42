"""The journal copied from outside: what its owner cuts stays, what is half written does not."""

from pathlib import Path

from metrics.journal import Journal, Record
from metrics.journal import packed as parts_of
from metrics.segments import Held

BODIES = [Record("samples", "acme", 1000 + n, b"body %d" % n) for n in range(6)]


def packed(record: Record) -> bytes:
    """Return a record as it stands in a segment."""
    return b"".join(parts_of(record))


async def written(folder: Path, *records: Record) -> Journal:
    """Write records to a journal, two to a segment."""
    journal = Journal(folder, spare_bytes=0)
    journal.load()
    journal.begin(1_000_000)
    for place, record in enumerate(records):
        if place and place % 2 == 0:
            journal.rotate()
        journal.append(record)
    return journal


def names(folder: Path) -> list[str]:
    """Return the files in a folder, in order."""
    return sorted(path.name for path in folder.iterdir())


def copied(held: Held) -> dict[str, bytes]:
    """Return every segment as it is copied."""
    return {name: b"".join(blocks) for name, blocks in held.copies()}


async def test_what_is_cut_after_it_was_held_is_copied_all_the_same(tmp_path: Path) -> None:
    journal = await written(tmp_path, *BODIES[:4])
    with Held(tmp_path) as held:
        held.look()
        journal.rotate()
        journal.append(BODIES[4])
        journal.cut(journal.position, 10_000)
        held.look()

        found = copied(held)

    await journal.close()
    assert len(names(tmp_path)) == 1
    assert b"".join(found.values()) == b"".join(packed(record) for record in BODIES[:5])


async def test_what_is_written_while_it_is_copied_ends_with_a_whole_record(tmp_path: Path) -> None:
    journal = await written(tmp_path, *BODIES[:3])
    await journal.close()
    newest = tmp_path / names(tmp_path)[-1]
    with newest.open("ab") as file:
        file.write(packed(BODIES[3])[:-2])
    with Held(tmp_path) as held:
        held.look()

        assert copied(held)[newest.name] == packed(BODIES[2])


def test_a_folder_without_a_journal_gives_nothing(tmp_path: Path) -> None:
    with Held(tmp_path / "none") as held:
        held.look()
        assert (held.size, list(held.copies())) == (0, [])
