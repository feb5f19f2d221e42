"""The limits that the explorer draws: those of thresholds whose expression is looked at."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from access.directory import Directory
from access.scope import Scope
from alerting.lifecycle import Ladder
from alerting.thresholds import CompiledRule
from app.pages.evidence import lines_of
from app.pages.levels import LevelView, ladder
from incidents.content import titled
from kit.charts import Limit
from kit.errors import Refusal
from metrics.columns import Labels
from metrics.promql.syntax import parse
from metrics.promql.tree import Expr

CLIENT = "client"
CLIENTS_MOST = 3
"""So many clients' own limits are drawn beside a threshold's."""


@dataclass(frozen=True)
class Looked:
    """One expression as somebody looks at it: its letter, and the series that it gave."""

    letter: str
    expr: str
    series: Sequence[Labels]


@dataclass(frozen=True)
class RuleLimits:
    """What one threshold says of one expression, to everybody or to one client alone."""

    letter: str
    name: str
    title: str
    client_title: str | None
    words: Sequence[LevelView]
    lines: Sequence[Limit]


@dataclass(frozen=True)
class Eye:
    """Who looks: what they may see, and how it is said to them."""

    scope: Scope
    locale: str
    directory: Directory


def limits_of(
    looked: Sequence[Looked], rules: Sequence[CompiledRule], eye: Eye, *, named: str = ""
) -> list[RuleLimits]:
    """Return the limits of every threshold that reads what is looked at; `named` of one alone.

    A name that reads none of it narrows nothing: the expression may have been changed since.
    """
    trees = {one.letter: _tree(one.expr) for one in looked}
    fit = [
        (one, rule)
        for one in looked
        for rule in rules
        if trees[one.letter] == _tree(rule.spec.expr) is not None
    ]
    narrowed = [(one, rule) for one, rule in fit if rule.name == named]
    return [each for one, rule in narrowed or fit for each in _of(one, rule, eye)]


def _of(looked: Looked, rule: CompiledRule, eye: Eye) -> Iterator[RuleLimits]:
    """Yield what the threshold says to everybody, then what it says to clients among the series."""
    there = _clients(looked, eye)
    own = {name: steps for name, steps in _own(rule, eye) if name in there}
    if not own or there - own.keys():
        yield _said(looked, rule, rule.ladder, eye)
    for name, steps in list(own.items())[:CLIENTS_MOST]:
        yield _said(looked, rule, steps, eye, eye.directory.clients[name].title)


def _own(rule: CompiledRule, eye: Eye) -> Iterator[tuple[str, Ladder]]:
    for name, client in sorted(eye.directory.clients.items()):
        if rule.name in client.overrides and eye.scope.allows(name):
            yield name, rule.terms(client).ladder or Ladder({})


def _clients(looked: Looked, eye: Eye) -> set[str]:
    """Return whose series are looked at; of a sum over all there is no telling."""
    found = {client for labels in looked.series if (client := dict(labels).get(CLIENT))}
    return found or set(eye.scope.clients or ())


def _said(
    looked: Looked, rule: CompiledRule, steps: Ladder, eye: Eye, client: str | None = None
) -> RuleLimits:
    spec = rule.spec
    return RuleLimits(
        letter=looked.letter,
        name=rule.name,
        title=titled(spec.title, eye.locale),
        client_title=client,
        words=ladder(steps, spec.unit, eye.locale),
        lines=lines_of(steps.levels, spec.unit, eye.locale),
    )


def drawn(limits: Sequence[RuleLimits], letters: int) -> list[Mapping[str, object]]:
    """Return the lines as the chart has them, each value once, with what tells them apart."""
    found: dict[tuple[float, str], Mapping[str, object]] = {}
    for one in limits:
        for line in one.lines:
            words = [one.letter] if letters > 1 else []
            words += [line.label, *([one.client_title] if one.client_title else [])]
            told = {"value": line.value, "label": " ".join(words), "tone": line.tone}
            found.setdefault((line.value, " ".join(words)), told)
    return list(found.values())


@lru_cache(2048)
def _tree(expr: str) -> Expr | None:
    try:
        return parse(expr)
    except Refusal:
        return None
