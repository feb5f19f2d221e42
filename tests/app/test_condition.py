"""What is wrong with the program itself, in the words of whoever reads it."""

import pytest

from app.condition import REASON, Trouble
from kit.errors import Overloaded, Said
from metrics.labels import Limits
from metrics.load import Load
from tests.support.clock import NOON

ZH = {
    "bodies": "同时读取的请求过多",
    "rules": "规则计算跟不上",
    "database": "数据库写入跟不上",
    "journal": "日志无法写入，磁盘已满或太慢",
}


def put_off(reason: str | None) -> Trouble:
    return Trouble("put_off", {REASON: reason, "samples": 7, "seconds": "12"})


@pytest.mark.parametrize("reason", ZH)
def test_why_senders_are_put_off_is_said_in_the_readers_language(reason: str) -> None:
    assert ZH[reason] in put_off(reason).said("zh-CN")
    assert reason not in put_off(reason).said("zh-CN")
    assert "senders are put off: t" in str(put_off(reason))


def test_every_reason_of_the_store_has_words() -> None:
    now = NOON
    load = Load(lambda: Limits(reading=1, pending=1))

    def bodies() -> None:
        with load.body(now) as came:
            came(2)

    def database() -> None:
        load.admit(2, now)

    def rules() -> None:
        load.ask(lambda: True)
        load.admit(0, now)

    def journal() -> None:
        raise load.full(Overloaded("the disk is full", retry_after=1), now)

    for refuse in (bodies, database, rules, journal):
        with pytest.raises(Overloaded):
            refuse()
        assert ZH[refuse.__name__] in put_off(load.said(now)).said("zh-CN")


def test_why_a_rule_is_not_evaluated_is_translated_too() -> None:
    why = Said("parse error: {error}", error="x")

    assert "语法" in Trouble("rule", {"name": "disk", "why": why}).said("zh-CN")
