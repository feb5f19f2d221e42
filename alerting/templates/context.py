"""What a template is filled in with. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Sample:
    """One result of a query inside a template."""

    labels: Mapping[str, str]
    value: float


Found = Sequence[Sample]


def _nothing(_: str) -> Found:
    return ()


@dataclass(frozen=True, slots=True)
class Context:
    """An alert's labels and value; `query` answers PromQL at the moment of the evaluation."""

    labels: Mapping[str, str]
    value: float
    at: float = 0.0
    external_labels: Mapping[str, str] = field(default_factory=dict)
    external_url: str = ""
    query: Callable[[str], Found] = _nothing
