"""The token endpoint: client credentials in, a signed bearer token out.

A token carries its own expiry and signature, so that a restarted sandbox still honours the ones it gave.
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import timedelta
from hashlib import sha256

import msgspec
from aiohttp import web

from adapters.sandbox.alvys.books import Clock
from adapters.sandbox.alvys.wire import Json, Problem, answer, decode, encode

AUDIENCE = "https://api.alvys.com/public/"
REJECTED_AGENT = "Python-urllib"  # observed: the token host turns Python's own default away


class Tokens:
    """Issues and checks bearer tokens for one set of client credentials."""

    def __init__(self, client_id: str, client_secret: str, clock: Clock, life_seconds: int = 3600) -> None:
        self._client = client_id
        self._secret = client_secret
        self._clock = clock
        self.life_seconds = life_seconds
        self._series = 0

    def revoke(self) -> None:
        """Make every token issued so far worthless."""
        self._series += 1

    async def issue(self, request: web.Request) -> web.Response:
        """Answer `POST /oauth/token`, JSON or form, the way the vendor's identity provider does."""
        if request.headers.get("User-Agent", REJECTED_AGENT).startswith(REJECTED_AGENT):
            return web.Response(status=403, text="<html><body>Forbidden</body></html>", content_type="text/html")
        asked = await _credentials(request)
        missing = [name for name in ("grant_type", "client_id", "client_secret", "audience") if not asked.get(name)]
        if missing:
            return _refusal(400, "invalid_request", f"Missing required parameter: {missing[0]}")
        if asked["grant_type"] != "client_credentials":
            return _refusal(403, "unsupported_grant_type", f"Unsupported grant type: {asked['grant_type']}")
        known = hmac.compare_digest(f"{asked['client_secret']}".encode(), self._secret.encode())
        if asked["client_id"] != self._client or not known:
            return _refusal(401, "access_denied", "Unauthorized")
        if asked["audience"] != AUDIENCE:
            return _refusal(403, "access_denied", f"Service not found: {asked['audience']}")
        return answer({"access_token": self._new(), "token_type": "Bearer", "expires_in": self.life_seconds})

    def check(self, request: web.Request) -> None:
        """Raise a 401 `Problem` unless the request bears a token that is ours and still good."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not self._good(token):
            raise Problem(
                401, "The access token is missing, invalid or expired.", headers={"WWW-Authenticate": "Bearer"}
            )

    def _new(self) -> str:
        expires = self._clock() + timedelta(seconds=self.life_seconds)
        claims = encode({"aud": AUDIENCE, "azp": self._client, "exp": int(expires.timestamp()), "ser": self._series})
        signed = f"{_text(encode({'alg': 'HS256', 'typ': 'JWT'}))}.{_text(claims)}"
        return f"{signed}.{self._signature(signed)}"

    def _good(self, token: str) -> bool:
        signed, _, signature = token.rpartition(".")
        if not hmac.compare_digest(signature.encode(), self._signature(signed).encode()):
            return False
        claims = decode(urlsafe_b64decode(signed.partition(".")[2] + "=="))
        return bool(claims["ser"] == self._series and claims["exp"] > self._clock().timestamp())

    def _signature(self, signed: str) -> str:
        return _text(hmac.digest(self._secret.encode(), signed.encode(), sha256))


async def _credentials(request: web.Request) -> Json:
    if request.content_type != "application/json":
        return dict(await request.post())
    try:
        asked = decode(await request.read())
    except msgspec.DecodeError:
        return {}
    return asked if isinstance(asked, dict) else {}


def _refusal(status: int, error: str, description: str) -> web.Response:
    return answer({"error": error, "error_description": description}, status)


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()
