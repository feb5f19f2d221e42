"""Long work in slices: who else has a turn, and when."""

import asyncio
import time
from contextlib import aclosing
from itertools import pairwise

from kit.slices import PAUSE, SLICE, ahead, one_ahead, sliced

PIECE = SLICE / 2


def _pieces(number: int) -> list[int]:
    return list(range(number))


async def _works(pieces: int, done: list[int], name: int) -> None:
    async for _ in sliced(_pieces(pieces)):
        until = time.perf_counter() + PIECE
        while time.perf_counter() < until:
            continue
        done.append(name)


async def test_short_work_is_done_at_once() -> None:
    turns: list[int] = []
    counting = asyncio.create_task(_count(turns))
    assert [item async for item in sliced(_pieces(100))] == _pieces(100)
    assert not turns
    counting.cancel()


async def test_of_many_that_work_one_has_a_slice_in_each_turn_of_the_loop() -> None:
    turns: list[int] = []
    done: list[int] = []
    counting = asyncio.create_task(_count(turns))
    await asyncio.gather(*(_works(8, done, name) for name in range(10)))
    counting.cancel()
    slices = len(done) * PIECE / SLICE
    assert len(turns) >= slices / 2  # at most two pieces in a slice, one slice in a turn


async def test_everybody_who_works_has_his_turn() -> None:
    done: list[int] = []
    await asyncio.gather(_works(40, done, 0), _works(4, done, 1))
    assert max(i for i, name in enumerate(done) if name == 1) < len(done) / 2


async def test_who_gives_up_waiting_holds_up_nobody() -> None:
    done: list[int] = []
    impatient = asyncio.create_task(_works(1_000, done, 0))
    other = asyncio.create_task(_works(10, done, 1))
    await asyncio.sleep(2 * SLICE)
    impatient.cancel()
    async with asyncio.timeout(5):
        await other
    assert done.count(1) == 10


async def test_long_work_pauses_between_its_slices_while_somebody_is_served_ahead() -> None:
    began: list[float] = []

    async def works() -> None:
        async for _ in sliced(_pieces(6)):
            began.append(time.perf_counter())
            while time.perf_counter() < began[-1] + SLICE:
                continue

    async with ahead():
        await works()

    assert min(later - one for one, later in pairwise(began)) >= PAUSE


async def _count(turns: list[int]) -> None:
    while True:
        await asyncio.sleep(0)
        turns.append(len(turns))


async def test_while_one_is_used_the_next_is_made_and_no_further_one() -> None:
    begun: list[int] = []

    async def make(item: int) -> int:
        begun.append(item)
        await asyncio.sleep(0)
        return -item

    made = []
    async with aclosing(one_ahead([1, 2, 3, 4], make)) as making:
        async for one in making:
            await asyncio.sleep(0.001)
            made.append((one, list(begun)))
    assert made == [(-1, [1, 2]), (-2, [1, 2, 3]), (-3, [1, 2, 3, 4]), (-4, [1, 2, 3, 4])]
    assert [one async for one in one_ahead([], make)] == []


async def test_who_leaves_early_ends_what_is_being_made() -> None:
    ended: list[int] = []

    async def make(item: int) -> int:
        try:
            await asyncio.sleep(0 if item == 1 else 60)
        except asyncio.CancelledError:
            ended.append(item)
            raise
        return item

    async with aclosing(one_ahead([1, 2, 3], make)) as making:
        async for _ in making:
            await asyncio.sleep(0)
            break
    await asyncio.sleep(0)
    assert ended == [2]
