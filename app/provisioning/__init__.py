"""Configuration as code: YAML in, rows out.

`load` reads folders and finds every mistake at once, `apply` writes them in one transaction.
`DEFAULTS` is what we ship and comes first; what a later folder names again replaces it.
"""

from app.provisioning.applying import APPLIED, FilesNotValid, apply, describe, summary
from app.provisioning.entries import Provision
from app.provisioning.loading import DEFAULTS, load
from app.provisioning.mistakes import Mistake, Mistakes, report

__all__ = [
    "APPLIED",
    "DEFAULTS",
    "FilesNotValid",
    "Mistake",
    "Mistakes",
    "Provision",
    "apply",
    "describe",
    "load",
    "report",
    "summary",
]
