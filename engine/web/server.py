"""Listening: from an application to a port, and back."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, cast

import anyio
from aiohttp import web
from anyio.abc import TaskStatus

from engine.web.connections import Guards, Limits

LIMITS: Final = Limits()


@asynccontextmanager
async def serving(app: web.Application, host: str, port: int, limits: Limits = LIMITS) -> AsyncIterator[int]:
    """Answer on `host` and `port`, 0 for a free one, while the context lasts; the value is the port.

    Requests under way at the end have `limits.farewell` seconds to be answered. Raises OSError if the address can't
    be listened on.
    """
    runner = web.AppRunner(
        app,
        access_log=None,
        keepalive_timeout=limits.rest,
        lingering_time=1.0,  # so that a client still sending can read why it was refused
        shutdown_timeout=limits.farewell,
    )
    await runner.setup()
    guards = Guards(cast("web.Server", runner.server), limits)
    try:
        listener = await asyncio.get_running_loop().create_server(guards, host, port)
        try:
            yield listener.sockets[0].getsockname()[1]
        finally:
            listener.close()
    finally:
        with anyio.CancelScope(shield=True):
            await runner.cleanup()
        guards.cut_off()


async def run(
    app: web.Application,
    host: str,
    port: int,
    limits: Limits = LIMITS,
    *,
    task_status: TaskStatus[int] = anyio.TASK_STATUS_IGNORED,
) -> None:
    """Answer until cancelled; for `TaskGroup.start`, which returns the port once it listens."""
    async with serving(app, host, port, limits) as bound:
        task_status.started(bound)
        await anyio.sleep_forever()
