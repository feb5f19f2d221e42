"""Rules made ready to be asked which of them read a series, and what they say for a client."""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from access.directory import Directory
from alerting.groups.rules import FileRule
from alerting.groups.thresholds import as_threshold
from alerting.lifecycle import Ladder, Priority
from alerting.limits import Interval, calm
from alerting.schemas import Terms
from alerting.share import WHOLE, Share
from alerting.thresholds import CompiledRule, applies
from kit.errors import Invalid
from metrics.columns import NAME
from metrics.matchers import Op, all_hold
from metrics.promql.plan import Plan, plain
from metrics.promql.syntax import parse
from metrics.promql.tenancy import partitioned, scoped
from metrics.promql.tree import Selector

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class IndexedRule:
    """A rule with the plan of its expression, in which clients stay apart."""

    compiled: CompiledRule
    plan: Plan
    filed: FileRule | None = None

    @cached_property
    def plain(self) -> Selector | None:
        """The one selector, if the expression is no more than that."""
        return None if self.filed else plain(self.plan.tree)

    @cached_property
    def names_itself(self) -> bool:
        """Tell whether every series of a plain rule has the one name that stands in it."""
        matchers = self.plain.matchers if self.plain else ()
        return any(each.name == NAME and each.op is Op.EQUAL for each in matchers)


@dataclass(frozen=True)
class Said:
    """What a rule says for one client, and where values may lie without any level holding."""

    terms: Terms
    ladder: Ladder
    calm: Interval


def indexed(rule: CompiledRule) -> IndexedRule:
    """Return the rule with its plan, or refuse an expression that cannot be evaluated."""
    tree = partitioned(parse(rule.spec.expr))
    if rule.spec.clients is not None:
        tree = scoped(tree, *rule.spec.clients)
    return IndexedRule(rule, Plan(tree))


class RulesIndex:
    """The rules at one moment that are ours, with the clients and systems of that moment.

    A rule of a file stands here once for each priority that its alerts may have. `files` are the
    rules of all files, `elsewhere` has the names of those rules that another process evaluates.
    """

    def __init__(
        self,
        rules: Iterable[CompiledRule],
        directory: Directory,
        files: Sequence[FileRule] = (),
        share: Share = WHOLE,
    ) -> None:
        self.directory, self.files, self.share = directory, files, share
        self.held = [rule for rule in files if share.has(rule.group.lease)]
        self.elsewhere = {rule.key for rule in files} - {rule.key for rule in self.held}
        self.filed: dict[tuple[str, Priority], int] = {}
        self.rules: list[IndexedRule] = []
        self.broken: dict[str, str] = {}
        self._said: dict[tuple[int, str], Said] = {}
        self._named: dict[str, list[tuple[int, Selector]]] = {}
        self._nameless: list[tuple[int, Selector]] = []
        for rule in rules:
            if not share.thresholds:
                self.elsewhere.add(rule.name)
                continue
            try:
                self._enter(indexed(rule))
            except Invalid as refusal:  # one rule that cannot be read must not stop the others
                log.error("rule %s is not evaluated: %s", rule.name, refusal.detail)
                self.broken[rule.name] = refusal.detail
        self.numbers = {rule.compiled.name: [n] for n, rule in enumerate(self.rules)}
        for filed in self.held:
            self._file(filed)

    def _file(self, rule: FileRule) -> None:
        for priority in Priority if rule.spec.alert else ():
            number = self.filed[rule.key, priority] = len(self.rules)
            self.numbers.setdefault(rule.key, []).append(number)
            self.rules.append(IndexedRule(as_threshold(rule, priority), Plan(rule.own), rule))

    def _enter(self, rule: IndexedRule) -> None:
        number = len(self.rules)
        self.rules.append(rule)
        for selector in rule.plan.selectors:
            for name in _names(selector):
                place = self._nameless if name is None else self._named.setdefault(name, [])
                place.append((number, selector))

    def reading(self, labels: Mapping[str, str]) -> Iterator[tuple[int, Selector]]:
        """Yield the number of each rule that reads a series with these labels, and where."""
        candidates = [*self._named.get(labels.get(NAME, ""), ()), *self._nameless]
        for number, selector in candidates:
            if all_hold(selector.matchers, labels) and self.admits(number, labels):
                yield number, selector

    def admits(self, number: int, labels: Mapping[str, str]) -> bool:
        """Tell whether the rule holds for the client and the system of these labels."""
        rule, client = self.rules[number].compiled, labels.get("client", "")
        if rule.spec.systems is None and rule.spec.core is None:
            return applies(rule, client, None)
        system = self.directory.system(client, self.directory.system_of(labels))
        return applies(rule, client, system)

    def said(self, number: int, client: str) -> Said:
        """Return what the rule says for `client`, its overrides included."""
        found = self._said.get((number, client))
        if found is None:
            found = self._said[number, client] = self._say(number, client)
        return found

    def _say(self, number: int, client: str) -> Said:
        rule = self.rules[number].compiled
        try:
            terms = rule.terms(self.directory.clients.get(client))
        except ValueError as error:
            log.error("the override of %s for %s is left out: %s", rule.name, client, error)
            terms = rule.terms(None)
        ladder = terms.ladder or rule.ladder
        return Said(terms, ladder, calm(ladder))


def _names(selector: Selector) -> Iterable[str | None]:
    for matcher in selector.matchers:
        if matcher.name == NAME and matcher.only is not None:
            return matcher.only
    return (None,)
