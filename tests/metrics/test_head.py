"""The head: whatever the order of samples, memory holds what a dict would."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.batch import Refs, merged
from metrics.growing import Cells, neighbours
from metrics.head import FEW, NEVER, PART, Head
from metrics.lines import STEP, WIDTH
from tests.support.samples import points

Model = dict[int, dict[int, float]]
ALWAYS = 1 << 42


class Memory:
    """A head and the dicts it should be equal to."""

    def __init__(self, series: int) -> None:
        self.head = Head()
        self.head.reserve(series)
        self.rows = self.head.open_rows(np.arange(series, dtype=np.int32))
        self.model: Model = {ref: {} for ref in range(series)}

    def append(self, samples: list[tuple[int, int, float]], now: int = 0) -> None:
        refs, times, values = zip(*samples, strict=True)
        self.head.append(self.rows[list(refs)], np.array(times), np.array(values), now)
        for ref, at, value in samples:
            self.model[ref][at] = value

    def held(self, start: int = 0, end: int = ALWAYS) -> list[list[tuple[int, float]]]:
        refs: Refs = np.arange(len(self.model), dtype=np.int32)
        labels = [(("ref", str(ref)),) for ref in refs]
        return list(points(merged(self.head.between(refs, start, end), labels)).values())

    def expected(self, start: int = 0, end: int = ALWAYS) -> list[list[tuple[int, float]]]:
        return [
            sorted((at, value) for at, value in of.items() if start <= at <= end)
            for of in self.model.values()
        ]


def run(length: int, start: int = 0) -> list[tuple[int, int, float]]:
    return [(0, at, at + 0.5) for at in range(start, start + length)]


SAMPLES = st.lists(
    st.lists(
        st.tuples(st.integers(0, 2), st.integers(0, 30), st.integers(0, 9).map(float)), min_size=1
    ),
    max_size=8,
)


@given(SAMPLES, st.integers(0, 30), st.integers(0, 30))
def test_any_order_of_samples_reads_back_like_a_dict(
    batches: list[list[tuple[int, int, float]]], start: int, end: int
) -> None:
    memory = Memory(3)
    for batch in batches:
        memory.append(batch)

    assert memory.held() == memory.expected()
    assert memory.held(start, end) == memory.expected(start, end)
    times, values = memory.head.last(np.arange(3, dtype=np.int32))
    newest = [max(of, default=NEVER) for of in memory.model.values()]
    assert times.tolist() == newest
    assert [v for v, at in zip(values.tolist(), newest, strict=True) if at != NEVER] == [
        of[at] for of, at in zip(memory.model.values(), newest, strict=True) if at != NEVER
    ]


@pytest.mark.parametrize("length", [1, PART, WIDTH, WIDTH + 1, 10 * WIDTH + 7])
def test_a_run_in_one_request_is_the_same_as_one_sample_at_a_time(length: int) -> None:
    at_once, in_turn = Memory(1), Memory(1)
    at_once.append(run(length))
    for one in run(length):
        in_turn.append([one])

    assert at_once.held() == in_turn.held() == at_once.expected()
    middle = length // 2
    assert at_once.held(middle, middle + 3) == in_turn.held(middle, middle + 3)


def test_reaching_back_beyond_the_row_finds_the_sealed_blocks() -> None:
    memory = Memory(2)
    memory.append([(ref, at, float(at)) for at in range(5 * WIDTH) for ref in (0, 1)])
    assert memory.head.sealed.blocks > 0
    assert memory.held(WIDTH, 3 * WIDTH) == memory.expected(WIDTH, 3 * WIDTH)


def test_what_was_flushed_and_is_old_is_dropped_and_the_rest_stays() -> None:
    memory = Memory(1)
    memory.append(run(5 * WIDTH), now=5 * WIDTH)
    memory.append([(0, 3, -1.0)])
    head = memory.head
    head.forget_blocks(memory.rows, 2 * WIDTH)
    assert memory.held() == memory.expected()  # nothing was flushed

    head.take(memory.rows, head.late.size)
    head.committed(memory.rows, head.late.size)
    head.forget_late(before=2 * WIDTH)
    head.forget_blocks(memory.rows, 2 * WIDTH)
    bare = int(head.bare[0])
    assert 0 < bare <= 2 * WIDTH
    assert memory.held(bare) == memory.expected(bare)
    assert len(memory.held()[0]) < len(memory.expected()[0])


def test_a_late_word_stays_the_last_word_when_the_log_forgets_it() -> None:
    memory = Memory(1)
    memory.append(run(2 * WIDTH))
    head = memory.head
    memory.append([(0, WIDTH, -1.0), (0, 2 * WIDTH - 2, -2.0), (0, WIDTH, -3.0), (0, 3, -4.0)])
    assert head.sealed.blocks == 4  # and the last of these is in one
    head.take(memory.rows, head.late.size)
    head.committed(memory.rows, head.late.size)

    head.forget_late(before=ALWAYS)
    assert head.late.size == 0
    assert memory.held() == memory.expected()


def test_overwriting_what_a_chunk_holds_is_flushed_again() -> None:
    memory = Memory(1)
    memory.append([(0, 7, 1.0)])
    head = memory.head
    head.take(memory.rows, 0)
    head.committed(memory.rows, 0)
    assert head.unflushed().tolist() == []

    memory.append([(0, 7, 2.0)])
    assert head.unflushed().tolist() == memory.rows.tolist()
    taken = merged(head.take(memory.rows, head.late.size), [()])
    assert (taken.times.tolist(), taken.values.tolist()) == ([7], [2.0])


def test_the_last_of_many_words_counts_though_a_flush_failed_between_them() -> None:
    memory = Memory(1)
    memory.append([(0, 7, 1.0)])
    memory.head.take(memory.rows, 0)
    memory.append([(0, 7, 2.0)])
    memory.head.given_up(memory.rows)
    memory.append([(0, 7, 3.0)])
    assert memory.held() == [[(7, 3.0)]]


def test_a_flush_that_failed_is_taken_again() -> None:
    memory = Memory(1)
    memory.append(run(10))
    head = memory.head
    first = merged(head.take(memory.rows, 0), [()])
    head.given_up(memory.rows)
    memory.append(run(5, start=10))
    second = merged(head.take(memory.rows, 0), [()])
    assert (len(first.times), len(second.times)) == (10, 15)


def test_a_quiet_series_gives_its_row_to_another() -> None:
    memory = Memory(1)
    memory.append(run(3 * WIDTH), now=100)
    head = memory.head
    head.take(memory.rows, 0)
    head.committed(memory.rows, 0)
    assert head.forget(memory.rows, 50) == []
    assert head.forget(memory.rows, 1000) == [0]
    assert (head.rows, head.sealed.blocks) == (0, 0)
    assert head.covered[0] == 3 * WIDTH

    head.reserve(2)
    memory.rows = np.array([NEVER, *head.open_rows(np.array([1], np.int32))])
    memory.model = {0: {}, 1: {}}
    memory.append([(1, 5, 1.0)])
    assert memory.held() == [[], [(5, 1.0)]]


def test_neighbours_are_written_as_one_wherever_a_request_is_cut() -> None:
    memory, at = Memory(3 * STEP // 2), 0
    size = len(memory.model)
    for cuts in (1, 3, 2 * FEW):
        for _ in range(2 * WIDTH // cuts + 1):
            at += 1
            parts = np.array_split(np.arange(size), cuts)
            sent = [(int(ref), at, ref + at / 8) for part in reversed(parts) for ref in part[::-1]]
            memory.append(sent if cuts == 2 * FEW else [*reversed(sent)])
    memory.append([(ref, at + ref % 2, -1.0) for ref in range(size)])  # every other one again
    memory.append([(ref, at + 2, -2.0) for ref in range(STEP - 3, STEP + 3)])

    assert memory.held() == memory.expected()
    times, values = memory.head.last(np.arange(size, dtype=np.int32))
    assert times.tolist() == [max(of) for of in memory.model.values()]
    assert values.tolist() == [of[max(of)] for of in memory.model.values()]


@given(st.lists(st.integers(0, 12), max_size=12), st.integers(1, 6))
def test_neighbours_cover_distinct_places_in_their_order(places: list[int], most: int) -> None:
    runs = neighbours(np.array(places, np.int64), most)
    if runs is None:
        jumps = sum(after != before + 1 for before, after in pairwise(places))
        assert jumps + 1 > most or len(set(places)) < len(places)
        return
    assert len(runs) <= most
    assert [place for run in runs for place in range(run.start, run.stop)] == places
    assert len(set(places)) == len(places)


def test_cells_keep_what_they_hold_when_they_grow() -> None:
    cells = Cells(np.int64)
    for size in (1, 300_000, 1_000_000):
        before = len(cells.array)
        cells.reserve(size)
        assert len(cells.array) >= size
        cells.array[before:] = np.arange(before, len(cells.array))
    assert (cells.array == np.arange(len(cells.array))).all()


def test_of_many_blocks_about_as_many_are_dropped_as_have_to_be() -> None:
    memory = Memory(64)
    for at in range(0, 40 * WIDTH, 8):
        memory.append([(ref, at, 0.0) for ref in range(64)])
    most = 64 * WIDTH + 64 * PART
    before = memory.head.oldest_of(most)
    memory.head.take(memory.rows, 0)
    memory.head.committed(memory.rows, 0)
    memory.head.forget_blocks(memory.rows, before)
    assert memory.head.oldest_of(most) == 0
    assert 0 < memory.head.sealed.blocks <= 64
