"""Links that a message carries: to the page, and a signed one to take the incident with."""

from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from access import queries as access
from access.scope import EVERYTHING, RIGHTS, Identity, Right, Scope
from incidents.tables import Incident
from kit.errors import Unauthorized
from kit.signing import Signer

PURPOSE = "acknowledge"
LASTS = timedelta(days=3)


def links(
    signer: Signer, url: str, incident: Incident, *, person: str, now: datetime
) -> dict[str, str]:
    """Return the links of a message to `person`; `acknowledge` works once pressed, not fetched."""
    facts = {"incident": incident.number, "client": incident.client, "person": person}
    token = signer.sign(PURPOSE, facts, now=now, ttl=LASTS)
    return {
        "acknowledge": f"{url}/acknowledge/{token}",
        "page": f"{url}/incidents/{incident.number}",
    }


async def bearer(
    session: AsyncSession, signer: Signer, token: str, *, now: datetime
) -> tuple[int, Identity]:
    """Return the incident of a signed link and who holds it: somebody of that client alone."""
    facts = signer.read(PURPOSE, token, now=now)
    person = await access.person(session, EVERYTHING, facts["person"])
    if person.disabled:
        raise Unauthorized("this link belongs to somebody who no longer works here")
    if Right.WORK not in RIGHTS[person.role]:
        raise Unauthorized("this link belongs to somebody who may look, but not take an incident")
    identity = Identity(
        name=person.name,
        title=person.title,
        role=person.role,
        scope=Scope(frozenset({facts["client"]})),
        rights=frozenset({Right.READ, Right.WORK}),
        locale=person.locale,
    )
    return facts["incident"], identity
