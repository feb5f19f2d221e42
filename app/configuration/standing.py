"""Everything that stands in the database, as if files had said it."""

from typing import Any

from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from access import queries
from access.scope import EVERYTHING
from app.configuration.kinds import KINDS, Key, Kind, Part
from app.provisioning.entries import Entry, Provision, Source
from app.provisioning.sections import PersonIn, TokenIn
from app.provisioning.yaml_tree import Tree


async def standing(session: AsyncSession) -> Provision:
    """Return what is configured now, whether a file owns it or not."""
    found = Provision()
    for kind in KINDS.values():
        for row in await kind.rows(session, EVERYTHING, Part()):
            enter(found, kind, kind.key(row), _read(kind, row))
    # of people and tokens only what other things refer to, and what they refer to
    for person in await queries.everybody(session):
        named = PersonIn.model_construct(name=person.name, clients=person.clients, contacts=[])
        _put(found, "people", f"person {person.name}", (person.name,), named)
    for token in await queries.every_token(session):
        held = TokenIn.model_construct(name=token.name, client=token.client)
        _put(found, "tokens", f"token {token.name}", (token.name,), held)
    return found


def enter(provision: Provision, kind: Kind, key: Key, value: Any) -> Entry:
    """Put a thing into `provision`, in the place of one of the same name; return its entry."""
    return _put(provision, kind.section, said(kind, key), key, value)


def said(kind: Kind, key: Key) -> str:
    """Return how a thing is called where a mistake names it."""
    return f"{kind.one} {'/'.join(key)}"


def _put(provision: Provision, section: str, name: str, key: Key, value: Any) -> Entry:
    entry = Entry(section, key, value, Source(name, Tree()), (), 0)
    provision.entries[section][key] = entry
    return entry


def _read(kind: Kind, row: Any) -> Any:
    try:
        return kind.given.model_validate(kind.written(row))
    except ValidationError:  # written by a release that allowed it; it stands, with mistakes
        return None
