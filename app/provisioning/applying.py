"""What the files say, written into the rooms in one transaction, all of it or nothing."""

import asyncio
import logging
import os
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncSession

from access import commands as access
from access import queries
from access.passwords import Passwords
from access.schemas import TokenSpec, Wanted
from alerting import commands as alerting
from alerting.schemas import ThresholdSpec
from app.provisioning import specs
from app.provisioning.entries import Provision
from app.provisioning.loading import DEFAULTS, load
from app.provisioning.mistakes import Mistake, Mistakes, report
from app.provisioning.rule_files import shown
from app.provisioning.sections import ClientIn, PersonIn, SystemIn, TargetIn, TokenIn
from incidents import commands as incidents
from incidents.schemas import SlaSpec
from kit.db import Database, lock
from kit.errors import Invalid
from kit.sync import Change, Verb
from oncall import commands as oncall
from oncall.commands import Seal
from oncall.schemas import PolicyIn, ScheduleIn

log = logging.getLogger(__name__)

WHO = "config"
APPLIED = "config.apply"


class FilesNotValid(Invalid):
    """The files have mistakes; nothing was written."""

    slug, title = "files-not-valid", "The configuration has mistakes"

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        super().__init__(report(mistakes))
        self.mistakes = list(mistakes)


async def apply(
    db: Database,
    folders: Sequence[Path],
    *,
    seal: Seal,
    now: datetime,
    environ: Mapping[str, str] = os.environ,
    dry_run: bool = False,
) -> list[Change]:
    """Write what the folders say and return what changed; a bad file changes nothing.

    A dry run does all of it and takes it back. `DEFAULTS` alone, as at a start without
    LANGYAN_CONFIG, leaves alone what somebody applied from a folder of their own.
    """
    found = await asyncio.to_thread(load, folders, environ=environ)
    if isinstance(found, Mistakes):
        raise FilesNotValid(found.mistakes)
    async with db.transaction() as tx:
        await lock(tx, "provisioning")
        own = [shown(folder) for folder in folders if folder != DEFAULTS]
        before = await _own_folders(tx)
        if before and not own:
            log.info("the configuration of %s stands", ", ".join(before))
            return []
        changes = await write(tx, found, seal=seal, environ=environ, now=now)
        if changes or own != before:
            facts = {"folders": own, "changes": len(changes)}
            access.audit(tx, who=WHO, did=APPLIED, on="configuration", now=now, facts=facts)
        if dry_run:
            await tx.rollback()
    return changes


async def _own_folders(tx: AsyncSession) -> list[str]:
    last = await queries.last_audit(tx, APPLIED)
    return list(last.facts["folders"]) if last is not None else []


async def write(
    tx: AsyncSession,
    provision: Provision,
    *,
    seal: Seal,
    environ: Mapping[str, str],
    now: datetime,
) -> list[Change]:
    """Bring every room's rows to what the files say; audit and announce what differed."""
    wanted = _access(provision, seal, environ)
    changes = [
        *await access.provision(tx, wanted, passwords=Passwords(), now=now),
        *await incidents.provision_slas(tx, _slas(provision)),
        *await _on_call(tx, provision, seal, environ),
        *await alerting.provision(tx, _rules(provision), now),
        *await alerting.provision_groups(tx, provision.groups, provision.severities),
    ]
    for change in changes:
        access.audit(
            tx,
            who=WHO,
            did=f"{change.kind}.{change.verb}",
            on=change.name,
            client=_client_of(change),
            now=now,
            facts={"fields": sorted(change.fields)},
        )
    if changes:
        await access.configured(tx)
    return changes


def _client_of(change: Change) -> str | None:
    first, slash, _ = change.name.partition("/")
    if change.kind == "client":
        return change.name
    return first if slash and change.kind in ("system", "target") else None


def _access(provision: Provision, seal: Seal, environ: Mapping[str, str]) -> Wanted:
    return Wanted(
        clients=[specs.client(v, e.origin) for v, e in provision.of("clients", ClientIn)],
        systems=[
            specs.system(value, e.origin, position)
            for position, (value, e) in enumerate(provision.of("systems", SystemIn))
        ],
        people=[specs.person(v, e.origin, environ) for v, e in provision.of("people", PersonIn)],
        tokens=[
            TokenSpec(t.name, environ[t.secret_env], t.scopes, e.origin, t.client)
            for t, e in provision.of("tokens", TokenIn)
        ],
        targets=[
            specs.target(value, e.origin, secret=_secret(value, seal, environ))
            for value, e in provision.of("targets", TargetIn)
        ],
    )


def _secret(value: TargetIn, seal: Seal, environ: Mapping[str, str]) -> str | None:
    raw = environ[value.secret_env] if value.secret_env else None
    raw = value.secret.get_secret_value() if value.secret else raw
    return seal(raw) if raw else None


def _slas(provision: Provision) -> list[tuple[SlaSpec, str]]:
    return [(value, entry.origin) for value, entry in provision.of("slas", SlaSpec)]


def _rules(provision: Provision) -> list[tuple[ThresholdSpec, str]]:
    return [(value, entry.origin) for value, entry in provision.of("thresholds", ThresholdSpec)]


async def _on_call(
    tx: AsyncSession, provision: Provision, seal: Seal, environ: Mapping[str, str]
) -> list[Change]:
    people = provision.of("people", PersonIn)
    return await oncall.provision(
        tx,
        schedules=[(v, entry.origin) for v, entry in provision.of("schedules", ScheduleIn)],
        policies=[(v, entry.origin) for v, entry in provision.of("escalations", PolicyIn)],
        contacts={
            person.name: [(contact, entry.origin) for contact in person.contacts]
            for person, entry in people
        },
        seal=seal,
        environ=environ,
    )


SIGNS = {Verb.ADD: "+", Verb.CHANGE: "~", Verb.REMOVE: "-", Verb.RELEASE: "o"}


def summary(provision: Provision) -> str:
    """Return in one line how much files without a mistake say."""
    counts = {section: len(entries) for section, entries in provision.entries.items()}
    counts["rule groups"] = len(provision.groups)
    return "no mistakes: " + ", ".join(f"{n} {section}" for section, n in counts.items() if n)


def describe(changes: Sequence[Change]) -> str:
    """Return the changes as lines for a terminal."""
    if not changes:
        return "nothing to change"
    lines = [_line(change) for change in changes]
    counts = {verb: sum(change.verb is verb for change in changes) for verb in Verb}
    said = ", ".join(f"{count} to {verb}" for verb, count in counts.items() if count)
    return "\n".join([*lines, said])


def _line(change: Change) -> str:
    head = f"{SIGNS[change.verb]} {change.kind} {change.name}"
    if change.verb is Verb.RELEASE:
        disabled = "disabled" if "disabled" in change.fields else "kept, no file owns it now"
        return f"{head}  ({disabled}: its history names it)"
    if change.verb is not Verb.CHANGE:
        return head
    moved = [f"{name}: {_short(a)} -> {_short(b)}" for name, (a, b) in change.fields.items()]
    return f"{head}  {'; '.join(moved)}"


def _short(value: object) -> str:
    text = "none" if value is None else str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
