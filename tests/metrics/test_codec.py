"""The chunk codec: every bit comes back, and realistic samples take few bytes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics import codec
from metrics.columns import STALE

EDGES = [0.0, -0.0, 1.0, 0.1, 99.9, 2.0**48, 2.0**60, 5e-324, float("inf"), float("nan"), STALE]
TIMES = st.lists(st.integers(0, 2**42), min_size=1, max_size=60, unique=True).map(sorted)


@given(TIMES, st.data())
def test_every_bit_comes_back(times: list[int], data: st.DataObject) -> None:
    values = data.draw(
        st.lists(
            st.one_of(
                st.sampled_from(EDGES),
                st.floats(),
                st.integers(-(10**15), 10**15).map(float),
                st.integers(-(10**6), 10**6).map(lambda cents: cents / 100),
            ),
            min_size=len(times),
            max_size=len(times),
        )
    )
    chunk = codec.encode(np.array(times, np.int64), np.array(values, np.float64))

    at, read = codec.decode(chunk)
    assert at.tolist() == times
    assert read.view(np.uint64).tolist() == np.array(values).view(np.uint64).tolist()


RANDOM = np.random.default_rng(7)
SHAPE = (500, 40)  # ten minutes of a 15 s scrape
REALISTIC = {
    "requests": np.cumsum(RANDOM.poisson(50, SHAPE), axis=1).astype(float),
    "seconds of CPU": np.round(np.cumsum(RANDOM.random(SHAPE) * 15, axis=1), 2),
    "free bytes": 8e9 + np.cumsum(RANDOM.integers(-5000, 5000, SHAPE), axis=1) * 4096.0,
    "percent": np.round(RANDOM.random(SHAPE) * 100, 1),
    "up": np.ones(SHAPE),
    "build info": np.ones(SHAPE),
}


def test_realistic_samples_take_less_than_four_bytes() -> None:
    jitter = RANDOM.integers(-2, 3, SHAPE)
    times = 1_760_000_000_000 + np.arange(SHAPE[1]) * 15_000 + jitter
    sizes = {
        name: sum(map(len, codec.encode_rows(times, values))) / values.size
        for name, values in REALISTIC.items()
    }
    assert max(sizes.values()) < 4, sizes
    assert sum(sizes.values()) / len(sizes) < 2.5, sizes


@pytest.mark.parametrize("count", [1, 2, 3, codec.MOST])
def test_small_and_full_chunks_are_fine(count: int) -> None:
    times = np.arange(count, dtype=np.int64) * 1000
    at, values = codec.decode(codec.encode(times, np.sqrt(times)))
    assert at.tolist() == times.tolist()
    assert values.tolist() == np.sqrt(times).tolist()


def test_chunks_of_many_shapes_are_read_together() -> None:
    times = 1_760_000_000_000 + np.arange(SHAPE[1]) * 15_000 + RANDOM.integers(-2, 3, SHAPE)
    both = [
        (at[:length], of[:length])
        for values in (*REALISTIC.values(), RANDOM.random(SHAPE))
        for at, of, length in zip(times, values, RANDOM.integers(1, 41, SHAPE[0]), strict=True)
    ]
    counts, at, values = codec.decode_many([codec.encode(*one) for one in both])

    assert counts.tolist() == [len(one) for one, _ in both]
    assert at.tolist() == np.concatenate([one for one, _ in both]).tolist()
    assert values.tolist() == np.concatenate([of for _, of in both]).tolist()
    assert [len(column) for column in codec.decode_many([])] == [0, 0, 0]
