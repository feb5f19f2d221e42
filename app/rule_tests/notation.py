"""Series as promtool's tests write them: `up{job="x"}` and `0+10x5 _ stale NaN`. Pure."""

import re
from collections.abc import Iterator
from math import nan

from kit.errors import Invalid
from metrics.columns import NAME, STALE, Labels, labels_of
from metrics.matchers import Op
from metrics.promql.numbers import go_float
from metrics.promql.syntax import parse
from metrics.promql.tree import Selector

MOST = 1_000_000
_NUMBER = r"[+-]?(?:0[xX][0-9a-fA-F]+|(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|[iI]nf|NaN)"
_ITEM = re.compile(
    rf"(?P<gap>_)(?:x(?P<gaps>[0-9]+))?|(?P<stale>stale)"
    rf"|(?P<first>{_NUMBER})(?:(?P<step>[+-]{_NUMBER.removeprefix('[+-]?')})?x(?P<times>[0-9]+))?"
)


class NotRead(ValueError):
    """The text is no series, or no values, of a test."""


def series(text: str) -> Labels:
    """Return the labels that a description like `up{job="x"}` names."""
    try:
        tree = parse(text)
    except Invalid as refusal:
        raise NotRead(f"{text!r}: {refusal.detail}") from None
    if not isinstance(tree, Selector) or any(each.op is not Op.EQUAL for each in tree.matchers):
        raise NotRead(f"{text!r} is no series")
    return labels_of({each.name: each.value for each in tree.matchers})


def sample_labels(text: str) -> Labels:
    """Return the labels of an expected sample; nothing is one without labels."""
    stripped = text.strip()
    if stripped.replace(" ", "") in ("", "{}"):
        return ()
    if stripped.startswith("{"):  # a selector needs a name, a label set does not
        found = series(f"__nameless__{stripped}")
        return tuple(pair for pair in found if pair != (NAME, "__nameless__"))
    return series(stripped)


def values(text: str) -> list[float | None]:
    """Return the values that a notation writes, None where there is no sample."""
    found: list[float | None] = []
    for item in text.split():
        found += _item(item)
        if len(found) > MOST:
            raise NotRead(f"more than {MOST:,} values")
    return found


def _item(item: str) -> Iterator[float | None]:
    if item.startswith("{{"):
        raise NotRead("native histograms are not supported")
    read = _ITEM.fullmatch(item)
    if not read:
        raise NotRead(f"{item!r} is no value")
    if read["gap"]:
        yield from [None] * int(read["gaps"] or 1)
    elif read["stale"]:
        yield STALE
    else:
        first, step = number(read["first"]), number(read["step"] or "0")
        times = int(read["times"] or 0)
        if times > MOST:
            raise NotRead(f"more than {MOST:,} values")
        value = first
        for _ in range(times + 1):
            yield value
            value += step


def number(text: str) -> float:
    """Return the number that a text writes."""
    bare = text.lstrip("+-")
    if bare.lower().startswith("0x"):
        return float(int(bare, 16)) * (-1 if text.startswith("-") else 1)
    found = go_float(text)
    if found is None:
        raise NotRead(f"{text!r} is no number")
    return nan if found != found else found
