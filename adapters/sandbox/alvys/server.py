"""The vendor's HTTP face: the token endpoint and the API, each endpoint behind its throttle."""

from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias

from aiohttp import web

from adapters.sandbox.alvys import endpoints, routing
from adapters.sandbox.alvys.books import NUMBERS, Books, Clock
from adapters.sandbox.alvys.control import Control
from adapters.sandbox.alvys.deliveries import Deliveries, Delivery
from adapters.sandbox.alvys.delivery_logs import DeliveryLogs
from adapters.sandbox.alvys.faults import Faults, go_wrong
from adapters.sandbox.alvys.files import FILES_PATH, Files
from adapters.sandbox.alvys.journal import Journal
from adapters.sandbox.alvys.limits import Limits, Throttle
from adapters.sandbox.alvys.month import Month
from adapters.sandbox.alvys.routing import endpoint
from adapters.sandbox.alvys.switches import Switches
from adapters.sandbox.alvys.tokens import Tokens
from adapters.sandbox.alvys.webhooks import Webhooks
from adapters.sandbox.alvys.wire import Problem

Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]

TOKEN_PATH = "/oauth/token"  # noqa: S105 - a path
LARGEST_REQUEST = 32 * 2**20  # above the largest document, so that each endpoint can say for itself what is too large


def utc_now() -> datetime:
    """Tell the time."""
    return datetime.now(UTC)


class AlvysSandbox:
    """An Alvys tenant with one set of API credentials, served over HTTP.

    A month fills the books unless the directory already holds some: then those go on as they were. The control
    endpoints under `/_sandbox` ask for no credentials. Raises OSError if the directory cannot be written, ValueError if
    what it holds is no journal.
    """

    def __init__(  # noqa: PLR0913 - each is one thing a test varies, by name
        self,
        *,
        client_id: str = "sandbox-client",
        client_secret: str = "sandbox-secret",  # noqa: S107 - opens nothing but this sandbox
        month: Month | None = None,
        limits: Limits = Limits(),  # noqa: B008 - frozen
        switches: Switches = Switches(),  # noqa: B008 - frozen
        delivery: Delivery = Delivery(),  # noqa: B008 - frozen
        clock: Clock = utc_now,
        directory: Path | None = None,
        token_life_seconds: int = 3600,
    ) -> None:
        self.client_id = client_id
        self.client_secret = client_secret
        journal = Journal(directory / "alvys.jsonl") if directory else None
        self.books = Books(clock, journal, switches)
        if not (journal and journal.commits):
            fill(self.books, month)
        self.tokens = Tokens(client_id, client_secret, clock, token_life_seconds)
        self.faults = Faults()
        self.requests: Counter[str] = Counter()
        self.statuses: Counter[int] = Counter()
        self._deliveries = Deliveries(self.books, delivery)
        self._throttle = Throttle(limits)
        self._journal = journal

    def close(self) -> None:
        """Let go of the journal; a served application does so when it ends."""
        if self._journal:
            self._journal.close()

    def app(self) -> web.Application:
        """Build the application."""
        app = web.Application(middlewares=[self._answering], client_max_size=LARGEST_REQUEST)
        app.router.add_post(TOKEN_PATH, self.tokens.issue)
        routing.add(app.router, endpoints.routes(self.books))
        Files(self.books, self.tokens.check).add_to(app.router)
        routing.add(app.router, Webhooks(self.books, self._deliveries).routes())
        routing.add(app.router, DeliveryLogs(self.books).routes())
        Control(self.books, self.tokens, self.faults, self.requests, self.statuses).add_to(app.router)
        app.cleanup_ctx.append(self._deliveries.running)
        app.on_cleanup.append(self._close)
        return app

    @web.middleware
    async def _answering(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Count the request, let a fault strike it, and write problems down as answers."""
        if request.path.startswith("/_sandbox/"):
            return await handler(request)
        path = endpoint(request)
        self.requests[f"{request.method} {path}"] += 1
        fault = self.faults.striking(request.method, path)

        async def serve() -> web.StreamResponse:
            if request.path != TOKEN_PATH and not request.path.startswith(FILES_PATH):
                self.tokens.check(request)
                self._throttle.admit(f"{request.method} {path}", self.books.clock(), self.books.switches)
            return await handler(request)

        try:
            response = await (go_wrong(fault, request, serve) if fault else serve())
        except Problem as problem:
            response = problem.response(request.path)
        except web.HTTPException as unknown:
            response = Problem(unknown.status, unknown.reason).response(request.path)
        self.statuses[response.status] += 1
        return response

    async def _close(self, _: web.Application) -> None:
        self.close()


def fill(books: Books, month: Month | None) -> None:
    """Put a month into empty books, all of it in one commit; without a month the commit says they are begun."""
    books.commit(*((kind, thing) for kind in NUMBERS for thing in getattr(month, kind, ())))
