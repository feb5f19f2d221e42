"""Folders of YAML to one `Provision`, or every mistake in them at once."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from app.provisioning.checks import CheckExpr, crossed, wrong_with
from app.provisioning.entries import Loader, Provision
from app.provisioning.mistakes import Mistakes
from kit.settings import ROOT

DEFAULTS = ROOT / "app" / "defaults"
"""What we ship; read before the operator's own folders."""


def load(
    folders: Sequence[Path],
    *,
    check_expr: CheckExpr = wrong_with,
    environ: Mapping[str, str] | None = None,
) -> Provision | Mistakes:
    """Return what `folders` say, or all that is wrong with them.

    A later folder replaces what an earlier one said under the same name; `DEFAULTS` comes first.
    `environ` is where secrets have to be; None: do not ask for them.
    """
    loader = Loader()
    for folder in folders:
        loader.folder(folder)
    loader.finish()
    found = crossed(loader.provision, check_expr=check_expr, environ=environ)
    mistakes = sorted({*loader.mistakes, *found})
    return Mistakes(mistakes) if mistakes else loader.provision
