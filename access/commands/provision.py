"""Rows of access that files own.

Clients, systems and people are never deleted, for history names them: a client or a system that
leaves the file stays as if made by hand, but such a system matches no series by pattern any more;
a person is disabled. Tokens and targets are deleted.
"""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from access.commands.clients import target_row
from access.commands.staff import MailTaken, refuse_taken_mail
from access.commands.tokens import CHANNEL
from access.digests import digest
from access.passwords import Passwords
from access.schemas import PersonSpec, TokenSpec, Wanted
from access.tables import Client, Person, System, Target, Token
from kit.errors import Conflict
from kit.notices import notify
from kit.sync import Change, sync


class SecretInUse(Conflict):
    """Two tokens may not share a secret: we could not tell who asks."""

    slug, title = "secret-in-use", "Another token has this secret"


async def provision(
    tx: AsyncSession, wanted: Wanted, *, passwords: Passwords, now: datetime
) -> list[Change]:
    """Bring the rows that files own to what the files say; return what differed."""
    clients = [Client(**asdict(spec)) for spec in wanted.clients]
    systems = [System(**asdict(spec)) for spec in wanted.systems]
    targets = [target_row(spec) for spec in wanted.targets]
    await _refuse_shared_mail(tx, wanted.people)
    people = await _people(tx, wanted.people, passwords)
    tokens = await _tokens(tx, wanted.tokens, now=now)
    changes = [
        *await sync(tx, Client, clients, kind="client", release=_keep),
        *await sync(tx, System, systems, kind="system", release=_match_nothing),
        *await sync(tx, Person, people, kind="person", release=_disable, secret={"password_hash"}),
        *await sync(tx, Token, tokens, kind="token", secret={"digest"}),
        *await sync(tx, Target, targets, kind="target", secret={"secret"}),
    ]
    if changes:
        notify(tx, CHANNEL)
    return changes


def _keep(row: Client) -> None:
    """Leave the row as it is: history points to it."""


def _match_nothing(row: System) -> None:
    """Leave the series to the systems that files name now: renamed, both would match them."""
    row.match = {}


def _disable(row: Person) -> None:
    row.disabled = True


async def _refuse_shared_mail(tx: AsyncSession, specs: Sequence[PersonSpec]) -> None:
    whose: dict[str, str] = {}
    for spec in specs:
        if spec.mail is not None and whose.setdefault(spec.mail, spec.name) != spec.name:
            raise MailTaken(
                "{one} and {other} have the same address",
                one=spec.name,
                other=whose[spec.mail],
                origin=spec.origin,
            )
        await refuse_taken_mail(tx, spec.mail, but=spec.name)


async def _people(
    tx: AsyncSession, specs: Sequence[PersonSpec], passwords: Passwords
) -> list[Person]:
    named = Person.name.in_([spec.name for spec in specs])
    found = await tx.execute(select(Person.name, Person.password_hash).where(named))
    known = {name: known for name, known in found}
    people = []
    for spec in specs:
        row = Person(
            name=spec.name,
            title=spec.title,
            role=spec.role,
            locale=spec.locale,
            timezone=spec.timezone,
            clients=None if spec.clients is None else list(spec.clients),
            mail=spec.mail,
            disabled=False,
            origin=spec.origin,
        )
        if spec.password is not None:
            before = known.get(spec.name)
            same = before is not None and await passwords.verify(before, spec.password)
            row.password_hash = before if same else await passwords.hash(spec.password)
        people.append(row)
    return people


async def _tokens(tx: AsyncSession, specs: Sequence[TokenSpec], *, now: datetime) -> list[Token]:
    names = [spec.name for spec in specs]
    digests = {digest(spec.raw): spec for spec in specs}
    taken = select(Token.name, Token.digest).where(
        Token.digest.in_(digests), Token.name.not_in(names)
    )
    for name, known in await tx.execute(taken):
        raise SecretInUse(
            "the token {token} has the same secret as the token {other}",
            origin=digests[known].origin,
            token=digests[known].name,
            other=name,
        )
    made = await tx.execute(select(Token.name, Token.created_at).where(Token.name.in_(names)))
    since = {name: at for name, at in made}
    return [
        Token(
            name=spec.name,
            digest=digest(spec.raw),
            client=spec.client,
            rights=sorted(spec.rights),
            created_at=since.get(spec.name, now),
            revoked_at=None,
            origin=spec.origin,
        )
        for spec in specs
    ]
