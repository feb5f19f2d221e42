"""Lanes of time: every stretch is to be seen, none is drawn twice, and names fit."""

import re
import xml.etree.ElementTree as xml
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from kit.bars import FINEST, LEAST, Bar, Lane, bars, cut, joined
from kit.clock import milliseconds

START = datetime(2026, 11, 23, tzinfo=UTC)
END = START + timedelta(days=1)
FIRST, LAST = milliseconds(START), milliseconds(END)
HOUR = 3_600_000


def drawn(*lanes: Lane, shades: tuple[tuple[int, int], ...] = ()) -> xml.Element:
    return xml.fromstring(
        bars(
            lanes,
            title="<Disk>",
            text="none",
            zone="Asia/Shanghai",
            window=(START, END),
            shades=shades,
            say=lambda first, last: f"{first:%H:%M}–{last:%H:%M}",
        )
    )


def of(chart: xml.Element, name: str) -> list[xml.Element]:
    return [each for each in chart.iter() if name in each.get("class", "").split()]


def share(text: str | None) -> float:
    assert text is not None
    return float(text.rstrip("%"))


def test_a_chart_says_what_it_is_and_has_no_style_of_its_own() -> None:
    chart = drawn(Lane("a & b", [[Bar(FIRST, FIRST + HOUR, "P1")]]))
    assert [chart.get("role"), chart[0].text, chart[1].text] == ["img", "<Disk>", "none"]
    assert not [each for each in chart.iter() if "style" in each.attrib]
    assert of(chart, "lane")[0].text == "a & b"
    assert of(chart, "bar")[0][0].text == "00:00–01:00"


def test_bars_lie_where_their_time_is_and_nights_behind_them() -> None:
    lane = Lane("a", [[Bar(FIRST + 6 * HOUR, FIRST + 12 * HOUR, "P2")], []])
    chart = drawn(lane, shades=((FIRST, FIRST + 6 * HOUR),))
    (bar,) = of(chart, "bar")
    assert (bar.get("x"), bar.get("width")) == ("25.00%", "25.00%")
    assert len(of(chart, "track")) == 2
    assert chart.get("height") == str(int(of(chart, "shade")[0].get("height", "")) + 26)


def test_what_is_short_is_seen_and_what_goes_past_the_end_is_cut() -> None:
    long, short = Bar(FIRST - HOUR, LAST + HOUR, "P1"), Bar(LAST, LAST, "call")
    one, other = of(drawn(Lane("a", [[long], [short]])), "bar")
    assert (one.get("x"), one.get("width")) == ("0.00%", "100.00%")
    assert share(other.get("x")) + share(other.get("width")) <= 100
    assert share(other.get("width")) == LEAST * 100


@given(
    st.lists(
        st.tuples(st.integers(0, 10_000), st.integers(0, 50), st.sampled_from(["P1", "wait"])),
        max_size=300,
    )
)
def test_joined_bars_cover_what_they_were_made_of_and_are_few(
    made: list[tuple[int, int, str]],
) -> None:
    row = [Bar(at, at + length, tone) for at, length, tone in made]
    nearer = 10_000 // FINEST
    found = joined(row, nearer)
    for bar in row:
        assert any(
            each.tone == bar.tone and each.start <= bar.start and bar.end <= each.end
            for each in found
        )
    assert len(found) <= 2 * (FINEST + 2)


def test_a_name_is_cut_where_a_phone_ends() -> None:
    assert cut("short") == "short"
    assert len(cut("x" * 80)) == 52
    assert re.fullmatch("数{25}…", cut("数" * 40))
