"""The hash by which series are sampled."""

import pytest

from metrics.promql.hashes import labels_hash, xxh64


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", 0xEF46DB3751D8E999),
        ("a", 0xD24EC4F1A98C6E5B),
        ("abc", 0x44BC2CF5AD770999),
        ("Nobody inspects the spammish repetition", 0xFBCEA83C8A378BF1),
    ],
)
def test_it_is_xxhash(text: str, wanted: int) -> None:
    assert xxh64(text.encode()) == wanted


def test_series_are_told_apart_also_where_their_texts_join_to_the_same() -> None:
    one, other = (("a", "bc"), ("d", "e")), (("a", "b"), ("cd", "e"))

    assert labels_hash(one) != labels_hash(other)
    assert labels_hash(one) == labels_hash(one[::-1])
    assert labels_hash((("a", "x" * 300),)) != labels_hash((("a", "x" * 301),))
