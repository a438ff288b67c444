"""Both vendors as real HTTP servers, independent of the product: for demos, tests, benchmarks and training."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

__all__ = ["serve"]

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


@asynccontextmanager
async def serve(app: web.Application, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
    """Serve an application while the context lasts and yield its base URL; port 0 picks a free one.

    Raises ValueError for a host that is not loopback: the control endpoints ask for no password.
    """
    if host not in LOOPBACK:
        raise ValueError(f"the sandbox listens on loopback only, not on {host}")
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        await site.start()
        name = f"[{host}]" if ":" in host else host
        yield f"http://{name}:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
