"""What a query is refused for."""

from kit.errors import Invalid


class NotComputable(Invalid):
    """The query is well written, but over these series it has no answer, or too large a one."""

    slug, title = "query-not-computable", "The query cannot be computed"


class Stopped(NotComputable):
    """Nobody waits for the answer any more."""

    slug, title = "query-stopped", "The query was stopped"


class NotYet(Invalid):
    """The query uses a part of PromQL that is not here yet."""

    slug, title = "query-not-supported", "This part of PromQL is not supported yet"


def unsupported(what: str) -> NotYet:
    """Return the refusal of a part of PromQL that is not here yet."""
    return NotYet("{what} is not supported yet", field="query", what=what)
