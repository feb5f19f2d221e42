"""Columns cut into chunks: whatever the lengths, they read back, and no chunk passes a border."""

from itertools import pairwise

import numpy as np
import pytest

from metrics import chunks
from metrics.chunks import HOUR
from metrics.codec import MOST
from metrics.columns import columns_of

NOON = 480_000 * HOUR
LENGTHS = {
    "nothing": [],
    "nothing of one": [0],
    "all as long": [7, 7, 7],
    "some without any": [0, 7, 0, 7, 0],
    "of all lengths": [1, 7, 0, MOST, 3],
    "too long for one chunk": [7, MOST + 1, 7],
}


@pytest.mark.parametrize("start", [NOON, NOON + HOUR - 3000], ids=["one hour", "a full hour"])
@pytest.mark.parametrize("lengths", LENGTHS.values(), ids=LENGTHS)
def test_chunks_read_back_and_stay_within_an_hour_and_their_measure(
    lengths: list[int], start: int
) -> None:
    columns = columns_of(
        ((("series", str(number)),), [(start + 1000 * at, at / 2 - number) for at in range(length)])
        for number, length in enumerate(lengths)
    )
    got = chunks.encoded(columns)

    assert got.samples == sum(lengths)
    assert (got.fixed["start_at"] // HOUR == got.fixed["end_at"] // HOUR).all()
    assert int(got.fixed["count"].max(initial=0)) <= MOST
    ends = np.cumsum(got.sizes).tolist()
    bodies = [got.bodies[begin:end] for begin, end in pairwise([0, *ends])]
    read = chunks.opened(bodies, got.owner, chunks.EVERYTHING)
    assert read.owner.tolist() == np.repeat(np.arange(len(lengths)), lengths).tolist()
    assert (read.times == columns.times).all()
    assert (read.values == columns.values).all()
