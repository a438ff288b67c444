"""The vendor's HTTP face: token endpoint, searches, reads and payment posts, each behind its throttle."""

import re
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias

import msgspec
from aiohttp import web

from adapters.sandbox.alvys.books import NUMBERS, Books, Clock
from adapters.sandbox.alvys.control import Control
from adapters.sandbox.alvys.faults import Faults, go_wrong
from adapters.sandbox.alvys.journal import Journal
from adapters.sandbox.alvys.limits import Limits, Throttle
from adapters.sandbox.alvys.month import Month
from adapters.sandbox.alvys.payments import PAYMENTS
from adapters.sandbox.alvys.search import SEARCHES, Search, find
from adapters.sandbox.alvys.tokens import Tokens
from adapters.sandbox.alvys.wire import Json, Problem, answer, decode

Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]

VERSION = r"{version:[12](?:\.0)?}"
PREFIX = f"/api/p/v{VERSION}"
TOKEN_PATH = "/oauth/token"  # noqa: S105 - a path

READS: Mapping[str, Mapping[str, str]] = {
    "loads": {"id": "Id", "loadNumber": "LoadNumber", "orderNumber": "OrderNumber"},
    "trips": {"id": "Id", "tripNumber": "TripNumber"},
    "invoices": {"id": "Id", "invoiceNumber": "Number"},
    "customers": {"id": "Id", "companyNumber": "CompanyNumber"},
}
"""What one object of a kind can be asked for by, in the query string."""

BY_ID = ("carriers", "drivers")
"""Kinds with a path for each object."""


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
        clock: Clock = utc_now,
        directory: Path | None = None,
        token_life_seconds: int = 3600,
    ) -> None:
        self.client_id = client_id
        self.client_secret = client_secret
        journal = Journal(directory / "alvys.jsonl") if directory else None
        self.books = Books(clock, journal)
        if not (journal and journal.commits):
            fill(self.books, month)
        self.tokens = Tokens(client_id, client_secret, clock, token_life_seconds)
        self.faults = Faults()
        self.requests: Counter[str] = Counter()
        self.statuses: Counter[int] = Counter()
        self._throttle = Throttle(limits)
        self._journal = journal

    def close(self) -> None:
        """Let go of the journal; a served application does so when it ends."""
        if self._journal:
            self._journal.close()

    def app(self) -> web.Application:
        """Build the application."""
        app = web.Application(middlewares=[self._answering])
        app.router.add_post(TOKEN_PATH, self.tokens.issue)
        for name, search in SEARCHES.items():
            app.router.add_post(f"{PREFIX}/{name}/search", self._search(search))
        for path, record in PAYMENTS.items():
            app.router.add_post(f"{PREFIX}/{path}", self._payment(record))
        for kind, names in READS.items():
            app.router.add_get(f"{PREFIX}/{kind}", self._read(kind, names))
        for kind in BY_ID:
            app.router.add_get(f"{PREFIX}/{kind}/{{id}}", self._read_by_id(kind))
        app.router.add_get(f"{PREFIX}/drivers", self._list_drivers)
        Control(self.books, self.tokens, self.faults, self.requests, self.statuses).add_to(app.router)
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
            if request.path != TOKEN_PATH:
                self.tokens.check(request)
                self._throttle.admit(f"{request.method} {path}", self.books.clock())
            return await handler(request)

        try:
            response = await (go_wrong(fault, request, serve) if fault else serve())
        except Problem as problem:
            response = problem.response(request.path)
        except web.HTTPException as unknown:
            response = Problem(unknown.status, unknown.reason).response(request.path)
        self.statuses[response.status] += 1
        return response

    def _search(self, search: Search) -> Handler:
        async def handle(request: web.Request) -> web.Response:
            return answer(find(search, self.books, await body_of(request)))

        return handle

    def _payment(self, record: Callable[[Books, Json], Json]) -> Handler:
        async def handle(request: web.Request) -> web.Response:
            return answer(record(self.books, await body_of(request)))

        return handle

    def _read(self, kind: str, names: Mapping[str, str]) -> Handler:
        async def handle(request: web.Request) -> web.Response:
            asked = [(field, request.query[name]) for name, field in names.items() if request.query.get(name)]
            if not asked:
                raise Problem(400, f"give one of {', '.join(names)}")
            found = self.books.find(kind, *asked[0])
            deleted_too = request.query.get("includeDeleted", "").lower() == "true"
            if found is None or (found.get("IsDeleted") and not deleted_too):
                raise Problem(404, f"no such object among the {kind}")
            return answer(found)

        return handle

    def _read_by_id(self, kind: str) -> Handler:
        async def handle(request: web.Request) -> web.Response:
            found = self.books.get(kind, request.match_info["id"])
            if found is None:
                raise Problem(404, f"no such object among the {kind}")
            return answer(found)

        return handle

    async def _list_drivers(self, _: web.Request) -> web.Response:
        return answer(self.books.all("drivers"))

    async def _close(self, _: web.Application) -> None:
        self.close()


def fill(books: Books, month: Month | None) -> None:
    """Put a month into empty books, all of it in one commit; without a month the commit says they are begun."""
    books.commit(*((kind, thing) for kind in NUMBERS for thing in getattr(month, kind, ())))


def endpoint(request: web.Request) -> str:
    """Name the endpoint of a request: its path without the version, an object's own id left out."""
    path = re.sub(r"^/api/p/v[^/]+/", "", request.path).strip("/")
    return re.sub(rf"^({'|'.join(BY_ID)})/(?!search$)[^/]+$", r"\1/{id}", path)


async def body_of(request: web.Request) -> Json:
    """Read a request's JSON object. Raises a 400 or 415 `Problem`."""
    if not (request.content_type.endswith("json")):
        raise Problem(415, f"cannot read {request.content_type}")
    try:
        body = decode(await request.read())
    except msgspec.DecodeError as broken:
        raise Problem.of({"$": [str(broken)]}) from broken
    if not isinstance(body, dict):
        raise Problem.of({"$": ["The JSON value could not be converted to an object."]})
    return body
