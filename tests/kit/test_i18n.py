"""The two catalogues agree with each other and with the templates."""

import re
from collections.abc import Iterator

import pytest
from jinja2 import nodes

from kit.errors import Said
from kit.i18n import Locale, catalogue, negotiate, placeholders, t, told
from kit.pages import own_pages

ZH, EN = catalogue(Locale.ZH), catalogue(Locale.EN)


def test_both_catalogues_have_the_same_keys() -> None:
    assert set(ZH) == set(EN)


def test_both_catalogues_want_the_same_facts() -> None:
    differing = {k for k in ZH if placeholders(ZH[k]) != placeholders(EN[k].partition("|")[0])}

    assert differing == set()


def test_one_and_many_want_the_same_facts() -> None:
    for key, text in EN.items():
        one, bar, many = text.partition("|")
        assert not bar or placeholders(one) == placeholders(many), key


def test_no_text_is_empty_or_still_in_the_other_language() -> None:
    assert all(text.strip() for text in [*ZH.values(), *EN.values()])
    assert not [key for key, text in EN.items() if re.search(r"[一-鿿]", text)]


def test_one_thing_is_not_many() -> None:
    assert t("board.open", Locale.EN, n=1) == "1 open incident"
    assert t("board.open", Locale.EN, n=2) == "2 open incidents"
    assert t("board.open", Locale.ZH, n=2) == "2 起故障未恢复"


def test_an_unknown_key_is_an_error() -> None:
    with pytest.raises(KeyError):
        t("no.such.thing", Locale.EN)


@pytest.mark.parametrize(
    ("header", "preferred", "expected"),
    [
        pytest.param("en-US,en;q=0.9", "zh-CN", Locale.ZH, id="a person's own choice wins"),
        pytest.param("en-US,en;q=0.9,zh;q=0.8", None, Locale.EN, id="the first wish"),
        pytest.param("en;q=0.3, zh-TW;q=0.7", None, Locale.ZH, id="the greater weight"),
        pytest.param("en;q=0, zh;q=0.1", None, Locale.ZH, id="nought means never"),
        pytest.param("fr,de", None, Locale.EN, id="neither: English"),
        pytest.param(None, None, Locale.ZH, id="silence: Chinese"),
        pytest.param("en", "tlh", Locale.EN, id="a choice we do not speak"),
        pytest.param(";;q=x,,", None, Locale.EN, id="nonsense"),
    ],
)
def test_the_language_is_negotiated(
    header: str | None, preferred: str | None, expected: Locale
) -> None:
    assert negotiate(header, preferred) is expected


@pytest.mark.parametrize(
    ("text", "chinese"),
    [
        pytest.param(
            Said("nobody is called {person!r}", person="li"), "没有名为“li”的人员", id="facts"
        ),
        pytest.param(
            Said("there is no {kind} {name}", kind="client", name="x"),
            "没有名为 x 的客户",
            id="words",
        ),
        pytest.param(
            Said(
                "{what} is owned by {origin}; change it there",
                what=Said("the {kind} {name}", kind="system", name="pos"),
                origin="a.yml",
            ),
            "系统 pos由配置文件 a.yml 管理，请到文件中修改",
            id="words within words",
        ),
        pytest.param("it is over already", "这段时间已经过去", id="a plain text that is known"),
        pytest.param(Said("as {n} as ever", n=2), "as 2 as ever", id="no translation: English"),
    ],
)
def test_what_was_said_can_be_said_in_chinese(text: str, chinese: str) -> None:
    assert told(text, Locale.ZH) == chinese
    assert told(text, Locale.EN) == str(text)


def test_braces_that_somebody_sent_are_nothing_special() -> None:
    said = Said("{text!r} is not {more}: {", text="{text} {0} {x!r}")

    assert said == "'{text} {0} {x!r}' is not {more}: {"


def test_every_key_that_a_template_uses_exists() -> None:
    for template, call in _calls():
        for key in _keys(call.args[0]):
            assert any(re.fullmatch(key, name) for name in EN), f"{template}:{call.lineno} {key}"


def test_every_text_is_given_its_facts() -> None:
    for template, call in _calls():
        given = {pair.key for pair in call.kwargs}
        for key in _keys(call.args[0]):
            name = key.replace("\\", "")
            assert placeholders(EN.get(name, "")) <= given, f"{template}:{call.lineno} {name}"


def _calls() -> Iterator[tuple[str, nodes.Call]]:
    environment = own_pages().environment
    assert environment.loader
    for name in environment.loader.list_templates():
        source = environment.loader.get_source(environment, name)[0]
        for call in environment.parse(source).find_all(nodes.Call):
            if isinstance(call.node, nodes.Name) and call.node.name == "t":
                yield name, call


def _keys(key: nodes.Expr) -> list[str]:
    """Return the patterns of the keys that a call may mean."""
    if isinstance(key, nodes.CondExpr):
        return _keys(key.expr1) + (_keys(key.expr2) if key.expr2 else [])
    parts = key.nodes if isinstance(key, nodes.Concat) else [key]
    words = [re.escape(str(p.value)) if isinstance(p, nodes.Const) else r"\w+" for p in parts]
    return ["".join(words)]
