"""What crosses the API for each kind: made from the section of the YAML, so that they agree."""

from dataclasses import dataclass
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, create_model

from access.scope import Scope
from app.configuration.examples import EXAMPLES
from app.configuration.kinds import Kind
from kit.plain import BIGGEST

NAMES = frozenset({"name", "client"})
"""What names a thing does not change: it stands in the path."""

SECRETS = frozenset({"secret", "secret_env"})
"""What is never shown."""

VERSION: Any = Field(
    None, strict=True, ge=0, le=BIGGEST, description="the version it was decided on; null: any"
)


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
        shown = _shown(kind, f"{name}Out", about, thing)
        return cls(
            given=create_model(
                f"{name}In", __base__=kind.given, __config__=_showing(thing), __doc__=about
            ),
            whole=create_model(
                f"{name}Whole",
                __base__=kind.given,
                __config__=_showing({**thing, "version": 3}),
                __doc__=f"All of {a}: what is left out has its default again.",
                version=(int | None, VERSION),
                **_as_shown(kind),
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
        about = {"origin": row.origin, "version": row.version}
        if has_secret(kind):
            about["has_secret"] = row.secret is not None
        if pausable(kind):
            about["paused"] = row.paused_why
        return self.shown.model_validate({**kind.seen(kind.written(row), scope), **about})


def has_secret(kind: Kind) -> bool:
    """Tell whether things of this kind keep a secret, of which only that it is there is shown."""
    return not SECRETS.isdisjoint(kind.given.model_fields)


def pausable(kind: Kind) -> bool:
    """Tell whether things of this kind can be left alone for a while."""
    return kind.section == "targets"


def _shown(kind: Kind, name: str, about: str, example: dict[str, Any]) -> type[BaseModel]:
    """Return the model of an answer; what was once allowed to be written can always be read."""
    fields: dict[str, Any] = {
        field: (known.rebuild_annotation(), known.default if not known.is_required() else ...)
        for field, known in kind.given.model_fields.items()
        if field not in SECRETS
    }
    if has_secret(kind):
        fields["has_secret"] = (bool, ...)
    if pausable(kind):
        fields["paused"] = (str | None, Field(description="why it is not asked at present"))
    told = {key: value for key, value in example.items() if key not in SECRETS}
    return create_model(
        name,
        __config__=_showing({**told, "origin": None, "version": 3}),
        __doc__=f"{about} `origin` names the file and line that own it.",
        origin=(str | None, ...),
        version=(int, ...),
        **fields,
    )


def _as_shown(kind: Kind) -> dict[str, Any]:
    """Return the fields that only answers have, so that what was read can be sent back."""
    shown: dict[str, Any] = {
        "origin": (None, Field(None, description="as it was shown: no file owns it"))
    }
    if has_secret(kind):
        told = "as it was shown; a secret that is left out stays, null takes it away"
        shown["has_secret"] = (bool | None, Field(None, description=told))
    if pausable(kind):
        told = "as it was shown; POST …/pause and …/resume change it"
        shown["paused"] = (str | None, Field(None, description=told))
    return shown


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
