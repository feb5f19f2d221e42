"""The layers of a schedule as fields of a form, and back. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from app.pages.admin.desks import given, rows, text, words
from app.pages.nested import Tree
from oncall.rotation import DAY, WEEK, Hours
from oncall.schedule import Schedule, StandIn
from oncall.schemas import LayerIn

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
EVERY = "every"
BLANK: Mapping[str, Mapping[str, str]] = {
    "layers": {"rotation": "weekly", "day": "Mon", "time": "09:00", "people": ""},
    "only": {"days": "Mon Tue Wed Thu Fri", "from": "09:00", "to": "18:00"},
}
FORMS = {DAY: "daily", WEEK: "weekly"}


def said(tree: Tree) -> list[dict[str, Any]]:
    """Return the layers that the fields say, as files write them."""
    return [_layer(row) for row in rows(tree.get("layers"))]


def _layer(row: Tree) -> dict[str, Any]:
    rotation, day = text(row, "rotation"), text(row, "day")
    if rotation == "daily":
        day = ""
    return {
        "rotation": {"every": text(row, EVERY)} if rotation == EVERY else rotation,
        "handoff": f"{day} {text(row, 'time')}".strip(),
        "people": words(row.get("people")),
        "start": text(row, "start") or None,
        "only": [_hours(hours) for hours in rows(row.get("only"))],
    }


def _hours(row: Tree) -> dict[str, Any]:
    part = given(**{"from": text(row, "from"), "to": text(row, "to")})
    days = words(row.get("days"))
    return {**part, "days": days} if days else part


def fields(layers: list[dict[str, Any]]) -> dict[str, str]:
    """Return the fields of layers that stand."""
    return dict(_fields(layers))


def _fields(layers: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    for number, written in enumerate(layers):
        layer, at = LayerIn.model_validate(written).layer(), f"layers.{number}"
        form = FORMS.get(layer.every, EVERY) if written["rotation"] in FORMS.values() else EVERY
        every = written["rotation"][EVERY] if form == EVERY else ""
        yield f"{at}.rotation", form
        yield f"{at}.{EVERY}", every
        yield f"{at}.day", "" if layer.weekday is None else DAYS[layer.weekday]
        yield f"{at}.time", layer.at.strftime("%H:%M")
        yield f"{at}.start", layer.start.isoformat() if layer.start else ""
        yield f"{at}.people", " ".join(layer.people)
        for place, hours in enumerate(layer.only):
            yield from _fields_of_hours(f"{at}.only.{place}", hours)


def _fields_of_hours(at: str, hours: Hours) -> Iterator[tuple[str, str]]:
    yield f"{at}.days", " ".join(DAYS[day] for day in sorted(hours.days))
    yield f"{at}.from", hours.opens.strftime("%H:%M")
    yield f"{at}.to", hours.closes.strftime("%H:%M")


def plan(tree: Tree, zone: str, overrides: tuple[StandIn, ...]) -> Schedule:
    """Return the schedule that the fields come to; a layer that is half typed is left out."""
    layers = []
    for layer in said(tree):
        try:
            layers.append(LayerIn.model_validate(layer).layer())
        except ValidationError:
            continue
    return Schedule(zone, tuple(layers), overrides)
