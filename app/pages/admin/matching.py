"""Which series a system's match finds now, for its list, its page and its form."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from access.directory import Directory
from kit.clock import milliseconds
from kit.errors import Refusal
from metrics.matchers import Matcher, Op
from metrics.store import Store

FRESH = timedelta(minutes=5)
LOOKED_AT = 2000
SHOWN = 8
SAYS_MOST = ("job", "instance", "__name__")


@dataclass(frozen=True)
class Matched:
    """What a match finds: how many series had a sample lately, what they are, and who else asks.

    `elsewhere` counts those that another system, asked before, takes.
    """

    series: int
    groups: Sequence[tuple[str, int]] = ()
    elsewhere: int = 0
    wrong: str = ""


@dataclass(frozen=True)
class Wanted:
    """Whose series are looked for: those that name the system, and those that its tests pass."""

    client: str
    name: str
    match: Mapping[str, str]


def matched(store: Store, wanted: Wanted, *, now: datetime, directory: Directory) -> Matched:
    """Return what a match finds now, with the jobs that the series come from."""
    try:
        refs = _refs(store, wanted)
    except Refusal as refusal:
        return Matched(0, wrong=refusal.detail)
    times, _ = store.newest(refs)
    alive = refs[times >= milliseconds(now - FRESH)]
    labels = [dict(store.labels(ref)) for ref in alive[:LOOKED_AT].tolist()]
    others = sum(directory.system_of(one) not in ("", wanted.name) for one in labels)
    groups = Counter(_said(one) for one in labels).most_common(SHOWN)
    return Matched(len(alive), groups, others)


def counted(store: Store, wanted: Wanted, *, now: datetime) -> int:
    """Return how many series a match finds now."""
    try:
        refs = _refs(store, wanted)
    except Refusal:
        return 0
    times, _ = store.newest(refs)
    return int((times >= milliseconds(now - FRESH)).sum())


def _refs(store: Store, wanted: Wanted) -> "np.ndarray[tuple[int], np.dtype[np.int32]]":
    client = Matcher("client", Op.EQUAL, wanted.client)
    found = store.index.select([client, Matcher("system", Op.EQUAL, wanted.name)])
    if wanted.match:
        tests = [Matcher(label, Op.MATCHES, text) for label, text in sorted(wanted.match.items())]
        found = np.union1d(found, store.index.select([client, *tests])).astype(np.int32)
    return found


def _said(labels: Mapping[str, str]) -> str:
    label = next((name for name in SAYS_MOST if labels.get(name)), "")
    return f"{label}={labels[label]}" if label else "–"
