"""Verbs of access, each called inside one transaction; they never commit."""

from access.commands.answers import once, remember, remembered
from access.commands.built_ins import BuiltIns, ensure_built_ins
from access.commands.by_hand import Hand, configured, hold_configuration
from access.commands.clients import (
    InUse,
    drop_client,
    drop_system,
    drop_target,
    keep_client,
    keep_system,
    keep_target,
)
from access.commands.people import (
    Attempt,
    WrongPassword,
    attempt_sign_in,
    forget_sessions,
    let_in,
    seen,
    set_password,
    sign_out,
    sign_out_everywhere,
)
from access.commands.provision import provision
from access.commands.tokens import make_token, revoke_token
from access.commands.trail import OwnedByFile, audit, refuse_if_owned

__all__ = [
    "Attempt",
    "BuiltIns",
    "Hand",
    "InUse",
    "OwnedByFile",
    "WrongPassword",
    "attempt_sign_in",
    "audit",
    "configured",
    "drop_client",
    "drop_system",
    "drop_target",
    "ensure_built_ins",
    "forget_sessions",
    "hold_configuration",
    "keep_client",
    "keep_system",
    "keep_target",
    "let_in",
    "make_token",
    "once",
    "provision",
    "refuse_if_owned",
    "remember",
    "remembered",
    "revoke_token",
    "seen",
    "set_password",
    "sign_out",
    "sign_out_everywhere",
]
