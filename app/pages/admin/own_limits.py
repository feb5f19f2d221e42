"""The pages /admin/limits: what thresholds say for one client alone, where that differs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query
from starlette.responses import RedirectResponse, Response

from access import queries as access
from access.directory import ClientFacts
from access.schemas import Name
from access.scope import Right
from alerting import queries as alerting
from alerting.lifecycle import Ladder, Priority, Test
from alerting.schemas import ThresholdSpec
from alerting.thresholds import PARTS, CompiledRule, differences, ladder_as_written, overridden
from app.configuration import KINDS
from app.pages.admin import keeping, limits
from app.pages.admin.desks import DONE, Editing
from app.pages.admin.keeping import Draft, drafted
from app.pages.admin.trying import trial
from app.pages.forms import FormRefused, understood
from app.pages.frame import Frame, Framed
from app.pages.levels import LevelView, ladder
from app.pages.nested import Tree, grown
from app.pages.sent import Sent
from incidents.content import titled
from kit.i18n import t

if TYPE_CHECKING:
    from access.tables import Client

router = APIRouter(prefix="/admin/limits", tags=["pages"], include_in_schema=False)


@dataclass(frozen=True)
class Subject:
    """One threshold as one client has it; `said` None: its override makes no sense any more."""

    row: "Client"
    rule: CompiledRule
    said: ThresholdSpec | None

    @property
    def own(self) -> bool:
        """Tell whether the client has limits of its own."""
        return self.rule.name in self.row.overrides


@dataclass(frozen=True)
class LimitsRow:
    """One threshold in the list."""

    rule: str
    title: str
    limits: Sequence[LevelView]
    own: bool
    broken: bool


@dataclass(frozen=True)
class LimitsView:
    """Every threshold that holds for a client, those with limits of its own first."""

    client: str
    title: str
    rules: Sequence[LimitsRow]
    origin: str | None
    removed: str


@dataclass(frozen=True)
class OwnView:
    """The limits of one threshold for one client; `general`: what each part says for all."""

    edit: Editing
    client: str
    client_title: str
    subject: LimitsRow
    expr: str
    general: Mapping[str, str]
    priorities: Sequence[str] = tuple(priority.value for priority in Priority)
    tests: Sequence[str] = tuple(test.value for test in Test)


@dataclass(frozen=True)
class TriedView:
    """What the limits of a form would have done."""

    tried: Any


@router.get("/{client}")
async def show_limits(
    frame: Framed, client: Name, removed: Annotated[str, Query(max_length=200)] = ""
) -> Response:
    """Show what every threshold says for a client."""
    frame.caller.need(Right.ADMIN)
    async with frame.db.snapshot() as session:
        row = await access.client(session, frame.caller.scope, client)
        rules = await alerting.rules(session)
    found = [_row(_subject(row, rule), frame) for rule in rules if _concerns(rule, row)]
    found.sort(key=lambda one: (not one.own, one.title))
    view = LimitsView(row.name, row.title, found, row.origin, removed)
    return frame.show("admin/limits.html", view, here="admin")


@router.get("/{client}/{name}")
async def show_own_limits(
    frame: Framed, client: Name, name: Name, done: Annotated[str, DONE] = ""
) -> Response:
    """Show one threshold's limits for a client, to be changed where no file owns the client."""
    frame.caller.need(Right.ADMIN)
    return await _page(frame, await _found(frame, client, name), None, done=done)


@router.post("/{client}/{name}")
async def change_own_limits(frame: Framed, client: Name, name: Name, sent: Sent) -> Response:
    """Keep where the limits differ from those for all; where they do not, they follow them."""
    frame.caller.need(Right.ADMIN)
    draft, subject = drafted(sent), await _found(frame, client, name)
    try:
        said = _said(subject.rule, grown(sent))
        wanted = understood(ThresholdSpec, said, draft, frame.reader.locale)
    except FormRefused:
        keeping.placed(draft, frame.reader.locale)
    else:
        if await _keep(frame, subject, differences(subject.rule.spec, wanted), draft):
            return RedirectResponse(f"{_place(subject)}?done=saved", 303)
    return await _page(frame, subject, draft)


@router.post("/{client}/{name}/remove")
async def remove_own_limits(frame: Framed, client: Name, name: Name, sent: Sent) -> Response:
    """Let what the threshold says for all hold for this client, too."""
    frame.caller.need(Right.ADMIN)
    draft, subject = drafted(sent), await _found(frame, client, name)
    if not await _keep(frame, subject, {}, draft):
        return await _page(frame, subject, draft, standing=True)
    gone = urlencode({"removed": titled(subject.rule.spec.title, frame.reader.locale)})
    return RedirectResponse(f"/admin/limits/{client}?{gone}", 303)


@router.post("/{client}/{name}/preview")
async def preview_own_limits(frame: Framed, client: Name, name: Name, sent: Sent) -> Response:
    """Show what the limits of a form would have done for this client in the last day."""
    frame.caller.need(Right.ADMIN)
    subject = await _found(frame, client, name)
    found = await trial(frame, _said(subject.rule, grown(sent)), client=client)
    return frame.fresh(frame.render("admin/_tried.html", TriedView(found)) if found else "")


async def _found(frame: Frame, client: str, name: str) -> Subject:
    scope = frame.caller.scope
    async with frame.db.snapshot() as session:
        row = await access.client(session, scope, client)
        rule = await alerting.rule(session, scope, name)
    return _subject(row, CompiledRule(alerting.spec_of(rule)))


def _subject(row: "Client", rule: CompiledRule) -> Subject:
    try:
        said = overridden(rule.spec, row.overrides.get(rule.name) or {})
    except ValueError:  # the threshold was changed since by a file
        return Subject(row, rule, None)
    return Subject(row, rule, said)


def _concerns(rule: CompiledRule, row: "Client") -> bool:
    return rule.spec.clients is None or row.name in rule.spec.clients


def _said(rule: CompiledRule, tree: Tree) -> dict[str, Any]:
    """Return the threshold with the limits of the form."""
    typed = limits.said(tree)
    written = rule.spec.model_dump(mode="json", by_alias=True)
    return {**written, **{part: typed[part] for part in PARTS}}


async def _keep(frame: Frame, subject: Subject, changes: Mapping[str, Any], draft: Draft) -> bool:
    row, rule = subject.row, subject.rule.name
    others = {name: said for name, said in row.overrides.items() if name != rule}
    if draft.version is None:  # who decides on no version decides on the one that was just read
        draft.put("version", str(row.version))
    wanted = {"overrides": {**others, rule: changes} if changes else others}
    return await keeping.change(frame, KINDS["clients"], (row.name,), wanted, draft)


def _place(subject: Subject) -> str:
    return f"/admin/limits/{subject.row.name}/{subject.rule.name}"


async def _page(
    frame: Frame, subject: Subject, draft: Draft | None, *, done: str = "", standing: bool = False
) -> Response:
    row, spec, locale = subject.row, subject.rule.spec, frame.reader.locale
    form = draft
    if form is None or standing:
        form = Draft({**_fields(subject), "version": str(row.version)})
        if draft is not None:
            form.errors, form.moves, form.status = draft.errors, draft.moves, draft.status
    edit = Editing(
        form=form,
        section="limits",
        base=f"/admin/limits/{row.name}",
        action=_place(subject),
        origin=row.origin,
        done=done,
        previewed=True,
    )
    view = OwnView(
        edit=edit,
        client=row.name,
        client_title=row.title,
        subject=_row(subject, frame),
        expr=spec.expr,
        general={
            line.name: t("limits.for_all", locale, words=line.words)
            for line in ladder(subject.rule.ladder, spec.unit, locale)
        },
    )
    page = frame.show("admin/own_limits.html", view, here="admin")
    page.status_code = form.status
    return page


def _fields(subject: Subject) -> dict[str, str]:
    written = ladder_as_written(subject.said or subject.rule.spec)
    return dict(limits.levels(written))


def _row(subject: Subject, frame: Frame) -> LimitsRow:
    row, rule, locale = subject.row, subject.rule, frame.reader.locale
    facts = ClientFacts(row.name, row.title, overrides=row.overrides)
    said = (rule.terms(facts).ladder if subject.said else rule.ladder) or Ladder({})
    return LimitsRow(
        rule=rule.name,
        title=titled(rule.spec.title, locale),
        limits=ladder(said, rule.spec.unit, locale),
        own=subject.own,
        broken=subject.said is None,
    )


def own_limits(row: "Client", rules: Sequence[CompiledRule], frame: Frame) -> list[LimitsRow]:
    """Return what the thresholds say for a client where that is not what they say for all."""
    return [_row(_subject(row, rule), frame) for rule in rules if rule.name in row.overrides]
