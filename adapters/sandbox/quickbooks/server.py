from pathlib import Path
from random import Random
from typing import Final

from aiohttp import web

from adapters.sandbox.quickbooks.answers import (
    entity_response,
    gateway_response,
    wants_json,
)
from adapters.sandbox.quickbooks.authorize import Codes, ConsentPage
from adapters.sandbox.quickbooks.call import Call, Raw, UnknownPath
from adapters.sandbox.quickbooks.clock import Clock, utc_now
from adapters.sandbox.quickbooks.company import Company
from adapters.sandbox.quickbooks.disruption import Disruptions
from adapters.sandbox.quickbooks.faults import (
    BLOCKED,
    OUT_OF_SCOPE,
    THROTTLED,
    TOKEN_EXPIRED,
    TOKEN_REVOKED,
    UNAUTHENTICATED,
    WRONG_COMPANY,
    Refusal,
)
from adapters.sandbox.quickbooks.gateway import Gateway
from adapters.sandbox.quickbooks.oauth import TokenEndpoint
from adapters.sandbox.quickbooks.openid import OpenId
from adapters.sandbox.quickbooks.presentation import FILES_PATH
from adapters.sandbox.quickbooks.realm import Realm, Workspace
from adapters.sandbox.quickbooks.switches import Limits, Switches
from adapters.sandbox.quickbooks.tokens import ACCOUNTING, Connections, Tokens
from adapters.sandbox.quickbooks.traffic import Log, Meter
from adapters.sandbox.quickbooks.webhooks import Webhooks

_LARGEST_BODY: Final = 128 * 1024 * 1024


class QuickBooksSandbox:
    """QuickBooks Online for one app and its companies, as an aiohttp application.

    It starts with one company, `realm_id`, connected to the app by `refresh_token`; `add_company` makes more. With a
    `directory`, books, tokens and request ids outlive the process; `resumed` says that some were found there.
    """

    def __init__(  # noqa: PLR0913 - everything about it can be chosen
        self,
        *,
        client_id: str = "sandbox-client",
        client_secret: str = "sandbox-secret",  # noqa: S107 - a sandbox's secret is no secret
        redirect_uris: tuple[str, ...] = (),
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
        self.redirect_uris = frozenset(redirect_uris)
        self.realm_id = realm_id
        self.clock = clock
        self.disruptions = Disruptions()
        self.log = Log()
        self.meter = Meter(limits.metered_per_month)
        random = Random(seed)  # noqa: S311 - orders batches and makes trace ids
        self._workspace = Workspace(limits, clock, seed, random, self.disruptions, self.log, self.meter)
        self._directory = directory
        main = Realm(
            realm_id, self._workspace, refresh_token=refresh_token, switches=switches, file=self._file("quickbooks")
        )
        self._realms = {realm_id: main}
        self._tokens = {realm_id: main.tokens}
        self.company, self.tokens, self.resumed = main.company, main.tokens, main.resumed
        self._connections = Connections(self._tokens, Tokens("", limits=limits, clock=clock, seed=seed))
        self.webhooks = Webhooks(client_id, switches=lambda: self.company.switches, clock=clock, seed=seed)
        self.webhooks.follow(self.company)
        self._gateway = Gateway(self.disruptions, self.log, clock, random)

    def add_company(self, realm_id: str, *, refresh_token: str = "", switches: Switches | None = None) -> Company:
        """Open another company and return it; without a refresh token the app has to ask for consent.

        Raises ValueError for a realm id that is taken or no number.
        """
        if realm_id in self._realms or not realm_id.isdigit():
            raise ValueError(f"a realm id is a number that no other company has, not {realm_id}")
        realm = Realm(
            realm_id,
            self._workspace,
            refresh_token=refresh_token,
            switches=switches or self.company.switches,
            file=self._file(f"quickbooks-{realm_id}"),
        )
        self.webhooks.follow(realm.company)
        self._realms[realm_id], self._tokens[realm_id] = realm, realm.tokens
        return realm.company

    def realm(self, realm_id: str = "") -> Realm:
        """Return a company as the server keeps it, by default the first. Raises KeyError."""
        return self._realms[realm_id or self.realm_id]

    @property
    def refresh_token(self) -> str:
        """The refresh token of the first company that is good now."""
        return self.tokens.refresh_token

    def app(self) -> web.Application:
        """Return the application: the vendor's paths, and `/_sandbox/…` to look inside and act as a person."""
        # Imported here because the control endpoints act on this class.
        from adapters.sandbox.quickbooks.control import Control  # noqa: PLC0415

        app = web.Application(client_max_size=_LARGEST_BODY)
        limits, clock, seed = self._workspace.limits, self.clock, self._workspace.seed
        codes = Codes(clock, limits.authorization_code_seconds, seed)
        openid = OpenId(self.client_id, self._connections, gateway=self._gateway, clock=clock, seed=seed)
        openid.add_routes(app)
        ConsentPage(self.client_id, self.redirect_uris, companies=self._company_names, codes=codes).add_routes(app)
        TokenEndpoint(
            self.client_id,
            self.client_secret,
            connections=self._connections,
            codes=codes,
            openid=openid,
            switches=self._switches,
            gateway=self._gateway,
        ).add_routes(app)
        app.router.add_route("*", "/v3/company/{realm}/{target:.+}", self._company_call)
        self.webhooks.add_routes(app)
        app.router.add_get(FILES_PATH, self._fetch)
        Control(self).add_routes(app)
        app.on_cleanup.append(self._gateway.forget_late)
        return app

    def connect(self) -> str:
        """Give the app a new consent to the first company and return its refresh token."""
        return self.realm().connect()

    def disconnect(self) -> None:
        """Disconnect the app from the first company."""
        self.realm().disconnect()

    def expire_access_tokens(self) -> None:
        """Let the access tokens to the first company end now."""
        self.realm().expire_access_tokens()

    def reset_company(self) -> None:
        """Wipe the first company's books."""
        self.realm().reset_company()

    def _file(self, name: str) -> Path | None:
        return self._directory / f"{name}.jsonl" if self._directory is not None else None

    def _company_names(self) -> dict[str, str]:
        infos = {realm_id: realm.company.get("CompanyInfo", "1") for realm_id, realm in self._realms.items()}
        return {realm_id: str(info["CompanyName"]) for realm_id, info in infos.items() if info is not None}

    def _switches(self, realm_id: str) -> Switches:
        """Return a company's switches; a person who only signed in goes by the first company's."""
        realm = self._realms.get(realm_id)
        return (realm.company if realm is not None else self.company).switches

    async def _company_call(self, request: web.Request) -> web.Response:
        target = request.match_info["target"]
        content_type, origin = request.headers.get("Content-Type", ""), str(request.url.origin())
        call = Call(request.method, target, dict(request.query), await request.read(), content_type, origin)

        async def proceed() -> web.Response:
            return self._answer(request, call)

        return await self._gateway.through(request, call.subject, proceed)

    def _answer(self, request: web.Request, call: Call) -> web.Response:
        realm_id = request.match_info["realm"]
        admitted = self._admit(request, call, realm_id)
        if isinstance(admitted, Refusal):
            return self._refuse(admitted, realm_id)
        try:
            status, payload = admitted.service.answer(call)
        except UnknownPath:
            return web.Response(status=404, text="<html><body><h1>404 Not Found</h1></body></html>")
        if isinstance(payload, Raw):
            return web.Response(body=payload.content, status=status, content_type=payload.content_type)
        return entity_response(payload, status=status, json=wants_json(request))

    async def _fetch(self, request: web.Request) -> web.Response:
        """Serve a file to whoever has a good link to it; the link is the permission."""
        realm = self._realms.get(request.match_info["realm"])
        file = realm.service.file(request.match_info["id"], dict(request.query)) if realm is not None else None
        if file is None:
            return web.Response(status=403, text="the link has expired")
        return web.Response(body=file.content, content_type=file.content_type)

    def _admit(self, request: web.Request, call: Call, realm_id: str) -> Realm | Refusal:
        """Return the company that a call reaches, or why it reaches none."""
        now, realm = self.clock(), self._realms.get(realm_id)
        if realm is not None and not realm.throttle.admit(now, call.subject):
            return THROTTLED
        connected = self._connected(request)
        if isinstance(connected, Refusal):
            return connected
        if realm is None or connected != realm_id:
            return WRONG_COMPANY
        if not call.writes and self.meter.is_blocked(now):
            return BLOCKED[realm.company.switches.metered_block]
        return realm

    def _connected(self, request: web.Request) -> str | Refusal:
        """Return the realm that the request's token opens, or why it opens none."""
        scheme, _, access_token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not access_token:
            return UNAUTHENTICATED
        held = self._connections.holding(access_token)
        if held is None:
            return TOKEN_EXPIRED
        realm_id, tokens = held
        if not tokens.is_good(access_token):
            return TOKEN_REVOKED if tokens.is_revoked(access_token) else TOKEN_EXPIRED
        return realm_id if ACCOUNTING in tokens.scopes else OUT_OF_SCOPE

    def _refuse(self, refusal: Refusal, realm_id: str) -> web.Response:
        switches = self._switches(realm_id)
        shape = {401: switches.unauthorized_body, 429: switches.throttle_body}.get(refusal.status, "json")
        response = gateway_response(refusal, self.clock(), xml=shape == "xml")
        if refusal is THROTTLED and switches.retry_after is not None:
            response.headers["Retry-After"] = str(switches.retry_after)
        return response
