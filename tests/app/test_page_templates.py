"""What the pages, the signed link and the mails show, in both languages."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from markupsafe import Markup

from access.pages import SignInView
from app.pages import views
from app.pages.views import ClockView, IncidentView, ShellView, ShiftView
from app.pages.wording import timeline_text
from incidents.lifecycle import What
from kit.i18n import Locale
from kit.pages import own_pages

NOW = datetime(2026, 11, 23, 19, 12, 5, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
PAGES = own_pages()
SHELL = ShellView("now", "/?a=1&b=2", "the-token", "李雷")
RESPONSE = ClockView("response", "running", 15 * MINUTE, 10 * MINUTE, NOW + 5 * MINUTE)
RECOVERY = ClockView("recovery", "paused", 120 * MINUTE, 10 * MINUTE, reason="非工作时间")
INCIDENT = IncidentView(
    number=7,
    title="<磁盘> 96%",
    client_title="爱可美",
    system_title="点餐系统",
    priority="P1",
    status="triggered",
    opened_at=NOW - 10 * MINUTE,
    response=RESPONSE,
    recovery=RECOVERY,
    alerts=[
        views.AlertView(
            "a",
            "磁盘",
            [("instance", "db-1")],
            "96%",
            "95%",
            "P1",
            "firing",
            NOW,
            chart=Markup("<svg></svg>"),
        )
    ],
    timeline=[
        views.TimelineLine(
            "1",
            NOW,
            "notified",
            "已通知",
            receipts=[views.ReceiptView("李雷", "邮件", "failed", NOW, "550")],
        ),
        views.TimelineLine("2", NOW, "note", "line\nline", "李雷"),
    ],
    next_step=views.NextStep(NOW + MINUTE, ["韩梅梅", "王强"]),
    actions=frozenset({"acknowledge", "resolve", "escalate", "note"}),
)
TAKEN = replace(
    INCIDENT,
    status="acknowledged",
    acknowledged_by="韩梅梅",
    acknowledged_at=NOW,
    actions=frozenset({"resolve", "unacknowledge"}),
    response=replace(RESPONSE, state="met", ended_at=NOW),
)
DONE = replace(TAKEN, status="resolved", resolved_at=NOW, actions=frozenset(), drill=True)
SHIFT = ShiftView("李雷", NOW, NOW + 600 * MINUTE, 3)
GAP = ShiftView(None, NOW, NOW + MINUTE, begin=0.5)
SCHEDULE = views.ScheduleView(
    "primary", "一线", "Asia/Shanghai", [SHIFT], GAP, [views.DayView(NOW, [SHIFT, GAP], 0.3)]
)
HOST = views.HostView(
    "acme",
    "db-1",
    "爱可美",
    None,
    "alert",
    NOW,
    [views.MetricView("cpu", None)],
    "P2",
    7,
    90 * MINUTE,
)
CLIENT = views.ClientView("acme", "爱可美", 1, "P1")
BOARD = views.BoardView(
    [INCIDENT, replace(TAKEN, number=8)],
    [SCHEDULE],
    [HOST],
    [CLIENT],
    None,
    [views.WarningView("积压", "/x")],
)
QUIET = views.BoardView([], [], [], [], NOW - 90 * MINUTE)
LIST = views.IncidentsView(
    [INCIDENT, replace(DONE, number=9)], "all", "P1", "acme", "磁盘", [CLIENT], "?c=1", "?csv"
)
EMPTY = replace(LIST, incidents=[], priority="", client="", text="", state="open")


def acknowledge(state: str, incident: IncidentView | None) -> views.AcknowledgeView:
    return views.AcknowledgeView(state, "/a/token", incident, "李雷", "/incidents/7")


PAGES_OF: dict[str, tuple[str, Any]] = {
    "board": ("board.html", BOARD),
    "board, quiet": ("board.html", QUIET),
    "board, live part": ("_board_live.html", BOARD),
    "incident": ("incident.html", INCIDENT),
    "incident, taken": ("incident.html", TAKEN),
    "incident, live part": ("_incident_live.html", DONE),
    "incidents": ("incidents.html", LIST),
    "incidents, none": ("incidents.html", EMPTY),
    "incidents, none match": ("incidents.html", replace(EMPTY, text="x")),
    "link, ready": ("acknowledge.html", acknowledge("ready", INCIDENT)),
    "link, yours": ("acknowledge.html", acknowledge("yours", TAKEN)),
    "link, taken": ("acknowledge.html", acknowledge("taken", TAKEN)),
    "link, resolved": ("acknowledge.html", acknowledge("resolved", DONE)),
    "link, invalid": ("acknowledge.html", acknowledge("invalid", None)),
    "on call": ("oncall.html", views.OnCallView([SCHEDULE])),
    "on call, none": ("oncall.html", views.OnCallView([])),
    "hosts": (
        "hosts.html",
        views.HostsView([HOST, replace(HOST, name="db-2", state="unknown", seen_at=None)]),
    ),
    "hosts, none": ("hosts.html", views.HostsView([])),
    "sign in": ("signin.html", SignInView("/", "li", "wrong")),
    "refusal": (
        "problem.html",
        views.ProblemView(404, "not-found", "No such thing", "no incident 9"),
    ),
    "unforeseen refusal": (
        "problem.html",
        views.ProblemView(418, "teapot", "A teapot", "short", retry="/"),
    ),
}


def shown(name: str, locale: Locale = Locale.ZH, shell: ShellView = SHELL) -> str:
    template, view = PAGES_OF[name]
    names = locale.value, "Asia/Shanghai"
    if template == "board.html":  # its live part is everybody's: it has no shell
        live = PAGES.render("_board_live.html", *names, now=NOW, view=view)
        view = views.BoardPage(view, Markup(live), "0-0")
    more: dict[str, Any] = {"message": None, "since": "0-0"}
    return PAGES.render(template, *names, now=NOW, shell=shell, view=view, **more)


@pytest.mark.parametrize("name", PAGES_OF)
@pytest.mark.parametrize("locale", Locale)
def test_every_page_renders_in_every_language(name: str, locale: Locale) -> None:
    page = shown(name, locale)

    assert "<磁盘>" not in page
    assert "live part" in name or f'<html lang="{locale.value}">' in page


@pytest.mark.parametrize("name", PAGES_OF)
def test_every_form_that_changes_something_carries_the_token(name: str) -> None:
    for form in re.findall(r'<form[^>]*method="post".*?</form>', shown(name), re.DOTALL):
        assert '<input type="hidden" name="csrf" value="the-token">' in form


@pytest.mark.parametrize("name", [name for name in PAGES_OF if "live part" not in name])
def test_no_two_things_of_a_page_have_one_id(name: str) -> None:
    found = re.findall(r'\sid="([^"]+)"', shown(name))

    assert sorted(found) == sorted(set(found))


def test_the_first_screen_says_what_how_bad_since_when_how_long_and_what_to_press() -> None:
    page = shown("incident")

    words = ("一级", "待接手", "&lt;磁盘&gt; 96%", "爱可美 › 点餐系统", "03:02:05 发生", "10 分前")
    for word in (*words, "响应时限", "5:00", "确认接手"):
        assert word in page


def test_a_running_clock_ticks_and_a_paused_one_stands() -> None:
    page = shown("incident")

    ends = int((NOW + 5 * MINUTE).timestamp() * 1000)
    assert f'data-zero="{ends}" data-limit="900000"' in page
    assert page.count("data-zero") == 1
    assert "非工作时间" in page


def test_the_button_works_without_script_and_with_it() -> None:
    page = shown("incident")

    assert 'method="post" action="/incidents/7/acknowledge" hx-post="/incidents/7/ack' in page


def test_who_has_it_is_seen_instead_of_the_button() -> None:
    page = shown("incident, taken")

    assert "韩梅梅 已接手" in page
    assert "确认接手</button>" not in page
    assert "按时，用时 10 分" in page


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("link, ready", "以 李雷 的身份接手"),
        ("link, yours", "这起故障由你负责"),
        ("link, taken", "韩梅梅 已经接手"),
        ("link, resolved", "故障已经恢复"),
        ("link, invalid", "这个链接已失效"),
    ],
)
def test_a_signed_link_has_a_button_only_while_there_is_something_to_take(
    name: str, words: str
) -> None:
    page = shown(name, shell=replace(SHELL, person=None, here=""))

    assert words in page
    assert ('action="/a/token"' in page) == (name == "link, ready")
    assert "<nav" not in page


def test_a_drill_says_so() -> None:
    assert "演练：这不是真实故障" in shown("incident, live part")


def test_quiet_is_said_with_its_beginning() -> None:
    assert "01:42 起一切平静" in shown("board, quiet")


def test_the_other_language_is_one_link_away_and_leads_back() -> None:
    assert 'href="/language/en?back=/%3Fa%3D1%26b%3D2"' in shown("board")


@pytest.mark.parametrize("locale", Locale)
@pytest.mark.parametrize(
    "event",
    ["triggered", "escalated", "raised", "acknowledged", "resolved", "sla_at_risk", "sla_breached"],
)
def test_every_notification_has_its_mail(event: str, locale: Locale) -> None:
    clock = "response" if event.startswith("sla") else None
    mail = views.MailView(event, INCIDENT, "李雷", "https://x/incidents/7", "https://x/a/t", clock)
    parts = [
        PAGES.render(f"mail/{name}", locale, "Asia/Shanghai", now=NOW, view=mail)
        for name in ("subject.txt", "notification.txt", "notification.html")
    ]

    assert "\n" not in parts[0].strip()
    assert ["<磁盘> 96%" in part for part in parts] == [True, True, False]
    assert all("https://x/a/t" in part for part in parts[1:])


FACTS: dict[str, dict[str, object]] = {
    "opened": {"priority": "P1", "alert": "A"},
    "joined": {"priority": "P1", "alert": "A"},
    "alert_raised": {"alert": "A", "before": "P2", "priority": "P1"},
    "joined_many": {"count": 2, "priority": "P1", "alert": "A"},
    "alert_raised_many": {"count": 2, "alert": "A", "before": "P2", "priority": "P1"},
    "fell_many": {"count": 2, "alert": "A", "before": "P1", "priority": "P2"},
    "alert_resolved_many": {"count": 2, "alert": "A"},
    "alert_unknown_many": {"count": 2, "alert": "A"},
    "alert_known_many": {"count": 2, "alert": "A"},
    "fell": {"alert": "A", "before": "P1", "priority": "P2"},
    "alert_resolved": {"alert": "A"},
    "alert_unknown": {"alert": "A"},
    "alert_known": {"alert": "A"},
    "raised": {"before": "P2", "priority": "P1"},
    "raised_taken": {"before": "P2", "priority": "P1", "acknowledged_by": "Q"},
    "notified": {"people": ["P"]},
    "escalated": {"step": "0.1", "people": ["P", "Q"]},
    "nobody_reached": {"step": "1.0", "targets": ["R"]},
    "exhausted": {"rounds": 2},
    "owner_told": {"people": ["P"]},
    "notification_failed": {"person": "P", "why": "refused: 404 gone"},
    "acknowledged": {},
    "unacknowledged": {},
    "note": {"text": "T"},
    "recovered": {},
    "resolved": {},
    "reopened": {},
    "sla_at_risk": {"clock": "response", "percent": 80},
    "sla_breached": {"clock": "recovery"},
    "clock_paused": {"clock": "recovery", "reason": "R"},
    "clock_resumed": {"clock": "recovery"},
    "time_excluded": {"clock": "recovery", "since": "S", "until": "U", "reason": "R"},
}


def test_every_kind_of_line_has_its_words() -> None:
    told = {what.removesuffix("_many") for what in FACTS} - {"notified", "raised_taken"}
    assert told == {what.value for what in What}


@pytest.mark.parametrize("locale", Locale)
@pytest.mark.parametrize("what", FACTS)
def test_every_kind_of_line_is_said_in_full(what: str, locale: Locale) -> None:
    for who in (None, "李雷"):
        line = timeline_text(what, FACTS[what], locale=locale, who=who)
        assert line not in ("", what)
        assert "{" not in line
        assert "–" not in line or who is None


def test_facts_are_said_in_words() -> None:
    def said(what: str, locale: str, who: str | None = None) -> str:
        return timeline_text(what, FACTS[what], locale=locale, who=who)

    assert said("raised", "zh-CN") == "故障由二级升为一级"
    assert said("sla_at_risk", "en") == "Response: 80% of the time is used"
    assert said("escalated", "zh-CN") == "仍无人接手，升级到第 2 步，已通知 P、Q"
    assert said("escalated", "en", "Li") == "Li escalated: notified P, Q (step 2)"
    assert said("nobody_reached", "en") == "Nobody to notify in step 1, round 2 (R), on to the next"
    assert said("resolved", "en", "Li") == "Li marked it as resolved"
    assert said("notification_failed", "en") == "Could not notify P: refused (404 gone)"
    assert said("notification_failed", "zh-CN") == "未能通知 P：对方拒收（404 gone）"
    assert said("joined_many", "en") == "2 more alerts joined as P1: A"
    assert said("alert_resolved_many", "zh-CN") == "2 条告警恢复：A"
    assert said("exhausted", "en").startswith("Nobody took it in 2 rounds of notifications")


def test_a_line_of_an_unknown_kind_or_without_its_facts_still_shows() -> None:
    assert timeline_text("teleported", {}, locale="en") == "teleported"
    assert timeline_text("joined", {}, locale="en") == "Another alert joined as –: –"


@pytest.mark.parametrize(
    ("state", "elapsed", "ended", "tone"),
    [
        ("running", 5, False, "calm"),
        ("running", 12, False, "warn"),
        ("running", 16, False, "late"),
        ("breached", 20, False, "late"),
        ("breached", 20, True, "late"),
        ("met", 5, True, "done"),
        ("paused", 5, False, "calm"),
    ],
)
def test_a_clock_has_a_tone(state: str, elapsed: int, ended: bool, tone: str) -> None:
    clock = ClockView(
        "response", state, 15 * MINUTE, elapsed * MINUTE, ended_at=NOW if ended else None
    )

    assert clock.tone == tone
    assert clock.ticking == (state in ("running", "breached") and not ended)


def test_the_clock_that_breaks_first_comes_first_and_a_stopped_one_last() -> None:
    assert [clock.kind for clock in INCIDENT.clocks] == ["response", "recovery"]
    assert [clock.kind for clock in TAKEN.clocks] == ["recovery", "response"]


@pytest.mark.parametrize(
    ("person", "initials"),
    [("Li Lei", "LL"), ("王志强", "志强"), ("han", "HA"), (None, "–"), (" ", "–")],
)
def test_a_face_has_initials(person: str | None, initials: str) -> None:
    assert ShiftView(person, NOW, NOW).initials == initials
