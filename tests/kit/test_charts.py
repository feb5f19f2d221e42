"""Charts: what is drawn, what is marked, and that no value breaks one."""

import re
import time
import xml.etree.ElementTree as xml
from datetime import UTC, datetime, timedelta

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from kit import charts
from kit.charts import Limit
from kit.clock import milliseconds
from kit.curves import Points
from kit.sparklines import sparkline

START = datetime(2026, 11, 23, 18, 0, tzinfo=UTC)
END = START + timedelta(hours=1)


def points(*values: float, every: int = 10) -> Points:
    times = milliseconds(START) + np.arange(len(values), dtype=np.int64) * every * 1000
    return Points(times, np.array(values, np.float64))


def drawn(series: Points, *limits: Limit, title: str = "Disk", text: str = "text") -> xml.Element:
    window = (START, START + timedelta(milliseconds=int(series.times[-1] - series.times[0]) or 1))
    return xml.fromstring(
        charts.line(
            series, title=title, text=text, zone="Asia/Shanghai", window=window, limits=limits
        )
    )


def of(chart: xml.Element, name: str) -> list[xml.Element]:
    return [each for each in chart.iter() if name in each.get("class", "").split()]


def test_a_chart_is_a_picture_with_a_title_and_a_description() -> None:
    chart = drawn(points(1, 2, 3), title="<Disk> & co", text='"96%"')

    assert chart.get("role") == "img"
    assert [chart[0].text, chart[1].text] == ["<Disk> & co", '"96%"']


def test_nothing_a_policy_forbids_stands_in_it() -> None:
    chart = drawn(points(1, 2, 3), Limit(2, "<b>P1</b>", "p1"))

    assert not [each for each in chart.iter() if "style" in each.attrib]
    assert of(chart, "limit")[1].text == "<b>P1</b>"


def test_a_hole_in_the_samples_is_a_hole_in_the_line() -> None:
    series = points(*([1.0] * 10), *([float("nan")] * 5), *([1.0] * 10))

    chart = drawn(series)

    assert of(chart, "line")[0].get("d", "").count("M") == 2
    assert len(of(chart, "gap")) == 1


def test_a_sample_that_says_unknown_breaks_the_line() -> None:
    assert of(drawn(points(1, 1, float("nan"), 1, 1)), "line")[0].get("d", "").count("M") == 2


def test_data_that_stopped_leaves_the_end_empty() -> None:
    chart = xml.fromstring(
        charts.line(points(1, 2, 1, 2), title="", text="", zone="UTC", window=(START, END))
    )

    assert len(of(chart, "gap")) == 1


def test_the_place_where_the_limit_was_passed_is_marked_with_its_time() -> None:
    chart = drawn(points(*([10.0] * 30), *([90.0] * 30), every=60), Limit(80, "P1 80%", "p1"))

    [ring] = of(chart, "cross")
    assert 48 < float(ring.get("cx", "")[:-1]) < 51
    assert of(chart, "when")[0].text == "02:29"


def test_the_last_crossing_counts_and_only_upward() -> None:
    chart = drawn(points(1, 9, 1, 1, 1, 9, 1), Limit(5, "5"))

    assert [70 < float(ring.get("cx", "")[:-1]) < 80 for ring in of(chart, "cross")] == [True]


def test_a_limit_from_below_is_crossed_downward() -> None:
    chart = drawn(points(9, 9, 9, 1), Limit(5, "5", above=False))

    assert len(of(chart, "cross")) == 1


def test_the_hours_are_those_of_the_zone() -> None:
    chart = xml.fromstring(
        charts.line(points(1, 2), title="", text="", zone="Asia/Kolkata", window=(START, END))
    )

    assert [each.text for each in of(chart, "hours")][:2] == ["23:40", "23:50"]


def test_many_points_are_thinned_and_keep_their_peaks() -> None:
    values = np.zeros(20_000)
    values[7777], values[13_333] = 99, -99

    chart = drawn(points(*values, every=1))

    d = of(chart, "line")[0].get("d", "")
    heights = [float(y) for y in re.findall(r"[ML][\d.]+ ([-\d.]+)", d)]
    assert len(heights) <= charts.MOST_POINTS
    assert max(heights) - min(heights) > 100


def test_nothing_at_all_is_still_a_chart() -> None:
    empty = Points(np.empty(0, np.int64), np.empty(0))

    picture = charts.line(empty, title="", text="", zone="UTC", window=(START, END))

    assert not of(xml.fromstring(picture), "line")
    assert xml.fromstring(sparkline(empty, title="CPU"))[0].text == "CPU"


def test_three_hundred_and_sixty_points_take_less_than_two_milliseconds() -> None:
    series = points(*np.sin(np.arange(360)))
    taken = []

    for _ in range(30):
        begin = time.perf_counter()
        charts.line(series, title="", text="", zone="UTC", window=(START, END))
        taken.append(time.perf_counter() - begin)

    assert min(taken) < 0.002


@given(st.floats(-1e12, 1e12), st.floats(1e-9, 1e12))
def test_ticks_are_few_and_inside(low: float, size: float) -> None:
    high = low + size
    if high - low < abs(low) * 1e-9:
        return

    found = charts.ticks(low, high)

    assert 1 <= len(found) <= 9
    assert all(low - size * 1e-6 <= each <= high + size * 1e-6 for each in found)


@example([-1.7e308, 1.7e308])
@example([5e-324])
@given(st.lists(st.floats(allow_infinity=True, allow_nan=True), min_size=1, max_size=40))
def test_no_value_breaks_a_chart(values: list[float]) -> None:
    series = points(*values)

    drawn(series, Limit(5, "5"))
    xml.fromstring(sparkline(series, title=""))


def test_several_series_are_drawn_with_their_names_limits_and_what_happened() -> None:
    window = (START, END)
    mark = charts.Mark(milliseconds(START), milliseconds(START) + 60_000, "p2")
    found = charts.lines(
        [
            charts.Curve(points(1, 2, 3), "<a>", "hue-0"),
            charts.Curve(points(4, 5, 6), "b", "ghost"),
            charts.Curve(points(), "empty", "ghost"),
        ],
        title="Disk",
        text="text",
        zone="Asia/Shanghai",
        window=window,
        limits=[Limit(5, "P2 5", "p2")],
        marks=[mark],
    )
    svg = xml.fromstring(found)

    assert len(svg.findall(".//path")) == 2
    assert [one.text for one in svg.findall(".//g/title")] == ["<a>", "b"]
    assert svg.find(".//line[@class='limit p2']") is not None
    (drawn_mark,) = svg.findall(".//rect[@class='mark p2']")
    assert drawn_mark.get("width") == "1.67%"


def test_no_series_at_all_still_make_a_chart() -> None:
    found = charts.lines([], title="t", text="t", zone="UTC", window=(START, END))

    assert xml.fromstring(found).find(".//path") is None
