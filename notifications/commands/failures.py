"""What could not be sent, and a person looks at: try again, or leave it."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from kit.notices import notify
from notifications.commands.promises import CHANNEL
from notifications.lifecycle import Status, receiver_host
from notifications.schemas import ContactFacts, Reachable
from notifications.tables import Notification


async def try_again(
    tx: AsyncSession, row: Notification, contacts: Sequence[Reachable], *, now: datetime
) -> None:
    """Promise a failed message anew, to the contacts that the person has by now."""
    first = contacts[0]
    row.contacts = [asdict(ContactFacts(way.channel, way.address, way.secret)) for way in contacts]
    row.channel, row.address = first.channel, first.address
    row.host = receiver_host(first.channel, first.address)
    row.status, row.next_try_at, row.last_error = Status.DUE, now, None
    row.at_contact, row.attempts, row.tried_since = 0, 0, None
    notify(tx, CHANNEL)


def settle(row: Notification, *, now: datetime) -> None:
    """Leave a failed message as it is: nobody need look at it any more."""
    row.settled_at = now
