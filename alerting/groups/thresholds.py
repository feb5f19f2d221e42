"""An alerting rule of a file as the lifecycle knows rules: one step that holds while it is given."""

from alerting.groups.rules import FileRule
from alerting.lifecycle import Priority
from alerting.schemas import LevelSpec, ThresholdSpec
from alerting.thresholds import CompiledRule


def as_threshold(rule: FileRule, priority: Priority) -> CompiledRule:
    """Return the rule for alerts of this priority."""
    step = LevelSpec(present=True, hold=rule.spec.hold)
    keep = LevelSpec(present=True, hold=rule.spec.keep_firing_for)
    # its name is Prometheus's to choose, not ours to refuse
    spec = ThresholdSpec.model_construct(
        name=rule.key,
        title={"zh": rule.spec.alert, "en": rule.spec.alert},
        expr=rule.spec.expr,
        recover=keep,
        clients=None if rule.group.clients is None else list(rule.group.clients),
        **{priority.value: step},
    )
    return CompiledRule(spec)
