"""What there is, for the builders of queries: names, label values, series, words about metrics."""

import asyncio
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Annotated, Any, Protocol

from fastapi import APIRouter, Depends
from starlette.responses import Response

from access.scope import Identity, Right
from kit.errors import Invalid
from metrics.asked import MOST_MS, Asked, Parameters, in_form, in_url, refusals, wrong
from metrics.columns import Labels
from metrics.described import Described
from metrics.envelope import answered, cut, success
from metrics.matchers import Matcher
from metrics.promql.outline import outline
from metrics.promql.plan import plain
from metrics.promql.syntax import formatted, parse
from metrics.promql.tenancy import inside
from metrics.queries import as_sent

SURROGATES, SURROGATES_END = 0xD800, 0xDFFF
"""Numbers that stand for no character."""
_ESCAPED = re.compile(r"(?P<twice>__)|_(?P<code>[0-9a-fA-F]{1,6})_|_")
ON_THE_LOOP = 2_000
"""Series of more than these are gone through in a thread."""
_MATCH = {"match[]": ("a selector, as often as you like", False, "up")}
_BETWEEN = {
    "start": ("RFC 3339, or seconds since 1970", False, "1794177125"),
    "end": ("RFC 3339, or seconds since 1970", False, "1794180725"),
    "limit": ("at most so many; 0: all", False, "0"),
}
_NAMED = {"metric": ("of this metric alone", False, "up"), "limit": _BETWEEN["limit"]}
_QUERY = {"query": ("PromQL", True, "sum by(job)(up)")}
LISTED, LISTED_FORM = in_url({**_MATCH, **_BETWEEN}), in_form({**_MATCH, **_BETWEEN})
WRITTEN, WRITTEN_FORM = in_url(_QUERY), in_form(_QUERY)


class Shelves(Protocol):
    """What can be asked which series there are: the store."""

    described: Described

    async def known(self, matchers: Sequence[Matcher], start: int, end: int, /) -> list[Labels]:
        """Return the labels of matching series that have samples from `start` to `end` ms."""
        ...


@dataclass(frozen=True)
class Catalogue:
    """What one caller may see of the series in a store, as they were sent."""

    shelves: Shelves
    who: Identity

    async def names(self, asked: Parameters) -> bytes:
        """Return the names of labels."""
        found = await self._series(asked)
        return await self._worked(found, lambda: cut(_distinct(_names(found)), asked.limit()))

    async def values(self, name: str, asked: Parameters) -> bytes:
        """Return the values of one label."""
        found = await self._series(asked)
        return await self._worked(
            found, lambda: cut(_distinct(_values(found, name)), asked.limit())
        )

    async def series(self, asked: Parameters) -> bytes:
        """Return series, each as its labels."""
        if not asked.each("match[]"):
            raise wrong("match[]", "no match[] parameter provided")
        found = await self._series(asked)
        return await self._worked(
            found, lambda: cut([dict(one) for one in sorted(found)], asked.limit())
        )

    async def metadata(self, asked: Parameters) -> bytes:
        """Return what senders say about metrics: kind, help, unit."""
        told, limit = self.shelves.described.of(self.who.scope), asked.limit()
        most = asked.limit("limit_per_metric")
        if name := asked.get("metric"):
            told = {name: told[name]} if name in told else {}
        return success(
            {
                metric: [
                    {"type": about.kind, "help": about.help, "unit": about.unit}
                    for about in (said[:most] if most else said)
                ]
                for metric, said in list(told.items())[: limit or None]
            }
        )

    async def _series(self, asked: Parameters) -> list[Labels]:
        """Return the labels of the series that any of the selectors fits."""
        start, end = _between(asked)
        chosen = [matchers_of(text) for text in asked.each("match[]")] or [()]
        scope = self.who.scope.clients
        own = () if scope is None else inside(scope)
        found = [await self.shelves.known((*one, *own), start, end) for one in chosen]
        labels = as_sent(found[0] if len(found) == 1 else list(chain.from_iterable(found)))
        return list(labels if len(found) == 1 else dict.fromkeys(labels))

    async def _worked(self, found: Sequence[Labels], work: Callable[[], bytes]) -> bytes:
        return work() if len(found) <= ON_THE_LOOP else await asyncio.to_thread(work)


def _between(asked: Parameters) -> tuple[int, int]:
    start = asked.moment("start") if asked.get("start") else -MOST_MS
    end = asked.moment("end") if asked.get("end") else MOST_MS
    if end < start:
        raise wrong("end", "end timestamp must not be before start time")
    return start, end


def matchers_of(text: str) -> tuple[Matcher, ...]:
    """Return what a `match[]` asks for."""
    try:
        selector = plain(parse(text))
    except Invalid as refusal:
        raise wrong("match[]", refusal.detail) from None
    if selector is None:
        raise wrong("match[]", f"{text!r} is no selector")
    return selector.matchers


def label_of(text: str) -> str:
    """Return the label that is meant in a path: `U__http_2e_code` is `http.code`.

    So Prometheus's clients write names that have more than letters, digits and underscores.
    """
    found = _ESCAPED.sub(_unescaped, text[3:])
    return found if text.startswith("U__") and "\0" not in found else text


def _unescaped(found: re.Match[str]) -> str:
    if found["code"] is None:
        return "_" if found["twice"] else "\0"
    code = int(found["code"], 16)
    return chr(code) if code < SURROGATES or SURROGATES_END < code <= sys.maxunicode else "\0"


def _names(found: Iterable[Labels]) -> Iterable[str]:
    return (name for labels in found for name, _ in labels)


def _values(found: Iterable[Labels], wanted: str) -> Iterable[str]:
    return (value for labels in found for name, value in labels if name == wanted)


def _distinct(found: Iterable[str]) -> list[str]:
    return sorted(set(found))


def router(shelves: Callable[..., Any], caller: Callable[..., Any], prefix: str) -> APIRouter:
    """Return the routes; `shelves` and `caller` are dependencies: the store, and who asks."""
    routes = APIRouter(
        prefix=prefix,
        tags=["prometheus"],
        default_response_class=Response,
        responses=refusals(),
    )

    async def catalogue(
        who: Annotated[Identity, Depends(caller)], store: Annotated[Shelves, Depends(shelves)]
    ) -> Catalogue:
        who.need(Right.READ)
        return Catalogue(store, who)

    _lists(routes, catalogue)
    _words(routes, catalogue)
    return routes


def _lists(routes: APIRouter, catalogue: Callable[..., Any]) -> None:
    Seen = Annotated[Catalogue, Depends(catalogue)]

    @routes.post("/labels", openapi_extra=LISTED_FORM)
    @routes.get("/labels", openapi_extra=LISTED)
    async def labels(asked: Asked, seen: Seen) -> Response:
        """List the names of labels."""
        return await answered(asked, lambda: seen.names(asked))

    @routes.get("/label/{name}/values", openapi_extra=LISTED)
    async def values(name: str, asked: Asked, seen: Seen) -> Response:
        """List the values of a label."""
        return await answered(asked, lambda: seen.values(label_of(name), asked))

    @routes.post("/series", openapi_extra=LISTED_FORM)
    @routes.get("/series", openapi_extra=LISTED)
    async def series(asked: Asked, seen: Seen) -> Response:
        """List series by their labels."""
        return await answered(asked, lambda: seen.series(asked))


def _words(routes: APIRouter, catalogue: Callable[..., Any]) -> None:
    Seen = Annotated[Catalogue, Depends(catalogue)]

    @routes.get("/metadata", openapi_extra=in_url(_NAMED))
    async def metadata(asked: Asked, seen: Seen) -> Response:
        """Tell what senders say about their metrics."""
        return await answered(asked, lambda: seen.metadata(asked))

    @routes.post("/query_exemplars", openapi_extra=WRITTEN_FORM)
    @routes.get("/query_exemplars", openapi_extra=WRITTEN)
    async def exemplars(asked: Asked, seen: Seen) -> Response:
        """Tell of no exemplars: none are kept here."""

        async def none() -> bytes:
            parse(asked.get("query", ""))
            return success([])

        return await answered(asked, none)

    @routes.post("/format_query", openapi_extra=WRITTEN_FORM)
    @routes.get("/format_query", openapi_extra=WRITTEN)
    async def format_query(asked: Asked, seen: Seen) -> Response:
        """Lay a query out as a person would."""

        async def laid_out() -> bytes:
            return success(formatted(asked.get("query", "")))

        return await answered(asked, laid_out)

    @routes.post("/parse_query", openapi_extra=WRITTEN_FORM)
    @routes.get("/parse_query", openapi_extra=WRITTEN)
    async def parse_query(asked: Asked, seen: Seen) -> Response:
        """Tell the tree of a query, as Prometheus's editor reads it."""

        async def told() -> bytes:
            return success(outline(asked.get("query", "")))

        return await answered(asked, told)
