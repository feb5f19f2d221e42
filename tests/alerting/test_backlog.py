"""What waits is bounded, comes out in order, and history stays outside."""

from datetime import timedelta

import numpy as np

from alerting.backlog import SLICE, Backlog
from alerting.news import NOTHING, News, Stories, bounded, joined
from kit.clock import milliseconds
from metrics.batch import Batch, Position
from tests.support.clock import NOON

FIVE = timedelta(minutes=5)


def batch(number: int, *ages: float, replayed: bool = False) -> Batch:
    times = np.array([milliseconds(NOON) - round(age * 1000) for age in ages], np.int64)
    refs = np.arange(len(ages), dtype=np.int32)
    values = np.arange(len(ages), dtype=np.float64)
    return Batch(refs, times, values, NOON, Position(1, number), replayed)


def everything(of: Batch) -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
    return np.ones(len(of.refs), np.bool_)


def test_samples_that_were_old_when_they_came_are_left_out() -> None:
    backlog = Backlog(FIVE)
    backlog.add(batch(1, 0, 300, 301))
    assert (len(backlog), backlog.history) == (2, 1)
    whole = Backlog(None)
    whole.add(batch(1, 0, 300, 301))
    assert len(whole) == 3


def test_batches_come_out_in_slices_with_the_last_position() -> None:
    backlog = Backlog(FIVE)
    big = [0.0] * (SLICE // 2)
    for number in (1, 2, 3):
        backlog.add(batch(number, *big))
    first, second = backlog.take(everything), backlog.take(everything)
    assert first
    assert second
    assert (len(first.refs), first.position) == (SLICE, Position(1, 2))
    assert (len(second.refs), second.position) == (SLICE // 2, Position(1, 3))
    assert backlog.take(everything) is None
    assert backlog.oldest is None


def test_too_much_loses_the_oldest_and_says_so() -> None:
    backlog = Backlog(FIVE, most=5)
    for number in (1, 2, 3):
        backlog.add(batch(number, 0, 0, 0))
    assert (len(backlog), backlog.dropped) == (3, 6)


def test_of_what_the_journal_brings_back_only_the_unread_is_news() -> None:
    backlog = Backlog(FIVE)
    backlog.add(batch(1, 0, 0, 0, replayed=True))
    taken = backlog.take(lambda each: each.refs == 1)
    assert taken
    assert taken.refs.tolist() == [1]


def test_stories_are_told_by_watch_and_time() -> None:
    column = np.array([2, 1, 2, 1])
    news = News(column.astype(np.int32), np.array([9, 8, 7, 6]), np.arange(4.0), np.arange(4))
    stories = Stories(joined([NOTHING, news]))
    assert list(stories.each(range(2))) == [
        (1, [(3.0, 6, 3), (1.0, 8, 1)]),
        (2, [(2.0, 7, 2), (0.0, 9, 0)]),
    ]
    assert [(watch, told[0]) for watch, told in stories.newest()] == [(1, 1.0), (2, 0.0)]
    assert list(Stories(NOTHING).newest()) == []


def test_stories_are_shared_out_by_place_so_that_no_place_is_in_two() -> None:
    watches = np.array([3, 1, 2, 1, 4, 5], np.int32)
    stories = Stories(News(watches, np.arange(6), np.arange(6.0), np.arange(6)))
    places = np.array([0, 7, 8, 7, 8, 9], np.int32)

    def shared(most: int) -> list[list[int]]:
        shares = stories.shares(places, most)
        return [[watch for watch, _ in stories.each(share)] for share in shares]

    assert shared(5) == [[1, 2, 3, 4, 5]]
    assert shared(3) == [[1, 3], [2, 4, 5]]
    assert shared(1) == [[1, 3], [2, 4], [5]]
    assert Stories(NOTHING).shares(places, 1) == []


def test_when_too_much_waits_only_the_newest_of_each_is_kept() -> None:
    watches = np.array([1, 2, 1, 2, 1], np.int32)
    news = News(watches, np.arange(5), np.arange(5.0), np.arange(5))
    assert bounded([news], most=9).values.tolist() == [0.0, 1.0, 2.0, 3.0, 4.0]
    assert sorted(bounded([news, news], most=9).values.tolist()) == [3.0, 4.0]
