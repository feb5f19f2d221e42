"""Verbs of notifications, each called inside one transaction; they never commit."""

from notifications.commands.claims import claim
from notifications.commands.failures import settle, try_again
from notifications.commands.forgetting import forget
from notifications.commands.muting import hold_muted, mute, unmute
from notifications.commands.promises import CHANNEL, cancel, queue
from notifications.commands.receipts import Done, record, record_all
from notifications.commands.sealing import exchange_seals

__all__ = [
    "CHANNEL",
    "Done",
    "cancel",
    "claim",
    "exchange_seals",
    "forget",
    "hold_muted",
    "mute",
    "queue",
    "record",
    "record_all",
    "settle",
    "try_again",
    "unmute",
]
