"""Which samples belong together when an expression reads several series."""

from collections.abc import Sequence

import pytest

from alerting.scrapes import kinds, whole
from metrics.columns import Columns, columns_of, labels_of

Points = Sequence[tuple[int, float]]


def series(**hosts: Points) -> Columns:
    return columns_of([(labels_of({"host": host}), points) for host, points in hosts.items()])


def every(seconds: int, upto: int) -> Points:
    return [(at * 1000, 1.0) for at in range(0, upto + 1, seconds)]


def newest(inputs: Sequence[Columns]) -> list[list[int]]:
    cut = whole(inputs, kinds([[dict(labels) for labels in each.labels] for each in inputs]))
    return [[int(each.times[end - 1]) // 1000 for end in each.starts[1:]] for each in cut]


@pytest.mark.parametrize(
    ("free", "size", "seen"),
    [
        (series(a=every(15, 30)), series(a=every(15, 30)), [[30], [30]]),
        (series(a=every(15, 45)), series(a=every(15, 30)), [[30], [30]]),
        (series(a=every(15, 60)), series(a=every(15, 30)), [[60], [30]]),
        (
            series(a=every(15, 45), b=every(15, 30)),
            series(a=every(15, 30), b=every(15, 30)),
            [[30, 30], [30, 30]],
        ),
        (
            series(a=every(15, 45), b=every(60, 60)),
            series(a=every(15, 45), b=every(60, 60)),
            [[45, 60], [45, 60]],
        ),
    ],
    ids=[
        "a whole scrape is taken whole",
        "half a scrape waits for its other half",
        "who has missed a scrape is waited for no longer",
        "hosts do not wait for each other's halves only for their own",
        "hosts may have times of their own",
    ],
)
def test_samples_are_read_up_to_the_last_whole_scrape(
    free: Columns, size: Columns, seen: list[list[int]]
) -> None:
    assert newest([free, size]) == seen


def test_only_labels_that_every_selector_has_tell_series_apart() -> None:
    errors = [
        {"host": "a", "code": "500"},
        {"host": "a", "code": "503"},
        {"host": "b", "code": "1"},
    ]
    one, other = kinds([errors, [{"host": "b"}, {"host": "a"}]])
    assert (one[0] == one[1] == other[1], one[2] == other[0], one[0] == one[2]) == (
        *(True, True),
        False,
    )


def test_a_single_selector_waits_for_nobody() -> None:
    assert newest([series(a=every(15, 45), b=every(15, 30))]) == [[45, 30]]
