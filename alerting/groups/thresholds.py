"""An alert of a file as the lifecycle knows rules: one step, which holds while it is given."""

from datetime import timedelta
from typing import Any

from alerting.groups.rules import FileRule
from alerting.lifecycle import Priority
from alerting.schemas import LevelSpec, ThresholdSpec
from alerting.thresholds import CompiledRule


def as_threshold(rule: FileRule, priority: Priority) -> CompiledRule:
    """Return the rule for alerts of this priority."""
    step = _given_for(rule.spec.hold)
    # its name is Prometheus's to choose, not ours to refuse
    steps: dict[str, Any] = {priority.value: step}
    spec = ThresholdSpec.model_construct(
        None,
        name=rule.key,
        title={"zh": rule.spec.alert, "en": rule.spec.alert},
        expr=rule.spec.expr,
        recover=_given_for(rule.spec.keep_firing_for),
        clients=None if rule.group.clients is None else list(rule.group.clients),
        **steps,
    )
    return CompiledRule(spec, rule.group.lease)


def _given_for(length: timedelta) -> LevelSpec:
    return LevelSpec.model_validate({"present": True, "for": length})
