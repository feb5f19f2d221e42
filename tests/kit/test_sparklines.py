"""Small lines: what they show of much data, and that none is drawn twice."""

import re
import time
import xml.etree.ElementTree as xml

import numpy as np

from kit.curves import Points
from kit.sparklines import HEIGHT, KEPT, MOST_POINTS, WIDTH, sparkline


def points(*values: float, every: int = 15_000) -> Points:
    times = 1_764_000_000_000 + np.arange(len(values), dtype=np.int64) * every
    return Points(times, np.array(values, np.float64))


def lines(picture: str, name: str = "s0") -> list[list[tuple[float, float]]]:
    """Return the places that each run of a line goes through."""
    found = [e for e in xml.fromstring(picture).iter() if name in e.get("class", "").split()]
    runs = found[0].get("d", "").split("M")[1:]
    return [
        [(float(x), float(y)) for x, y in re.findall(r"([-\d.]+) ([-\d.]+)", run)] for run in runs
    ]


def test_a_line_reaches_from_edge_to_edge_and_higher_values_are_higher() -> None:
    [[first, middle, last]] = lines(sparkline(points(1, 2, 3), title="Load"))

    assert (first[0], middle[0], last[0]) == (0, WIDTH / 2, WIDTH)
    assert HEIGHT > first[1] > middle[1] > last[1] > 0


def test_each_series_is_drawn_on_one_scale() -> None:
    both = sparkline(points(1, 2), points(3, 4), title="Net", low=0)

    assert lines(both)[0][0][1] > lines(both, "s1")[0][0][1]


def test_the_fill_below_the_first_line_follows_it_down_to_the_bottom() -> None:
    picture = sparkline(points(1, 2, float("nan"), 5), title="Load")

    filled = [p.get("d", "") for p in xml.fromstring(picture).iter() if p.get("class") == "area"]
    assert [part.split("L")[0] for part in filled[0].split("M")[1:]] == ["0.0 26", "100.0 26"]
    assert filled[0].count("Z") == 2


def test_of_an_hour_a_peak_of_one_sample_and_the_last_value_are_seen() -> None:
    values = [10.0] * 240
    values[77], values[-1] = 99, 50

    [line] = lines(sparkline(points(*values), title="CPU", low=0, high=100))

    assert min(line, key=lambda place: place[1])[0] == round(77 / 239 * 100, 1)
    assert line[-1][0] == WIDTH
    assert line[-1][1] < line[0][1]


def test_much_more_than_can_be_seen_is_thinned() -> None:
    values = np.sin(np.arange(20_000))

    assert len(lines(sparkline(points(*values), title="CPU"))[0]) <= MOST_POINTS


def test_an_hour_of_samples_is_drawn_whole() -> None:
    values = [10.0 + place % 2 for place in range(240)]

    assert len(lines(sparkline(points(*values), title="CPU"))[0]) == 240


def test_what_lies_level_is_drawn_by_its_ends() -> None:
    values = [10.0] * 100 + [90.0] * 100 + [float("nan")] + [90.0] * 39

    before, after = lines(sparkline(points(*values), title="Disk", low=0, high=100))

    assert [x for x, _ in before] == [0, 41.4, 41.8, 83.3]
    assert [x for x, _ in after] == [84.1, 100]


def test_a_hole_is_a_hole_also_where_much_is_drawn() -> None:
    values = [*np.sin(np.arange(400)), *([float("nan")] * 30), *np.sin(np.arange(400))]

    before, after = lines(sparkline(points(*values), title="CPU"))

    assert round(before[-1][0], 1) == round(399 / 829 * 100, 1)
    assert round(after[0][0], 1) == round(430 / 829 * 100, 1)


def test_a_single_sample_is_a_dot() -> None:
    assert "h0.1" in sparkline(points(7), title="CPU")


def test_nothing_at_all_has_its_title_all_the_same() -> None:
    picture = xml.fromstring(sparkline(points(), title="<CPU>"))

    assert [child.text for child in picture] == ["<CPU>"]


def test_what_shows_the_same_is_not_drawn_again() -> None:
    drawn = sparkline(points(1, 2, 3), title="CPU")

    assert sparkline(points(1, 2, 3), title="CPU") is drawn
    assert sparkline(points(1, 2, 3), title="CPU", high=100) != drawn
    assert sparkline(points(1, 2, 3, every=9), title="CPU") == drawn
    assert sparkline(points(1, 2, 4), title="CPU") != drawn
    assert sparkline(points(1, 2, 3), title="Memory") != drawn


def test_only_the_latest_lines_are_kept() -> None:
    drawn, latest = sparkline(points(-1), title="CPU"), sparkline(points(0), title="CPU")
    for number in range(1, KEPT):
        sparkline(points(number), title="CPU")

    assert sparkline(points(0), title="CPU") is latest
    assert sparkline(points(-1), title="CPU") is not drawn


def test_an_hour_of_samples_takes_less_than_a_millisecond() -> None:
    taken = []
    for number in range(30):
        series = points(*np.sin(np.arange(240) + number))
        begin = time.perf_counter()
        sparkline(series, title="CPU", low=0, high=100)
        taken.append(time.perf_counter() - begin)

    assert min(taken) < 0.001
