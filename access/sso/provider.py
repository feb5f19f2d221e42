"""The provider of single sign-on: where it is found, its keys, and a code exchanged for claims."""

import asyncio
import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx
import orjson
from authlib.common.urls import add_params_to_uri  # type: ignore[import-untyped]
from authlib.oauth2.rfc7636 import create_s256_code_challenge  # type: ignore[import-untyped]
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from access.scope import Role
from access.sso.claims import Claims, Expected, SignOnRefused, proved, read
from kit.clock import Clock
from kit.errors import Invalid, Overloaded
from kit.settings import Settings

log = logging.getLogger(__name__)

KNOWN_FOR = timedelta(hours=1)
KEYS_AGAIN_AFTER = timedelta(seconds=10)
"""A key that we do not know makes us ask anew, but not more often: a stranger may name any key."""
TIMEOUT = 10.0
ANSWER_MOST = 1_000_000
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
"""Signatures with a key that only the provider has: never `none`, never a shared secret."""
CALLBACK = "/signin/sso/callback"


class ProviderAway(Overloaded):
    """The provider of single sign-on does not answer, or not as OpenID Connect has it."""

    slug, title = "provider-away", "Single sign-on cannot be reached"


@dataclass(frozen=True)
class Found:
    """Where the provider's parts are, as its discovery document says."""

    authorize: str
    token: str
    keys: str
    basic: bool
    until: datetime


@dataclass(frozen=True)
class Ticket:
    """What one sign-in is bound to: kept by the browser that began it."""

    state: str
    nonce: str
    verifier: str


@dataclass(frozen=True)
class Rules:
    """Who comes in by single sign-on, and as what."""

    roles: dict[str, Role]
    provision: bool = True


class Provider:
    """One provider, found by its issuer; asked only when somebody signs in."""

    def __init__(self, settings: Settings, http: httpx.AsyncClient, clock: Clock) -> None:
        assert settings.oidc_issuer
        self.issuer = settings.oidc_issuer
        self.name = settings.oidc_name
        self.rules = Rules(_roles(settings), settings.oidc_provision)
        self._settings = settings
        self._http = http
        self._clock = clock
        self._found: Found | None = None
        self._keys: KeySet | None = None
        self._keys_at: datetime | None = None
        self._one = asyncio.Lock()

    async def authorize_at(self, ticket: Ticket) -> str:
        """Return the address where somebody proves who they are."""
        found = await self._discovered()
        address: str = add_params_to_uri(
            found.authorize,
            [
                ("response_type", "code"),
                ("client_id", self._client_id),
                ("redirect_uri", self._callback),
                ("scope", self._settings.oidc_scopes),
                ("state", ticket.state),
                ("nonce", ticket.nonce),
                ("code_challenge", create_s256_code_challenge(ticket.verifier)),
                ("code_challenge_method", "S256"),
            ],
        )
        return address

    async def exchange(self, code: str, ticket: Ticket) -> Claims:
        """Return who it was; a code or a token that is not for this browser is refused."""
        found = await self._discovered()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._callback,
            "client_id": self._client_id,
            "code_verifier": ticket.verifier,
        }
        secret = self._settings.oidc_client_secret
        auth = None
        if secret is not None and found.basic:
            auth = httpx.BasicAuth(self._client_id, secret.get_secret_value())
        elif secret is not None:
            form["client_secret"] = secret.get_secret_value()
        status, said = await self._ask("POST", found.token, data=form, auth=auth)
        if status != httpx.codes.OK or not isinstance(said.get("id_token"), str):
            log.warning("single sign-on: the code was not exchanged: %s", said.get("error", status))
            raise SignOnRefused("the provider did not accept the code")
        now = self._clock()
        claims = await self._verified(said["id_token"])
        expected = Expected(self.issuer, self._client_id, ticket.nonce, now)
        return read(proved(claims, expected), role_claim=self._settings.oidc_role_claim)

    @property
    def _client_id(self) -> str:
        return self._settings.oidc_client_id or ""

    @property
    def _callback(self) -> str:
        return self._settings.url + CALLBACK

    async def _verified(self, token: str) -> dict[str, Any]:
        try:
            return jwt.decode(token, await self._key_set(), ALGORITHMS).claims
        except (JoseError, ValueError) as error:
            first = error
        keys = await self._key_set(anew=True)  # the provider may have changed its keys since
        try:
            return jwt.decode(token, keys, ALGORITHMS).claims
        except (JoseError, ValueError) as error:
            log.warning("single sign-on: the token is refused: %s; %s", first, error)
            raise SignOnRefused("the token is not signed by the provider") from error

    async def _key_set(self, *, anew: bool = False) -> KeySet:
        now = self._clock()
        async with self._one:
            age = None if self._keys_at is None else now - self._keys_at
            most = KEYS_AGAIN_AFTER if anew else KNOWN_FOR
            if self._keys is not None and age is not None and age < most:
                return self._keys
        found = await self._discovered()
        _, said = await self._ask("GET", found.keys)
        try:
            signing = [key for key in said["keys"] if key.get("use", "sig") == "sig"]
            keys = KeySet.import_key_set({"keys": signing})
        except (KeyError, TypeError, AttributeError, ValueError, JoseError) as error:
            raise ProviderAway("the provider's keys cannot be read") from error
        self._keys, self._keys_at = keys, now
        return keys

    async def _discovered(self) -> Found:
        now = self._clock()
        if self._found is not None and self._found.until > now:
            return self._found
        address = self.issuer.rstrip("/") + "/.well-known/openid-configuration"
        _, said = await self._ask("GET", address)
        if said.get("issuer") != self.issuer:
            raise ProviderAway("the discovery document is another issuer's")
        ways = said.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        self._found = Found(
            authorize=_address(said, "authorization_endpoint"),
            token=_address(said, "token_endpoint"),
            keys=_address(said, "jwks_uri"),
            basic="client_secret_basic" in ways,
            until=now + KNOWN_FOR,
        )
        return self._found

    async def _ask(self, method: str, address: str, **more: Any) -> tuple[int, dict[str, Any]]:
        headers = {"Accept": "application/json"}
        body = b""
        try:
            async with (
                asyncio.timeout(TIMEOUT),
                self._http.stream(method, address, headers=headers, **more) as answer,
            ):
                async for chunk in answer.aiter_bytes():
                    body += chunk
                    if len(body) > ANSWER_MOST:
                        raise ProviderAway("the provider's answer is too large")
            said = orjson.loads(body)
        except (httpx.HTTPError, TimeoutError, orjson.JSONDecodeError) as error:
            log.warning("single sign-on: %s does not answer as it should: %r", address, error)
            raise ProviderAway("the provider does not answer as it should") from error
        if not isinstance(said, dict):
            raise ProviderAway("the provider does not answer as it should")
        return answer.status_code, said


def _address(said: dict[str, Any], name: str) -> str:
    value = said.get(name)
    if not isinstance(value, str) or urlsplit(value).scheme not in ("https", "http"):
        raise ProviderAway("the discovery document does not say where its {name} is", name=name)
    return value


def _roles(settings: Settings) -> dict[str, Role]:
    try:
        return {group: Role(role) for group, role in settings.oidc_roles.items()}
    except ValueError as error:
        raise Invalid("LANGYAN_OIDC_ROLES: {error}", field="OIDC_ROLES", error=error) from None
