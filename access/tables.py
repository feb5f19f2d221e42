"""Rows of access. `origin` is the file and line of the YAML that owns a row; None: made by hand."""

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import BigInteger, ForeignKey, ForeignKeyConstraint, Identity, Index
from sqlalchemy.orm import Mapped, mapped_column

from access.scope import LinkPurpose, Role
from kit.db import Base


class Client(Base):
    """A customer, a tenant. Changed by admins and by provisioning."""

    __tablename__ = "clients"

    name: Mapped[str] = mapped_column(primary_key=True)
    title: Mapped[str]
    locale: Mapped[str] = mapped_column(default="zh-CN")
    timezone: Mapped[str] = mapped_column(default="Asia/Shanghai")
    sla: Mapped[str] = mapped_column(default="standard")
    escalation: Mapped[str | None]
    overrides: Mapped[dict[str, Any]] = mapped_column(default=dict)
    origin: Mapped[str | None]
    version: Mapped[int] = mapped_column()

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy's own form


class System(Base):
    """A client's software system; `match` tells which series are its own."""

    __tablename__ = "systems"

    client: Mapped[str] = mapped_column(ForeignKey("clients.name"), primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    title: Mapped[str]
    core: Mapped[bool] = mapped_column(default=False)
    match: Mapped[dict[str, str]] = mapped_column(default=dict)
    escalation: Mapped[str | None]
    position: Mapped[int] = mapped_column(default=0)
    origin: Mapped[str | None]
    version: Mapped[int] = mapped_column()

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy's own form


class Target(Base):
    """A host or endpoint that we go and ask, every `interval_ms`; `secret` is kept sealed.

    `paused_…`: somebody wants it left alone, whoever owns it.
    """

    __tablename__ = "targets"
    __table_args__ = (
        ForeignKeyConstraint(["client", "system"], ["systems.client", "systems.name"]),
    )

    client: Mapped[str] = mapped_column(ForeignKey("clients.name"), primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    system: Mapped[str | None]
    kind: Mapped[str]
    url: Mapped[str]
    interval_ms: Mapped[int] = mapped_column(default=15_000)
    timeout_ms: Mapped[int] = mapped_column(default=10_000)
    labels: Mapped[dict[str, str]] = mapped_column(default=dict)
    options: Mapped[dict[str, Any]] = mapped_column(default=dict)
    user: Mapped[str | None]
    secret: Mapped[str | None]
    disabled: Mapped[bool] = mapped_column(default=False)
    paused_why: Mapped[str | None]
    paused_by: Mapped[str | None]
    paused_at: Mapped[datetime | None]
    origin: Mapped[str | None]
    version: Mapped[int] = mapped_column()

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy's own form


class Person(Base):
    """Somebody who signs in or is notified; `clients` None means every client's rows.

    `mail` is where invitations and resets go, in small letters; an admin or a file sets it.
    """

    __tablename__ = "people"

    name: Mapped[str] = mapped_column(primary_key=True)
    title: Mapped[str]
    role: Mapped[Role] = mapped_column(default=Role.ENGINEER)
    locale: Mapped[str] = mapped_column(default="zh-CN")
    timezone: Mapped[str] = mapped_column(default="Asia/Shanghai")
    clients: Mapped[list[str] | None]
    mail: Mapped[str | None] = mapped_column(unique=True)
    password_hash: Mapped[str | None]
    disabled: Mapped[bool] = mapped_column(default=False)
    origin: Mapped[str | None]
    version: Mapped[int] = mapped_column()

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy's own form


class Token(Base):
    """What a program shows to be let in: kept as a digest; `client` None means all clients."""

    __tablename__ = "tokens"

    name: Mapped[str] = mapped_column(primary_key=True)
    digest: Mapped[str] = mapped_column(unique=True)
    client: Mapped[str | None] = mapped_column(ForeignKey("clients.name"))
    rights: Mapped[list[str]]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    origin: Mapped[str | None]


class BrowserSession(Base):
    """A signed-in browser; the cookie holds the secret, the row its digest, pages name its `id`."""

    __tablename__ = "browser_sessions"
    __table_args__ = (Index("ix_browser_sessions_person", "person"),)

    digest: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(default=uuid4, unique=True)
    person: Mapped[str] = mapped_column(ForeignKey("people.name", ondelete="CASCADE"))
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    address: Mapped[str] = mapped_column(default="")
    agent: Mapped[str] = mapped_column(default="")


class PasswordLink(Base):
    """A signed link by which a person chooses a password; gone once used, or when one is set."""

    __tablename__ = "password_links"
    __table_args__ = (Index("ix_password_links_person", "person"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    person: Mapped[str] = mapped_column(ForeignKey("people.name", ondelete="CASCADE"))
    purpose: Mapped[LinkPurpose]
    made_at: Mapped[datetime]
    made_by: Mapped[str]
    ends_at: Mapped[datetime]


class ResetRequest(Base):
    """Somebody asked for a link to choose another password; too many are not answered."""

    __tablename__ = "reset_requests"
    __table_args__ = (
        Index("ix_reset_requests_name_at", "name", "at"),
        Index("ix_reset_requests_address_at", "address", "at"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    name: Mapped[str]
    address: Mapped[str]
    at: Mapped[datetime]


class Subject(Base):
    """Who a provider of single sign-on means: its own name for somebody, and our person."""

    __tablename__ = "sign_on_subjects"
    __table_args__ = (Index("ix_sign_on_subjects_person", "person"),)

    issuer: Mapped[str] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(primary_key=True)
    person: Mapped[str] = mapped_column(ForeignKey("people.name", ondelete="CASCADE"))
    linked_at: Mapped[datetime]
    seen_at: Mapped[datetime]


class SignInAttempt(Base):
    """A try to sign in that has not succeeded; too many of them shut the door for a while."""

    __tablename__ = "sign_in_attempts"
    __table_args__ = (
        Index("ix_sign_in_attempts_name_at", "name", "at"),
        Index("ix_sign_in_attempts_address_at", "address", "at"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    name: Mapped[str]
    address: Mapped[str]
    at: Mapped[datetime] = mapped_column(index=True)


class Configuration(Base):
    """The one row that says how often the configuration has changed; moves with every change."""

    __tablename__ = "configuration"

    only: Mapped[bool] = mapped_column(primary_key=True, default=True)
    version: Mapped[int] = mapped_column(BigInteger)


class AuditEntry(Base):
    """Who did what to which thing when; only ever added."""

    __tablename__ = "audit_entries"
    __table_args__ = (
        Index("ix_audit_entries_client_id", "client", "id"),
        Index("ix_audit_entries_did_id", "did", "id"),
        Index("ix_audit_entries_who_id", "who", "id"),
        Index("ix_audit_entries_on_id", "on", "id"),
        Index("ix_audit_entries_at", "at"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    at: Mapped[datetime]
    who: Mapped[str]
    did: Mapped[str]
    on: Mapped[str]
    client: Mapped[str | None]
    facts: Mapped[dict[str, Any]] = mapped_column(default=dict)


class Answered(Base):
    """An answer kept under its Idempotency-Key, so that the same request again gets the same."""

    __tablename__ = "answered"

    key: Mapped[str] = mapped_column(primary_key=True)
    who: Mapped[str] = mapped_column(primary_key=True)
    request_digest: Mapped[str]
    status: Mapped[int]
    body: Mapped[dict[str, Any]]
    at: Mapped[datetime]
