"""Connections to another machine: the kernel asks whether it is still there."""

import os
import socket
from typing import Any

WATCHED = (
    (socket.TCP_KEEPIDLE, 10),
    (socket.TCP_KEEPINTVL, 5),
    (socket.TCP_KEEPCNT, 3),
    (socket.TCP_USER_TIMEOUT, 25_000),
)
"""After ten seconds of silence ask every five, three times; unread for 25 s is lost."""


def watch_over(connection: Any) -> None:
    """Have the kernel notice within half a minute that the other machine is gone.

    Left to itself it takes a quarter of an hour, and whoever waits for an answer waits as long.
    """
    found = connection._transport.get_extra_info("socket")
    if found is None or found.family == socket.AF_UNIX:
        return
    with socket.socket(fileno=os.dup(found.fileno())) as line:  # uvloop's own has no options
        line.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in WATCHED:
            line.setsockopt(socket.IPPROTO_TCP, option, value)
