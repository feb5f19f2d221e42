"""Signed words for one purpose with an end: links to acknowledge with, sessions, CSRF."""

import base64
import hashlib
import hmac
from datetime import datetime, timedelta
from typing import Any

import orjson

from kit.errors import Unauthorized


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


class Signer:
    """Signs facts with the installation's key; each purpose has a key of its own."""

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()

    def _seal(self, purpose: str, body: str) -> str:
        key = hmac.digest(self._secret, purpose.encode(), hashlib.sha256)
        return _text(hmac.digest(key, body.encode(), hashlib.sha256))

    def sign(self, purpose: str, facts: dict[str, Any], *, now: datetime, ttl: timedelta) -> str:
        """Return a token that carries `facts` for `purpose` until `ttl` has gone by."""
        body = _text(orjson.dumps({**facts, "until": int((now + ttl).timestamp())}))
        return f"{body}.{self._seal(purpose, body)}"

    def read(self, purpose: str, token: str, *, now: datetime) -> dict[str, Any]:
        """Return the facts of a token, or refuse one that is forged, foreign or over."""
        body, _, seal = token.partition(".")
        if not token.isascii() or not hmac.compare_digest(
            self._seal(purpose, body).encode(), seal.encode()
        ):
            raise Unauthorized("this link is not one of ours, or it was cut short")
        facts: dict[str, Any] = orjson.loads(
            base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))
        )
        if now.timestamp() >= facts.pop("until"):
            raise Unauthorized("this link is over; open the incident from the board", expired=True)
        return facts
