"""Secrets at rest: sealed with the installation's key, the same text always the same seal.

Encrypt-then-MAC from HMAC-SHA256 alone, in the shape of SIV (RFC 5297): the tag over the text is
also the start of its key stream, so nothing depends on randomness, and a row that is provisioned
again does not change.
"""

import base64
import hashlib
import hmac

from kit.errors import Refusal

MARK = "s1."
TAG = 16


class SealBroken(Refusal):
    """It was sealed with another key, or changed since."""

    slug, title = "seal-broken", "A secret cannot be read with this key"


class Sealer:
    """Seals short texts; without the key they cannot be read or changed unseen."""

    def __init__(self, secret: str) -> None:
        root = secret.encode()
        self._tag_key = hmac.digest(root, b"sealing: tag", hashlib.sha256)
        self._stream_key = hmac.digest(root, b"sealing: stream", hashlib.sha256)

    def seal(self, text: str) -> str:
        """Return `text` sealed."""
        plain = text.encode()
        tag = self._tag(plain)
        return MARK + base64.urlsafe_b64encode(tag + self._mixed(tag, plain)).decode()

    def unseal(self, sealed: str) -> str:
        """Return the text, or refuse."""
        try:
            raw = base64.urlsafe_b64decode(sealed.removeprefix(MARK))
        except ValueError:
            raise SealBroken("this is not a sealed secret") from None
        tag, hidden = raw[:TAG], raw[TAG:]
        plain = self._mixed(tag, hidden)
        if not sealed.startswith(MARK) or not hmac.compare_digest(tag, self._tag(plain)):
            raise SealBroken("a secret was sealed with another key; set it again")
        return plain.decode()

    def _tag(self, plain: bytes) -> bytes:
        return hmac.digest(self._tag_key, plain, hashlib.sha256)[:TAG]

    def _mixed(self, tag: bytes, text: bytes) -> bytes:
        blocks = -(-len(text) // 32)
        stream = b"".join(
            hmac.digest(self._stream_key, tag + block.to_bytes(4, "big"), hashlib.sha256)
            for block in range(blocks)
        )
        return bytes(a ^ b for a, b in zip(text, stream, strict=False))
