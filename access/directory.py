"""A snapshot of clients and systems that answers whose a series is. Pure: no clock, no database."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import re2

from kit.errors import Invalid

Matches = Callable[[str], bool]


def pattern(text: str) -> Matches:
    """Return the test whether a whole value matches: re2's dialect, in linear time."""
    options = re2.Options()
    options.dot_nl, options.log_errors = True, False
    try:
        found = re2.compile(text, options)
    except re2.error as error:
        why = error.args[0].decode() if isinstance(error.args[0], bytes) else error
        raise Invalid("{text!r} is not a regular expression: {why}", text=text, why=why) from None
    return lambda value: found.fullmatch(value) is not None


@dataclass(frozen=True)
class ClientFacts:
    """What the rest of the house needs to know of a client."""

    name: str
    title: str
    locale: str = "zh-CN"
    timezone: str = "Asia/Shanghai"
    sla: str = "standard"
    escalation: str | None = None
    overrides: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class SystemFacts:
    """What the rest of the house needs to know of a system; `core`: its loss stops the business."""

    client: str
    name: str
    title: str
    core: bool = False
    match: Mapping[str, str] = field(default_factory=dict)
    escalation: str | None = None

    @cached_property
    def _tests(self) -> tuple[tuple[str, Matches], ...]:
        return tuple((label, pattern(text)) for label, text in sorted(self.match.items()))

    def owns(self, labels: Mapping[str, str]) -> bool:
        """Tell whether every label test holds for the whole of its value."""
        tests = self._tests
        return bool(tests) and all(test(labels.get(label, "")) for label, test in tests)


class Directory:
    """Clients and their systems at one moment; replaced as a whole when either changes."""

    def __init__(
        self, clients: Mapping[str, ClientFacts], systems: tuple[SystemFacts, ...]
    ) -> None:
        self.clients = clients
        self._systems = {(system.client, system.name): system for system in systems}
        self._of_client: dict[str, list[SystemFacts]] = {}
        for system in systems:
            self._of_client.setdefault(system.client, []).append(system)

    @property
    def systems(self) -> Iterable[SystemFacts]:
        """All systems of all clients."""
        return self._systems.values()

    def system(self, client: str, name: str) -> SystemFacts | None:
        """Return a system's facts, or None."""
        return self._systems.get((client, name))

    def system_of(self, labels: Mapping[str, str]) -> str:
        """Return the name of the system that a series belongs to, "" for none."""
        client, named = labels.get("client", ""), labels.get("system", "")
        if named and (client, named) in self._systems:
            return named
        for system in self._of_client.get(client, ()):
            if system.owns(labels):
                return system.name
        return ""
