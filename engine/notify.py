"""Telling systemd how we are: ready, stopping, alive. Silent where nobody listens."""

import os
import socket
from contextlib import suppress

import anyio

_WATCHDOG_SHARE = 3  # pings per watchdog period


def notify(state: str) -> None:
    """Send one state, such as READY=1, to the socket the service manager gave us."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
        # An abstract socket is written with a leading @ and addressed with a leading NUL.
        channel.connect("\0" + address[1:] if address.startswith("@") else address)
        channel.sendall(state.encode())


async def keep_alive() -> None:
    """Ping the watchdog, if there is one, for as long as the event loop turns."""
    period = int(os.environ.get("WATCHDOG_USEC", "0")) / 1_000_000
    while period:
        notify("WATCHDOG=1")
        await anyio.sleep(period / _WATCHDOG_SHARE)
