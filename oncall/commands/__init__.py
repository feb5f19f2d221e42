"""Verbs of oncall, each called inside one transaction; they never commit."""

from oncall.commands.by_hand import (
    drop_policy,
    drop_schedule,
    keep_policy,
    keep_schedule,
    stand_down,
    stand_in,
)
from oncall.commands.contacts import (
    add_contact,
    change_contact,
    exchange_seals,
    remove_contact,
)
from oncall.commands.provisioning import Seal, provision

__all__ = [
    "Seal",
    "add_contact",
    "change_contact",
    "drop_policy",
    "drop_schedule",
    "exchange_seals",
    "keep_policy",
    "keep_schedule",
    "provision",
    "remove_contact",
    "stand_down",
    "stand_in",
]
