"""A provider of single sign-on on loopback: real HTTP, real keys, what it says chosen by a test."""

import asyncio
import base64
import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import orjson
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

CLIENT_ID, CLIENT_SECRET = "langyan", "the secret of the client"


@dataclass
class Grant:
    """A code that was given out, and what it was asked with."""

    nonce: str
    challenge: str
    redirect: str


@dataclass
class OidcProvider:
    """Discovery, authorize, token and keys; `claims` overwrite what a token says."""

    now: datetime
    claims: dict[str, Any] = field(default_factory=dict)
    algorithm: str = "RS256"
    key: RSAKey = field(default_factory=lambda: _key("first"))
    published: list[RSAKey] = field(default_factory=list)
    grants: dict[str, Grant] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    port: int = 0

    @property
    def issuer(self) -> str:
        """Its address, as its tokens name it."""
        return f"http://127.0.0.1:{self.port}/realms/ops"

    def rotate(self) -> None:
        """Sign with another key from now on, and publish that one alone."""
        self.key = _key(secrets.token_hex(4))
        self.published = [self.key]

    def authorize(self, query: dict[str, str]) -> str:
        """Return where the browser is sent after somebody signed in here."""
        assert query["response_type"] == "code"
        assert query["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe(16)
        self.grants[code] = Grant(query["nonce"], query["code_challenge"], query["redirect_uri"])
        return f"{query['redirect_uri']}?{urlencode({'code': code, 'state': query['state']})}"

    def exchange(self, form: dict[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        """Return a token for a code; each code counts once, and only with its verifier."""
        grant = self.grants.pop(form.get("code", ""), None)
        wanted = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
        given = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(given).rstrip(b"=").decode()
        known = grant is not None and grant.challenge == challenge
        if not known or grant is None or grant.redirect != form["redirect_uri"]:
            return 400, {"error": "invalid_grant"}
        if authorization != f"Basic {wanted}":
            return 401, {"error": "invalid_client"}
        return 200, {"access_token": "a", "token_type": "Bearer", "id_token": self.token(grant)}

    def token(self, grant: Grant) -> str:
        """Return the signed token."""
        at = int(self.now.timestamp())
        said: dict[str, Any] = {
            "iss": self.issuer,
            "aud": CLIENT_ID,
            "sub": "u-1",
            "nonce": grant.nonce,
        }
        said |= {"iat": at, "exp": at + 300, "preferred_username": "li.lei", "name": "李雷"}
        said |= {"email": "Li@Example.com", "email_verified": True, **self.claims}
        said = {name: value for name, value in said.items() if value is not None}
        if self.algorithm == "none":
            parts = (orjson.dumps({"alg": "none"}), orjson.dumps(said))
            return ".".join(base64.urlsafe_b64encode(p).rstrip(b"=").decode() for p in parts) + "."
        header = {"alg": self.algorithm, "kid": self.key.kid}
        if self.algorithm == "HS256":
            return jwt.encode(header, said, OctKey.import_key(CLIENT_SECRET))
        return jwt.encode(header, said, self.key)

    async def __aenter__(self) -> "OidcProvider":
        self.published = self.published or [self.key]
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.port = self._server.server_address[1]
        Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.to_thread(self._server.shutdown)
        self._server.server_close()


def _key(kid: str) -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": kid, "use": "sig"})


def _handler(provider: OidcProvider) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            provider.asked.append(parts.path)
            if parts.path.endswith("/openid-configuration"):
                base = provider.issuer
                self._say(
                    200,
                    {
                        "issuer": base,
                        "authorization_endpoint": f"{base}/authorize",
                        "token_endpoint": f"{base}/token",
                        "jwks_uri": f"{base}/keys",
                    },
                )
            elif parts.path.endswith("/keys"):
                keys = [key.as_dict(private=False) for key in provider.published]
                self._say(200, {"keys": keys})
            elif parts.path.endswith("/authorize"):
                self.send_response(302)
                self.send_header("Location", provider.authorize(dict(parse_qsl(parts.query))))
                self.end_headers()
            else:
                self._say(404, {})

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            provider.asked.append(urlsplit(self.path).path)
            given = self.headers.get("Authorization", "")
            self._say(*provider.exchange(dict(parse_qsl(body)), given))

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

        def _say(self, status: int, body: dict[str, Any]) -> None:
            raw = orjson.dumps(body)
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

    return Handler
