"""What only shows when all files are looked at together: names that nobody has, secrets not set."""

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any

from pydantic import ValidationError

from access.commands.people import ADMIN
from access.passwords import LONGEST, SHORTEST
from access.scope import HOUSE, Role
from alerting.lifecycle import Priority
from alerting.schemas import ThresholdSpec
from alerting.thresholds import overridden
from app.provisioning.entries import Entry, Provision
from app.provisioning.mistakes import Mistake
from app.provisioning.sections import ClientIn, PersonIn, SystemIn, TargetIn, TokenIn
from incidents.schemas import SlaSpec
from kit.errors import Invalid, Said, unfit
from kit.plain import Place
from metrics.promql.plan import Plan
from metrics.promql.syntax import parse
from metrics.promql.tenancy import partitioned
from oncall.schemas import PolicyIn, ScheduleIn

LENGTH_MOST = timedelta(days=366)

CheckExpr = Callable[[str], str | None]
"""Tells what is wrong with an expression; None: nothing."""

Check = Callable[[Provision], Iterator[Mistake]]


def wrong_with(expr: str) -> str | None:
    """Return why an expression is none of ours, or None."""
    try:
        Plan(partitioned(parse(expr)))
    except Invalid as refusal:
        return refusal.detail
    return None


def crossed(
    provision: Provision, *, check_expr: CheckExpr, environ: Mapping[str, str] | None
) -> list[Mistake]:
    """Return every mistake between the entries; with `environ` also the secrets that lack."""
    found = [mistake for check in CHECKS for mistake in check(provision)]
    found += exprs(provision, check_expr)
    if environ is not None:
        found += _secrets(provision, environ)
    return found


class _Names:
    """What may be referred to."""

    def __init__(self, provision: Provision) -> None:
        names = provision.names
        self.clients = names("clients") | {HOUSE}
        self.people = names("people") | {ADMIN}
        self.policies = names("escalations")
        self.slas = names("slas")
        self.rules = names("thresholds")
        self.systems = set(provision.entries["systems"])
        self.targets = {f"person:{name}" for name in self.people}
        self.targets |= {f"schedule:{name}" for name in names("schedules")}
        self.targets |= {f"role:{role}" for role in Role}


def _known(
    entry: Entry, place: Place, what: str, name: str | None, names: set[str]
) -> list[Mistake]:
    if name is None or name in names:
        return []
    return [entry.mistake(place, Said("no {kind} is called {name}", kind=what, name=name))]


def _each(entry: Entry, place: Place, what: str, given: Any, names: set[str]) -> Iterator[Mistake]:
    for number, name in enumerate(given or ()):
        yield from _known(entry, (*place, number), what, name, names)


def _clients(provision: Provision) -> Iterator[Mistake]:
    names = _Names(provision)
    for value, entry in provision.of("clients", ClientIn):
        yield from _known(entry, ("sla",), "sla", value.sla, names.slas)
        yield from _known(entry, ("escalation",), "escalation", value.escalation, names.policies)
        yield from _overrides(provision, value, entry)


def _overrides(provision: Provision, client: ClientIn, entry: Entry) -> Iterator[Mistake]:
    for rule, changes in client.changed.items():
        known = provision.entries["thresholds"].get((rule,))
        place = ("overrides", rule)
        if known is None:
            yield from _known(entry, place, "threshold", rule, set())
        elif isinstance(known.value, ThresholdSpec):
            yield from _overridden(known.value, changes, entry, place)


def _overridden(
    spec: ThresholdSpec, changes: Mapping[str, Any], entry: Entry, place: Place
) -> Iterator[Mistake]:
    try:
        overridden(spec, changes)
    except ValidationError as error:
        for one in error.errors(include_url=False):
            inside = tuple(part for part in one["loc"] if part in changes)
            yield entry.mistake((*place, *inside), unfit(one))
    except ValueError as error:
        yield entry.mistake(place, error.args[0])


def _systems(provision: Provision) -> Iterator[Mistake]:
    names = _Names(provision)
    for value, entry in provision.of("systems", SystemIn):
        yield from _known(entry, ("client",), "client", value.client, names.clients)
        yield from _known(entry, ("escalation",), "escalation", value.escalation, names.policies)


def _people(provision: Provision) -> Iterator[Mistake]:
    names = _Names(provision)
    for value, entry in provision.of("people", PersonIn):
        yield from _each(entry, ("clients",), "client", value.clients, names.clients)
        ways = [(contact.channel, contact.address) for contact in value.contacts]
        for number, way in enumerate(ways):
            if way in ways[:number]:
                yield entry.mistake(("contacts", number), Said("this contact stands here twice"))


def _schedules(provision: Provision) -> Iterator[Mistake]:
    names = _Names(provision)
    for value, entry in provision.of("schedules", ScheduleIn):
        for number, layer in enumerate(value.layers):
            place = ("layers", number, "people")
            yield from _each(entry, place, "person", layer.people, names.people)


def _escalations(provision: Provision) -> Iterator[Mistake]:
    names = _Names(provision)
    for value, entry in provision.of("escalations", PolicyIn):
        for number, step in enumerate(value.steps):
            place = ("steps", number)
            for at, target in enumerate(step.notify):
                if target not in names.targets:
                    kind, _, name = target.partition(":")
                    message = Said("no {kind} is called {name}", kind=kind, name=name)
                    yield entry.mistake((*place, "notify", at), message)
            yield from _short(entry, (*place, "wait"), step.wait)


def _slas(provision: Provision) -> Iterator[Mistake]:
    for value, entry in provision.of("slas", SlaSpec):
        for priority in Priority:
            level = getattr(value, priority)
            yield from _short(entry, (priority.value, "response"), level.response)
            yield from _short(entry, (priority.value, "recovery"), level.recovery)


def _tokens(provision: Provision) -> Iterator[Mistake]:
    names = _Names(provision)
    for value, entry in provision.of("tokens", TokenIn):
        yield from _known(entry, ("client",), "client", value.client, names.clients)


def _targets(provision: Provision) -> Iterator[Mistake]:
    names = _Names(provision)
    for value, entry in provision.of("targets", TargetIn):
        yield from _known(entry, ("client",), "client", value.client, names.clients)
        if value.system is not None and (value.client, value.system) not in names.systems:
            message = Said(
                "the client {client} has no system {name}", client=value.client, name=value.system
            )
            yield entry.mistake(("system",), message)


def _thresholds(provision: Provision) -> Iterator[Mistake]:
    names = _Names(provision)
    systems = {system for _, system in names.systems} | {"/".join(key) for key in names.systems}
    for value, entry in provision.of("thresholds", ThresholdSpec):
        for part, listed, known in (
            ("clients", value.clients, names.clients),
            ("systems", value.systems, systems),
        ):
            yield from _each(entry, (part,), part[:-1], listed, known)
            if listed == []:
                message = Said("for nobody at all? then leave it out, or remove the threshold")
                yield entry.mistake((part,), message)
        yield from _known(entry, ("escalation",), "escalation", value.escalation, names.policies)
        parts: list[tuple[str, Any]] = [(p.value, level) for p, level in value.levels.items()]
        parts += [("recover", value.recover), ("absent", value.absent)]
        for part, said in parts:
            if said is not None:
                yield from _short(entry, (part, "for"), said.hold)


def _short(entry: Entry, place: Place, length: timedelta) -> Iterator[Mistake]:
    if not timedelta() <= length <= LENGTH_MOST:
        yield entry.mistake(place, Said("a length lies between 0s and 366d"))


CHECKS: tuple[Check, ...] = (
    *(_clients, _systems, _people, _schedules, _escalations),
    *(_slas, _tokens, _targets, _thresholds),
)


def exprs(provision: Provision, check_expr: CheckExpr = wrong_with) -> Iterator[Mistake]:
    """Yield what is wrong with the expressions of thresholds."""
    for value, entry in provision.of("thresholds", ThresholdSpec):
        wrong = check_expr(value.expr)
        if wrong is not None:
            yield entry.mistake(("expr",), wrong)


def _secrets(provision: Provision, environ: Mapping[str, str]) -> Iterator[Mistake]:
    seen: dict[str, str] = {}
    for token, entry in provision.of("tokens", TokenIn):
        yield from _set(entry, ("secret_env",), token.secret_env, environ)
        raw = environ.get(token.secret_env, "")
        if raw and seen.setdefault(raw, token.name) != token.name:
            yield entry.mistake(("secret_env",), f"the token {seen[raw]} has the same secret")
    for person, entry in provision.of("people", PersonIn):
        yield from _set(entry, ("password_env",), person.password_env, environ)
        password = environ.get(person.password_env or "", "")
        if password and not SHORTEST <= len(password) <= LONGEST:
            message = f"a password has {SHORTEST} to {LONGEST} characters"
            yield entry.mistake(("password_env",), message)
        for number, contact in enumerate(person.contacts):
            place = ("contacts", number, "secret_env")
            yield from _set(entry, place, contact.secret_env, environ)
    for target, entry in provision.of("targets", TargetIn):
        yield from _set(entry, ("secret_env",), target.secret_env, environ)


def _set(
    entry: Entry, place: Place, variable: str | None, environ: Mapping[str, str]
) -> Iterator[Mistake]:
    if variable is not None and not environ.get(variable):
        yield entry.mistake(place, f"the variable {variable} is not set")
