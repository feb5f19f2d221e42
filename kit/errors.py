"""Refusals: what a package says no with. It knows no HTTP number; `app.problems` maps the kinds."""

from typing import ClassVar


class Refusal(Exception):
    """A request that is answered with no, and why; each kind has a page of its own."""

    slug: ClassVar[str] = "refused"
    title: ClassVar[str] = "Refused"

    def __init__(self, detail: str, **facts: object) -> None:
        super().__init__(detail)
        self.detail = detail
        self.facts = facts


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

    def __init__(self, detail: str, *, retry_after: int) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class Overloaded(Refusal):
    """Not now: the sender keeps what it has and comes again after `retry_after` seconds."""

    slug, title = "overloaded", "Too busy to take this now"

    def __init__(self, detail: str, *, retry_after: int = 5) -> None:
        super().__init__(detail)
        self.retry_after = retry_after
