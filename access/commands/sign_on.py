"""Single sign-on written down: whom a provider's words mean here, and a session for them."""

from contextlib import suppress
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from access.commands.governing import LastAdmin, administers_all, lock_admins, refuse_if_no_admin
from access.commands.sessions import Device, start_session
from access.commands.tokens import CHANNEL
from access.commands.trail import audit
from access.scope import SYSTEM, Role
from access.sso.claims import Claims, SignOnRefused, name_from, role_of
from access.sso.provider import Rules
from access.tables import Person, Subject
from kit.db import lock
from kit.notices import notify


async def sign_on(
    tx: AsyncSession, claims: Claims, rules: Rules, *, device: Device, now: datetime
) -> str:
    """Return the secret of a new session for whom the provider means, or refuse.

    Known by (issuer, subject); else by the verified address that an admin or a file wrote down;
    else made, if people may come by themselves.
    """
    await lock_admins(tx)
    await lock(tx, "sign-on", claims.issuer, claims.subject)
    role = role_of(claims, rules.roles)
    if rules.roles and role is None:
        raise SignOnRefused("none of your groups has a role here")
    known = await tx.get(Subject, (claims.issuer, claims.subject))
    who = await tx.get(Person, known.person, with_for_update=True) if known else None
    if who is None:
        who = await _by_mail(tx, claims) or await _made(tx, claims, rules, role, now=now)
        facts = {"issuer": claims.issuer, "subject": claims.subject, "mail": claims.mail}
        audit(tx, who=who.name, did="person.link", on=who.name, now=now, facts=facts)
        known = Subject(issuer=claims.issuer, subject=claims.subject, person=who.name)
        known.linked_at = now
        tx.add(known)
    assert known is not None
    if who.disabled:
        raise SignOnRefused("an administrator has disabled you here", person=who.name)
    known.seen_at = now
    if role is not None and who.origin is None and who.role is not role:
        await _moved(tx, who, role, now=now)
    secret = await start_session(tx, who, device, now=now)
    audit(tx, who=who.name, did="person.sign_on", on=who.name, now=now)
    return secret


def refused_sign_on(
    tx: AsyncSession, refusal: SignOnRefused, *, address: str, now: datetime
) -> None:
    """Write down that the provider's words let nobody in."""
    on = str(refusal.facts.get("person", "sso"))
    facts = {"why": refusal.detail, "address": address}
    audit(tx, who=SYSTEM.name, did="person.sign_on_refused", on=on, now=now, facts=facts)


async def _by_mail(tx: AsyncSession, claims: Claims) -> Person | None:
    if claims.mail is None:
        return None
    named = select(Person).where(Person.mail == claims.mail).with_for_update()
    found: Person | None = await tx.scalar(named)
    if found is None:
        return None
    other = select(Subject).where(Subject.person == found.name, Subject.issuer == claims.issuer)
    if await tx.scalar(other) is not None:
        raise SignOnRefused("this address is somebody else's at the provider", person=found.name)
    return found


async def _made(
    tx: AsyncSession, claims: Claims, rules: Rules, role: Role | None, *, now: datetime
) -> Person:
    if not rules.provision:
        raise SignOnRefused("nobody here has your address; ask an administrator")
    name = await _free_name(tx, name_from(claims))
    who = Person(name=name, title=claims.title or name, role=role or Role.CLIENT, mail=claims.mail)
    who.disabled = False
    tx.add(who)
    await tx.flush()
    facts = {"title": who.title, "role": who.role, "mail": who.mail}
    audit(tx, who=SYSTEM.name, did="person.make", on=name, now=now, facts=facts)
    notify(tx, CHANNEL)
    return who


async def _free_name(tx: AsyncSession, wanted: str) -> str:
    await lock(tx, "person", wanted)
    alike = select(Person.name).where(Person.name.startswith(wanted, autoescape=True))
    taken = set(await tx.scalars(alike))
    if wanted not in taken:
        return wanted
    return next(name for n in range(2, len(taken) + 3) if (name := f"{wanted}-{n}") not in taken)


async def _moved(tx: AsyncSession, who: Person, role: Role, *, now: datetime) -> None:
    """Let the role follow the groups; the last admin stays one, whatever the provider says."""
    before = who.role
    with suppress(LastAdmin):
        async with tx.begin_nested():
            administered = administers_all(who)
            who.role = role
            await refuse_if_no_admin(tx, before=administered)
        moved = {"role": [before, role]}
        audit(tx, who=SYSTEM.name, did="person.change", on=who.name, now=now, facts=moved)
        notify(tx, CHANNEL)
        return
    await tx.refresh(who)
    kept = {"kept": before, "wanted": role}
    audit(tx, who=SYSTEM.name, did="person.keep_role", on=who.name, now=now, facts=kept)
