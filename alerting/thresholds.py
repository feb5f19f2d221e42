"""Rules ready for use: whom they hold for, and what a client's overrides make of them. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from access.directory import ClientFacts, SystemFacts
from alerting.lifecycle import Absent, Ladder, Priority, Test
from alerting.schemas import Terms, ThresholdSpec
from kit.errors import Said

PARTS = (*Priority, "recover", "absent")


@dataclass(frozen=True)
class CompiledRule:
    """A rule as the evaluator knows it; `spec` is what its own ladder was made from.

    `group` is the lease of the group of a file that it is of.
    """

    spec: ThresholdSpec
    group: str = ""
    ladder: Ladder = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "ladder", ladder_of(self.spec))

    @property
    def name(self) -> str:
        """The name of the rule."""
        return self.spec.name

    def terms(self, client: ClientFacts | None) -> Terms:
        """Return what the rule says for `client`, or refuse an override that makes no sense."""
        changes = client.overrides.get(self.name) if client else None
        spec = overridden(self.spec, changes) if changes else self.spec
        ladder = ladder_of(spec) if changes else self.ladder
        said = (spec.unit, spec.escalation, spec.expr, self.group)
        return Terms(spec.name, spec.title, ladder, *said)


def ladder_of(spec: ThresholdSpec) -> Ladder:
    """Return the ladder that `spec` writes."""
    return Ladder(
        levels={priority: level.level for priority, level in spec.levels.items()},
        recover=spec.recover.level if spec.recover else None,
        absent=Absent(spec.absent.hold, spec.absent.priority) if spec.absent else None,
    )


def overridden(spec: ThresholdSpec, changes: Mapping[str, Any]) -> ThresholdSpec:
    """Return `spec` with a client's changes: limits by priority; None takes a part away."""
    written = spec.model_dump(by_alias=True, exclude_none=True)
    for part, change in changes.items():
        if part not in PARTS:
            raise ValueError(
                Said(
                    "an override has {parts}; {part!r} is none of them",
                    parts=", ".join(PARTS),
                    part=part,
                )
            )
        written[part] = None if change is None else _merged(written.get(part, {}), change)
    return ThresholdSpec.model_validate(written)


def differences(spec: ThresholdSpec, wanted: ThresholdSpec) -> dict[str, Any]:
    """Return the override that makes the ladder of `wanted` out of that of `spec`.

    What is the same in both is not named, so that it follows the threshold when that changes.
    """
    before, after = ladder_as_written(spec), ladder_as_written(wanted)
    return {
        str(part): _difference(before.get(part, {}), after[part]) if part in after else None
        for part in PARTS
        if before.get(part) != after.get(part)
    }


def _difference(own: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    return {name: said for name, said in wanted.items() if own.get(name) != said}


def applies(rule: CompiledRule, client: str, system: SystemFacts | None) -> bool:
    """Tell whether the rule watches a series of this client and system (None: of no system)."""
    spec = rule.spec
    if spec.clients is not None and client not in spec.clients:
        return False
    if spec.systems is not None:
        named = (system.name, f"{client}/{system.name}") if system else ()
        if not any(name in spec.systems for name in named):
            return False
    return spec.core is None or spec.core == (system is not None and system.core)


def ladder_as_written(spec: ThresholdSpec) -> dict[str, Any]:
    """Return the ladder part of `spec` as JSON, in the words of the YAML."""
    written = spec.model_dump(mode="json", by_alias=True, exclude_none=True)
    return {str(part): written[part] for part in PARTS if part in written}


def _merged(own: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    kept = {
        key: value for key, value in own.items() if key not in tuple(Test) or not _tests(change)
    }
    return {**kept, **change}


def _tests(change: Mapping[str, Any]) -> bool:
    return any(test.value in change for test in Test)
