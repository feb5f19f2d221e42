"""Settings: the environment with the prefix LANGYAN_, and where the checkout lies."""

from datetime import timedelta
from enum import StrEnum
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Self

from pydantic import BeforeValidator, Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from kit.durations import Duration

ROOT = Path(__file__).resolve().parent.parent
"""The checkout: `templates/`, `static/`, `locales/` and `alembic/` lie here."""


PREFIX = "LANGYAN_"


class JournalSync(StrEnum):
    """When the journal is forced to disk: once a second, or before each answer."""

    EVERYSEC = "everysec"
    ALWAYS = "always"


def _empty_is_none(value: object) -> object:
    return None if value == "" else value


OptionalText = Annotated[str | None, BeforeValidator(_empty_is_none)]
OptionalDuration = Annotated[Duration | None, BeforeValidator(_empty_is_none)]
OptionalSecret = Annotated[SecretStr | None, BeforeValidator(_empty_is_none)]


class Settings(BaseSettings):
    """What an operator can set; each is a variable LANGYAN_<NAME>."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore")

    database_url: OptionalText = None
    data_dir: Path = Path("data")
    listen: str = "127.0.0.1:8080"
    public_url: OptionalText = None
    secret_key: OptionalText = None
    secret_key_previous: OptionalText = None
    admin_token: OptionalText = None
    config: Path | None = None
    journal_sync: JournalSync = JournalSync.EVERYSEC
    metrics_url: OptionalText = None
    metrics_write_url: OptionalText = None
    metrics_token: OptionalSecret = None
    metrics_buffer: Annotated[int, Field(ge=1)] = 8192
    series_per_client: Annotated[int, Field(ge=1)] = 200_000
    retention: Duration = timedelta(days=400)
    retention_5m: OptionalDuration = None
    retention_1h: OptionalDuration = None
    heartbeat_url: OptionalText = None
    resolve_after: Duration = timedelta(minutes=1)
    flush_every: Duration = timedelta(minutes=10)
    watch_host: bool = True
    adopt: bool = False
    smtp_url: OptionalText = None
    mail_from: str = "langyan@localhost"
    allow_link_local: bool = False
    trusted_proxies: str = "127.0.0.1,::1"
    password_sign_in: bool = True
    oidc_issuer: OptionalText = None
    oidc_client_id: OptionalText = None
    oidc_client_secret: OptionalSecret = None
    oidc_name: str = "SSO"
    oidc_scopes: str = "openid profile email"
    oidc_role_claim: str = "groups"
    oidc_roles: dict[str, str] = Field(default_factory=dict)
    oidc_provision: bool = True
    log_format: str = "text"

    @field_validator("listen")
    @classmethod
    def _has_a_port(cls, value: str) -> str:
        host, _, port = value.rpartition(":")
        if not host or not port.isdigit() or int(port) > 65535:
            raise ValueError("write it as address:port, for example 127.0.0.1:8080")
        return value

    @field_validator("database_url")
    @classmethod
    def _asyncpg(cls, value: str | None) -> str | None:
        if value is None:
            return None
        scheme, _, rest = value.partition("://")
        if scheme.split("+")[0] not in ("postgres", "postgresql") or not rest:
            raise ValueError("only PostgreSQL is spoken: postgresql://user:password@host/name")
        return f"postgresql+asyncpg://{rest}"

    @field_validator("metrics_url", "metrics_write_url")
    @classmethod
    def _answers_http(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("https://", "http://")):
            raise ValueError("write the address that stands before /api/v1: http://…")
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, value: str) -> str:
        for each in filter(None, map(str.strip, value.split(","))):
            ip_network(each, strict=False)
        return value

    @field_validator("oidc_issuer")
    @classmethod
    def _is_an_address(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("https://", "http://")):
            raise ValueError("write the issuer's address, as its tokens name it: https://…")
        return value

    @model_validator(mode="after")
    def _single_sign_on_is_whole(self) -> Self:
        if self.oidc_issuer and not self.oidc_client_id:
            raise ValueError("LANGYAN_OIDC_ISSUER needs LANGYAN_OIDC_CLIENT_ID")
        if not self.password_sign_in and not self.oidc_issuer:
            raise ValueError("LANGYAN_PASSWORD_SIGN_IN=false needs LANGYAN_OIDC_ISSUER")
        return self

    @model_validator(mode="after")
    def _a_previous_key_had_a_successor(self) -> Self:
        if self.secret_key_previous and not self.secret_key:
            raise ValueError("LANGYAN_SECRET_KEY_PREVIOUS needs LANGYAN_SECRET_KEY")
        return self

    @property
    def retention_of_steps(self) -> dict[str, timedelta]:
        """How long samples are kept rolled up, by their step."""
        given = {"5m": self.retention_5m, "1h": self.retention_1h}
        return {name: self.retention if of is None else of for name, of in given.items()}

    @property
    def host(self) -> str:
        """The address to listen on."""
        return self.listen.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        """The port to listen on."""
        return int(self.listen.rpartition(":")[2])

    @property
    def url(self) -> str:
        """Where people and clients reach us, without a slash at the end."""
        return (self.public_url or f"http://{self.listen}").rstrip("/")
