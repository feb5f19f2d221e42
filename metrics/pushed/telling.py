"""Groups as the Pushgateway tells of them: in the text format, and as JSON. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import chain
from math import inf
from typing import Any

from metrics.columns import NAME, Labels
from metrics.pushed.groups import FAILED, PUSHED, Family, Group

_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n"})
GAUGE = "gauge"


def text(groups: Sequence[Group]) -> str:
    """Return all groups as one exposition."""
    families: dict[str, list[Family]] = {}
    for group in groups:
        for name, family in _families(group).items():
            families.setdefault(name, []).append(family)
    return "".join(chain.from_iterable(_written(name, of) for name, of in families.items()))


def _written(name: str, families: Sequence[Family]) -> Iterator[str]:
    yield f"# TYPE {_named(name)} {families[0].kind}\n"
    for family in families:
        for labels, value in family.samples:
            yield f"{_head(labels)} {number(value)}\n"


def _head(labels: Labels) -> str:
    given = dict(labels)
    name = given.pop(NAME)
    given.setdefault("instance", "")  # whoever scrapes this shall not add its own
    inside = [f'{_named(key)}="{value.translate(_ESCAPES)}"' for key, value in given.items()]
    if _named(name) == name:
        return f"{name}{{{','.join(inside)}}}"
    return f"{{{','.join([_named(name), *inside])}}}"


def _named(name: str) -> str:
    plain = name.replace(":", "_").isidentifier() and name.isascii()
    return name if plain else f'"{name.translate(_ESCAPES)}"'


def number(value: float) -> str:
    """Return a value as the text format has it."""
    if value in (inf, -inf):
        return "+Inf" if value > 0 else "-Inf"
    return "NaN" if value != value else repr(value)


def told(groups: Iterable[Group]) -> list[dict[str, Any]]:
    """Return groups as `/api/v1/metrics` has them."""
    return [
        {
            "labels": dict(group.labels),
            "last_push_successful": _since(group.pushed_at) >= _since(group.failed_at),
            **{
                name: {
                    "time_stamp": _stamp(group.pushed_at),
                    "type": family.kind.upper(),
                    "help": "",
                    "metrics": [
                        {"labels": _without_name(labels), "value": number(value)}
                        for labels, value in family.samples
                    ],
                }
                for name, family in _families(group).items()
            },
        }
        for group in groups
    ]


def _families(group: Group) -> Mapping[str, Family]:
    """Return the families of a group, with the two that tell of its pushes."""
    ours = [(labels, value) for labels, value in group.samples() if _name(labels) in OURS]
    more = {_name(labels): Family(GAUGE, ((labels, value),)) for labels, value in ours}
    return {**group.families, **more}


OURS = (PUSHED, FAILED)


def _name(labels: Labels) -> str:
    return next(value for name, value in labels if name == NAME)


def _without_name(labels: Labels) -> dict[str, str]:
    return {"instance": "", **{name: value for name, value in labels if name != NAME}}


def _since(at: datetime | None) -> float:
    return at.timestamp() if at else 0.0


def _stamp(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
