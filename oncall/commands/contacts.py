"""Ways to reach a person, added, changed and removed by themself or by an admin."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from access.commands import audit, refuse_if_owned
from access.commands.governing import own_or_governed
from access.scope import Identity
from kit.errors import Conflict, Invalid, Said
from oncall import queries
from oncall.schemas import ContactIn, ContactPatch, unfit_address
from oncall.tables import Contact

MOST = 20


class ContactKnown(Conflict):
    """A person has each way of being reached once."""

    slug, title = "contact-known", "This contact is there already"


async def add_contact(
    tx: AsyncSession,
    name: str,
    given: ContactIn,
    *,
    seal: Callable[[str], str],
    by: Identity,
    now: datetime,
) -> Contact:
    """Add a way to reach somebody, tried after those they have; its secret is kept sealed."""
    await own_or_governed(tx, name, by)
    if given.secret_env:
        raise Invalid("only files read the environment; send the secret itself", field="secret_env")
    there = await queries.contacts_of(tx, name)
    if any((one.channel, one.address) == (given.channel, given.address) for one in there):
        raise ContactKnown("this contact is there already", field="address")
    if len(there) >= MOST:
        raise Invalid("a person has at most {most} contacts", field="address", most=MOST)
    row = Contact(
        id=uuid4(),
        person=name,
        channel=given.channel,
        address=given.address,
        secret=seal(given.secret.get_secret_value()) if given.secret else None,
        position=max((one.position for one in there), default=-1) + 1,
    )
    tx.add(row)
    await tx.flush()
    facts = {"channel": row.channel, "address": queries.shown_address(row)}
    audit(tx, who=by.name, did="contact.add", on=name, now=now, facts=facts)
    return row


async def change_contact(
    tx: AsyncSession,
    name: str,
    contact: UUID,
    changes: ContactPatch,
    *,
    seal: Callable[[str], str],
    by: Identity,
    now: datetime,
) -> Contact:
    """Change where a contact leads, its secret, or when its turn comes."""
    await own_or_governed(tx, name, by)
    row = await queries.contact(tx, name, contact)
    refuse_if_owned(row.origin, what=Said("this contact"))
    there = list(await queries.contacts_of(tx, name))
    facts: dict[str, Any] = {"channel": row.channel, "before": queries.shown_address(row)}
    if changes.address is not None and changes.address != row.address:
        _lead_to(row, changes.address, there)
    if "secret" in changes.model_fields_set:
        row.secret = seal(changes.secret.get_secret_value()) if changes.secret else None
        facts["secret"] = "changed" if row.secret else "removed"
    if changes.place is not None:
        there.remove(row)
        there.insert(changes.place, row)
        _put_in_order(there)
        facts["place"] = there.index(row)
    await tx.flush()
    facts["address"] = queries.shown_address(row)
    audit(tx, who=by.name, did="contact.change", on=name, now=now, facts=facts)
    return row


def _lead_to(row: Contact, address: str, there: Sequence[Contact]) -> None:
    if wrong := unfit_address(row.channel, address):
        raise Invalid(wrong, field="address")
    if any((one.channel, one.address) == (row.channel, address) for one in there):
        raise ContactKnown("this contact is there already", field="address")
    row.address = address


def _put_in_order(wanted: Sequence[Contact]) -> None:
    """Number contacts anew; the order of those that a file owns is the file's."""
    owned = [one for one in wanted if one.origin is not None]
    if owned != sorted(owned, key=lambda one: one.position):
        refuse_if_owned(owned[0].origin, what=Said("the order of these contacts"))
    for place, one in enumerate(wanted):
        one.position = place


async def remove_contact(
    tx: AsyncSession, name: str, contact: UUID, *, by: Identity, now: datetime
) -> None:
    """Remove a way to reach somebody; what is on its way there still goes there."""
    await own_or_governed(tx, name, by)
    row = await queries.contact(tx, name, contact)
    refuse_if_owned(row.origin, what=Said("this contact"))
    await tx.delete(row)
    facts = {"channel": row.channel, "address": queries.shown_address(row)}
    audit(tx, who=by.name, did="contact.remove", on=name, now=now, facts=facts)


async def exchange_seals(tx: AsyncSession, new_of: Mapping[str, str]) -> None:
    """Put the new seal of a secret in the place of each old one: the secrets stay what they are."""
    for old, new in new_of.items():
        await tx.execute(update(Contact).where(Contact.secret == old).values(secret=new))
