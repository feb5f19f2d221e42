"""Forms by which something configured is made, changed and removed; who was faster is told."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from access import queries as access
from access.commands import Hand, InUse
from access.queries import Trail
from app import configuration
from app.configuration import Key, Kind
from app.pages.forms import Form, FormRefused, understood
from app.pages.frame import Frame
from app.pages.nested import flat, grown
from kit.errors import ChangedMeanwhile, Conflict, Invalid
from kit.i18n import Locale, catalogue, t, told

MOVES_MOST = 5
SAID_MOST = 200


@dataclass(frozen=True)
class Change:
    """What a field was and is; None: not told."""

    field: str
    before: str | None
    after: str | None


@dataclass(frozen=True)
class Move:
    """What somebody else did to the thing meanwhile."""

    who: str
    at: datetime
    changes: Sequence[Change]


@dataclass
class Draft(Form):
    """A form of one thing; `moves` is what became of it since the form was opened."""

    moves: Sequence[Move] = ()
    status: int = 200

    @property
    def version(self) -> int | None:
        """On which version it was decided."""
        return int(self.values["version"]) if self.values["version"].isdecimal() else None

    def put(self, name: str, value: str) -> None:
        """Let a field hold something else."""
        self.values = defaultdict(str, {**self.values, name: value})


def drafted(sent: Mapping[str, str]) -> Draft:
    """Return what was sent as a form, the rows of its lists numbered anew."""
    return Draft(flat(grown(sent)))


async def make(frame: Frame, kind: Kind, said: Mapping[str, Any], draft: Draft) -> Key | None:
    """Make what the form says and return its key; None: `draft` has what is wrong."""
    try:
        given = understood(kind.given, said, draft, frame.reader.locale)
        async with frame.db.transaction() as tx:
            await configuration.make(tx, kind, given, _hand(frame, draft))
    except FormRefused:
        placed(draft, frame.reader.locale)
    except (Invalid, Conflict) as refusal:
        _refused(draft, refusal, frame.reader.locale)
    else:
        return kind.key(given)
    return None


async def change(frame: Frame, kind: Kind, key: Key, said: Mapping[str, Any], draft: Draft) -> bool:
    """Bring a thing to what the form says; else `draft` has what is wrong, or who was faster.

    What the form has no field for stays as it is.
    """
    try:
        async with frame.db.transaction() as tx:
            row = await kind.row(tx, frame.caller.scope, *key)
            wanted = {**kind.written(row), **said}
            given = understood(kind.given, wanted, draft, frame.reader.locale)
            await configuration.change(tx, kind, given, _hand(frame, draft))
    except FormRefused:
        placed(draft, frame.reader.locale)
    except ChangedMeanwhile as refusal:
        await _overtaken(frame, kind, key, draft, refusal)
    except (Invalid, Conflict) as refusal:
        _refused(draft, refusal, frame.reader.locale)
    else:
        return True
    return False


async def remove(frame: Frame, kind: Kind, key: Key, draft: Draft) -> bool:
    """Remove a thing; else `draft` says who needs it, or who was faster."""
    try:
        async with frame.db.transaction() as tx:
            await configuration.remove(tx, kind, key, _hand(frame, draft))
    except ChangedMeanwhile as refusal:
        await _overtaken(frame, kind, key, draft, refusal)
    except (Invalid, Conflict) as refusal:
        _refused(draft, refusal, frame.reader.locale)
    else:
        return True
    return False


def _hand(frame: Frame, draft: Draft) -> Hand:
    seal = frame.request.app.state.sealer.seal
    return Hand(frame.caller, frame.clock(), draft.version, seal)


async def _overtaken(
    frame: Frame, kind: Kind, key: Key, draft: Draft, refusal: ChangedMeanwhile
) -> None:
    """Tell what was changed since; sending the form once more then decides on the new version."""
    newest = int(str(refusal.facts["version"]))
    since = newest - (draft.version or newest)
    on = Trail(did=f"{kind.one}.", on="/".join(key))
    async with frame.db.snapshot() as session:
        rows = await access.audit_entries(
            session, frame.caller.scope, wanted=on, limit=min(since, MOVES_MOST)
        )
        people = await access.titles_of_people(session)
    draft.moves = [
        Move(people.get(row.who, row.who), row.at, changes_of(row.facts, frame.reader.locale))
        for row in rows
    ]
    draft.put("version", str(newest))
    draft.errors[""] = t("configured.meanwhile", frame.reader.locale)
    draft.status = 409


def changes_of(facts: Mapping[str, Any], locale: str) -> list[Change]:
    """Return what the audit trail says of a change, field by field."""
    before, after = facts.get("before", {}), facts.get("after", {})
    words = catalogue(Locale(locale))
    return [
        Change(words.get(f"field.{name}", name), _said(before, name), _said(after, name))
        for name in facts.get("fields", ())
    ]


def _said(values: Mapping[str, Any], name: str) -> str | None:
    if name not in values:
        return None
    value = values[name]
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    return text if len(text) <= SAID_MOST else f"{text[:SAID_MOST]}…"


def _refused(draft: Draft, refusal: Invalid | Conflict, locale: str) -> None:
    """Put what a refusal says at the fields that it names."""
    draft.status = 409 if isinstance(refusal, Conflict) else 422
    if isinstance(refusal, InUse):
        by = refusal.facts.get("by")
        names = ", ".join(map(str, by)) if isinstance(by, list) else ""
        draft.errors[""] = t("configured.in_use", locale, by=names)
        return
    wrong = refusal.facts.get("errors")
    field = str(refusal.facts.get("field", ""))
    if isinstance(wrong, list) and wrong:
        for one in wrong:
            draft.errors[str(one["field"])] = told(one["reason"], locale)
    else:
        draft.errors[field] = told(refusal.detail, locale)
    placed(draft, locale)


def placed(draft: Draft, locale: str) -> None:
    """Move every complaint to the field that shows it: its own, or the nearest above it."""
    if draft.status < 400:
        draft.status = 422
    known = set(draft.values)
    known |= {".".join(n.split(".")[:d]) for n in draft.values for d in range(1, n.count(".") + 1)}
    for name in sorted(draft.errors, key=lambda name: -name.count(".")):  # the nearest first
        place = _nearest(name, known)
        why = draft.errors.pop(name)
        if name.endswith("[key]"):  # pydantic says so of the name of an entry
            why = t("configured.bad_label", locale)
        if place or not name:
            draft.errors.setdefault(place, why)
        else:
            draft.errors[""] = f"{name}: {why}"


def _nearest(name: str, known: Collection[str]) -> str:
    while name and name not in known:
        name = name.rpartition(".")[0]
    return name
