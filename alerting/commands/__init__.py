"""Verbs on alerts (`observing`) and on rules (`rules`). Nothing here commits."""

from alerting.commands.observing import AlertsMoved, decide, forget, observe, set_aside, take_back
from alerting.commands.rules import drop_threshold, keep_threshold, provision, provision_groups

__all__ = [
    "AlertsMoved",
    "decide",
    "drop_threshold",
    "forget",
    "keep_threshold",
    "observe",
    "provision",
    "provision_groups",
    "set_aside",
    "take_back",
]
