"""Which samples belong together when an expression reads several series."""

from collections.abc import Sequence

import pytest

from alerting.scrapes import Kinds, whole
from metrics.columns import Columns, columns_of, labels_of

Points = Sequence[tuple[int, float]]


def series(**hosts: Points) -> Columns:
    return columns_of([(labels_of({"host": host}), points) for host, points in hosts.items()])


def every(seconds: int, upto: int) -> Points:
    return [(at * 1000, 1.0) for at in range(0, upto + 1, seconds)]


def newest(inputs: Sequence[Columns]) -> list[list[int]]:
    kinds = Kinds(len(inputs))
    kinds.extend([each.labels for each in inputs])
    cut = whole(inputs, kinds.numbers)
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
    errors = [labels_of({"host": "a", "code": code}) for code in ("500", "503")]
    kinds = Kinds(2)
    kinds.extend([errors, [labels_of({"host": "b"}), labels_of({"host": "a"})]])
    one, other = kinds.numbers
    assert one.tolist() == [other[1], other[1]]
    assert one[0] != other[0]


def test_series_that_come_later_are_numbered_like_the_rest() -> None:
    host = [labels_of({"host": name}) for name in "abc"]
    kinds = Kinds(2)
    kinds.extend([host[:1], host[:1]])
    kinds.extend([host, host[:2]])
    assert [numbers.tolist() for numbers in kinds.numbers] == [[0, 1, 2], [0, 1]]
    disk = [labels_of({"host": "a", "disk": "d"})]
    kinds.extend([[*host, *disk], [*host[:2], *disk]])
    assert [numbers.tolist() for numbers in kinds.numbers] == [[0, 1, 2, 3], [0, 1, 3]]


def test_a_single_selector_waits_for_nobody() -> None:
    assert newest([series(a=every(15, 45), b=every(15, 30))]) == [[45, 30]]
