"""What is still to be done before anything can come of a fault: said on the board until it is."""

from collections.abc import Iterator, Sequence

from access.directory import Directory
from access.scope import HOUSE
from app.pages.reference import ports_at
from app.pages.views import ScheduleView, StepView
from metrics.store import Store

SAMPLES = "/api/v1/samples"


def first_steps(
    store: Store, directory: Directory, schedules: Sequence[ScheduleView], url: str
) -> list[StepView]:
    """Return the first steps in their order, nothing once all of them are done."""
    steps = list(_steps(store, directory, schedules, url))
    return [] if all(step.done for step in steps) else steps


def _steps(
    store: Store, directory: Directory, schedules: Sequence[ScheduleView], url: str
) -> Iterator[StepView]:
    clients = set(directory.clients) - {HOUSE}
    yield StepView("client", bool(clients), [("client", "/admin/clients/new")])
    sent = bool(store.index.values("client", "", limit=1, clients=clients))
    line = "" if sent else next(one.example for one in ports_at(url) if one.path == SAMPLES)
    yield StepView("samples", sent, [("token", "/admin/tokens"), ("ports", "/docs#ports")], line)
    on_call = any(shift.person for schedule in schedules for shift in schedule.current)
    ways = [("person", "/admin/people/new"), ("schedule", "/admin/schedules/new")]
    yield StepView("oncall", on_call, ways)
