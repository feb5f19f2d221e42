"""The sign of life to a place outside, sent only while all is well: silence means trouble."""

import logging
from datetime import datetime
from typing import TYPE_CHECKING

import httpx

from kit.errors import Refusal
from kit.net import guard

if TYPE_CHECKING:
    from app.house import House

log = logging.getLogger(__name__)

TIMEOUT = 10.0


class Heartbeat:
    """Pings HEARTBEAT_URL."""

    def __init__(self, house: "House") -> None:
        self._house = house

    async def beat(self, now: datetime) -> None:
        """Ping, unless something is wrong."""
        settings = self._house.settings
        if settings.heartbeat_url is None or self._house.muted is not None:
            return  # a muted copy must not vouch for the original
        found = await self._house.condition()
        if not found.well:
            log.warning("no heartbeat is sent: %s", "; ".join(map(str, found.troubles)))
            return
        try:
            await guard(settings.heartbeat_url, allow=settings.allow_link_local)
            answer = await self._house.http.get(settings.heartbeat_url, timeout=TIMEOUT)
            answer.raise_for_status()
        except (httpx.HTTPError, OSError, Refusal) as error:
            log.warning("the heartbeat did not arrive: %s", error)
