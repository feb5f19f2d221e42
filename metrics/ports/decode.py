"""From bodies to columns, one decoder for each port by name; a replay goes through the same ones.

A decoder raises only refusals, and changes nothing before the whole body has been understood.
"""

from collections.abc import Awaitable, Callable, Container, Iterable
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import numpy.typing as npt

from kit.errors import Invalid
from metrics.batch import Floats, Ints, Refs
from metrics.columns import Labels
from metrics.described import About
from metrics.labels import Limits, canonical, stamped
from metrics.series import Registry

NATIVE = Invalid("native histograms are not kept here, send classic ones")


@dataclass(frozen=True)
class Decoded:
    """Columns as they were sent, and how many samples were refused for their labels.

    `record` is the port, the client and the body that the journal keeps, if not those that came.
    """

    refs: Refs
    times: Ints
    values: Floats
    refused: int = 0
    reason: str | None = None
    record: tuple[str, str | None, bytes] | None = None

    def without(self, bad: npt.NDArray[np.bool_], reason: str) -> "Decoded":
        """Return the good samples; the others are refused for this reason."""
        return replace(
            self,
            refs=self.refs[~bad],
            times=self.times[~bad],
            values=self.values[~bad],
            refused=self.refused + int(bad.sum()),
            reason=self.reason or reason,
        )


Breathe = Callable[[], Awaitable[None]]
"""Called between slices of a big body, so that others have their turn."""


Latest = Callable[[Refs], Awaitable[tuple[Ints, Floats]]]
"""Tells time and value of the newest sample of each series; -1 and NaN for none."""


async def nothing_yet(refs: Refs) -> tuple[Ints, Floats]:
    """Tell of series that none of them has a sample."""
    return np.full(len(refs), -1, np.int64), np.full(len(refs), np.nan)


class Decoder(Protocol):
    """Understands the bodies of one port."""

    async def decode(
        self, body: bytes, *, client: str | None, arrived: int, breathe: Breathe
    ) -> Decoded:
        """Return the samples of a body that arrived at `arrived` ms for a token of `client`."""
        ...

    def forget(self) -> None:
        """Drop what was remembered of senders' labels."""
        ...


class Naming:
    """Finds the ref of a sender's label set: reserved labels stamped, limits held."""

    def __init__(
        self, registry: Registry, known_clients: Callable[[], Container[str]], *, drills: bool
    ) -> None:
        self._registry = registry
        self._known_clients = known_clients
        self._drills = drills

    @property
    def limits(self) -> Limits:
        """The limits that hold here."""
        return self._registry.limits

    def describe(self, client: str | None, told: Iterable[tuple[str, About]]) -> None:
        """Take what a sender says about its metrics."""
        self._registry.described.tell(client, told)

    def labels_of(self, refs: Refs) -> list[Labels]:
        """Return the labels of series as they are kept."""
        return self._registry.labels_of(refs)

    def ref(self, pairs: list[tuple[str, str]], client: str | None) -> int:
        """Return the ref of a series, or refuse its labels."""
        sent = canonical(pairs, self.limits, vouched=self._registry.vouched)
        known = self._known_clients()
        labels = stamped(sent, client=client, known_clients=known, drills=self._drills)
        return self._registry.ref(labels)


class Gathering:
    """Columns in the making, with what was refused on the way."""

    def __init__(self) -> None:
        self.refused = 0
        self.reason: str | None = None

    def refuse(self, what: str, why: Invalid, samples: int = 1) -> None:
        """Count refused samples; the first reason is kept."""
        self.refuse_for(f"{what}: {why.detail}", samples)

    def refuse_for(self, reason: str, samples: int) -> None:
        """Count samples that were refused for one reason."""
        self.refused += samples
        self.reason = self.reason or reason


class Placed:
    """Columns in the making, with the number of the message that each sample stood in."""

    def __init__(self) -> None:
        self.places: list[Ints] = []
        self.refs: list[Refs] = []
        self.times: list[Ints] = []
        self.values: list[Floats] = []

    def add(self, places: Ints, refs: Refs, times: Ints, values: Floats) -> None:
        """Take columns of equal length."""
        self.places.append(places)
        self.refs.append(refs)
        self.times.append(times)
        self.values.append(values)

    def decoded(self, said: Gathering) -> Decoded:
        """Return everything in the order in which it was sent."""
        if len(self.places) == 1:
            return Decoded(self.refs[0], self.times[0], self.values[0], said.refused, said.reason)
        order = np.argsort(np.concatenate([*self.places, np.empty(0, np.int64)]), kind="stable")
        refs = np.concatenate([*self.refs, np.empty(0, np.int32)])[order]
        times = np.concatenate([*self.times, np.empty(0, np.int64)])[order]
        values = np.concatenate([*self.values, np.empty(0, np.float64)])[order]
        return Decoded(refs, times, values, said.refused, said.reason)


def columns(refs: list[int], times: list[int], values: list[float]) -> tuple[Refs, Ints, Floats]:
    """Return lists as columns."""
    return (
        np.array(refs, np.int32),
        np.array(times, np.int64),
        np.array(values, np.float64),
    )
