"""Writing configuration: what changes, what stays, and that a bad file changes nothing."""

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import select

from access import queries
from access.commands import ensure_built_ins
from access.commands.provision import SecretInUse
from access.scope import EVERYTHING, Scope
from access.tables import AuditEntry, Client, Person, Target, Token
from alerting.tables import Rule
from app.provisioning import DEFAULTS, FilesNotValid, apply, describe
from incidents.tables import SlaPolicy
from kit.db import Database
from kit.errors import Unauthorized
from kit.notices import Notices
from kit.sealing import Sealer
from kit.sync import Change, Verb
from oncall.tables import Contact, EscalationPolicy, Schedule
from tests.support.clock import NOON

FILE = """
clients: [{name: acme, title: Acme}]
systems: [{name: pos, client: acme, title: POS, core: true, match: {job: "pos-.*"}}]
people:
  - {name: li, title: Li, contacts: [{channel: webhook, url: "http://127.0.0.1:1/li", secret: s}]}
schedules: [{name: primary, layers: [{people: [li]}]}]
escalations: [{name: default, steps: [{notify: ["schedule:primary"], wait: 5m}]}]
tokens: [{name: agent, client: acme, scopes: [ingest], secret_env: TOKEN}]
targets: [{name: web, client: acme, system: pos, kind: http, url: "http://x", expect_status: 204}]
thresholds: [{name: tour, expr: tour, P1: {above: 90}}]
"""
ENVIRON = {"TOKEN": "ly_from-the-environment"}
EVERY_TABLE = (Client, Person, Token, Target, Rule, SlaPolicy, Schedule, EscalationPolicy, Contact)


@pytest.fixture
async def built(db: Database) -> Database:
    async with db.transaction() as tx:
        await ensure_built_ins(tx, admin_token="admin", now=NOON)
    return db


async def applied(
    db: Database,
    folder: Path,
    text: str | None = None,
    *,
    environ: dict[str, str] | None = None,
    dry_run: bool = False,
) -> list[Change]:
    if text is not None:
        (folder / "a.yml").write_text(text, "utf-8")
    return await apply(
        db,
        [DEFAULTS, folder],
        seal=Sealer("key").seal,
        now=NOON,
        environ=environ or ENVIRON,
        dry_run=dry_run,
    )


def verbs(changes: list[Change]) -> list[tuple[Verb, str, str]]:
    return [(change.verb, change.kind, change.name) for change in changes]


async def counts(db: Database) -> list[int]:
    async with db.snapshot() as session:
        return [len((await session.scalars(select(table))).all()) for table in EVERY_TABLE]


async def test_a_folder_fills_every_room_and_again_changes_nothing(
    built: Database, tmp_path: Path
) -> None:
    changes = await applied(built, tmp_path, FILE)
    again = await applied(built, tmp_path)

    assert {(kind, name) for verb, kind, name in verbs(changes) if verb is Verb.ADD} >= {
        ("client", "acme"),
        ("system", "acme/pos"),
        ("person", "li"),
        ("contact", "li/webhook/http://127.0.0.1:1/li"),
        ("schedule", "primary"),
        ("escalation", "default"),
        ("sla", "standard"),
        ("token", "agent"),
        ("target", "acme/web"),
        ("threshold", "tour"),
        ("threshold", "disk-space"),
    }
    assert again == []
    assert describe(again) == "nothing to change"
    async with built.snapshot() as session:
        known, _ = await queries.identity_of_token(session, ENVIRON["TOKEN"], NOON)
        directory = await queries.directory(session)
        client = await queries.client(session, EVERYTHING, "acme")
    assert known.scope == Scope(frozenset({"acme"}))
    assert directory.system_of({"client": "acme", "job": "pos-1"}) == "pos"
    assert client.origin is not None
    assert client.origin.endswith("a.yml:2")


async def test_a_dry_run_says_the_same_and_keeps_nothing(built: Database, tmp_path: Path) -> None:
    before = await counts(built)
    said = await applied(built, tmp_path, FILE, dry_run=True)
    assert await counts(built) == before
    assert said == await applied(built, tmp_path, FILE)
    assert "+ client acme" in describe(said)


async def test_a_bad_file_changes_nothing(built: Database, tmp_path: Path) -> None:
    await applied(built, tmp_path, FILE)
    before = await counts(built)
    worse = FILE.replace("title: Acme", "title: New").replace("above: 90", "above: much")
    with pytest.raises(FilesNotValid, match=r"thresholds\[0\]\.P1\.above: write a number"):
        await applied(built, tmp_path, worse)
    assert await counts(built) == before
    async with built.snapshot() as session:
        assert (await queries.client(session, EVERYTHING, "acme")).title == "Acme"


async def test_what_leaves_the_file_is_kept_disabled_or_removed(
    built: Database, tmp_path: Path
) -> None:
    await applied(built, tmp_path, FILE)
    changes = await applied(built, tmp_path, "clients: []")

    assert set(verbs(changes)) >= {
        (Verb.RELEASE, "client", "acme"),
        (Verb.RELEASE, "system", "acme/pos"),
        (Verb.RELEASE, "person", "li"),
        (Verb.REMOVE, "token", "agent"),
        (Verb.REMOVE, "target", "acme/web"),
        (Verb.REMOVE, "threshold", "tour"),
        (Verb.CHANGE, "escalation", "default"),
    }
    assert "o person li  (disabled: its history names it)" in describe(changes)
    async with built.snapshot() as session:
        assert (await queries.person(session, EVERYTHING, "li")).disabled
        with pytest.raises(Unauthorized):
            await queries.identity_of_token(session, ENVIRON["TOKEN"], NOON)

    await applied(built, tmp_path, FILE)
    async with built.snapshot() as session:
        assert not (await queries.person(session, EVERYTHING, "li")).disabled


async def test_a_change_is_told_field_by_field_without_secrets(
    built: Database, tmp_path: Path
) -> None:
    await applied(built, tmp_path, FILE)
    changed = FILE.replace("title: Acme", "title: New").replace("secret: s}", "secret: t}")
    text = describe(await applied(built, tmp_path, changed, environ={"TOKEN": "ly_another"}))
    assert "~ client acme  title: Acme -> New" in text
    assert "~ token agent  digest: (secret) -> (secret)" in text
    assert "secret: (secret) -> (secret)" in text


async def test_what_changed_is_in_the_audit_trail_and_announced(
    built: Database, tmp_path: Path
) -> None:
    notices = Notices(built)
    await notices.start()
    try:
        async with notices.subscribe("config") as heard:
            heard.clear()
            await applied(built, tmp_path, FILE)
            assert await heard.get(5) == ""
            await applied(built, tmp_path)
            assert await heard.get(0.2) is None
    finally:
        await notices.close()
    async with built.snapshot() as session:
        trail = select(AuditEntry).where(AuditEntry.who == "config")
        entries = {(e.did, e.on, e.client) for e in await session.scalars(trail)}
    assert ("client.add", "acme", "acme") in entries
    assert ("system.add", "acme/pos", "acme") in entries


async def test_programs_that_start_at_once_apply_the_folder_once(
    built: Database, tmp_path: Path
) -> None:
    (tmp_path / "a.yml").write_text(FILE, "utf-8")
    changes = await asyncio.gather(*(applied(built, tmp_path) for _ in range(4)))
    assert sum(bool(changed) for changed in changes) == 1


async def test_a_start_with_the_defaults_alone_keeps_what_was_applied_by_hand(
    built: Database, tmp_path: Path
) -> None:
    text = FILE.replace("above: 90}}]", "above: 90}}, {name: host-load, off: true}]")
    seal = Sealer("key").seal
    first = await apply(built, [DEFAULTS], seal=seal, now=NOON, environ={})
    await applied(built, tmp_path, text)
    before = await counts(built)

    again = await apply(built, [DEFAULTS], seal=seal, now=NOON, environ={})
    assert await counts(built) == before
    changes = await applied(built, tmp_path, "clients: []")

    assert ("threshold", "host-load") in {(change.kind, change.name) for change in first}
    assert again == []
    assert (Verb.ADD, "threshold", "host-load") in verbs(changes)


async def test_a_password_from_the_environment_is_hashed_once(
    built: Database, tmp_path: Path
) -> None:
    text = "people: [{name: li, title: Li, password_env: PASSWORD}]"
    environ = {"PASSWORD": "correct horse battery"}
    await applied(built, tmp_path, text, environ=environ)
    assert await applied(built, tmp_path, environ=environ) == []
    async with built.snapshot() as session:
        known = (await queries.person(session, EVERYTHING, "li")).password_hash
    assert known is not None
    assert known.startswith("$argon2id$")


async def test_a_token_may_not_have_the_secret_of_another(built: Database, tmp_path: Path) -> None:
    with pytest.raises(SecretInUse, match="same secret as the token admin"):
        await applied(built, tmp_path, FILE, environ={"TOKEN": "admin"})


async def test_a_system_renamed_in_the_file_leaves_its_series_to_the_new_name(
    built: Database, tmp_path: Path
) -> None:
    system = "{name: NAME, client: acme, title: POS, match: {job: pos}}"
    text = "clients: [{name: acme, title: Acme}]\nsystems: [" + system + "]"
    await applied(built, tmp_path, text.replace("NAME", "a-till"))
    await applied(built, tmp_path, text.replace("NAME", "till"))
    async with built.snapshot() as session:
        found = await queries.directory(session)
    assert found.system_of({"client": "acme", "job": "pos"}) == "till"
    assert found.system("acme", "a-till") is not None
    assert found.system_of({"client": "acme", "system": "a-till"}) == "a-till"
