"""The file of a backup: what was put in comes out, and no change of it goes unnoticed."""

import os
import random
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.backup.archive import FORMAT, Archive, Manifest, Writer
from kit.errors import Invalid

PARTS = {"plain": b"to and fro " * 300_000, "packed": os.urandom(3_000_000), "empty": b""}


def manifest(**changed: object) -> Manifest:
    """Return what a backup of nothing would say."""
    return Manifest(
        format=FORMAT,
        made_at=datetime(2026, 11, 2, tzinfo=UTC),
        langyan="0.1.0",
        postgres="18.1",
        revision="0001",
        key="k",
        tables=[],
        sequences={},
        parts={},
    ).model_copy(update=changed)


def written(path: Path, **changed: object) -> Path:
    """Write an archive of `PARTS`."""
    with Writer(path) as writer:
        for name, content in PARTS.items():
            writer.put(name, [content[:100], content[100:2_000_000], content[2_000_000:]])
        writer.finish(manifest(parts=writer.parts, **changed))
    return path


def read(path: Path) -> dict[str, bytes]:
    """Check an archive as a whole and return its parts."""
    with Archive(path) as archive:
        for _ in archive.verify():
            continue
        return {name: b"".join(archive.blocks(name)) for name in archive.manifest.parts}


def test_what_was_put_in_comes_out_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    path = written(tmp_path / "backup")

    assert read(path) == PARTS
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.stat().st_size < len(PARTS["packed"]) + 100_000
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_is_there_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "backup").write_text("mine")

    with pytest.raises(Invalid, match="is there already"):
        written(tmp_path / "backup")
    assert (tmp_path / "backup").read_text() == "mine"


def test_one_that_fails_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), Writer(tmp_path / "backup") as writer:
        writer.put("part", (bytes([1 // zero]) for zero in (1, 0)))

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("share", [0.0, 0.3, 0.99, 0.99999])
def test_one_that_was_cut_short_is_refused(tmp_path: Path, share: float) -> None:
    path = written(tmp_path / "backup")
    os.truncate(path, int(path.stat().st_size * share))

    with pytest.raises(Invalid, match="not a whole backup"):
        read(path)


@pytest.mark.parametrize("seed", range(60))
def test_a_changed_byte_is_refused_or_was_never_used(tmp_path: Path, seed: int) -> None:
    path = written(tmp_path / "backup")
    chosen = random.Random(seed)
    size = path.stat().st_size
    # half of them among the headers at the end, where a zip is most easily misread
    at = chosen.randrange(size - 600, size) if seed % 2 else chosen.randrange(size)
    with path.open("r+b") as file:
        file.seek(at)
        old = file.read(1)
        file.seek(at)
        file.write(bytes([old[0] ^ (1 << chosen.randrange(8))]))

    try:
        found = read(path)
    except Invalid:
        return
    assert found == PARTS


def test_a_part_too_many_is_refused(tmp_path: Path) -> None:
    with Writer(tmp_path / "backup") as writer:
        writer.put("known", [b"1"])
        known = dict(writer.parts)
        writer.put("stranger", [b"2"])
        writer.finish(manifest(parts=known))

    with pytest.raises(Invalid, match="stranger is missing or does not belong"):
        read(tmp_path / "backup")


def test_another_format_is_said_by_its_number(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="has the format 9"):
        read(written(tmp_path / "backup", format=9))
