"""Who of several replicas takes which groups, and which it lets go: a fair part each. Pure.

Nobody decides for the others. Each looks at what is held and by how many; what one lets go, another
takes that has less than its part.
"""

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from math import ceil

from alerting.groups.units import Unit


@dataclass(frozen=True)
class Step:
    """What to take now, and what another should have."""

    take: Sequence[str] = ()
    let_go: frozenset[str] = frozenset()


def step(units: Sequence[Unit], *, mine: Set[str], free: Set[str], replicas: int) -> Step:
    """Return what a replica does next that holds `mine`; `free` are those that nobody holds.

    A unit belongs to who holds its first group: the others of it follow. While a replica has less
    than its part it takes another unit, of whatever size; it lets one go if it has its part
    without.
    """
    part = ceil(sum(map(len, units)) / max(replicas, 1))
    own = [unit for unit in units if unit[0] in mine]
    strays = {name for unit in units if unit[0] not in mine | free for name in unit if name in mine}
    take = [name for unit in own for name in unit if name in free]
    take += _more(units, free, part - len(mine - strays) - len(take))
    return Step(take, frozenset(strays | set(_surplus(own, mine - strays, part))))


def _more(units: Sequence[Unit], free: Set[str], room: int) -> Iterator[str]:
    for unit in units:
        if unit[0] in free and room > 0:
            found = [name for name in unit if name in free]
            room -= len(found)
            yield from found


def _surplus(own: Sequence[Unit], mine: Set[str], part: int) -> Iterator[str]:
    count = len(mine)
    for unit in reversed(own):
        held = [name for name in unit if name in mine]
        if count - len(held) >= part:
            count -= len(held)
            yield from held
