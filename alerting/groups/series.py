"""A sample that rules write, and the end of a series that they wrote."""

from typing import NamedTuple

from access.scope import HOUSE
from alerting.groups.rules import client_of
from metrics.columns import STALE, Labels


class Series(NamedTuple):
    """One sample of one series of a client."""

    client: str
    labels: Labels
    at: int
    value: float


def ended(labels: Labels, at: int) -> Series:
    """Return what ends a series: whose it is its labels say."""
    return Series(client_of(dict(labels), HOUSE), labels, at, STALE)
