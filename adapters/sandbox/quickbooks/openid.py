"""Who the person is: the discovery document, the keys, the id token and the user's particulars."""

import asyncio
import hashlib
from collections.abc import Mapping
from typing import Final

from aiohttp import web

from adapters.sandbox.quickbooks.authorize import ConsentPage
from adapters.sandbox.quickbooks.clock import Clock
from adapters.sandbox.quickbooks.gateway import Gateway
from adapters.sandbox.quickbooks.journal import encode
from adapters.sandbox.quickbooks.rules import Object
from adapters.sandbox.quickbooks.signing import SigningKey
from adapters.sandbox.quickbooks.tokens import OPENID, Connections

TOKENS_PATH: Final = "/oauth2/v1/tokens/bearer"
REVOKE_PATH: Final = "/v2/oauth2/tokens/revoke"
_USERINFO: Final = "/v1/openid_connect/userinfo"
ISSUER: Final = "https://oauth.platform.intuit.com/op/v1"
"""Who signs: the vendor's own name, not an address, because clients compare it with what they know."""
_KEYS: Final = "/op/v1/jwks"
_ID_TOKEN_SECONDS: Final = 3600

_PERSON: Final[Mapping[str, Object]] = {
    "profile": {"givenName": "Avery", "familyName": "Clark"},
    "email": {"email": "avery.clark@example.com", "emailVerified": True},
    "phone": {"phoneNumber": "+1 9705550100", "phoneNumberVerified": False},
    "address": {
        "address": {
            "streetAddress": "100 Depot Road",
            "locality": "Durango",
            "region": "CO",
            "postalCode": "81301",
            "country": "US",
        }
    },
}
"""The one person there is: the company's administrator, by the scope that opens each particular."""


class OpenId:
    """Signs people in: everything a client learns about addresses and about the person behind a connection."""

    def __init__(self, client_id: str, connections: Connections, *, gateway: Gateway, clock: Clock, seed: int) -> None:
        self._client_id = client_id
        self._connections = connections
        self._gateway = gateway
        self._clock = clock
        self._key = SigningKey(seed)
        self._subject = hashlib.sha256(f"{seed}:person".encode()).hexdigest()[:32]

    def add_routes(self, app: web.Application) -> None:
        """Serve the discovery document in both of its forms, the keys and the user's particulars."""
        for name in ("openid_configuration", "openid_sandbox_configuration"):
            # Clients in use ask with and without the slash.
            app.router.add_get(f"/.well-known/{name}", self._discover)
            app.router.add_get(f"/.well-known/{name}/", self._discover)
        app.router.add_get(_KEYS, self._list_keys)
        app.router.add_get(_USERINFO, self._introduce)

    async def id_token(self, realm_id: str) -> str | None:
        """Return the id token that goes with the first tokens of a consent, or None if it was not asked for."""
        if OPENID not in self._connections.of(realm_id).scopes:
            return None
        now = int(self._clock().timestamp())
        claims = {
            "sub": self._subject,
            "aud": [self._client_id],
            "iss": ISSUER,
            "iat": now,
            "auth_time": now,
            "exp": now + _ID_TOKEN_SECONDS,
        }
        return await asyncio.to_thread(self._key.token, claims | ({"realmid": realm_id} if realm_id else {}))

    async def _discover(self, request: web.Request) -> web.Response:
        base = str(request.url.origin())
        return _answer(
            {
                "issuer": ISSUER,
                "authorization_endpoint": base + ConsentPage.PATH,
                "token_endpoint": base + TOKENS_PATH,
                "userinfo_endpoint": base + _USERINFO,
                "revocation_endpoint": base + REVOKE_PATH,
                "jwks_uri": base + _KEYS,
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "scopes_supported": [OPENID, *_PERSON],
                "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
                "claims_supported": ["aud", "exp", "iat", "iss", "realmid", "sub"],
            }
        )

    async def _list_keys(self, _request: web.Request) -> web.Response:
        return _answer({"keys": [await asyncio.to_thread(self._key.public)]})

    async def _introduce(self, request: web.Request) -> web.Response:
        return await self._gateway.through(request, "userinfo", lambda: self._particulars(request))

    async def _particulars(self, request: web.Request) -> web.Response:
        scheme, _, access_token = request.headers.get("Authorization", "").partition(" ")
        held = self._connections.holding(access_token)
        if scheme.lower() != "bearer" or held is None or not held[1].is_good(access_token):
            return _answer({"error": "invalid_token"}, status=401)
        scopes = held[1].scopes
        if OPENID not in scopes:
            return _answer({"error": "insufficient_scope"}, status=403)
        shown = {"sub": self._subject}
        for scope, particulars in _PERSON.items():
            if scope in scopes:
                shown |= particulars
        return _answer(shown)


def _answer(body: Object, *, status: int = 200) -> web.Response:
    return web.Response(body=encode(body), status=status, content_type="application/json")
