"""The story of an incident: lines in words, each with the receipts of what it promised."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from app.pages.views import ReceiptView, TimelineLine
from app.pages.wording import channel_title, failure, listed, reading, timeline_text
from app.pages.words import Words
from incidents.content import titled
from incidents.lifecycle import Tell, What
from incidents.records import Line
from kit.i18n import t
from kit.wording import moment
from notifications.lifecycle import Kind, Status
from notifications.schemas import NotificationOut, Receipt

LABELS_OF_EVERYBODY = frozenset({"__name__", "client", "job", "system", "drill"})
LABELS_MOST = 3
WORTH_TELLING = timedelta(seconds=10)
"""A message that left later than this after it was promised is shown with its time."""
STATES = {
    Status.DUE: "waiting",
    Status.SENDING: "waiting",
    Status.SENT: "sent",
    Status.FAILED: "failed",
    Status.CANCELLED: "cancelled",
}
KINDS = {
    What.ALERT_RAISED: "raised",
    What.OWNER_TOLD: "notified",
    What.NOTIFICATION_FAILED: "delivery_failed",
    What.EXHAUSTED: "nobody_reached",
    What.RECOVERED: "alert_resolved",
    What.ALERT_KNOWN: "alert_resolved",
    What.CLOCK_PAUSED: "sla_at_risk",
    What.CLOCK_RESUMED: "sla_at_risk",
    What.TIME_EXCLUDED: "sla_at_risk",
}
"""The mark of a line where it is not called like what it tells."""
TOLD = {
    What.OWNER_TOLD: Tell.TRIGGERED,
    What.ACKNOWLEDGED: Tell.ACKNOWLEDGED,
    What.RESOLVED: Tell.RESOLVED,
    What.SLA_AT_RISK: Tell.SLA_AT_RISK,
    What.SLA_BREACHED: Tell.SLA_BREACHED,
}
"""The event that a line promised to tell; an escalation says itself which."""
READ = (What.OPENED, What.JOINED, What.ALERT_RAISED)
"""Lines that say what was read."""
Promised = tuple[str, str, str]


def timeline(
    lines: Sequence[Line],
    receipts: Sequence[NotificationOut],
    words: Words,
    *,
    now: datetime,
) -> list[TimelineLine]:
    """Return the story, newest first; receipts stand under the line that promised them."""
    under: dict[Promised, list[NotificationOut]] = {}
    for one in receipts:
        under.setdefault(_promise(one.event, one.created_at, one.facts), []).append(one)
    unread = _unread(lines)
    return [
        TimelineLine(
            id=str(line.id),
            at=line.at,
            kind=_kind(line),
            text=_text(line, words, now=now, unread=line.id in unread),
            who=words.person(line.who),
            receipts=[
                said
                for one in under.pop(_promised(line), ())
                for said in receipts_of(one, words, line.at)
            ],
        )
        for line in reversed(lines)
    ]


def _unread(lines: Sequence[Line]) -> set[int]:
    """Return the lines that tell of an alert while its data had stopped."""
    silent: set[str] = set()
    found: set[int] = set()
    for line in lines:
        alerts = line.facts.get("alerts") or [str(line.facts.get("alert"))]
        if line.what is What.ALERT_UNKNOWN:
            silent.update(alerts)
        elif line.what in (What.ALERT_KNOWN, What.ALERT_RESOLVED):
            silent.difference_update(alerts)
        elif silent.issuperset(alerts):
            found.add(line.id)
    return found


def labels_of(labels: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return the labels that tell an alert from its neighbours."""
    return sorted((k, v) for k, v in labels.items() if k not in LABELS_OF_EVERYBODY and v)


def receipts_of(one: NotificationOut, words: Words, told_at: datetime) -> Iterator[ReceiptView]:
    """Yield what became of a notification at each contact that was tried, in order."""
    person = words.person(one.person) or one.person
    tried: dict[int, Receipt] = {}
    for receipt in one.receipts:
        if receipt.outcome is not Kind.HELD:
            tried[receipt.contact] = receipt
    places = sorted(tried)
    moved_on = places and one.status in (Status.DUE, Status.SENDING)
    refused = moved_on and tried[places[-1]].outcome is Kind.REFUSED
    for place in places if refused else places[:-1]:
        gone = tried[place]
        channel = channel_title(gone.channel, words.locale)
        why = failure(gone.outcome, gone.code, gone.detail, words.locale)
        yield ReceiptView(
            person, channel, "failed", gone.at, why, late=gone.at - told_at >= WORTH_TELLING
        )
    held = one.status is Status.DUE and one.held_reason is not None
    latest = tried[places[-1]] if places and not refused else None
    error = None
    if latest is not None and one.status not in (Status.SENT, Status.CANCELLED):
        error = failure(latest.outcome, latest.code, latest.detail, words.locale)
    at = one.sent_at or (latest.at if latest else told_at)
    yield ReceiptView(
        person=person,
        channel=channel_title(one.channel, words.locale),
        state="held" if held else STATES[one.status],
        at=at,
        error=error,
        late=at - told_at >= WORTH_TELLING,
    )


def _promised(line: Line) -> Promised:
    told = line.facts.get("event") or TOLD.get(line.what, "")
    return _promise(str(told), line.at, line.facts)


def _promise(event: str, at: datetime, facts: Mapping[str, Any]) -> Promised:
    """Return what ties a notification to its line: both clocks may reach a mark at one moment."""
    return event, at.isoformat(), f"{facts.get('clock', '')} {facts.get('percent', '')}"


def _kind(line: Line) -> str:
    return "notified" if _first_call(line) else KINDS.get(line.what, line.what.value)


def _first_call(line: Line) -> bool:
    """Tell whether a step was taken because something happened, not because nobody came."""
    return line.what is What.ESCALATED and line.facts.get("event") != Tell.ESCALATED


def _text(line: Line, words: Words, *, now: datetime, unread: bool) -> str:
    by = None if line.who == "langyan" else words.person(line.who)
    what = "notified" if _first_call(line) else line.what.value
    if line.what is What.RAISED and line.facts.get("acknowledged_by"):
        what = "raised_taken"
    if "count" in line.facts:
        what += "_many"
    facts = _facts(line.facts, words, now=now)
    said = timeline_text(what, facts, locale=words.locale, who=by)
    if line.what in READ:
        said = _with_reading(said, line.facts, words, unread=unread)
    reason = line.facts.get("reason")
    if reason and str(reason) not in said:
        said = t("timeline.with_reason", words.locale, line=said, reason=reason)
    return said


def _with_reading(said: str, facts: Mapping[str, Any], words: Words, *, unread: bool) -> str:
    if "value" not in facts and not unread:  # of several, each read its own
        return said
    value = facts.get("value")
    read = reading(value, facts.get("unit", ""), words.locale)
    if value is None or unread:
        read = t("timeline.no_data", words.locale)
    return t("timeline.reading", words.locale, line=said, value=read) if read else said


def _facts(given: Mapping[str, Any], words: Words, *, now: datetime) -> dict[str, object]:
    """Return the facts of a line with names, titles and amounts in place of what is stored."""
    facts: dict[str, object] = dict(given)
    if isinstance(given.get("title"), Mapping):
        facts["alert"] = _alert(given, words)
    for name, say in _saying(words, now).items():
        if name in given:
            facts[name] = say(given[name])
    return facts


def _saying(words: Words, now: datetime) -> dict[str, Callable[[Any], object]]:
    def clock(stored: str) -> str:
        at = datetime.fromisoformat(stored)
        return moment(at, words.locale, words.zone, now=now)

    return {
        "people": words.persons,
        "person": words.person,
        "acknowledged_by": words.person,
        "targets": lambda targets: [words.target(target) for target in targets],
        "since": clock,
        "until": clock,
    }


def _alert(facts: Mapping[str, Any], words: Words) -> str:
    title = titled(facts["title"], words.locale)
    told_apart = [value for _, value in labels_of(facts.get("labels", {}))][:LABELS_MOST]
    if not told_apart:
        return title
    where = listed(told_apart, words.locale)
    return t("timeline.alert", words.locale, title=title, where=where)
