"""Schedules, policies and contacts as people write them."""

from datetime import date, time, timedelta
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from oncall.rotation import Hours, Layer
from oncall.schemas import ContactIn, LayerIn, PolicyIn, ScheduleIn

WRITTEN = """
name: primary
timezone: Asia/Shanghai
layers:
  - {rotation: weekly, handoff: "Mon 09:00", people: [li, han]}
  - rotation: {every: 12h}
    handoff: 10:30
    people: [wei]
    start: 2026-01-05
    only: [{days: Fri-Mon, from: 20:00, to: "08:00"}]
"""


def test_a_schedule_is_read_as_it_is_written() -> None:
    given = ScheduleIn.model_validate(yaml.safe_load(WRITTEN))

    assert [layer.layer() for layer in given.layers] == [
        Layer(("li", "han"), every=timedelta(days=7), at=time(9), weekday=0),
        Layer(
            ("wei",),
            every=timedelta(hours=12),
            at=time(10, 30),
            start=date(2026, 1, 5),
            only=(Hours(frozenset({4, 5, 6, 0}), time(20), time(8)),),
        ),
    ]


def test_a_layer_survives_being_kept_as_json() -> None:
    given = ScheduleIn.model_validate(yaml.safe_load(WRITTEN))

    kept = [layer.model_dump(mode="json", by_alias=True) for layer in given.layers]

    assert [LayerIn.model_validate(layer) for layer in kept] == given.layers


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"handoff": "Mo nine"}, "is not a handoff"),
        ({"handoff": "Xyz 09:00"}, "is not a day of the week"),
        ({"handoff": "Mon 09:00", "rotation": "daily"}, "no day of the week"),
        ({"handoff": "25:00"}, "hour must be in"),
        ({"rotation": {"every": "10m"}}, "at least 1h"),
        ({"rotation": "monthly"}, "daily"),
        ({"peple": ["li"]}, "Extra inputs"),
        ({"only": [{"days": ["Foo"]}]}, "is not a day of the week"),
    ],
)
def test_a_layer_that_means_nothing_is_refused(wrong: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        LayerIn.model_validate(wrong)


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", "../etc/passwd", "Asia"])
def test_a_zone_that_does_not_exist_is_refused(zone: str) -> None:
    with pytest.raises(ValidationError, match="is not a zone"):
        ScheduleIn(name="primary", timezone=zone)


@pytest.mark.parametrize("target", ["li", "schedule:", "person:Li Lei", "team:ops"])
def test_a_target_of_an_unknown_kind_is_refused(target: str) -> None:
    with pytest.raises(ValidationError, match="is no target"):
        PolicyIn.model_validate({"name": "default", "steps": [{"notify": [target]}]})


def test_a_contact_takes_its_address_by_the_name_that_fits() -> None:
    webhook = ContactIn.model_validate({"channel": "webhook", "url": "http://127.0.0.1:9911/li"})
    email = ContactIn.model_validate({"channel": "email", "email": "li@example.com"})

    assert (webhook.address, email.address) == ("http://127.0.0.1:9911/li", "li@example.com")


@pytest.mark.parametrize(
    "wrong",
    [
        {"channel": "webhook", "url": "ftp://example.com"},
        {"channel": "webhook", "url": "http://[half/li"},
        {"channel": "webhook", "url": "http://host:99999/li"},
        {"channel": "webhook", "url": "http://a..b/li"},
        {"channel": "webhook", "url": f"http://example.com/{'x' * 2000}"},
        {"channel": "email", "email": "nobody"},
        {"channel": "email", "email": "li@example.com\nBcc: x@example.com"},
        {"channel": "webhook", "url": "http://a", "secret": "s", "secret_env": "S"},
    ],
)
def test_a_contact_that_cannot_work_is_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        ContactIn.model_validate(wrong)
