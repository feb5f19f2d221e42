"""Reading for a query, and computing it beside the loop."""

import asyncio
import threading

import pytest

from metrics.columns import columns_of
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


@pytest.mark.parametrize(("steps", "beside"), [(100, False), (10_000, True)])
async def test_only_much_work_leaves_the_loop(steps: int, beside: bool) -> None:
    data = [SHELF.columns([], 0, 0)]
    loop = threading.get_ident()

    thread = await off_the_loop(data, steps, terms=Terms(), work=threading.get_ident)

    assert (thread != loop) is beside


async def test_work_that_nobody_waits_for_is_told_to_stop() -> None:
    terms = Terms()
    data = [columns_of([((), [(n, 1.0) for n in range(50_001)])])]

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.02):
            await off_the_loop(data, 1, terms=terms, work=lambda: terms.stopped.wait(10))

    assert terms.stopped.is_set()
