"""Refusals: what a package says no with. It knows no HTTP number; `app.problems` maps the kinds."""

import re
from collections.abc import Mapping
from typing import Any, ClassVar, Self

_PLACE = re.compile(r"\{(\w+)(!r)?\}")


class Said(str):
    """A sentence for people: English, and what it was made of, so that `kit.i18n` can translate it.

    `{name}` and `{name!r}` stand for facts; other braces are nothing special.
    """

    pattern: str
    facts: Mapping[str, object]

    def __new__(cls, pattern: str, /, **facts: object) -> Self:
        """Fill the facts into the pattern."""
        return cls.quoting(_filled(pattern, facts), pattern, facts)

    @classmethod
    def quoting(cls, english: str, pattern: str, facts: Mapping[str, object]) -> Self:
        """Return words of somebody else's, known by the name `pattern`."""
        made = super().__new__(cls, english)
        made.pattern, made.facts = pattern, facts
        return made


def _filled(pattern: str, facts: Mapping[str, object]) -> str:
    def fact(place: re.Match[str]) -> str:
        name, quoted = place.groups()
        if name not in facts:
            return place[0]
        return repr(facts[name]) if quoted else str(facts[name])

    return _PLACE.sub(fact, pattern)


def unfit(error: Mapping[str, Any]) -> Said:
    """Return what pydantic says is wrong with a value: our validators' words, or its own."""
    context = error.get("ctx", {})
    ours = context.get("error")
    if isinstance(ours, ValueError) and ours.args:
        words = ours.args[0]
        return words if isinstance(words, Said) else Said(str(words))
    return Said.quoting(error["msg"], error["type"], context)


class Refusal(Exception):
    """A request that is answered with no, and why; each kind has a page of its own.

    `detail` is a pattern that `facts` fill in; its translation stands in `locales/said`.
    """

    slug: ClassVar[str] = "refused"
    title: ClassVar[str] = "Refused"

    def __init__(self, detail: str, **facts: object) -> None:
        self.detail = detail if isinstance(detail, Said) else Said(detail, **facts)
        self.facts = facts
        super().__init__(self.detail)


class NotFound(Refusal):
    """There is no such thing, or not for this caller."""

    slug, title = "not-found", "No such thing"


class Conflict(Refusal):
    """The thing is not in a state that allows this."""

    slug, title = "conflict", "Not possible in this state"


class ChangedMeanwhile(Conflict):
    """Somebody else changed the thing between its being read and our writing."""

    slug, title = "changed-meanwhile", "Somebody else was faster"


class Unauthorized(Refusal):
    """Nobody we know is asking."""

    slug, title = "unauthorized", "Sign in, or send a valid token"


class Forbidden(Refusal):
    """We know who asks, and that is not enough."""

    slug, title = "forbidden", "Not allowed"


class Invalid(Refusal):
    """What was sent cannot be understood; `field` names the place."""

    slug, title = "invalid", "The request is not valid"

    def __init__(self, detail: str, *, field: str | None = None, **facts: object) -> None:
        super().__init__(detail, **({"field": field} if field else {}), **facts)
        self.field = field


class TooLarge(Refusal):
    """More was sent than is taken at once."""

    slug, title = "too-large", "The request is too large"


class Unsupported(Refusal):
    """It was sent in a form that this port does not speak."""

    slug, title = "unsupported-media-type", "This form is not spoken here"


class TooMany(Refusal):
    """Too many tries; `retry_after` says in how many seconds another one is welcome."""

    slug, title = "too-many", "Too many requests"

    def __init__(self, detail: str, *, retry_after: int, **facts: object) -> None:
        super().__init__(detail, **facts)
        self.retry_after = retry_after


class Overloaded(Refusal):
    """Not now: the sender keeps what it has and comes again after `retry_after` seconds."""

    slug, title = "overloaded", "Too busy to take this now"

    def __init__(self, detail: str, *, retry_after: int = 5, **facts: object) -> None:
        super().__init__(detail, **facts)
        self.retry_after = retry_after
