"""What an ID token says: proved to be for us and for this moment, then read. Pure: no clock."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from access.scope import Role
from kit.errors import Unauthorized

LEEWAY = timedelta(seconds=60)
OLDEST = timedelta(minutes=10)
"""An ID token is made when the code is exchanged; one that is older than that was kept."""
SUBJECT_MOST = 255
GRAVEST = (Role.ADMIN, Role.MANAGER, Role.ENGINEER, Role.CLIENT, Role.AGENT)


class SignOnRefused(Unauthorized):
    """What the provider of single sign-on says does not let anybody in here."""

    slug, title = "sign-on-refused", "Single sign-on did not let you in"


@dataclass(frozen=True)
class Claims:
    """Who signed in at the provider, in its own words."""

    issuer: str
    subject: str
    name: str = ""
    title: str = ""
    mail: str | None = None
    groups: tuple[str, ...] = ()


@dataclass(frozen=True)
class Expected:
    """What an ID token has to say to be for us, from this browser, and of now."""

    issuer: str
    client_id: str
    nonce: str
    now: datetime


def proved(said: Mapping[str, Any], expected: Expected) -> Mapping[str, Any]:
    """Return the claims if they are the issuer's, for us, for this browser, and of now."""
    if said.get("iss") != expected.issuer:
        raise SignOnRefused("the token is another issuer's")
    _refuse_other_audience(said, expected.client_id)
    if not expected.nonce or said.get("nonce") != expected.nonce:
        raise SignOnRefused("the token was made for another browser")
    _refuse_other_time(said, expected.now)
    subject = said.get("sub")
    if not isinstance(subject, str) or not 0 < len(subject) <= SUBJECT_MOST:
        raise SignOnRefused("the token does not say whom it means")
    return said


def _refuse_other_audience(said: Mapping[str, Any], client_id: str) -> None:
    given = said.get("aud")
    audience = [given] if isinstance(given, str) else given
    if not isinstance(audience, list) or client_id not in audience:
        raise SignOnRefused("the token is for another program")
    if said.get("azp", client_id) != client_id or (len(audience) > 1 and "azp" not in said):
        raise SignOnRefused("the token was given to another program")


def _refuse_other_time(said: Mapping[str, Any], now: datetime) -> None:
    ends, made, begins = (_moment(said, name) for name in ("exp", "iat", "nbf"))
    at, leeway = now.timestamp(), LEEWAY.total_seconds()
    if ends is None or made is None:
        raise SignOnRefused("the token does not say when it was made and when it ends")
    if ends + leeway <= at:
        raise SignOnRefused("the token has ended")
    if made - leeway > at or (begins is not None and begins - leeway > at):
        raise SignOnRefused("the token is not valid yet")
    if made < at - OLDEST.total_seconds():
        raise SignOnRefused("the token is too old")


def _moment(said: Mapping[str, Any], name: str) -> float | None:
    value = said.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise SignOnRefused("{name} of the token is not a number", name=name)
    return float(value)


def read(said: Mapping[str, Any], *, role_claim: str) -> Claims:
    """Return what proved claims say of somebody; an address counts only if it is verified."""
    mail = _text(said, "email").lower()
    verified = said.get("email_verified") in (True, "true")
    return Claims(
        issuer=said["iss"],
        subject=said["sub"],
        name=_text(said, "preferred_username") or mail.partition("@")[0],
        title=_text(said, "name"),
        mail=mail if verified and "@" in mail else None,
        groups=_groups(said, role_claim),
    )


def _text(said: Mapping[str, Any], name: str) -> str:
    value = said.get(name)
    return value.strip()[:254] if isinstance(value, str) and value.isprintable() else ""


def _groups(said: Mapping[str, Any], path: str) -> tuple[str, ...]:
    """A claim may stand inside others: `realm_access.roles`."""
    found: Any = said.get(path)
    if found is None:
        found = said
        for part in path.split("."):
            found = found.get(part) if isinstance(found, Mapping) else None
    if isinstance(found, str):
        return (found,)
    return tuple(each for each in found if isinstance(each, str)) if isinstance(found, list) else ()


def role_of(claims: Claims, roles: Mapping[str, Role]) -> Role | None:
    """Return the role that may most of those the groups stand for; None for none."""
    given = {roles[group] for group in claims.groups if group in roles}
    return next((role for role in GRAVEST if role in given), None)


def name_from(claims: Claims) -> str:
    """Return a name of ours that is near the one at the provider."""
    plain = re.sub(r"[^a-z0-9_.-]+", "-", claims.name.partition("@")[0].lower()).strip("-_.")
    return plain[:50] or "guest"
