"""Prometheus rule files, read as they are; what is wrong names file, line, group and rule."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from alerting.groups.schemas import GroupSpec, Placed
from app.provisioning.mistakes import Mistake, mistakes_of, written
from app.provisioning.yaml_tree import NotRead, Tree, read
from kit.plain import Place
from kit.settings import ROOT


def _as_files(raw: Any) -> Any:
    return {"files": [raw]} if isinstance(raw, str) else raw


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    files: Annotated[list[str], BeforeValidator(_as_list), Field(min_length=1)]
    clients: Annotated[list[str] | None, Field(min_length=1)] = None


class Asked(_Asked):
    """An entry of `rule_files`: paths with `*`, and for which clients their rules hold."""

    @classmethod
    def model_validate(cls, raw: Any, **more: Any) -> "Asked":  # type: ignore[override]
        """Return an entry; a path alone is for all clients."""
        return super().model_validate(_as_files(raw), **more)


def rule_files(asked: Asked, folder: Path) -> tuple[list[Placed], list[Mistake]]:
    """Return the groups of the files that an entry names, and what is wrong with them."""
    groups: list[Placed] = []
    mistakes: list[Mistake] = []
    for path in dict.fromkeys(_matching(asked.files, folder)):
        found, wrong = groups_of(path, asked.clients)
        groups += found
        mistakes += wrong
    return groups, mistakes


def _matching(patterns: list[str], folder: Path) -> Iterator[Path]:
    for pattern in patterns:
        whole = Path(pattern)
        if not whole.is_absolute():
            yield from sorted(path for path in folder.glob(pattern) if path.is_file())
        else:
            base = Path(whole.anchor)
            yield from sorted(p for p in base.glob(str(whole.relative_to(base))) if p.is_file())


def groups_of(path: Path, clients: list[str] | None) -> tuple[list[Placed], list[Mistake]]:
    """Return the groups of one file, and all that is wrong with it."""
    name = shown(path)
    try:
        tree = read(path.read_bytes(), foreign=True)
    except OSError as error:
        return [], [Mistake(name, 1, "", f"cannot be read: {error.strerror}")]
    except NotRead as refusal:
        return [], [Mistake(name, refusal.line, "", refusal.message)]
    wrong = [Mistake(name, line, written(place), why) for place, line, why in tree.wrong]
    if tree.value is None:
        return [], wrong
    return _groups(name, tree, clients, wrong)


def _groups(
    name: str, tree: Tree, clients: list[str] | None, wrong: list[Mistake]
) -> tuple[list[Placed], list[Mistake]]:
    value = tree.value
    if not isinstance(value, dict) or set(value) - {"groups"}:
        return [], [*wrong, Mistake(name, 1, "", "a rule file is a mapping with `groups`")]
    found, names = [], set[str]()
    groups = value.get("groups") or []
    if not isinstance(groups, list):
        return [], [*wrong, Mistake(name, 1, "groups", "write a list of groups")]
    for number, raw in enumerate(groups):
        place: Place = ("groups", number)
        if isinstance(raw, dict) and raw.get("name") in names:
            message = f"the group {raw['name']!r} stands here twice"
            wrong.append(Mistake(name, tree.line(place), written(place), message))
        names.add(str(raw.get("name")) if isinstance(raw, dict) else "")
        try:
            spec = GroupSpec.model_validate(raw)
        except ValidationError as error:
            wrong += _mistakes(name, tree, place, raw, error)
            continue
        lines = [tree.line((*place, "rules", rule)) for rule in range(len(spec.rules))]
        found.append(Placed(name, spec, lines, clients))
    return found, wrong


def _mistakes(
    name: str, tree: Tree, place: Place, raw: Any, error: ValidationError
) -> Iterator[Mistake]:
    for inside, message in mistakes_of(error, GroupSpec, raw):
        where = (*place, *inside)
        yield Mistake(name, tree.line(where), written(where), f"{_whose(raw, inside)}{message}")


def _whose(raw: Any, inside: Place) -> str:
    """Return the group and the rule in words."""
    if not isinstance(raw, Mapping):
        return ""
    said = f"group {raw.get('name', '')!r}"
    if len(inside) > 1 and inside[0] == "rules" and isinstance(inside[1], int):
        rule = raw["rules"][inside[1]]
        called = (rule.get("alert") or rule.get("record")) if isinstance(rule, Mapping) else None
        said += f", rule {called!r}" if called else f", rule {inside[1] + 1}"
    return f"{said}: "


def shown(path: Path) -> str:
    """Return a path as people know it: inside the checkout from there, else as it was given."""
    full = path.absolute()
    return str(full.relative_to(ROOT)) if full.is_relative_to(ROOT) else str(path)
