"""The rules of files and their alerts, as Prometheus's API tells them."""

from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from access.scope import Right
from access.web import Caller
from alerting.groups import answers
from alerting.groups.answers import ALERTING, RECORDING, Wanted
from kit.errors import Invalid
from kit.web import on_the_loop
from metrics.api import PREFIX
from metrics.asked import JSON, refusals, whole
from metrics.matchers import Matcher
from metrics.promql.syntax import parse
from metrics.promql.tree import Selector

router = APIRouter(prefix=PREFIX, tags=["prometheus"], responses=refusals())

KINDS = {"": "", "alert": ALERTING, "record": RECORDING}
TRUE = frozenset(("1", "t", "T", "true", "TRUE", "True"))
FALSE = frozenset(("", "0", "f", "F", "false", "FALSE", "False"))


class Asked:
    """The filters of `rules`, by Prometheus's names."""

    def __init__(
        self,
        kind: Annotated[str, Query(alias="type")] = "",
        exclude_alerts: str = "",
        names: Annotated[list[str], Query(alias="rule_name[]")] = [],  # noqa: B006 - FastAPI copies
        groups: Annotated[list[str], Query(alias="rule_group[]")] = [],  # noqa: B006
        files: Annotated[list[str], Query(alias="file[]")] = [],  # noqa: B006
        match: Annotated[list[str], Query(alias="match[]")] = [],  # noqa: B006
    ) -> None:
        self.kind, self.without = kind, exclude_alerts
        self.names, self.groups, self.files = names, groups, files
        self.match = match

    def wanted(self) -> Wanted:
        """Return which rules are wanted, or refuse in Prometheus's words."""
        if self.kind not in KINDS:
            raise _wrong("type", f"not supported value {self.kind!r}")
        if self.without not in TRUE | FALSE:
            raise _wrong("exclude_alerts", f"{self.without!r} is neither true nor false")
        return Wanted(
            KINDS[self.kind],
            frozenset(self.names),
            frozenset(self.groups),
            frozenset(self.files),
            [_matchers(text) for text in self.match],
            self.without in TRUE,
        )


@router.get("/rules", response_class=Response)
async def show_rules(
    request: Request,
    caller: Caller,
    asked: Annotated[Asked, Depends(on_the_loop(Asked))],
    group_limit: str = "",
    group_next_token: str = "",
) -> Response:
    """Tell the rule groups of files, their health and their alerts."""
    caller.need(Right.READ)
    board = request.app.state.house.evaluator.board
    try:
        found = answers.groups(board, caller.scope, asked.wanted())
        page: dict[str, Any] = _page(found, group_limit, group_next_token)
    except Invalid as refusal:
        body = {"status": "error", "errorType": "bad_data", "error": refusal.detail}
        return Response(orjson.dumps(body), 400, media_type=JSON)
    return _success(page)


@router.get("/alerts", response_class=Response)
async def show_alerts(request: Request, caller: Caller) -> Response:
    """Tell the alerts of files' rules that wait or fire."""
    caller.need(Right.READ)
    board = request.app.state.house.evaluator.board
    return _success({"alerts": answers.alerts(board, caller.scope)})


def _page(found: list[dict[str, Any]], limit: str, after: str) -> dict[str, Any]:
    if after and not limit:
        raise _wrong("group_limit", "group_limit needs to be set with group_next_token")
    most = whole(limit)
    if limit and not most:
        raise _wrong("group_limit", "group_limit needs to be greater than zero")
    if after:
        places = [n for n, group in enumerate(found, 1) if answers.token(group) == after]
        if not places:
            raise _wrong("group_next_token", "invalid group_next_token, were rule groups changed?")
        found = found[places[0] :]
    if not most or len(found) <= most:
        return {"groups": found}
    shown = found[:most]
    return {"groups": shown, "groupNextToken": answers.token(shown[-1])}


def _matchers(text: str) -> tuple[Matcher, ...]:
    tree = parse(text)
    if not isinstance(tree, Selector):
        raise _wrong("match[]", "a selector was expected")
    return tree.matchers


def _wrong(name: str, why: str) -> Invalid:
    return Invalid('invalid parameter "{name}": {why}', field=name, name=name, why=why)


def _success(found: dict[str, Any]) -> Response:
    return Response(orjson.dumps({"status": "success", "data": found}), media_type=JSON)
