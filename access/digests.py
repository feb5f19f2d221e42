"""Secrets that we only have to recognise: made here, kept as SHA-256. Pure: no clock, no database.

They are long and random, so that a fast digest is enough; passwords are not, see `passwords`.
"""

import hashlib
import secrets

PREFIX = "ly_"


def new_token() -> str:
    """Return a token: `ly_` and 40 characters that need no quoting in URLs and shells."""
    return PREFIX + secrets.token_urlsafe(30)


def new_secret() -> str:
    """Return what a browser session is known by."""
    return secrets.token_urlsafe(32)


def digest(raw: str) -> str:
    """Return what the database keeps of a secret."""
    return hashlib.sha256(raw.encode()).hexdigest()
