"""Lengths as text, there and back."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.durations import parse, text


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("15s", timedelta(seconds=15)),
        ("1h30m", timedelta(minutes=90)),
        ("2d", timedelta(days=2)),
        ("250ms", timedelta(milliseconds=250)),
        ("1w", timedelta(days=7)),
        ("0", timedelta()),
        ("0s", timedelta()),
    ],
)
def test_a_length_is_read_as_prometheus_reads_it(written: str, meant: timedelta) -> None:
    assert parse(written) == meant


@pytest.mark.parametrize("bad", ["", "5", "m", "-5m", "1m1h", "5 m", "1.5h", "9" * 30 + "y"])
def test_what_is_no_length_is_refused(bad: str) -> None:
    with pytest.raises(ValueError, match=r"duration|longer"):
        parse(bad)


@given(st.integers(0, 10**11))
def test_writing_and_reading_gives_the_same_length(ms: int) -> None:
    length = timedelta(milliseconds=ms)
    assert parse(text(length)) == length
