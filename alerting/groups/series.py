"""A sample that rules write."""

from typing import NamedTuple

from metrics.columns import Labels


class Series(NamedTuple):
    """One sample of one series of a client."""

    client: str
    labels: Labels
    at: int
    value: float
