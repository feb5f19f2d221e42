"""Labels of series: what is allowed, what is reserved, one canonical form. Pure."""

import hashlib
from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass

import orjson

from access.scope import HOUSE
from kit.errors import Invalid
from metrics.columns import NAME, Labels

CLIENT = "client"
DRILL = "drill"


@dataclass(frozen=True)
class Limits:
    """How much one client, one series and one request may be."""

    labels: int = 64
    name_bytes: int = 256
    value_bytes: int = 4096
    series: int = 200_000
    """Series of one client that are written to; ten times as many may be remembered."""
    body_bytes: int = 32 * 1024 * 1024
    pending: int = 100_000_000
    """Samples in memory that the database has not taken yet."""
    flush_at: int = 32_000_000
    """So many of them are written without waiting for their time."""
    held: int = 64_000_000
    """Samples in memory; of more the oldest are dropped as soon as the database has them."""
    pressed: int = 256 * 1024 * 1024
    """Bytes in memory of what was dropped so, as the database has it."""
    reading: int = 256 * 1024 * 1024
    """Bytes of all bodies that are being read or decoded."""


def canonical(
    pairs: Iterable[tuple[str, str]],
    limits: Limits,
    *,
    vouched: Callable[[tuple[str, str]], bool] = lambda pair: False,
) -> Labels:
    """Return the one form of a label set, or refuse it; empty values are as good as absent.

    What `vouched` knows was looked at before.
    """
    labels = tuple(sorted(pair for pair in pairs if pair[1] != ""))
    if not labels:
        raise Invalid("a series without labels", field="labels")
    if len(labels) > limits.labels:
        raise Invalid(f"{len(labels)} labels, {limits.labels} are allowed", field="labels")
    before: str | None = None
    for pair in labels:
        name, value = pair
        if name == before:
            raise Invalid(f"label {name[:80]!r} stands there twice", field="labels")
        before = name
        if vouched(pair):
            continue
        _check(name, "label name", limits.name_bytes)
        _check(value, f"value of label {name!r}", limits.value_bytes)
    return labels


def _check(text: str, what: str, most: int) -> None:
    if not text:
        raise Invalid(f"empty {what}", field="labels")
    if "\0" in text:
        raise Invalid(f"{what} with a NUL", field="labels")
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise Invalid(f"{what} is not valid UTF-8", field="labels") from None
    if size > most:
        raise Invalid(f"{what} of {size} bytes, {most} are allowed", field="labels")


def stamped(
    pairs: Iterable[tuple[str, str]],
    *,
    client: str | None,
    known_clients: Container[str],
    drills: bool = False,
) -> Labels:
    """Return the labels, sorted, with the reserved ones set by us.

    A token of one client (`client`) overwrites that label; one for all (None) must name a known
    client, and no label means the house. `drill` passes only when `drills` says so.
    """
    given = list(pairs)
    if not drills:
        given = _moved(given, DRILL)
    sent = next((value for name, value in given if name == CLIENT and value), None)
    if client is None:
        if sent is not None and sent not in known_clients:
            raise Invalid(f"no client is called {sent[:80]!r}", field=CLIENT)
        return tuple(sorted(given if sent is not None else [*given, (CLIENT, HOUSE)]))
    if sent is not None:
        given = [p for p in given if p[0] != CLIENT] if sent == client else _moved(given, CLIENT)
    return tuple(sorted([*given, (CLIENT, client)]))


def _moved(pairs: list[tuple[str, str]], name: str) -> list[tuple[str, str]]:
    taken = {pair[0] for pair in pairs}
    if name not in taken:
        return pairs
    free = f"exported_{name}"
    while free in taken:
        free = f"exported_{free}"
    return [(free if pair[0] == name else pair[0], pair[1]) for pair in pairs]


def key_of(labels: Labels) -> bytes:
    """Return the 16 bytes by which the database knows a canonical label set."""
    return hashlib.blake2b(orjson.dumps(labels), digest_size=16).digest()


def text(labels: Labels) -> str:
    """Return the series as a reader knows it: `name{label="value"}`, cut when it is very long."""
    name = next((value for key, value in labels if key == NAME), "")
    rest = ", ".join(f'{key}="{value}"' for key, value in labels if key != NAME)
    return f"{name}{{{rest}}}"[:500]
