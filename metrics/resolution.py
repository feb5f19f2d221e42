"""From what a range query is computed: raw samples, or the steps of rollups; never by halves."""

from collections.abc import Iterable, Mapping, Sequence

from kit.clock import from_milliseconds
from metrics.asked import Resolution, Span
from metrics.columns import Columns
from metrics.promql.plan import Plan
from metrics.promql.refusals import NotComputable
from metrics.promql.terms import Terms
from metrics.promql.whole import hindrance, needs
from metrics.queries import AsSent, Reader, gather
from metrics.rollups.reading import Steps
from metrics.rollups.steps import RAW, STEPS, Step


def picked(
    reader: Reader, plan: Plan, span: Span, asked: Resolution, *, terms: Terms
) -> Step | None:
    """Return the step to compute from, None for raw samples, and have it said beside the answer."""
    steps = steps_of(reader)
    step = chosen(plan, span, asked, since=steps.since if steps else None, terms=terms)
    if step is not None:
        terms.notes.inform(f"computed from {step.name} rollups")
    return step


async def gathered(
    reader: Reader, plan: Plan, span: Span, step: Step | None, *, terms: Terms
) -> list[Columns]:
    """Return the columns of the plan's selectors, in their order, in such steps or raw."""
    start, end, steps = span.start_ms, span.end_ms, steps_of(reader)
    if steps is None or step is None:
        return await gather(reader, plan, start_ms=start, end_ms=end, terms=terms)
    wanted, found = needs(plan), []
    for selector in plan.selectors:
        first, last = selector.window(start, end, terms.lookback_ms)
        columns = await steps.read(
            selector.matchers, first, last, step=step, parts=wanted[selector]
        )
        found.append(reader.shown(columns) if isinstance(reader, AsSent) else columns)
    return found


def steps_of(reader: Reader) -> Steps | None:
    """Return where a store has its steps; an engine's and a test's has none."""
    found = getattr(reader.reader if isinstance(reader, AsSent) else reader, "steps", None)
    return found if isinstance(found, Steps) else None


def chosen(
    plan: Plan,
    span: Span,
    asked: Resolution,
    *,
    since: Mapping[str, int] | None,
    terms: Terms,
) -> Step | None:
    """Return the step to compute from, None for raw samples; refuse what would be wrong.

    `since` says from when on (ms) what is kept is all there; None: there are raw samples alone.
    """
    named = {step.name: step for step in STEPS}
    if since is None and asked in named:
        raise NotComputable("there are no rollups here")
    if since is None or asked is Resolution.RAW:
        return None
    windows = [one.window(span.start_ms, span.end_ms, terms.lookback_ms) for one in plan.selectors]
    first = min((window[0] for window in windows), default=span.start_ms)
    reaches = {name: since.get(name, 0) for name in (RAW, *named)}
    needed = max(first, min(reaches.values()))
    if asked in named:
        # what is not rolled up is read raw: either of them will do
        _refuse_uneven(plan, span, named[asked])
        _refuse_gone(named[asked], min(reaches[asked], reaches[RAW]), needed)
        return named[asked]
    order: Iterable[Step | None] = (None, *STEPS)
    if asked is Resolution.AUTO:
        order = (*reversed(STEPS), None)
    able = [step for step in order if reaches[step.name if step else RAW] <= needed]
    for step in able:
        if step is None or hindrance(plan, _asked(span), step.ms) is None:
            return step
    raise _too_long_ago(plan, span, [step for step in able if step], reaches[RAW])


def _asked(span: Span) -> tuple[int, int, int]:
    return span.start_ms, span.end_ms, span.step_ms


def _refuse_uneven(plan: Plan, span: Span, step: Step) -> None:
    why = hindrance(plan, _asked(span), step.ms)
    if why is not None:
        raise NotComputable(
            "this cannot be answered from {step} rollups: {why}", step=step.name, why=why
        )


def _refuse_gone(step: Step, since: int, needed: int) -> None:
    if since > needed:
        raise NotComputable(
            "{step} rollups are kept since {since} only", step=step.name, since=_said(since)
        )


def _said(since: int) -> str:
    return f"{from_milliseconds(since):%Y-%m-%dT%H:%MZ}"


def _too_long_ago(plan: Plan, span: Span, able: Sequence[Step], since: int) -> NotComputable:
    step = min(able, key=lambda each: each.ms)
    return NotComputable(
        "raw samples are kept since {since}; from {step} rollups, which reach further back, this "
        "cannot be answered: {why} (resolution=raw is answered from what raw samples there are)",
        since=_said(since),
        step=step.name,
        why=hindrance(plan, _asked(span), step.ms) or "",
    )
