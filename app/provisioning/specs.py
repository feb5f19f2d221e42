"""What the sections of access say, in the words of that room."""

from collections.abc import Mapping

from access.schemas import ClientSpec, PersonSpec, SystemSpec, TargetSpec
from app.provisioning.sections import ClientIn, PersonIn, SystemIn, TargetIn

MILLISECOND = 0.001


def client(value: ClientIn, origin: str | None) -> ClientSpec:
    """Return what access is told of a client."""
    return ClientSpec(
        value.name,
        value.title,
        origin,
        value.locale,
        value.timezone,
        value.sla,
        value.escalation,
        value.changed,
    )


def system(value: SystemIn, origin: str | None, position: int = 0) -> SystemSpec:
    """Return what access is told of a system."""
    return SystemSpec(
        value.client,
        value.name,
        value.title,
        origin,
        value.core,
        value.match,
        value.escalation,
        position,
    )


def person(value: PersonIn, origin: str, environ: Mapping[str, str]) -> PersonSpec:
    """Return what access is told of a person."""
    return PersonSpec(
        value.name,
        value.title,
        origin,
        value.role,
        value.locale,
        value.timezone,
        value.clients,
        value.mail,
        environ[value.password_env] if value.password_env else None,
    )


def target(
    value: TargetIn, origin: str | None, *, secret: str | None, keeps_secret: bool = False
) -> TargetSpec:
    """Return what access is told of a target; `secret` is sealed."""
    return TargetSpec(
        value.client,
        value.name,
        value.kind,
        value.url,
        origin,
        value.system,
        round(value.interval.total_seconds() / MILLISECOND),
        round(value.timeout.total_seconds() / MILLISECOND),
        value.labels,
        value.options,
        value.user,
        secret,
        keeps_secret,
    )
