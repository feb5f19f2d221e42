"""What targets answer with: read, or refused for what is wrong with it."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.exposition import Known, samples_of
from kit.errors import Refusal
from tests.support import mutation

WORDS = (b"\\", b'"', b"{", b"}", b"# TYPE a gauge\n", b"# EOF\n", b" # {", b"\xff", b"\r\n")
FAMILIES = (
    "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
)
FORMS = [
    pytest.param("text/plain; version=0.0.4", mutation.good_text, id="text"),
    pytest.param(
        "application/openmetrics-text; version=1.0.0", mutation.good_open_metrics, id="OpenMetrics"
    ),
    pytest.param(FAMILIES, mutation.good_families, id="protobuf"),
]
OURS = {"job": "shop", "instance": "h:1"}
MOST = 1_000


@pytest.mark.parametrize(("kind", "good"), FORMS)
def test_what_is_bent_was_good(kind: str, good: Callable[[], bytes]) -> None:
    assert len(samples_of(good(), kind, Known(OURS), most=MOST)) >= 5


@pytest.mark.parametrize(("kind", "good"), FORMS)
@given(data=st.data())
@settings(max_examples=300, deadline=None)
def test_a_bent_answer_of_a_target_is_read_or_refused(
    kind: str, good: Callable[[], bytes], data: st.DataObject
) -> None:
    known = Known(OURS)
    bodies = data.draw(
        st.lists(mutation.mutated(good, words=(*WORDS, *mutation.NUMBERS)), min_size=1, max_size=3)
    )
    for body in bodies:
        try:
            found = samples_of(body, kind, known, most=MOST)
        except Refusal:
            continue
        assert len(found) <= MOST
        for sample in found:
            names = [name for name, _ in sample.labels]
            assert names == sorted(set(names))
            assert dict(sample.labels)["job"] == "shop"
            assert sample.at_ms is None or 0 <= sample.at_ms < 2**62
