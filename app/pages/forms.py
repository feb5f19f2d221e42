"""Forms of pages: what was sent stays in its fields, and what is wrong stands below them."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from kit.errors import Refusal, unfit
from kit.i18n import t, told

Shape = TypeVar("Shape", bound=BaseModel)
FOUND = frozenset({"missing", "string_too_short", "string_too_long", "string_pattern_mismatch"})


@dataclass
class Form:
    """What the fields hold, and what is wrong with each; "" is the form as a whole."""

    values: Mapping[str, str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Let every field be asked for, also those that were not sent."""
        self.values = defaultdict(str, self.values)
        self.errors = defaultdict(str, self.errors)

    def rows(self, name: str) -> list[int]:
        """Return the numbers of the rows of a list, in their order."""
        above = f"{name}."
        found = (
            field[len(above) :].split(".")[0]
            for field in self.values
            if above in field[: len(above)]
        )
        return sorted({int(number) for number in found if number.isdecimal()})


class FormRefused(Exception):
    """The fields do not make what was asked for: `form` says where and why."""

    def __init__(self, form: Form) -> None:
        super().__init__(dict(form.errors))
        self.form = form


def understood(shape: type[Shape], said: Mapping[str, object], form: Form, locale: str) -> Shape:
    """Return the API's own shape from a form, or raise `FormRefused` with a word at each field."""
    try:
        return shape.model_validate(said)
    except ValidationError as error:
        for one in error.errors():
            name = ".".join(str(part) for part in one["loc"])
            kind = one["type"] if one["type"] in FOUND else "value_error"
            why = told(unfit(one), locale)
            form.errors.setdefault(name, t(f"form.{kind}", locale, why=why))
        raise FormRefused(form) from error


def refused(form: Form, refusal: Refusal) -> Form:
    """Return the form with what the command said: at its field if it named one."""
    name = str(refusal.facts.get("field", ""))
    form.errors[name if name in form.values else ""] = refusal.detail
    return form
