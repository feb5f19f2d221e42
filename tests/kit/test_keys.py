"""The keys of a data folder: followed when they change, none lost when a change is cut off."""

from datetime import timedelta
from pathlib import Path

from kit.keys import FORMER, NAME, Former, KeptRing, fingerprint
from tests.support.clock import NOON

DAY = timedelta(days=1)


def test_the_first_key_is_made_and_kept(tmp_path: Path) -> None:
    made, again = KeptRing(tmp_path), KeptRing(tmp_path)

    assert (made.made, again.made) == (True, False)
    assert made.current == again.current
    assert (tmp_path / NAME).stat().st_mode & 0o777 == 0o600


def test_whoever_holds_the_ring_follows_a_new_key(tmp_path: Path) -> None:
    service, command = KeptRing(tmp_path), KeptRing(tmp_path)
    old = service.current

    command.replace("new", until=NOON + DAY)

    assert service.current == "new"
    assert service.opening() == ["new", old]
    assert service.signing(NOON) == ["new", old]
    assert service.signing(NOON + DAY) == ["new"]
    assert (tmp_path / FORMER).stat().st_mode & 0o777 == 0o600
    command.forget()
    assert service.opening() == ["new"]


def test_cut_off_between_its_two_files_nothing_has_changed(tmp_path: Path) -> None:
    ring = KeptRing(tmp_path)
    old = ring.current
    ring._write_former([Former(old, NOON)])

    assert (ring.current, ring.opening()) == (old, [old])


def test_several_former_keys_are_known_the_latest_first(tmp_path: Path) -> None:
    ring = KeptRing(tmp_path)
    first = ring.current
    ring.replace("second", until=NOON + DAY)
    ring.replace("third", until=NOON + 2 * DAY)

    assert KeptRing(tmp_path).opening() == ["third", "second", first]


def test_a_fingerprint_gives_nothing_away() -> None:
    assert fingerprint("a") != fingerprint("b")
    assert len(fingerprint("a" * 100)) == 12
