"""What is remembered of work on labels, and for how long."""

from collections.abc import Sequence

from metrics.columns import Labels
from metrics.promql.memory import Memory


def made(memory: Memory, work: str, labels: Sequence[Labels]) -> bool:
    asked = []
    memory.recall(work, labels, make=lambda: asked.append(1))
    return bool(asked)


def test_work_on_the_same_list_is_done_once() -> None:
    memory = Memory()
    labels: list[Labels] = [(("a", "1"),)]
    equal: list[Labels] = [(("a", "1"),)]

    assert [made(memory, "x", each) for each in (labels, labels, equal)] == [True, False, True]
    assert made(memory, "y", labels)


def test_what_was_not_used_longest_is_forgotten() -> None:
    memory = Memory(2)
    labels: list[Labels] = [(("a", "1"),)]

    assert [made(memory, work, labels) for work in "xyxzy"] == [True, True, False, True, True]


def test_no_more_labels_are_held_than_allowed() -> None:
    memory = Memory(series=5)
    nothing: Labels = ()
    few, many, more = ([nothing] * size for size in (2, 3, 6))

    assert made(memory, "x", few)
    assert made(memory, "x", many)
    assert not made(memory, "x", few)
    assert made(memory, "y", few)
    assert made(memory, "x", many)
    assert made(memory, "x", more)
    assert made(memory, "x", more)
