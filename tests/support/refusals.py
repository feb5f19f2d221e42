"""Every kind of refusal, from every room."""

from importlib import import_module
from pkgutil import walk_packages

from app import problems
from kit.errors import Refusal

ROOMS = (
    *("access", "alerting", "app", "collectors", "drills", "incidents", "inspections"),
    *("kit", "metrics", "notifications", "oncall", "projects"),
)


def _kinds() -> list[type[Refusal]]:
    for name in ROOMS:
        room = import_module(name)
        for module in walk_packages(room.__path__, f"{name}."):
            if not module.name.endswith((".launch", ".__main__")):
                import_module(module.name)
    return sorted(set(problems.kinds()), key=lambda kind: kind.slug)


KINDS = _kinds()
