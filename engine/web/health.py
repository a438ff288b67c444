"""For the machines that watch: is it alive, does it do its work, what are its numbers."""

from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus
from typing import Final

import anyio
import msgspec
import structlog
from aiohttp import web

from engine.metrics import CONTENT_TYPE, Metrics
from engine.readiness import Check, Readiness
from state.store import Store
from state.trouble import StoreError

log = structlog.get_logger(__name__)

_PATIENCE: Final = 2.0  # seconds the store has to answer


class Health:
    """The open endpoints: they tell numbers and names of loops, nothing of anyone's business."""

    def __init__(self, store: Store, metrics: Metrics, readiness: Readiness, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._metrics = metrics
        self._readiness = readiness
        self._clock = clock

    def routes(self) -> list[web.RouteDef]:
        """Return the table of paths."""
        return [
            web.get("/healthz", self.alive),
            web.get("/readyz", self.ready),
            web.get("/metrics", self.numbers),
        ]

    async def alive(self, _: web.Request) -> web.Response:
        """Answer ok: the event loop runs, or nobody would answer."""
        return web.Response(text="ok\n")

    async def ready(self, _: web.Request) -> web.Response:
        """Answer 200 if every check holds and 503 if not, with the checks."""
        checks = [*self._readiness.checks(), await self._store_check()]
        ready = all(check.ok for check in checks)
        return web.Response(
            body=msgspec.json.encode({"ready": ready, "checks": checks}),
            status=HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE,
            content_type="application/json",
        )

    async def numbers(self, _: web.Request) -> web.Response:
        """Answer the metrics; if the store does not answer, those it would have told are old and marked so."""
        try:
            with anyio.fail_after(_PATIENCE):
                await self._metrics.refresh(self._store, self._clock())
        except (TimeoutError, StoreError) as error:
            log.warning("metrics.stale", detail=_told(error))
        return web.Response(body=self._metrics.text(), headers={"Content-Type": CONTENT_TYPE})

    async def _store_check(self) -> Check:
        try:
            with anyio.fail_after(_PATIENCE):
                await self._store.answers()
        except (TimeoutError, StoreError) as error:
            return Check("store", ok=False, detail=_told(error))
        return Check("store", ok=True, detail="answered")


def _told(error: Exception) -> str:
    return str(error) or f"no answer within {_PATIENCE} s"
