"""What tells one of the installation's keys from another without giving it away."""

import hashlib


def fingerprint(key: str) -> str:
    """Return the short public name of a key, the same for the same key everywhere."""
    return hashlib.sha256(b"langyan: key\0" + key.encode()).hexdigest()[:12]
