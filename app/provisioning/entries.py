"""Folders of YAML, entry by entry: what they say, where it stands, and what is wrong with it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import orjson
from pydantic import BaseModel, ValidationError

from access.scope import HOUSE
from alerting.groups.schemas import Placed
from alerting.lifecycle import Priority
from app.provisioning.mistakes import Mistake, mistakes_of, written
from app.provisioning.rule_files import Asked, rule_files, shown
from app.provisioning.sections import OF_CLIENTS, SECTIONS
from app.provisioning.yaml_tree import NotRead, Tree, read
from kit.plain import Place

FILES_MOST = 500
SUFFIXES = (".yml", ".yaml")
OFF = "off"

Kind = TypeVar("Kind", bound=BaseModel)
Key = tuple[str, ...]


@dataclass(frozen=True)
class Source:
    """A file that was read, under the name that people see."""

    name: str
    tree: Tree

    def mistake(self, place: Place, message: str, *, line: int | None = None) -> Mistake:
        """Return what is wrong at a place of this file."""
        return Mistake(self.name, line or self.tree.line(place), written(place), message)


@dataclass(frozen=True)
class Entry:
    """One thing of a section; `value` None: it stands there, but with mistakes."""

    section: str
    key: Key
    value: Any
    source: Source
    place: Place
    layer: int

    @property
    def origin(self) -> str:
        """The file and line that own the row."""
        return f"{self.source.name}:{self.source.tree.line(self.place)}"

    def mistake(self, inside: Place, message: str) -> Mistake:
        """Return what is wrong somewhere inside this entry."""
        return self.source.mistake((*self.place, *inside), message)


@dataclass
class Provision:
    """Everything that the files say, by section and name; later folders replaced earlier ones."""

    entries: dict[str, dict[Key, Entry]] = field(
        default_factory=lambda: {section: {} for section in SECTIONS}
    )
    groups: list[Placed] = field(default_factory=list)
    severities: dict[str, Priority] = field(default_factory=dict)

    def of(self, section: str, kind: type[Kind]) -> Iterator[tuple[Kind, Entry]]:
        """Yield what a section says, in the order of the files."""
        for entry in self.entries[section].values():
            if isinstance(entry.value, kind):
                yield entry.value, entry

    def names(self, section: str) -> set[str]:
        """Return the last part of every name in a section, the broken ones too."""
        return {key[-1] for key in self.entries[section]}


def files_of(folder: Path) -> list[Path]:
    """Return the YAML files right inside `folder`, by name."""
    found = (path for path in folder.iterdir() if path.suffix in SUFFIXES)
    return sorted(path for path in found if path.is_file() and not path.name.startswith("."))


class Loader:
    """Reads folders one after the other and keeps what is wrong with them."""

    def __init__(self) -> None:
        self.provision = Provision()
        self.mistakes: list[Mistake] = []
        self.folders: dict[str, Path] = {}
        self._asked: list[tuple[Source, Place, Asked]] = []
        self._layer = 0

    def folder(self, folder: Path) -> None:
        """Read every file of a folder, over what was read before."""
        self._layer += 1
        name = shown(folder)
        try:
            paths = files_of(folder)
        except OSError as error:
            self.mistakes.append(Mistake(name, 1, "", f"cannot be read: {error.strerror}"))
            return
        if len(paths) > FILES_MOST:
            self.mistakes.append(Mistake(name, 1, "", f"more than {FILES_MOST} files"))
            return
        for path in paths:
            self._file(path)

    def _file(self, path: Path) -> None:
        name = shown(path)
        try:
            tree = read(path.read_bytes())
        except OSError as error:
            self.mistakes.append(Mistake(name, 1, "", f"cannot be read: {error.strerror}"))
            return
        except NotRead as refusal:
            self.mistakes.append(Mistake(name, refusal.line, "", refusal.message))
            return
        source = Source(name, tree)
        self.folders[name] = path.parent
        self.mistakes += [source.mistake(place, why, line=at) for place, at, why in tree.wrong]
        if not isinstance(tree.value, dict | None):
            sections = ", ".join(SECTIONS)
            self._wrong(source, (), f"a file is a mapping of sections: {sections}")
            return
        for section, items in (tree.value or {}).items():
            self._section(source, section, items)

    def _wrong(self, source: Source, place: Place, message: str) -> None:
        self.mistakes.append(source.mistake(place, message))

    def _section(self, source: Source, section: str, items: Any) -> None:
        if section == "rule_files":
            self._rule_files(source, items)
        elif section == "severities":
            self._severities(source, items)
        elif section not in SECTIONS:
            known = ", ".join(SECTIONS)
            self._wrong(source, (section,), f"there is no such section; there are {known}")
        elif items is not None and not isinstance(items, list):
            self._wrong(source, (section,), "write a list of entries: [{name: …}, …]")
        else:
            for number, raw in enumerate(items or []):
                self._item(source, section, raw, (section, number))

    def _rule_files(self, source: Source, items: Any) -> None:
        for number, raw in enumerate(items if isinstance(items, list) else [items]):
            place: Place = ("rule_files", number)
            try:
                asked = Asked.model_validate(raw)
            except ValidationError:
                self._wrong(source, place, "write a path, or {files: [rules/*.yml], clients: […]}")
                continue
            self._asked.append((source, place, asked))

    def _severities(self, source: Source, items: Any) -> None:
        for word, priority in items.items() if isinstance(items, dict) else [("", items)]:
            if priority not in list(Priority):
                self._wrong(source, ("severities", word), "write a mapping: {critical: P1, …}")
                continue
            self.provision.severities[word.lower()] = Priority(priority)

    def finish(self) -> Provision:
        """Read the rule files that were named, and return all that there is."""
        known = {entry.key[0] for entry in self.provision.entries["clients"].values()} | {HOUSE}
        for source, place, asked in self._asked:
            for name in asked.clients or ():
                if name not in known:
                    self._wrong(source, place, f"no client is called {name}")
            found, mistakes = rule_files(asked, self.folders[source.name])
            self.mistakes += mistakes
            if not found and not mistakes:
                self._wrong(source, place, "there is no such file")
            self.provision.groups += found
        twice = {(group.file, group.spec.name) for group in self.provision.groups}
        if len(twice) < len(self.provision.groups):
            self.provision.groups = list(
                {(group.file, group.spec.name): group for group in self.provision.groups}.values()
            )
        return self.provision

    def _item(self, source: Source, section: str, raw: Any, place: Place) -> None:
        if not isinstance(raw, dict):
            self._wrong(source, place, "write a mapping: {name: …}")
            return
        if section == "thresholds" and OFF in raw:
            self._switch_off(source, raw, place)
            return
        value = self._validated(source, section, raw, place)
        key = _key(section, raw)
        if key is None:
            return
        entry = Entry(section, key, value, source, place, self._layer)
        known = self.provision.entries[section].get(key)
        if known is not None and known.layer == self._layer:
            name = "/".join(key)
            self._wrong(source, (*place, "name"), f"{name} is there already: {known.origin}")
            return
        self.provision.entries[section][key] = entry

    def _validated(self, source: Source, section: str, raw: Any, place: Place) -> Any:
        kind = SECTIONS[section]
        if "origin" in raw:
            self._wrong(source, (*place, "origin"), "there is no such field")
            return None
        try:
            value = kind.model_validate_json(orjson.dumps(raw), strict=True)
        except ValidationError as error:
            for inside, message in mistakes_of(error, kind, raw):
                self._wrong(source, (*place, *inside), message)
            return None
        return value

    def _switch_off(self, source: Source, raw: Mapping[str, Any], place: Place) -> None:
        key = _key("thresholds", raw)
        if key is None or raw[OFF] is not True or len(raw) != 2:
            self._wrong(
                source, (*place, OFF), "to switch a default off, write {name: …, off: true}"
            )
        elif self.provision.entries["thresholds"].pop(key, None) is None:
            self._wrong(source, (*place, "name"), f"no default is called {key[0]}")


def _key(section: str, raw: Mapping[str, Any]) -> Key | None:
    parts = ("client", "name") if section in OF_CLIENTS else ("name",)
    key = tuple(raw.get(part) for part in parts)
    return key if all(isinstance(part, str) for part in key) else None  # type: ignore[return-value]
