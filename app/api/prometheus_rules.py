"""The rules of files and their alerts, as Prometheus's API tells them."""

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from access.scope import Right
from access.web import Caller
from alerting import queries as alerting
from alerting.groups import answers
from alerting.groups.answers import ALERTING, RECORDING, Standing, Wanted
from app.house import House
from metrics.api import PREFIX
from metrics.asked import JSON, Asked, Parameters, in_url, refusals, wrong
from metrics.catalogue import matchers_of
from metrics.envelope import answered, success

router = APIRouter(
    prefix=PREFIX, tags=["prometheus"], default_response_class=Response, responses=refusals()
)

KINDS = {"": "", "alert": ALERTING, "record": RECORDING}
TRUE = frozenset(("1", "t", "T", "true", "TRUE", "True"))
FALSE = frozenset(("", "0", "f", "F", "false", "FALSE", "False"))
FILTERS = {
    "type": ("alert or record", False, "alert"),
    "exclude_alerts": ("true: without the alerts", False, "true"),
    "rule_name[]": ("a rule of this name, as often as you like", False, "HostDown"),
    "rule_group[]": ("a group of this name, as often as you like", False, "node"),
    "file[]": ("a file, as often as you like", False, "rules/node.yml"),
    "match[]": ("a selector of the rule's labels, as often as you like", False, '{team="a"}'),
    "group_limit": ("at most so many groups", False, "100"),
    "group_next_token": ("what the page before ended with", False, ""),
}


@router.get("/rules", openapi_extra=in_url(FILTERS))
async def show_rules(request: Request, caller: Caller, asked: Asked) -> Response:
    """Tell the rule groups of files, their health and their alerts."""
    caller.need(Right.READ)

    async def answer() -> bytes:
        wanted = _wanted(asked)
        standing = await _standing(request.app.state.house)
        return success(_page(answers.groups(standing, caller.scope, wanted), asked))

    return await answered(asked, answer)


@router.get("/alerts")
async def show_alerts(request: Request, caller: Caller) -> Response:
    """Tell the alerts of files' rules that wait or fire."""
    caller.need(Right.READ)
    standing = await _standing(request.app.state.house)
    found = {"alerts": answers.alerts(standing, caller.scope)}
    return Response(success(found), media_type=JSON)


async def _standing(house: House) -> Standing:
    """Return what we know of the rules of files, and the rows of what another replica evaluates."""
    board, rules = house.evaluator.board, house.files
    elsewhere = [rule.key for rule in rules if rule.spec.alert and not board.has(rule)]
    if not elsewhere:
        return Standing(rules, board)
    async with house.db.snapshot() as session:
        return Standing(rules, board, await alerting.open_alerts(session, rules=elsewhere))


def _wanted(asked: Parameters) -> Wanted:
    kind, without = asked.get("type", ""), asked.get("exclude_alerts", "")
    if kind not in KINDS:
        raise wrong("type", f"not supported value {kind!r}")
    if without not in TRUE | FALSE:
        raise wrong("exclude_alerts", f"{without!r} is neither true nor false")
    return Wanted(
        KINDS[kind],
        frozenset(asked.each("rule_name[]")),
        frozenset(asked.each("rule_group[]")),
        frozenset(asked.each("file[]")),
        [matchers_of(text) for text in asked.each("match[]")],
        without in TRUE,
    )


def _page(found: list[dict[str, Any]], asked: Parameters) -> dict[str, Any]:
    most, after = asked.limit("group_limit"), asked.get("group_next_token", "")
    if not most and asked.get("group_limit"):
        raise wrong("group_limit", "group_limit needs to be greater than zero")
    if after and not most:
        raise wrong("group_limit", "group_limit needs to be set with group_next_token")
    if after:
        places = [n for n, group in enumerate(found, 1) if answers.token(group) == after]
        if not places:
            raise wrong("group_next_token", "invalid group_next_token, were rule groups changed?")
        found = found[places[0] :]
    if not most or len(found) <= most:
        return {"groups": found}
    shown = found[:most]
    return {"groups": shown, "groupNextToken": answers.token(shown[-1])}
