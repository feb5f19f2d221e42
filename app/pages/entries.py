"""The entries of the menu, in the order in which they stand."""

from collections.abc import Collection
from dataclasses import dataclass

from access.scope import Right


@dataclass(frozen=True)
class Entry:
    """One page that the frame leads to; `first` ones stand in the bar of a phone."""

    name: str
    href: str
    right: Right = Right.READ
    first: bool = False


ENTRIES = (
    Entry("now", "/", first=True),
    Entry("incidents", "/incidents", first=True),
    Entry("alerts", "/alerts"),
    Entry("oncall", "/oncall", first=True),
    Entry("clients", "/clients", first=True),
    Entry("hosts", "/hosts"),
    Entry("explore", "/explore"),
    Entry("rules", "/rules"),
    Entry("troubles", "/troubles", Right.ADMIN),
    Entry("audit", "/audit", Right.ADMIN),
    Entry("admin", "/admin/clients", Right.ADMIN),
    Entry("reference", "/docs"),
)


def menu(rights: Collection[Right]) -> tuple[Entry, ...]:
    """Return the entries that somebody with these rights may open."""
    return tuple(one for one in ENTRIES if one.right in rights or Right.ADMIN in rights)
