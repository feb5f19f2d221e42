"""The index: every matcher finds what a walk over all series would find."""

from hypothesis import given
from hypothesis import strategies as st

from metrics.columns import labels_of
from metrics.index import Index
from metrics.matchers import Matcher, Op, all_hold

VALUES = st.sampled_from(["", "a", "b", "ab"])
SERIES = st.lists(st.fixed_dictionaries({"x": VALUES, "y": VALUES}), max_size=12)
MATCHERS = st.lists(
    st.builds(
        Matcher,
        name=st.sampled_from(["x", "y", "z"]),
        op=st.sampled_from(Op),
        value=st.sampled_from(["", "a", "ab", "a|b", "a.*", ".+", ".*"]),
    ),
    max_size=3,
)


@given(SERIES, MATCHERS)
def test_selecting_is_as_good_as_walking(
    series: list[dict[str, str]], matchers: list[Matcher]
) -> None:
    index = Index()
    for ref, labels in enumerate(series):
        index.add(ref, labels_of(labels))

    walked = [ref for ref, labels in enumerate(series) if all_hold(matchers, labels)]
    assert index.select(matchers).tolist() == walked
