"""Checks of what we are told: settings, names that nobody reads, the folder of YAML."""

import difflib
from collections.abc import Mapping
from urllib.parse import urlsplit

from app import provisioning
from app.doctor.findings import Finding, fail, ok, warn
from app.doctor.patient import Patient
from kit.settings import PREFIX, Settings

HIDDEN = ("key", "token", "secret", "previous")
ADDRESSES = ("database_url", "smtp_url", "heartbeat_url", "metrics_url", "metrics_write_url")
ALSO = frozenset({"LANGYAN_OLD_POSTGRES_BIN"})
"""Variables that a command reads, and the service does not."""


async def settings_here(patient: Patient) -> Finding:
    """Which settings the environment gives, with secrets covered."""
    given = [f"{PREFIX}{n.upper()}={v}" for n, (v, how) in origins(patient).items() if how]
    return ok("settings", n=len(given), given=", ".join(given) or "–")


def origins(patient: Patient) -> dict[str, tuple[str, bool]]:
    """Return each setting's value as it may be shown, and whether the environment gave it."""
    given = {name.upper() for name in patient.environ}
    return {
        name: (_shown(name, getattr(patient.settings, name)), f"{PREFIX}{name.upper()}" in given)
        for name in Settings.model_fields
    }


def _shown(name: str, value: object) -> str:
    if value is None:
        return "–"
    if name in ADDRESSES:
        return without_password(str(value))
    return "…" if name.endswith(HIDDEN) else str(value)


def without_password(url: str) -> str:
    """Return an address without who signs in there, and without what may be a secret behind it."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


async def unknown_settings(patient: Patient) -> list[Finding]:
    """Names that look like ours and are read by nobody."""
    strangers = unknown(patient.environ)
    return [
        warn("setting_meant", name=name, meant=meant)
        if meant
        else warn("setting_unknown", name=name)
        for name, meant in strangers.items()
    ]


def unknown(environ: Mapping[str, str]) -> dict[str, str]:
    """Return each name with our prefix that is no setting, and the one that may be meant, or ""."""
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields} | ALSO
    found = {}
    for name in sorted(environ):
        if name.startswith(PREFIX) and name not in known:
            close = difflib.get_close_matches(name, known, n=1, cutoff=0.8)
            found[name] = close[0] if close else ""
    return found


async def configuration(patient: Patient) -> list[Finding]:
    """The folder of YAML, as `langyan check` reads it, with the variables its secrets stand in."""
    folder = patient.settings.config
    if folder is None:
        return [ok("config_none")]
    if not folder.is_dir():
        return [fail("config_missing", folder=str(folder))]
    folders = [provisioning.DEFAULTS, folder]
    found = provisioning.load(folders, environ=patient.environ)
    if isinstance(found, provisioning.Mistakes):
        first = "; ".join(str(mistake) for mistake in found.mistakes[:3])
        return [fail("config_wrong", n=len(found.mistakes), first=first, folder=str(folder))]
    return [ok("config", folder=str(folder))]
