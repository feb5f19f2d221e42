"""Secrets at rest: sealed with the installation's key, the same text always the same seal.

AES-SIV (RFC 5297) needs no nonce, so a row that is provisioned again does not change.
"""

import base64
import binascii
import hashlib

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from kit.errors import Refusal

MARK = "s1."


class SealBroken(Refusal):
    """It was sealed with another key, or changed since."""

    slug, title = "seal-broken", "A secret cannot be read with this key"


class Sealer:
    """Seals short texts; without the key they cannot be read or changed unseen."""

    def __init__(self, secret: str) -> None:
        self._cipher = AESSIV(hashlib.sha512(b"langyan: sealing\0" + secret.encode()).digest())

    def seal(self, text: str) -> str:
        """Return `text` sealed."""
        sealed = self._cipher.encrypt(text.encode(), [MARK.encode()])
        return MARK + base64.urlsafe_b64encode(sealed).decode()

    def unseal(self, sealed: str) -> str:
        """Return the text, or refuse."""
        try:
            raw = base64.urlsafe_b64decode(sealed.removeprefix(MARK))
            if not sealed.startswith(MARK):
                raise SealBroken("this is not a sealed secret")
            return self._cipher.decrypt(raw, [MARK.encode()]).decode()
        except (binascii.Error, ValueError):
            raise SealBroken("this is not a sealed secret") from None
        except InvalidTag:
            raise SealBroken("a secret was sealed with another key; set it again") from None
