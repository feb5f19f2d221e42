"""Folders of YAML to one `Provision`, or every mistake in them at once."""

from collections.abc import Mapping
from pathlib import Path

from app.provisioning.checks import CheckExpr, crossed
from app.provisioning.entries import Loader, Provision
from app.provisioning.mistakes import Mistake
from kit.settings import ROOT

DEFAULTS = ROOT / "app" / "defaults"
"""What we ship; read before the operator's own folders."""


def load(
    *folders: Path,
    check_expr: CheckExpr | None = None,
    environ: Mapping[str, str] | None = None,
    defaults: Path = DEFAULTS,
) -> Provision | list[Mistake]:
    """Return what the defaults and then `folders` say, or all that is wrong with them.

    A later folder replaces what an earlier one said under the same name. `check_expr` tells what
    is wrong with an expression. `environ` is where secrets have to be; None: do not ask for them.
    """
    loader = Loader()
    for folder in (defaults, *folders):
        loader.folder(folder)
    wrong = crossed(loader.provision, check_expr=check_expr, environ=environ)
    mistakes = sorted({*loader.mistakes, *wrong})
    return mistakes or loader.provision
