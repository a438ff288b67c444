from pathlib import Path
from random import Random
from typing import Final

from aiohttp import web

from adapters.sandbox.quickbooks.answers import (
    entity_response,
    gateway_response,
    wants_json,
)
from adapters.sandbox.quickbooks.books import Books
from adapters.sandbox.quickbooks.clock import Clock, utc_now
from adapters.sandbox.quickbooks.company import Company
from adapters.sandbox.quickbooks.disruption import Disruptions
from adapters.sandbox.quickbooks.faults import THROTTLED, TOKEN_EXPIRED, UNAUTHENTICATED, WRONG_COMPANY, Refusal
from adapters.sandbox.quickbooks.gateway import Gateway
from adapters.sandbox.quickbooks.journal import Journal
from adapters.sandbox.quickbooks.oauth import TokenEndpoint
from adapters.sandbox.quickbooks.repeats import Repeats
from adapters.sandbox.quickbooks.service import Call, EntityService, UnknownPath
from adapters.sandbox.quickbooks.switches import Limits, Switches
from adapters.sandbox.quickbooks.tokens import Tokens
from adapters.sandbox.quickbooks.traffic import Log, Meter, Throttle

_LARGEST_BODY: Final = 100 * 1024 * 1024


class QuickBooksSandbox:
    """QuickBooks Online for one company and one connected app, as an aiohttp application.

    With a `directory`, books, tokens and request ids outlive the process; `resumed` says that some were found there.
    """

    def __init__(  # noqa: PLR0913 - everything about it can be chosen
        self,
        *,
        client_id: str = "sandbox-client",
        client_secret: str = "sandbox-secret",  # noqa: S107 - a sandbox's secret is no secret
        realm_id: str = "9130350000000001",
        refresh_token: str = "sandbox-refresh",  # noqa: S107 - the same
        switches: Switches = Switches(),  # noqa: B008 - frozen
        limits: Limits = Limits(),  # noqa: B008 - frozen
        clock: Clock = utc_now,
        directory: Path | None = None,
        seed: int = 0,
    ) -> None:
        self.client_id = client_id
        self.client_secret = client_secret
        self.realm_id = realm_id
        self.clock = clock
        journal = Journal(directory / "quickbooks.jsonl") if directory is not None else None
        random = Random(seed)  # noqa: S311 - orders batches and makes trace ids
        books = Books(journal)
        self.tokens = Tokens(refresh_token, limits=limits, clock=clock, seed=seed, journal=journal)
        self.repeats = Repeats(clock, journal)
        self.resumed = _replay(journal, books, self.tokens, self.repeats) if journal is not None else False
        self.company = Company(realm_id, switches=switches, clock=clock, books=books)
        self.disruptions = Disruptions()
        self.log = Log()
        self.meter = Meter(limits.metered_per_month)
        self._throttle = Throttle(limits)
        self._gateway = Gateway(self.disruptions, self.log, clock, random)
        self._service = EntityService(
            self.company,
            limits=limits,
            repeats=self.repeats,
            meter=self.meter,
            log=self.log,
            disruptions=self.disruptions,
            random=random,
        )

    @property
    def refresh_token(self) -> str:
        """The refresh token that is good now."""
        return self.tokens.refresh_token

    def app(self) -> web.Application:
        """Return the application: the vendor's paths, and `/_sandbox/…` to look inside and act as a person."""
        # Imported here because the control endpoints act on this class.
        from adapters.sandbox.quickbooks.control import Control  # noqa: PLC0415

        app = web.Application(client_max_size=_LARGEST_BODY)
        endpoint = TokenEndpoint(
            self.client_id,
            self.client_secret,
            tokens=self.tokens,
            company=self.company,
            gateway=self._gateway,
        )
        endpoint.add_routes(app)
        app.router.add_route("*", "/v3/company/{realm}/{target:.+}", self._company_call)
        Control(self).add_routes(app)
        app.on_cleanup.append(self._gateway.forget_late)
        return app

    def connect(self) -> str:
        """Give the app a new consent, as an administrator does in the browser, and return its refresh token."""
        return self.tokens.connect()

    def disconnect(self) -> None:
        """Disconnect the app, as an administrator does under Apps: every token is revoked."""
        self.tokens.revoke()

    def expire_access_tokens(self) -> None:
        """Let the access tokens end now; the refresh token stays good."""
        self.tokens.expire_access()

    def reset_company(self) -> None:
        """Wipe the company's books; every later call gets fault 10200."""
        self.company.reset()

    async def _company_call(self, request: web.Request) -> web.Response:
        target = request.match_info["target"]
        call = Call(request.method, target, dict(request.query), await request.read())

        async def proceed() -> web.Response:
            return self._answer(request, call)

        return await self._gateway.through(request, call.subject, proceed)

    def _answer(self, request: web.Request, call: Call) -> web.Response:
        refusal = self._refusal(request, call)
        if refusal is not None:
            return self._refuse(refusal)
        try:
            status, payload = self._service.answer(call)
        except UnknownPath:
            return web.Response(status=404, text="<html><body><h1>404 Not Found</h1></body></html>")
        return entity_response(payload, status=status, json=wants_json(request))

    def _refusal(self, request: web.Request, call: Call) -> Refusal | None:
        """Return why the call does not reach the service, or None."""
        now = self.clock()
        if not self._throttle.admit(now, batch=call.is_batch):
            return THROTTLED
        scheme, _, access_token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not access_token:
            return UNAUTHENTICATED
        if not self.tokens.is_good(access_token):
            return TOKEN_EXPIRED
        if request.match_info["realm"] != self.realm_id:
            return WRONG_COMPANY
        if not call.writes and self.meter.is_blocked(now):
            return THROTTLED
        return None

    def _refuse(self, refusal: Refusal) -> web.Response:
        switches = self.company.switches
        shape = {401: switches.unauthorized_body, 429: switches.throttle_body}.get(refusal.status, "json")
        response = gateway_response(refusal, self.clock(), xml=shape == "xml")
        if refusal is THROTTLED and switches.retry_after is not None:
            response.headers["Retry-After"] = str(switches.retry_after)
        return response


def _replay(journal: Journal, books: Books, tokens: Tokens, repeats: Repeats) -> bool:
    """Take over what an earlier process wrote, and say whether there was anything."""
    sinks = {"books": books.replay, "tokens": tokens.replay, "request": repeats.replay}
    found = False
    for record in journal.replay():
        found = True
        for subject, content in record.items():
            sinks[subject](content)
    return found
