"""The token and revocation endpoints."""

import asyncio
import base64
import binascii
from collections.abc import Callable, Mapping
from typing import Final

import msgspec
from aiohttp import web

from adapters.sandbox.quickbooks.authorize import Codes, UsedCode
from adapters.sandbox.quickbooks.gateway import Gateway
from adapters.sandbox.quickbooks.journal import decode, encode
from adapters.sandbox.quickbooks.openid import REVOKE_PATH, TOKENS_PATH, OpenId
from adapters.sandbox.quickbooks.rules import Object
from adapters.sandbox.quickbooks.switches import Switches
from adapters.sandbox.quickbooks.tokens import Connections, InvalidGrant, Tokens

_HARD_EXPIRY_HEADER: Final = "x-include-refresh-token-hard-expires-in"
_OVERLAP_SECONDS: Final = 0.02
"""How long a refresh is in flight where overlaps matter, so that two can meet."""
_BAD_CODE: Final = "Invalid authorization code"
_BAD_TOKEN: Final = "Incorrect or invalid refresh token"  # noqa: S105 - a sentence, not a secret


class TokenEndpoint:
    """Trades codes and refresh tokens for access tokens, for the one app that knows the client secret.

    `switches` gives those of a company by its realm.
    """

    def __init__(  # noqa: PLR0913 - what the endpoint is composed of
        self,
        client_id: str,
        client_secret: str,
        *,
        connections: Connections,
        codes: Codes,
        openid: OpenId,
        switches: Callable[[str], Switches],
        gateway: Gateway,
    ) -> None:
        self._client = (client_id, client_secret)
        self._connections = connections
        self._codes = codes
        self._openid = openid
        self._switches = switches
        self._gateway = gateway
        self._grants = {
            "authorization_code": (self._exchange, ("code", "redirect_uri"), _BAD_CODE),
            "refresh_token": (self._refresh, ("refresh_token",), _BAD_TOKEN),
        }

    def add_routes(self, app: web.Application) -> None:
        """Serve the vendor's paths for tokens and revocation."""
        app.router.add_post(TOKENS_PATH, self._bearer)
        app.router.add_post(REVOKE_PATH, self._revoke)

    async def _bearer(self, request: web.Request) -> web.Response:
        await request.post()
        return await self._gateway.through(request, "token", lambda: self._grant(request))

    async def _grant(self, request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        if not self._is_client(request, form):
            return _refused("invalid_client", status=401)
        grant_type = form.get("grant_type")
        if not grant_type:
            return _refused("invalid_request")
        if grant_type not in self._grants:
            return _refused("unsupported_grant_type")
        grant, required, description = self._grants[grant_type]
        if not all(form.get(name) for name in required):
            return _refused("invalid_request")
        try:
            return _answer(await grant(request, form))
        except InvalidGrant:
            return _refused("invalid_grant", description)

    async def _exchange(self, request: web.Request, form: Mapping[str, str]) -> Object:
        try:
            consent = self._codes.redeem(form["code"], form["redirect_uri"])
        except UsedCode as used:
            if self._switches(used.realm_id).reused_code == "revokes":
                self._connections.of(used.realm_id).revoke()
            raise
        tokens = self._connections.of(consent.realm_id)
        answer = tokens.exchange(consent.scope, tell_hard_expiry=_asks_hard_expiry(request))
        id_token = await self._openid.id_token(consent.realm_id)
        return answer | ({"id_token": id_token} if id_token else {})

    async def _refresh(self, request: web.Request, form: Mapping[str, str]) -> Object:
        refresh_token = form["refresh_token"]
        held = self._connections.holding(refresh_token)
        if held is None:
            raise InvalidGrant
        realm_id, tokens = held
        if self._switches(realm_id).refresh_overlap == "lenient":
            return tokens.refresh(refresh_token, tell_hard_expiry=_asks_hard_expiry(request))
        return await _refresh_alone(tokens, refresh_token, tell_hard_expiry=_asks_hard_expiry(request))

    async def _revoke(self, request: web.Request) -> web.Response:
        await request.read()
        return await self._gateway.through(request, "revoke", lambda: self._take_back(request))

    async def _take_back(self, request: web.Request) -> web.Response:
        sent = await _sent(request)
        if not self._is_client(request, sent):
            return _refused("invalid_client", status=401)
        held = self._connections.holding(sent.get("token", ""))
        if held is None:
            return _refused("invalid_request")
        held[1].revoke()
        return web.Response()

    def _is_client(self, request: web.Request, form: Mapping[str, str]) -> bool:
        """Say whether the app identified itself, in the header or, as the discovery document allows, in the form."""
        scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
        if not scheme:
            return (form.get("client_id"), form.get("client_secret")) == self._client
        try:
            given = base64.b64decode(encoded, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            return False
        return scheme.lower() == "basic" and given == ":".join(self._client)


def _asks_hard_expiry(request: web.Request) -> bool:
    return request.headers.get(_HARD_EXPIRY_HEADER) == "true"


async def _refresh_alone(tokens: Tokens, refresh_token: str, *, tell_hard_expiry: bool) -> Object:
    tokens.begin_refresh(refresh_token)
    try:
        answer = tokens.refresh(refresh_token, tell_hard_expiry=tell_hard_expiry)
        await asyncio.sleep(_OVERLAP_SECONDS)
    finally:
        tokens.end_refresh()
    return answer


async def _sent(request: web.Request) -> dict[str, str]:
    """Return what was posted, as JSON or as a form: the vendor's clients send the one or the other."""
    if request.content_type == "application/x-www-form-urlencoded":
        return {name: str(value) for name, value in (await request.post()).items()}
    try:
        body = decode(await request.read())
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {}
    return {name: str(value) for name, value in body.items()} if isinstance(body, dict) else {}


def _answer(body: Object, status: int = 200) -> web.Response:
    return web.Response(body=encode(body), status=status, content_type="application/json")


def _refused(error: str, description: str = "", *, status: int = 400) -> web.Response:
    return _answer({"error": error} | ({"error_description": description} if description else {}), status)
