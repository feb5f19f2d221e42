"""Checks of this machine: the data folder, the room on its disk, the port we listen on."""

import os
import secrets
import socket
from ipaddress import ip_address
from pathlib import Path

import httpx

from app.doctor.findings import Finding, fail, ok, warn
from app.doctor.patient import Patient, proves
from app.opening import STAGE
from kit.i18n import Locale
from kit.wording import quantity

SPARE = 256 * 1024 * 1024
"""Below this the journal takes nothing more."""
COMFORT = 2 * 1024**3
WITHIN = 5.0
PROOF = "/api/v1/installation/{nonce}"


async def folder(patient: Patient) -> list[Finding]:
    """The data folder: there, ours, closed to others."""
    place = patient.settings.data_dir
    if not place.exists():
        return [warn("folder_missing", folder=str(place))]
    found = place.stat()
    if os.geteuid() not in (0, found.st_uid):
        return [fail("folder_of_another", folder=str(place), owner=found.st_uid, me=os.geteuid())]
    if not os.access(place, os.R_OK | os.W_OK | os.X_OK):
        return [fail("folder_closed", folder=str(place))]
    wide = [path for path in (place, place / "secret_key") if _open_to_others(path)]
    return [fail("open_to_others", path=str(path)) for path in wide] or [
        ok("folder", folder=str(place))
    ]


def _open_to_others(path: Path) -> bool:
    return path.exists() and bool(path.stat().st_mode & 0o077)


async def disk(patient: Patient) -> Finding:
    """Room for the journal, and for the database where it is ours."""
    place = patient.settings.data_dir
    while not place.exists():
        place = place.absolute().parent
    found = os.statvfs(place)
    free, total = found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize
    said = quantity(free, "bytes", Locale.EN)
    if free < SPARE:
        return fail("disk_full", free=said, folder=str(place))
    if free < COMFORT or free < total // 20:
        return warn("disk_low", free=said, folder=str(place))
    if found.f_favail < 1000 and found.f_files:
        return warn("disk_inodes", n=found.f_favail, folder=str(place))
    return ok("disk", free=said, folder=str(place))


async def half_restored(patient: Patient) -> list[Finding]:
    """What an interrupted restore left keeps the service from starting."""
    left = patient.settings.data_dir / STAGE
    return [fail("half_restored", folder=str(left))] if left.exists() else []


def here(settings_host: str, port: int) -> str:
    """Return the address at which a process on this machine reaches what listens there."""
    try:
        ip = ip_address(settings_host)
    except ValueError:
        return f"http://{settings_host}:{port}"
    if ip.is_unspecified:
        ip = ip_address("127.0.0.1" if ip.version == 4 else "::1")
    return f"http://[{ip}]:{port}" if ip.version == 6 else f"http://{ip}:{port}"


async def port(patient: Patient) -> Finding:
    """The port of LISTEN: served by this installation, free for it, or somebody else's."""
    settings, address = patient.settings, here(patient.settings.host, patient.settings.port)
    if patient.keys is not None and await answers_as_us(address, patient) is True:
        return ok("served", listen=settings.listen)
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((settings.host, settings.port))
        except OSError as error:
            why = error.strerror or str(error)
            return fail("port_taken", listen=settings.listen, why=why)
    return warn("not_served", listen=settings.listen)


async def public_url(patient: Patient) -> Finding:
    """The address in our links leads to this installation."""
    settings = patient.settings
    if settings.public_url is None:
        loopback = here(settings.host, settings.port).startswith(("http://127.", "http://[::1]"))
        return warn("public_url_none", url=settings.url) if loopback else ok("public_url_unset")
    if patient.health is None or patient.keys is None:
        return ok("public_url_later", url=settings.url)
    found = await answers_as_us(settings.url, patient)
    if found is True:
        return ok("public_url", url=settings.url)
    if found is False:
        return fail("public_url_other", url=settings.url)
    return fail("public_url_away", url=settings.url, why=found)


async def answers_as_us(url: str, patient: Patient) -> bool | str:
    """Tell whether this installation answers at `url`; why not, if nobody does."""
    nonce = secrets.token_urlsafe(16)
    try:
        async with httpx.AsyncClient(trust_env=False, timeout=WITHIN) as client:
            answer = await client.get(url.rstrip("/") + PROOF.format(nonce=nonce))
            word = answer.json()["proof"] if answer.status_code == 200 else ""
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return f"{type(error).__name__}: {error}".rstrip(": ")
    except (ValueError, KeyError, TypeError):
        return False
    return patient.keys is not None and proves(str(word), nonce, patient.keys, patient.now)
