"""Secrets at rest: sealed with the installation's key, the same text always the same seal.

AES-SIV (RFC 5297) needs no nonce, so a row that is provisioned again does not change. A seal names
its key: `s2.KEY.…`; older ones, `s1.…`, do not.
"""

import base64
import binascii
import hashlib
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from kit.errors import Refusal
from kit.keys import Ring, fingerprint

MARK, NAMELESS = "s2.", "s1."


class SealBroken(Refusal):
    """It was sealed with another key, or changed since."""

    slug, title = "seal-broken", "A secret cannot be read with this key"


@lru_cache(maxsize=16)
def _cipher(secret: str) -> AESSIV:
    return AESSIV(hashlib.sha512(b"langyan: sealing\0" + secret.encode()).digest())


@lru_cache(maxsize=16)
def _mark(secret: str) -> str:
    return f"{MARK}{fingerprint(secret)}."


class Sealer:
    """Seals short texts; without the key they cannot be read or changed unseen."""

    def __init__(self, keys: Ring | str) -> None:
        self._keys = Ring(keys) if isinstance(keys, str) else keys

    def seal(self, text: str) -> str:
        """Return `text` sealed with the key in use."""
        key = self._keys.current
        mark = _mark(key)
        sealed = _cipher(key).encrypt(text.encode(), [mark.encode()])
        return mark + base64.urlsafe_b64encode(sealed).decode()

    def unseal(self, sealed: str) -> str:
        """Return the text, or refuse."""
        if not sealed.startswith((MARK, NAMELESS)):
            raise SealBroken("this is not a sealed secret")
        mark, _, body = sealed.rpartition(".")
        try:
            raw = base64.urlsafe_b64decode(body)
        except (binascii.Error, ValueError):
            raise SealBroken("this is not a sealed secret") from None
        for key in self._keys.opening():
            if f"{mark}." in (_mark(key), NAMELESS):
                try:
                    return _cipher(key).decrypt(raw, [f"{mark}.".encode()]).decode()
                except (InvalidTag, ValueError):
                    continue
        raise SealBroken("a secret was sealed with another key; set it again")

    def is_current(self, sealed: str) -> bool:
        """Tell whether the key in use has sealed it."""
        return sealed.startswith(_mark(self._keys.current))
