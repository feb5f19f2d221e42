"""Hosts that send on while now and then one value of one of them crosses a limit."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from cramjam import snappy
from numpy.typing import NDArray

from benchmarks.support.bodies import template
from metrics.columns import Labels, labels_of
from metrics.ports.encode import varint

HOSTS, CLIENTS, GROUPS = 100, 10, 5
RULES = 500
"""Thresholds, and as many expressions; each reads one series, or two, of every host."""
LIMIT, LEAST, MOST = 90.0, 10.0, 80.0
OVER = 97.0
SIZE, HALF = 1e9, 0.5e9
PARTS = 3
"""Requests of one scrape, sent at the same moment."""
CROSSINGS = 3
"""Crossings of each host, each of them in a system of its own."""


@dataclass(frozen=True)
class Crossing:
    """From its host's `scrape` on the value that rule `number` gives is over the limit.

    Of an expression's two halves `by_second` says which one brings it there.
    """

    host: int
    number: int
    expression: bool
    by_second: bool
    scrape: int

    @property
    def rule(self) -> str:
        """The name of the rule that fires."""
        return f"{'e' if self.expression else 't'}{self.number}"


def client(host: int) -> str:
    """Return whose host it is."""
    return f"c{host % CLIENTS}"


def system(host: int, number: int) -> str:
    """Return the system that rule `number` watches on a host: there are five on each."""
    return f"s{host}-{number % GROUPS}"


def instance(host: int) -> str:
    """Return the name of a host as its series have it."""
    return f"host{host:03d}.example.com:9100"


def rules() -> Iterator[tuple[str, str]]:
    """Yield the name and the expression of each rule; each stands above the limit or fires."""
    for n in range(RULES):
        yield f"t{n}", f"gauge_{n}"
        yield (
            f"e{n}",
            (f"100 * (1 - part_{n} / size_{n})" if n % 2 else f"100 * part_{n} / size_{n}"),
        )


def planned(scrapes: int, seed: int) -> list[Crossing]:
    """Return all crossings of so many scrapes of each host, half of them of expressions."""
    random = np.random.default_rng(seed)
    kinds = random.permutation(np.arange(HOSTS * CROSSINGS) % 2).astype(bool).tolist()
    found = []
    for host in range(HOSTS):
        for group in random.permutation(GROUPS)[:CROSSINGS].tolist():
            number = group + GROUPS * int(random.integers(RULES // GROUPS))
            by_second, scrape = bool(random.integers(2)), int(random.integers(scrapes))
            found.append(Crossing(host, number, kinds.pop(), by_second, scrape))
    return found


@dataclass
class Host:
    """One host: its series in `PARTS` requests, always the same ones in the same request."""

    number: int
    crossed: dict[int, Crossing] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._random = np.random.default_rng((7, self.number))
        order = np.random.default_rng(11).permutation(3 * RULES)
        names = [*(f"gauge_{n}" for n in range(RULES)), *(f"part_{n}" for n in range(RULES))]
        names += [f"size_{n}" for n in range(RULES)]
        self._places = np.array_split(order, PARTS)
        labels = [self._labels(name) for name in names]
        self._parts = [_Message([labels[at] for at in some.tolist()]) for some in self._places]

    def _labels(self, name: str) -> Labels:
        named = {
            "__name__": name,
            "client": client(self.number),
            "instance": instance(self.number),
            "job": "bench",
            "system": system(self.number, int(name.partition("_")[2])),
        }
        return labels_of(named)

    def scraped(self, at: int) -> Iterator[tuple[bytes, Sequence[int]]]:
        """Yield each request of one scrape, and the places of the series in it.

        Place n is gauge_n, place 500 + n is part_n, place 1000 + n is size_n.
        """
        values = self._values()
        for places, message in zip(self._places, self._parts, strict=True):
            yield message.at(at, values[places]), places.tolist()

    def _values(self) -> NDArray[np.float64]:
        random, numbers = self._random, np.arange(RULES)
        percent = random.uniform(LEAST, MOST, (2, RULES))
        second = np.full(RULES, False)
        for crossing in self.crossed.values():
            percent[int(crossing.expression), crossing.number] = OVER
            second[crossing.number] = crossing.expression and crossing.by_second
        gauge, share = percent[0], percent[1] / 100
        share = np.where(numbers % 2, 1 - share, share)  # what is left, or what is used
        size = np.where(second, HALF / share, SIZE)
        return np.concatenate([gauge, share * size, size])


def place_of(crossing: Crossing) -> int:
    """Return the place of the series that brings a crossing about."""
    if not crossing.expression:
        return crossing.number
    return crossing.number + (2 * RULES if crossing.by_second else RULES)


class _Message:
    """A request whose labels stay: times and values are written over."""

    def __init__(self, labels: Sequence[Labels]) -> None:
        self._message, times, values = template(labels)
        self._times = times[:, np.newaxis] + np.arange(6)
        self._at = values[:, np.newaxis] + np.arange(8)

    def at(self, moment: int, values: NDArray[np.float64]) -> bytes:
        self._message[self._times] = np.frombuffer(varint(moment), np.uint8)
        self._message[self._at] = values.astype("<f8").view(np.uint8).reshape(-1, 8)
        return bytes(snappy.compress_raw(self._message.data))


def config(url: str) -> str:
    """Return the YAML of an installation that watches all this and tells `url`."""
    lines = ["clients:", *(f"  - {{name: c{n}, title: C{n}}}" for n in range(CLIENTS)), "systems:"]
    lines += [
        f"  - {{name: {system(host, n)}, client: {client(host)}, title: S}}"
        for host in range(HOSTS)
        for n in range(GROUPS)
    ]
    lines += [
        f'people: [{{name: p, title: P, contacts: [{{channel: webhook, url: "{url}"}}]}}]',
        'escalations: [{name: default, steps: [{notify: ["person:p"], wait: 5m}]}]',
        "tokens: [{name: all, scopes: [ingest, read], secret_env: ALL_TOKEN}]",
        "thresholds:",
    ]
    lines += [
        f'  - {{name: {name}, title: {name}, expr: "{expr}", P2: {{above: {LIMIT:g}}}}}'
        for name, expr in rules()
    ]
    return "\n".join(lines) + "\n"


def prometheus_rules(groups: int = 10) -> Mapping[str, object]:
    """Return the same rules as Prometheus takes them, in groups that it evaluates side by side."""
    written = [
        {"alert": name, "expr": f"{expr} > {LIMIT:g}", "labels": {"severity": "P2"}}
        for name, expr in rules()
    ]
    return {"groups": [{"name": f"g{n}", "rules": written[n::groups]} for n in range(groups)]}
