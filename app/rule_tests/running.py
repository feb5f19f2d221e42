"""Runs a file of rule tests, and says of each test what is not as it should be."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from math import inf, nextafter
from pathlib import Path

from pydantic import ValidationError

from alerting.groups.rules import FileRule, compiled
from app.provisioning.mistakes import Mistake, mistakes_of, written
from app.provisioning.rule_files import Asked, rule_files, shown
from app.provisioning.yaml_tree import NotRead as NotYaml
from app.provisioning.yaml_tree import read
from app.rule_tests import notation
from app.rule_tests.bench import Bench, Shelf
from app.rule_tests.schemas import AlertTest, Case, ExprTest, TestFile
from kit import durations
from kit.errors import Refusal
from metrics.columns import Labels
from metrics.promql.numbers import labels_text, short_text
from metrics.promql.plan import compile as plan_of

ALERTNAME = "alertname"
MOST_STEPS = 1_000_000


@dataclass(frozen=True)
class Verdict:
    """What became of a file; no failures: it passed."""

    file: str
    failures: Sequence[str]

    def __str__(self) -> str:
        """Return it as promtool says it."""
        if not self.failures:
            return f"{self.file}: SUCCESS"
        return "\n".join([f"{self.file}: FAILED", *(f"  {one}" for one in self.failures)])


def judge(path: Path) -> Verdict:
    """Return what became of the tests of a file."""
    name = shown(path)
    try:
        tree = read(path.read_bytes(), foreign=True)
    except OSError as error:
        return Verdict(name, [f"cannot be read: {error.strerror}"])
    except NotYaml as refusal:
        return Verdict(name, [f"line {refusal.line}: {refusal.message}"])
    if tree.wrong:
        return Verdict(name, [f"line {line}: {why}" for _, line, why in tree.wrong])
    try:
        file = TestFile.model_validate(tree.value or {})
    except ValidationError as error:
        found = mistakes_of(error, TestFile, tree.value)
        said = (f"line {tree.line(place)}: {written(place)}: {why}" for place, why in found)
        return Verdict(name, list(said))
    rules, mistakes = _rules(file, path.parent)
    if mistakes:
        return Verdict(name, [str(one) for one in mistakes])
    return Verdict(name, [why for case in file.tests for why in _run(file, case, rules)])


def _rules(file: TestFile, folder: Path) -> tuple[list[FileRule], list[Mistake]]:
    found, mistakes = [], []
    for pattern in file.rule_files:
        groups, wrong = rule_files(Asked(files=[pattern]), folder)
        if not groups and not wrong:
            wrong = [Mistake(pattern, 1, "", "there is no such file")]
        found += groups
        mistakes += wrong
    order = {name: place for place, name in enumerate(file.group_eval_order)}
    known = {group.spec.name for group in found}
    for name in order:
        if name not in known:
            mistakes.append(Mistake("group_eval_order", 1, "", f"no group is called {name}"))
    found.sort(key=lambda group: order.get(group.spec.name, len(order)))
    return list(compiled(found)), mistakes


def _run(file: TestFile, case: Case, rules: Sequence[FileRule]) -> Iterator[str]:
    called = f"name: {case.name}, " if case.name else ""
    try:
        for why in _case(file, case, rules):
            yield f"{called}{why}"
    except (notation.NotRead, Refusal) as why:
        yield f"{called}{why}"


def _case(file: TestFile, case: Case, rules: Sequence[FileRule]) -> Iterator[str]:
    waiting, shelf = _samples(case, file.evaluation_interval), Shelf()
    bench = Bench(shelf, rules, case.external_labels, case.external_url)
    step = _ms(file.evaluation_interval)
    times = [one.eval_time for one in case.alert_rule_test]
    times += [one.eval_time for one in case.promql_expr_test]
    last = max(map(_ms, times), default=0)
    if not step or last // step > MOST_STEPS:
        raise notation.NotRead(f"more than {MOST_STEPS:,} evaluations")
    place = 0
    for at in range(0, last + 1, step):
        while place < len(waiting) and waiting[place][0] <= at:
            time, labels, value = waiting[place]
            shelf.add(labels, time, value)
            place += 1
        yield from bench.evaluate(at)
        for alert in case.alert_rule_test:
            if at <= _ms(alert.eval_time) < at + step:
                yield from _alerts(alert, bench)
    for expr in case.promql_expr_test:
        yield from _expr(expr, shelf, fuzzy=file.fuzzy_compare)


def _samples(case: Case, otherwise: timedelta) -> list[tuple[int, Labels, float]]:
    step = _ms(case.interval or otherwise)
    found = [
        (number * step, labels, value)
        for one in case.input_series
        for labels in [notation.series(one.series)]
        for number, value in enumerate(notation.values(one.values))
        if value is not None
    ]
    return sorted(found, key=lambda sample: sample[0])


def _alerts(test: AlertTest, bench: Bench) -> Iterator[str]:
    if not test.alertname:
        yield "an item under alert_rule_test misses required attribute alertname"
        return
    expected = [
        ({**one.exp_labels, ALERTNAME: test.alertname}, one.exp_annotations)
        for one in test.exp_alerts
    ]
    got = [(dict(labels), dict(told)) for labels, told in bench.firing(test.alertname)]
    key = lambda one: (sorted(one[0].items()), sorted(one[1].items()))  # noqa: E731
    if sorted(expected, key=key) != sorted(got, key=key):
        time = durations.text(test.eval_time)
        yield f"alertname: {test.alertname}, time: {time}, exp: {expected}, got: {got}"


def _expr(test: ExprTest, shelf: Shelf, *, fuzzy: bool) -> Iterator[str]:
    time = durations.text(test.eval_time)
    try:
        found = shelf.ask(plan_of(test.expr), _ms(test.eval_time))
    except Refusal as why:
        yield f"expr: {test.expr!r}, time: {time}, err: {why.detail}"
        return
    expected: dict[Labels, float] = {}
    for one in test.exp_samples:
        if one.histogram:
            raise notation.NotRead("native histograms are not supported")
        labels = notation.sample_labels(one.labels)
        if labels in expected:
            yield f"expr: {test.expr!r}, time: {time}, expected twice: {labels_text(labels)}"
        expected[labels] = notation.number(one.value)
    got = dict(zip(found.labels, found.values.tolist(), strict=True))
    same = expected.keys() == got.keys() and all(
        _equal(value, got[labels], fuzzy=fuzzy) for labels, value in expected.items()
    )
    if not same:
        yield (f"expr: {test.expr!r}, time: {time}, exp: {_told(expected)}, got: {_told(got)}")


def _told(samples: dict[Labels, float]) -> str:
    said = (f"{labels_text(labels)} {short_text(value)}" for labels, value in samples.items())
    return ", ".join(sorted(said)) or "nil"


def _equal(one: float, other: float, *, fuzzy: bool) -> bool:
    if one != one or other != other:
        return one != one and other != other
    if not fuzzy:
        return one == other
    return nextafter(one, -inf) <= other <= nextafter(one, inf)


def _ms(length: timedelta) -> int:
    return length // timedelta(milliseconds=1)
