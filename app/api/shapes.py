"""What crosses the API for each kind: made from the section of the YAML, so that they agree."""

from dataclasses import dataclass
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, create_model

from access.scope import Scope
from app.configuration.examples import EXAMPLES
from app.configuration.kinds import Kind

NAMES = frozenset({"name", "client"})
"""What names a thing does not change: it stands in the path."""

VERSION: Any = Field(None, description="the version it was decided on; null: any")


@dataclass(frozen=True)
class Shapes:
    """One kind as it is sent (whole, or only what is to be changed), shown and listed."""

    given: type[BaseModel]
    whole: type[BaseModel]
    patch: type[BaseModel]
    shown: type[BaseModel]
    listed: type[BaseModel]

    @classmethod
    def of(cls, kind: Kind) -> Self:
        """Return the shapes of a kind."""
        thing, some = EXAMPLES[kind.section]
        name, a = kind.one.capitalize(), kind.a
        about = str(kind.given.__doc__)
        shown = create_model(
            f"{name}Out",
            __base__=kind.given,
            __config__=_showing({**thing, "origin": None, "version": 3}),
            __doc__=f"{about} `origin` names the file and line that own it.",
            origin=(str | None, ...),
            version=(int, ...),
        )
        return cls(
            given=create_model(
                f"{name}In", __base__=kind.given, __config__=_showing(thing), __doc__=about
            ),
            whole=create_model(
                f"{name}Whole",
                __base__=kind.given,
                __config__=_showing({**thing, "version": 3}),
                __doc__=f"All of {a}: what is left out has its default again.",
                origin=(None, Field(None, description="as it was shown: no file owns it")),
                version=(int | None, VERSION),
            ),
            patch=_patch(kind, f"{name}Patch", a, some),
            shown=shown,
            listed=create_model(
                f"{name}List",
                __doc__=f"One page of {kind.section}, by name.",
                items=(list[shown], ...),  # type: ignore[valid-type]
                next=(str | None, ...),
            ),
        )

    def show(self, kind: Kind, row: Any, scope: Scope) -> BaseModel:
        """Return what the API shows of a row to somebody of this scope."""
        written = kind.seen(kind.written(row), scope)
        return self.shown.model_validate({**written, "origin": row.origin, "version": row.version})


def _showing(example: dict[str, Any]) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [example]})


def _patch(kind: Kind, name: str, a: str, example: dict[str, Any]) -> type[BaseModel]:
    """Return a model in which every field may be left out; what is not named stays."""
    fields: dict[str, Any] = {
        field: (known.rebuild_annotation(), None)
        for field, known in kind.given.model_fields.items()
        if field not in NAMES
    }
    return create_model(
        name,
        __config__=ConfigDict(extra="forbid", **_showing(example)),
        __doc__=f"What is to be changed of {a}; what is not named stays.",
        version=(int | None, VERSION),
        **fields,
    )
