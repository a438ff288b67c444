"""The token and revocation endpoints."""

import asyncio
import base64
import binascii
from typing import Final

from aiohttp import web

from adapters.sandbox.quickbooks.company import Company
from adapters.sandbox.quickbooks.gateway import Gateway
from adapters.sandbox.quickbooks.journal import decode, encode
from adapters.sandbox.quickbooks.rules import Object
from adapters.sandbox.quickbooks.tokens import InvalidGrant, Tokens

_HARD_EXPIRY_HEADER: Final = "x-include-refresh-token-hard-expires-in"
_OVERLAP_SECONDS: Final = 0.02
"""How long a refresh is in flight where overlaps matter, so that two can meet."""


class TokenEndpoint:
    """Trades refresh tokens for access tokens, for the one app that knows the client secret."""

    def __init__(
        self, client_id: str, client_secret: str, *, tokens: Tokens, company: Company, gateway: Gateway
    ) -> None:
        self._client = f"{client_id}:{client_secret}"
        self._tokens = tokens
        self._company = company
        self._gateway = gateway

    def add_routes(self, app: web.Application) -> None:
        """Serve the vendor's paths for tokens and revocation."""
        app.router.add_post("/oauth2/v1/tokens/bearer", self._bearer)
        app.router.add_post("/v2/oauth2/tokens/revoke", self._revoke)

    async def _bearer(self, request: web.Request) -> web.Response:
        await request.post()
        return await self._gateway.through(request, "token", lambda: self._grant(request))

    async def _grant(self, request: web.Request) -> web.Response:
        if not self._is_client(request):
            return _refused("invalid_client", status=401)
        form = await request.post()
        grant_type, refresh_token = form.get("grant_type"), form.get("refresh_token")
        if grant_type != "refresh_token":
            return _refused("unsupported_grant_type" if grant_type else "invalid_request")
        if not isinstance(refresh_token, str) or not refresh_token:
            return _refused("invalid_request")
        try:
            return _answer(await self._refresh(refresh_token, request.headers.get(_HARD_EXPIRY_HEADER) == "true"))
        except InvalidGrant:
            return _refused("invalid_grant", "Incorrect or invalid refresh token")

    async def _refresh(self, refresh_token: str, tell_hard_expiry: bool) -> Object:  # noqa: FBT001 - private
        if self._company.switches.refresh_overlap == "lenient":
            return self._tokens.refresh(refresh_token, tell_hard_expiry=tell_hard_expiry)
        self._tokens.begin_refresh(refresh_token)
        try:
            answer = self._tokens.refresh(refresh_token, tell_hard_expiry=tell_hard_expiry)
            await asyncio.sleep(_OVERLAP_SECONDS)
        finally:
            self._tokens.end_refresh()
        return answer

    async def _revoke(self, request: web.Request) -> web.Response:
        if not self._is_client(request):
            return _refused("invalid_client", status=401)
        body = decode(await request.read())
        token = body.get("token") if isinstance(body, dict) else None
        if not isinstance(token, str) or not self._tokens.knows(token):
            return _refused("invalid_request")
        self._tokens.revoke()
        return web.Response()

    def _is_client(self, request: web.Request) -> bool:
        scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
        try:
            return scheme.lower() == "basic" and base64.b64decode(encoded, validate=True).decode() == self._client
        except (binascii.Error, UnicodeDecodeError):
            return False


def _answer(body: Object, status: int = 200) -> web.Response:
    return web.Response(body=encode(body), status=status, content_type="application/json")


def _refused(error: str, description: str = "", *, status: int = 400) -> web.Response:
    return _answer({"error": error} | ({"error_description": description} if description else {}), status)
