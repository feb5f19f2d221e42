"""An administrator configures in a browser: lists by the keyboard, previews as typed."""

import pytest

from tests.support.browser import Screen, Screens
from tests.support.site import Site

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]


async def at_the_form(site: Site, screen: Screen, path: str) -> None:
    await screen.signs_in(site.program.url)
    await screen.shows(".rail")
    await screen.open(f"{site.program.url}{path}")


async def focused(screen: Screen) -> str:
    found = "document.activeElement.name + ' ' + document.activeElement.value"
    return str(await screen.page.evaluate(found))


async def test_steps_come_go_and_move_by_the_keyboard(site: Site, screens: Screens) -> None:
    screen = await screens.desk(locale="en-US")
    await at_the_form(site, screen, "/admin/escalations/new")
    keys = screen.page.keyboard
    await screen.at("[name=name]").fill("late")
    await screen.at("[value='schedule:primary']").first.focus()
    await keys.press("Space")
    await screen.shows("#preview", "schedule primary")

    await screen.at("[name=add]").focus()
    await keys.press("Enter")
    assert "schedule:primary" in await focused(screen)  # the first field of the new row
    await screen.at("[value='person:li']").nth(1).focus()
    await keys.press("Space")
    await screen.shows("#preview", "李雷")

    await screen.at("[data-up]").nth(1).focus()
    await keys.press("Enter")
    assert "schedule:primary" in await focused(screen)  # it goes no higher: on with its fields
    await screen.at("[name=add]").focus()
    await keys.press("Enter")
    await screen.at("[data-drop]").nth(2).focus()
    await keys.press("Enter")
    assert await screen.at(".list-row").count() == 2

    await screen.presses("#thing .primary")
    await screen.shows(".notice", "Created")
    made = (await site.http.get("/api/v1/escalations/late")).json()
    assert [step["notify"] for step in made["steps"]] == [["person:li"], ["schedule:primary"]]
    assert screen.wrong == []


async def test_a_schedule_with_hours_is_drawn_as_it_is_typed(site: Site, screens: Screens) -> None:
    screen = await screens.phone(locale="en-US")
    await at_the_form(site, screen, "/admin/schedules/new")
    await screen.at("[name=name]").fill("nights")
    await screen.at("[data-grow] select").first.select_option("li")
    await screen.shows("#preview", "Somebody is always on call")
    assert await screen.at("[data-grow] select").count() == 2  # a place for the next one

    await screen.presses("[data-list=only] > p > [data-add]")
    await screen.shows("#preview", "gaps")
    assert await screen.overflow() == 0

    await screen.presses("#thing .primary")
    await screen.shows(".notice", "Created")
    (layer,) = (await site.http.get("/api/v1/schedules/nights")).json()["layers"]
    assert layer["only"] == [
        {"days": ["Mon", "Tue", "Wed", "Thu", "Fri"], "from": "09:00:00", "to": "18:00:00"}
    ]
    assert screen.wrong == []


async def test_a_threshold_is_tried_while_it_is_typed_and_then_holds(
    site: Site, screens: Screens
) -> None:
    for value in (1, 9, 1):
        await site.pushes(value, name="backlog")
    screen = await screens.desk(locale="en-US")
    await at_the_form(site, screen, "/admin/thresholds/new")
    await screen.shows("#preview", "Write an expression")
    await screen.at("[name=expr]").press_sequentially("backlog")
    await screen.shows("#preview", "1 series seen")
    await screen.at("[name='P3.limit']").press_sequentially("5")
    await screen.shows("#preview .verdict", "Would have raised 1 × P3")
    await screen.shows("#preview text.limit.p3", "P3 5")

    await screen.at("[name=name]").fill("backlog")
    await screen.presses("#thing .primary")
    await screen.shows(".notice", "Created")
    number = await site.opens(9, name="backlog")  # and it wakes somebody
    await site.calms(number, name="backlog")

    await screen.presses(".removal summary")
    await screen.presses(".removal .danger")
    await screen.shows(".notice", "backlog is removed")
    assert screen.wrong == []
