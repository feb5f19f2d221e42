"""Reading for a query, and computing it beside the loop."""

import asyncio
import threading

import pytest

from metrics.columns import columns_of
from metrics.promql.effort import LABELS, effort
from metrics.promql.plan import compile
from metrics.promql.terms import Terms
from metrics.queries import off_the_loop, query
from tests.support.shelf import Shelf

SHELF = Shelf([({"__name__": "m", "x": str(n)}, [(0, 1.0)]) for n in range(10)])


async def test_a_query_reads_what_it_needs_and_computes() -> None:
    plan = compile("sum(m offset 1m) + 1")

    found = await query(SHELF, plan, start_ms=0, end_ms=120_000, step_ms=60_000, terms=Terms())

    assert found.present.tolist() == [[False, True, True]]
    assert found.values[0, 1:].tolist() == [11.0, 11.0]


@pytest.mark.parametrize(("touched", "beside"), [(1_000, False), (100_000, True)])
async def test_only_much_work_leaves_the_loop(touched: int, beside: bool) -> None:
    loop = threading.get_ident()

    thread = await off_the_loop(touched, terms=Terms(), work=threading.get_ident)

    assert (thread != loop) is beside


def test_a_sample_counts_in_every_window_it_lies_in() -> None:
    data = columns_of([((), [(n * 1_000, 1.0) for n in range(3_600)])])

    def touched(text: str) -> int:
        return effort(compile(text), [data], start_ms=0, end_ms=3_600_000, step_ms=60_000)

    assert touched("m") == 3_600 + 61 + LABELS
    assert touched("rate(m[10m])") > 4 * touched("rate(m[1m])")
    assert touched("max_over_time(m[1d:15s])") > 61 * 5_760


async def test_work_that_nobody_waits_for_is_told_to_stop() -> None:
    terms = Terms()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.02):
            await off_the_loop(100_000, terms=terms, work=lambda: terms.stopped.wait(10))

    assert terms.stopped.is_set()
