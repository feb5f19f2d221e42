"""Who reads which series."""

import numpy as np

from alerting.pairs import Pairs


def test_readers_are_found_of_series_known_early_and_late() -> None:
    pairs = Pairs()
    for ref, reader in ((3, 1), (0, 2), (3, 5)):
        pairs.add(ref, reader)
    assert pairs.of(np.array([3, 0, 1, 90], np.int32)).tolist() == [1, 5, 2]
    pairs.add(1, 7)
    pairs.add(3, 6)
    assert pairs.of(np.array([1, 3], np.int32)).tolist() == [7, 1, 5, 6]


def test_nobody_reads_anything_at_first() -> None:
    assert Pairs().of(np.array([0, 5], np.int32)).tolist() == []
