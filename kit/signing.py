"""Signed words for one purpose with an end: links to acknowledge with, sessions, CSRF."""

import base64
import hashlib
import hmac
from datetime import datetime, timedelta
from typing import Any

import orjson

from kit.errors import Unauthorized
from kit.keys import Ring


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _seal(secret: str, purpose: str, body: str) -> str:
    key = hmac.digest(secret.encode(), purpose.encode(), hashlib.sha256)
    return _text(hmac.digest(key, body.encode(), hashlib.sha256))


class Signer:
    """Signs facts with the key in use and knows what former ones signed, while that holds.

    Each purpose has a key of its own.
    """

    def __init__(self, keys: Ring | str) -> None:
        self._keys = Ring(keys) if isinstance(keys, str) else keys

    def sign(self, purpose: str, facts: dict[str, Any], *, now: datetime, ttl: timedelta) -> str:
        """Return a token that carries `facts` for `purpose` until `ttl` has gone by."""
        body = _text(orjson.dumps({**facts, "until": int((now + ttl).timestamp())}))
        return f"{body}.{_seal(self._keys.current, purpose, body)}"

    def read(self, purpose: str, token: str, *, now: datetime) -> dict[str, Any]:
        """Return the facts of a token, or refuse one that is forged, foreign or over."""
        body, _, seal = token.partition(".")
        if not token.isascii() or not any(
            hmac.compare_digest(_seal(key, purpose, body), seal) for key in self._keys.signing(now)
        ):
            raise Unauthorized("this link is not one of ours, or it was cut short")
        facts: dict[str, Any] = orjson.loads(
            base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))
        )
        if now.timestamp() >= facts.pop("until"):
            raise Unauthorized("this link is over; open the incident from the board", expired=True)
        return facts
