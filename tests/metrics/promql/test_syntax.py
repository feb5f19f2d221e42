"""From a text to a tree and a plan, and what is refused on the way."""

import pytest

from kit.errors import Invalid
from metrics.columns import NAME
from metrics.matchers import Matcher, Op
from metrics.promql.plan import compile, names, plain
from metrics.promql.refusals import NotYet
from metrics.promql.signatures import Kind
from metrics.promql.syntax import normal, parse
from metrics.promql.tree import (
    Aggregate,
    Binary,
    Call,
    Edge,
    Grouping,
    Info,
    Many,
    Matching,
    Negated,
    Number,
    Selector,
    Stretch,
    Subquery,
    Text,
)

UP = Selector((Matcher(NAME, Op.EQUAL, "up"),))
TARGET, BUILD = (Matcher(NAME, Op.EQUAL, name) for name in ("target_info", "build_info"))
DATA = Matcher("data", Op.MATCHES, ".+")
HOUR = Stretch(3_600_000, 60_000)
DAYS = Stretch(172_800_000, 3_600_000, 60_000, Edge.END)


def inside(*within: Stretch) -> Selector:
    return Selector(UP.matchers, within=within)


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
        ("up[90s] offset 1m", Selector(UP.matchers, offset_ms=60_000, range_ms=90_000)),
        ("rate((up[5m]))", Call("rate", (Selector(UP.matchers, range_ms=300_000),))),
        ("time()", Call("time")),
        ("topk by (job) (3, up)", Aggregate("topk", UP, Grouping(frozenset(("job",))), Number(3))),
        ('count_values("v", up)', Aggregate("count_values", UP, Grouping(), Text("v"))),
        ("up[1h:]", Subquery(inside(HOUR), HOUR)),
        (
            "max_over_time(up[1h:])[2d:1h] @ end() offset 1m",
            Subquery(Call("max_over_time", (Subquery(inside(DAYS, HOUR), HOUR),)), DAYS),
        ),
        ("info(up)", Info(UP, Selector((TARGET,)))),
        (
            'info(up, {__name__="build_info", data=~".+"})',
            Info(UP, Selector((BUILD, DATA)), (BUILD, DATA)),
        ),
    ],
)
def test_a_text_becomes_a_tree(text: str, tree: object) -> None:
    assert parse(text) == tree


@pytest.mark.parametrize(
    "text",
    [
        *('{a="1" or b="2"}', "up @ -5", "start_timestamp(up)"),
    ],
)
def test_what_is_not_there_yet_says_so(text: str) -> None:
    with pytest.raises(NotYet, match="is not supported yet"):
        parse(text)


@pytest.mark.parametrize(
    "text",
    [
        *("", "up{", "up ==", '{job=~".*"}', "1 > 2", 'up{a=~"("}', "nope(up)", '"a" + 1'),
        *(r'up{a="\xc3\xa9"}', r"up{a='\377'}"),
        *("rate(up)", "sum(up[5m])", "holt_winters(up[5m], 0.1, 0.1)", "up[0s]", "info(up, up())"),
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


@pytest.mark.parametrize(
    "text", ['"' + '\\"' * 24_000, "x{" + '\\"' * 24_000, "'" * 49_999, "`x" * 3]
)
def test_a_text_without_end_is_gone_over_once(text: str) -> None:
    # it took half a minute, in which nobody else was served
    with pytest.raises(Invalid, match="parse error"):
        parse(text)


def test_the_longest_chain_that_is_taken_can_be_read_and_planned() -> None:
    assert len(compile(" or ".join(f"m{n}" for n in range(250))).selectors) == 250


def test_operators_in_texts_and_comments_do_not_count() -> None:
    assert parse('up{a="' + "+" * 400 + '"} # ' + "-" * 400)


@pytest.mark.parametrize("text", [r'"\x41"', r'"\\xff"', r"`\xff`", '"é"', r'"\u00e9"', r'"\101"'])
def test_characters_may_be_written_in_many_ways(text: str) -> None:
    assert parse(text)


def test_a_plan_reads_equal_selectors_once() -> None:
    plan = compile("up / (up + down offset 1m)")

    assert [str(s.matchers[0]) for s in plan.selectors] == ['__name__="up"', '__name__="down"']
    assert plan.kind is Kind.VECTOR


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        *(("1 + 2", "scalar"), ("-1", "scalar"), ('"a"', "string"), ("1 + up", "vector")),
        *(("time()", "scalar"), ("scalar(up) * 2", "scalar"), ("vector(1)", "vector")),
        *(("up[5m]", "matrix"), ("up[5m:1m]", "matrix"), ("rate(up[5m])", "vector")),
    ],
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
        ("up[10s]", (990_001, 2_000_000)),
        ("up[10s] @ start() offset 5s", (985_001, 995_000)),
        ("max_over_time(up[10s:7s])", (694_001, 2_000_000)),
        ("max_over_time(rate(up[10s])[1m:1m] offset 1m)", (890_001, 1_940_000)),
        ("max_over_time((up @ start())[1m:1m])", (700_001, 1_000_000)),
        ("max_over_time(up[20s:10s] @ 500)", (190_001, 500_000)),
        ("up smoothed", (700_001, 2_300_000)),
        ("rate(up[10s] anchored)", (690_001, 2_000_000)),
        ("rate(up[10s] smoothed offset 5s)", (685_001, 2_295_000)),
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


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("sum(x)by(a)\n  > 3 # why", "sum by (a) (x) > 3"),
        (
            'topk(5,sum without(instance)(a_metric_with_a_rather_long_name{a="y",b="(\\n)  x"}'
            " offset 5m))",
            "topk(5, sum without (instance) "
            '(a_metric_with_a_rather_long_name{a="y",b="(\\n)  x"} offset 5m))',
        ),
        (
            "+".join(["a_metric_with_a_rather_long_name"] * 4) + " > bool 5",
            " + ".join(["a_metric_with_a_rather_long_name"] * 4) + " > bool 5",
        ),
    ],
)
def test_a_query_on_one_line_is_as_prometheus_tells_it(written: str, told: str) -> None:
    assert normal(written) == told
    assert normal(told) == told
    assert parse(told) == parse(written)
