"""Slabs: pressed bodies come back as they were, whatever is asked of them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics import chunks
from metrics.batch import Pieces, merged
from metrics.chunks import Encoded, Wanted
from metrics.slabs import GROUP, NOTHING, UNNUMBERED, Slab, Slabs, Written, firsts, slab_of, within

EVER = 1 << 60


def written(refs: list[int], start: int, step: int = 15_000, samples: int = 5) -> Encoded:
    """Return chunks of these series, the value of a sample being its ref and its number."""
    times = np.tile(start + step * np.arange(samples), len(refs))
    values = np.repeat(refs, samples) + np.tile(np.arange(samples) / 100, len(refs))
    owner = np.repeat(np.arange(len(refs)), samples)
    return chunks.encoded(merged([Pieces.of_each(owner, times, values)], [()] * len(refs)))


def slab(refs: list[int], start: int = 0, cut: int | None = None, **how: int) -> Slab:
    """Return the slab of a flush that wrote these series, in two parts if it is cut."""
    parts = [refs[:cut], refs[cut:]] if cut else [refs]
    return slab_of(
        [
            Written(np.array(some, np.int32), np.array(some) * 10, written(some, start, **how))
            for some in parts
            if some
        ]
    )


def read(slabs: list[Slab], refs: list[int]) -> dict[int, list[float]]:
    """Return the values that slabs hold of each of these series."""
    wanted = Wanted(0, EVER, np.full(len(refs), EVER))
    found = within(slabs, np.array(refs, np.int32), wanted)
    return {ref: found.values[found.owner == place].tolist() for place, ref in enumerate(refs)}


def values(ref: int, samples: int = 5) -> list[float]:
    return [ref + number / 100 for number in range(samples)]


@given(
    st.lists(st.integers(0, 1000), min_size=1, max_size=3 * GROUP, unique=True),
    st.integers(0, GROUP),
    st.lists(st.integers(0, 1000), max_size=20, unique=True),
)
def test_a_slab_gives_back_what_was_written_of_whatever_series_are_asked_for(
    refs: list[int], cut: int, asked: list[int]
) -> None:
    held = slab(refs, cut=cut)
    assert held.samples == 5 * len(refs)
    assert read([held], asked) == {ref: values(ref) if ref in refs else [] for ref in asked}


@pytest.mark.parametrize("count", [1, GROUP - 1, GROUP, GROUP + 1, 5 * GROUP])
def test_every_series_of_a_slab_is_found_however_its_groups_end(count: int) -> None:
    refs = list(range(0, 3 * count, 3))
    assert read([slab(refs)], refs) == {ref: values(ref) for ref in refs}


def test_a_series_with_two_chunks_in_a_slab_has_both() -> None:
    over_the_hour = slab(list(range(2 * GROUP)), start=chunks.HOUR - 30_000)
    assert len(over_the_hour.refs) == 4 * GROUP
    assert read([over_the_hour], [7, GROUP]) == {7: values(7), GROUP: values(GROUP)}


@pytest.mark.parametrize("hours", [(0, 1), (1, 2), (3, 4), (0, 4)])
def test_of_a_slab_of_many_hours_those_are_read_that_are_asked_for(hours: tuple[int, int]) -> None:
    minutes = slab([4, 8], step=60_000, samples=240)
    start, end = (hour * chunks.HOUR for hour in hours)
    found = within([minutes], np.array([8, 4], np.int32), Wanted(start, end - 1))
    expected = list(range(start, end, 60_000))
    assert found.owner.tolist() == [0] * len(expected) + [1] * len(expected)
    assert found.times.tolist() == 2 * expected


def test_the_hours_of_a_slab_of_one_hour_take_no_room() -> None:
    assert slab(list(range(1000))).hours.strides == (0,)


def test_neighbours_that_are_much_alike_take_half_the_room() -> None:
    held = slab(list(range(1000)), samples=40)
    assert held.size >= len(held.pressed) + 1000 * 3 * 4
    assert len(held.pressed) < held.edges[-1] / 2


def test_the_oldest_slab_goes_first_and_says_from_when_on_nothing_is_lost() -> None:
    slabs = Slabs()
    slabs.push(slab([1, 2], start=0))
    slabs.push(last := slab([2, 3], start=100_000))
    slabs.push(NOTHING)
    assert [one.refs.tolist() for one in slabs.within(70_000, 90_000)] == []
    ((refs, at),) = slabs.drop(before=90_000, most=10_000)
    assert (refs.tolist(), at) == ([1, 2], 60_001)
    assert slabs.size == last.size
    assert slabs.drop(before=0, most=last.size) == []
    ((refs, _),) = slabs.drop(before=0, most=last.size - 1)
    assert (refs.tolist(), slabs.size) == ([2, 3], 0)


def test_the_first_sample_from_a_moment_on_is_found_in_whichever_slab_it_is() -> None:
    refs = np.array([3, 4, 5, 9], np.int32)
    # a flush that reached over an hour wrote two chunks of each series
    slabs = [slab([5, 3, 4], start=chunks.HOUR - 30_000), slab([3, 5], start=chunks.HOUR + 60_000)]
    asked = np.array([0, 2, 3])
    found = firsts(slabs, refs, asked, chunks.HOUR + 15_000)
    assert found.asked.tolist() == [0, 2, 3]
    assert found.places.tolist() == [0, 2]
    assert found.numbers.tolist() == [33, 53]
    assert found.times.tolist() == [chunks.HOUR + 15_000] * 2
    assert found.values.tolist() == [3.03, 5.03]

    found = firsts(slabs, refs, asked, chunks.HOUR + 31_000)
    assert found.numbers.tolist() == [30, 50]
    assert found.of(np.array([1, 2])).places.tolist() == [1]
    assert firsts(slabs, refs, asked, chunks.HOUR + 121_000).places.tolist() == []
    assert firsts([], refs, asked, 0).places.tolist() == []


def test_what_was_written_with_late_samples_among_it_has_no_numbers() -> None:
    one = slab_of([Written(np.array([7], np.int32), np.array([UNNUMBERED]), written([7], 0))])
    found = firsts([one], np.array([7], np.int32), np.array([0]), 15_000)
    assert (found.numbers.tolist(), found.times.tolist()) == ([UNNUMBERED], [15_000])
