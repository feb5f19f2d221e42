"""From a text to a tree and a plan, and what is refused on the way."""

import pytest

from kit.errors import Invalid
from metrics.columns import NAME
from metrics.matchers import Matcher, Op
from metrics.promql.plan import compile, names, plain
from metrics.promql.refusals import NotYet
from metrics.promql.syntax import parse
from metrics.promql.tree import (
    Aggregate,
    Binary,
    Edge,
    Grouping,
    Kind,
    Many,
    Matching,
    Negated,
    Number,
    Selector,
    Text,
)

UP = Selector((Matcher(NAME, Op.EQUAL, "up"),))


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("1.5", Number(1.5)),
        ("5m", Number(300)),
        (r'"a\n"', Text("a\n")),
        ("((up))", UP),
        ("-up", Negated(UP)),
        ("up offset 90s", Selector(UP.matchers, offset_ms=90_000)),
        ("up offset -1ms", Selector(UP.matchers, offset_ms=-1)),
        ("up @ 1.234", Selector(UP.matchers, at=1_234)),
        ("up @ 1e12", Selector(UP.matchers, at=10**15)),
        ("up @ start() offset 1s", Selector(UP.matchers, offset_ms=1_000, at=Edge.START)),
        ("SUM(up) BY (job)", Aggregate("sum", UP, Grouping(frozenset(("job",))))),
        ("avg without () (up)", Aggregate("avg", UP, Grouping(without=True))),
        ("up > bool 1", Binary(">", UP, Number(1), as_bool=True)),
        (
            "up * on (a) group_left (b) up",
            Binary("*", UP, UP, matching=Matching(frozenset("a"), True, Many.LEFT, ("b",))),
        ),
        (
            "up / ignoring (a) group_right up",
            Binary("/", UP, UP, matching=Matching(frozenset("a"), many=Many.RIGHT)),
        ),
        ("up unless up", Binary("unless", UP, UP)),
    ],
)
def test_a_text_becomes_a_tree(text: str, tree: object) -> None:
    assert parse(text) == tree


@pytest.mark.parametrize(
    "text",
    [
        *("rate(up[5m])", "time()", "topk(3, up)", "quantile(0.9, up)", "group(up)"),
        *("up[5m]", "up[5m:1m]", "abs(up) > 1", '{a="1" or b="2"}', "up + fill(0) up"),
        "up @ -5",
    ],
)
def test_what_is_not_there_yet_says_so(text: str) -> None:
    with pytest.raises(NotYet, match="is not supported yet"):
        parse(text)


@pytest.mark.parametrize(
    "text",
    [
        *("", "up{", "up ==", '{job=~".*"}', "1 > 2", 'up{a=~"("}', "nope(up)", '"a" + 1'),
        *("up offset 99999999y", "up offset -999999y", "up @ 99999999999999"),
    ],
)
def test_what_is_wrong_is_refused_as_a_parse_error(text: str) -> None:
    with pytest.raises(Invalid, match="parse error"):
        parse(text)


@pytest.mark.parametrize(
    "text", ["1" + "+1" * 6_000, "(" * 6_000 + "1" + ")" * 6_000, "-" * 6_000 + "1", "x" * 60_000]
)
def test_a_query_that_would_overflow_the_parser_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="too long"):
        parse(text)


def test_the_longest_chain_that_is_taken_can_be_read_and_planned() -> None:
    assert len(compile(" or ".join(f"m{n}" for n in range(250))).selectors) == 250


def test_operators_in_texts_and_comments_do_not_count() -> None:
    assert parse('up{a="' + "+" * 400 + '"} # ' + "-" * 400)


def test_a_plan_reads_equal_selectors_once() -> None:
    plan = compile("up / (up + down offset 1m)")

    assert [str(s.matchers[0]) for s in plan.selectors] == ['__name__="up"', '__name__="down"']
    assert plan.kind is Kind.VECTOR


@pytest.mark.parametrize(
    ("text", "kind"),
    [("1 + 2", "scalar"), ("-1", "scalar"), ('"a"', "string"), ("1 + up", "vector")],
)
def test_a_plan_knows_what_it_gives(text: str, kind: str) -> None:
    assert compile(text).kind == kind


@pytest.mark.parametrize(
    ("text", "window"),
    [
        ("up", (700_001, 2_000_000)),
        ("up offset 5m", (400_001, 1_700_000)),
        ("up offset -5m", (1_000_001, 2_300_000)),
        ("up @ 500", (200_001, 500_000)),
        ("up @ end() offset 1s", (1_699_001, 1_999_000)),
    ],
)
def test_a_selector_says_which_samples_it_needs(text: str, window: tuple[int, int]) -> None:
    assert compile(text).selectors[0].window(1_000_000, 2_000_000) == window


def test_the_names_that_a_query_reads_are_known_where_they_are_few() -> None:
    tree = parse('up + {__name__=~"a|b"} + {job="x"} + {__name__=~"a.+"}')

    assert list(names(tree)) == [{"up"}, {"a", "b"}, None, None]


def test_a_bare_selector_is_plain_and_nothing_else_is() -> None:
    assert plain(parse("(up)")) == UP
    assert [plain(parse(text)) for text in ("up offset 1m", "up @ 5", "-up", "up > 1")] == [
        None
    ] * 4
