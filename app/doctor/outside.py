"""Checks of what lies outside: the mail server, the place that waits for our sign of life."""

import asyncio
from urllib.parse import urlsplit

import aiosmtplib
import httpx

from app import engine_mode
from app.doctor.findings import Finding, fail, ok, warn
from app.doctor.patient import Patient
from app.doctor.settings import without_password
from kit.errors import Refusal
from kit.net import guard, whole
from metrics.engine.client import Fate
from metrics.ports.encode import write_request
from notifications.channels.email import server

WITHIN = 8.0
PORTS = {"http": 80, "https": 443}


async def smtp(patient: Patient) -> list[Finding]:
    """The mail server takes our name and password; no mail is sent."""
    url = patient.settings.smtp_url
    if not url:
        return []
    shown = without_password(url)
    try:
        to = server(url)
        client = aiosmtplib.SMTP(
            hostname=to.host,
            port=to.port,
            username=to.user,
            password=to.password,
            use_tls=to.tls,
            start_tls=to.start_tls,
            timeout=WITHIN,
        )
        async with client:
            await client.noop()
    except aiosmtplib.SMTPAuthenticationError as error:
        return [fail("smtp_password", url=shown, why=str(error.message)[:200])]
    except (aiosmtplib.SMTPException, OSError, Refusal) as error:
        return [fail("smtp_away", url=shown, why=f"{type(error).__name__}: {error}"[:200])]
    return [ok("smtp", url=shown)]


async def engine(patient: Patient) -> list[Finding]:
    """The engine that keeps our samples answers queries, and takes an empty request to write."""
    settings = patient.settings
    if not settings.metrics_url:
        return []
    asked = engine_mode.engine(settings)
    shown = without_password(settings.metrics_url)
    try:
        await asked.answers()
        written = await asked.write(write_request([], [], []))
    except Refusal as error:
        return [fail("engine_away", url=shown, why=str(error))]
    finally:
        await asked.close()
    if written.fate is not Fate.TAKEN:
        there = without_password(asked.write_url)
        return [fail("engine_writes_not", url=there, why=written.why)]
    return [ok("engine", url=shown)]


async def heartbeat(patient: Patient) -> list[Finding]:
    """Somebody listens where the sign of life goes; none is given, it would be a false one."""
    url = patient.settings.heartbeat_url
    if not url:
        return [warn("heartbeat_none")]
    shown = without_password(url)
    try:
        await guard(url, allow=patient.settings.allow_link_local)
        parts = urlsplit(url)
        port = parts.port or PORTS[parts.scheme]
        async with asyncio.timeout(WITHIN):
            _, writer = await asyncio.open_connection(parts.hostname, port)
        writer.close()
    except Refusal as error:
        return [fail("heartbeat_wrong", url=shown, why=str(error))]
    except OSError as error:
        return [fail("heartbeat_away", url=shown, why=f"{type(error).__name__}: {error}")]
    return [ok("heartbeat", url=shown)]


async def single_sign_on(patient: Patient) -> list[Finding]:
    """The provider of single sign-on answers, and calls itself what we call it."""
    issuer = patient.settings.oidc_issuer
    if not issuer:
        return []
    if not whole(issuer):
        return [fail("issuer_away", url=issuer, why="address")]
    try:
        async with httpx.AsyncClient(trust_env=False, timeout=WITHIN) as client:
            answer = await client.get(issuer.rstrip("/") + "/.well-known/openid-configuration")
            said = answer.raise_for_status().json()
    except (httpx.HTTPError, ValueError) as error:
        return [fail("issuer_away", url=issuer, why=f"{type(error).__name__}: {error}"[:200])]
    if not isinstance(said, dict) or said.get("issuer") != issuer:
        return [fail("issuer_other", url=issuer)]
    return [ok("issuer", url=issuer)]
