"""Windows in parts: what is computed does not depend on how much is computed at a time."""

import numpy as np
import pytest

from metrics.columns import columns_of
from metrics.promql import windows as module
from metrics.promql.evaluation import evaluate
from metrics.promql.plan import compile
from metrics.promql.refusals import Stopped
from metrics.promql.terms import Terms
from metrics.promql.windows import windows
from tests.support.asking import MINUTE, Line, line, steps

CALLS = [
    *("sum_over_time(m[7m])", "avg_over_time(m[7m])", "max_over_time(m[7m])", "rate(m[7m])"),
    *("stdvar_over_time(m[7m])", "mad_over_time(m[7m])", "deriv(m[7m])", "resets(m[7m])"),
    *("quantile_over_time(0.3, m[7m])", "double_exponential_smoothing(m[7m], 0.5, 0.5)"),
    *("predict_linear(m[7m], 60)", "ts_of_max_over_time(m[7m])"),
]


def many() -> list[Line]:
    random = np.random.default_rng(7)
    values = [random.normal(size=3 * number).round(3).tolist() for number in range(9)]
    return [
        line("m", " ".join(map(str, each)), x=str(number)) for number, each in enumerate(values)
    ]


@pytest.mark.parametrize("call", CALLS)
def test_it_does_not_matter_how_much_is_computed_at_a_time(
    call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_once = steps(call, *many(), end_ms=30 * MINUTE)
    for block, lanes in ((1, 1), (7, 3), (50, 20)):
        monkeypatch.setattr(module, "BLOCK", block)
        monkeypatch.setattr(module, "LANES", lanes)

        assert steps(call, *many(), end_ms=30 * MINUTE) == at_once


@pytest.mark.parametrize("call", ["max_over_time(m[1h])", "stdvar_over_time(m[1h])"])
def test_a_long_computation_ends_in_the_middle_when_nobody_waits(call: str) -> None:
    columns = columns_of([((), [(n * 1_000, 1.0) for n in range(5_000)])])
    terms = Terms()
    begun = 0

    class Counting(Terms):
        def go_on(self) -> None:
            nonlocal begun
            begun += 1
            if begun > 2:
                self.stopped.set()
            super().go_on()

    with pytest.raises(Stopped):
        evaluate(
            compile(call), [columns], start_ms=0, end_ms=5_000_000, step_ms=1_000, terms=Counting()
        )
    assert not terms.stopped.is_set()


def test_a_window_holds_its_end_and_not_its_beginning() -> None:
    columns = columns_of([((), [(at, 1.0) for at in (0, 10, 20, 30)]), ((), []), ((), [(15, 2.0)])])

    found = windows(columns, np.array([10, 20, 30, 40, 50]), 20)

    assert found.sizes.tolist() == [[2, 2, 2, 1, 0], [0] * 5, [0, 1, 1, 0, 0]]
    assert found.first[0].tolist() == [0, 1, 2, 3, 4]
    assert windows(columns, np.array([20]), 20).sizes.tolist() == [[2], [0], [1]]
