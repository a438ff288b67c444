"""The admin API's pages about backfills: estimate one, begin it, see how far it is."""

import structlog
from aiohttp import web

from engine.backfill import Backfiller
from engine.web.auth import CALLER
from engine.web.inputs import Days, Filled, body
from engine.web.shapes import Estimated, Filling, answer
from state.moves import Cause
from state.store import Store

log = structlog.get_logger(__name__)


class Pages:
    """Backfills of one store; `currency` is the one the books are kept in."""

    def __init__(self, store: Store, backfiller: Backfiller, currency: str) -> None:
        self._store = store
        self._backfiller = backfiller
        self._currency = currency

    def routes(self) -> list[web.RouteDef]:
        """Return the table of paths."""
        return [
            web.get("/v1/backfill", self.show),
            web.post("/v1/backfill", self.begin),
            web.post("/v1/backfill/estimate", self.estimate),
        ]

    async def show(self, _: web.Request) -> web.Response:
        """Answer the backfills there were, and the last estimate."""
        estimate = Estimated.of(self._backfiller.estimate, self._currency)
        return answer(Filling(await self._store.backfills.all(), estimate))

    async def estimate(self, request: web.Request) -> web.Response:
        """Begin to read what a span of days would bring, and answer as `show` does; nothing is taken in."""
        wanted = await body(request, Days)
        self._backfiller.ask(wanted.first, wanted.last)
        return await self.show(request)

    async def begin(self, request: web.Request) -> web.Response:
        """Take in a span of days, and answer as `show` does."""
        wanted, actor = await body(request, Filled), request[CALLER].name
        await self._backfiller.begin(wanted.first, wanted.last, Cause(actor, wanted.reason))
        log.info("admin.acted", actor=actor, action="backfill", first=str(wanted.first), last=str(wanted.last))
        return await self.show(request)
