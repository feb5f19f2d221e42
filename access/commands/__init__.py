"""Verbs of access, each called inside one transaction; they never commit."""

from access.commands.answers import once, remember, remembered
from access.commands.built_ins import BuiltIns, ensure_built_ins
from access.commands.by_hand import Hand, configured, hold_configuration, refuse_narrow
from access.commands.clients import (
    InUse,
    drop_client,
    drop_system,
    drop_target,
    exchange_seals,
    keep_client,
    keep_system,
    keep_target,
)
from access.commands.governing import LastAdmin, OwnRights
from access.commands.links import (
    ask_for_reset,
    choose_password,
    forget_links,
    invite,
    reset_link,
)
from access.commands.pausing import pause_target, resume_target
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
from access.commands.sessions import Device, end_session
from access.commands.staff import (
    change_own,
    change_person,
    disable_person,
    enable_person,
    make_person,
)
from access.commands.tokens import make_token, revoke_token
from access.commands.trail import OwnedByFile, audit, refuse_if_owned

__all__ = [
    "Attempt",
    "BuiltIns",
    "Device",
    "Hand",
    "InUse",
    "LastAdmin",
    "OwnRights",
    "OwnedByFile",
    "WrongPassword",
    "ask_for_reset",
    "attempt_sign_in",
    "audit",
    "change_own",
    "change_person",
    "choose_password",
    "configured",
    "disable_person",
    "drop_client",
    "drop_system",
    "drop_target",
    "enable_person",
    "end_session",
    "ensure_built_ins",
    "exchange_seals",
    "forget_links",
    "forget_sessions",
    "hold_configuration",
    "invite",
    "keep_client",
    "keep_system",
    "keep_target",
    "let_in",
    "make_person",
    "make_token",
    "once",
    "pause_target",
    "provision",
    "refuse_if_owned",
    "refuse_narrow",
    "remember",
    "remembered",
    "reset_link",
    "resume_target",
    "revoke_token",
    "seen",
    "set_password",
    "sign_out",
    "sign_out_everywhere",
]
