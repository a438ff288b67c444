"""The bearer token: fetched by one caller at a time, kept until shortly before it expires."""

from collections.abc import Callable
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Final
from urllib.parse import urlencode

import anyio
import msgspec

from adapters.alvys.faults import told
from adapters.alvys.settings import Settings
from adapters.http import Http
from adapters.ports import Unauthorized

# The token host turns away some libraries' default agents (observed), so we always say who we are.
AGENT: Final = {"User-Agent": "LoadLedger", "Accept": "application/json"}
_MARGIN = 300.0  # seconds before its expiry at which a token is no longer used
_HOUR = 3600.0  # the documented lifetime


class _Grant(msgspec.Struct):
    """The token endpoint's answer; only what can stand in a header is a token."""

    access_token: Annotated[str, msgspec.Meta(pattern=r"^[\x21-\x7e]+$")]
    expires_in: float = _HOUR


class Tokens:
    """Client credentials, exchanged for a bearer token when one is needed."""

    def __init__(self, settings: Settings, http: Http, clock: Callable[[], datetime]) -> None:
        self._settings = settings
        self._http = http
        self._clock = clock
        self._lock = anyio.Lock()
        self._token: str | None = None
        self._until: datetime | None = None

    async def current(self, *, refused: str | None = None) -> str:
        """Return a token good for a request now; never the one that was just `refused`.

        Raises Unauthorized if the credentials are not accepted, Unavailable if nobody answers.
        """
        async with self._lock:
            expired = self._until is None or self._clock() >= self._until
            if self._token is None or expired or self._token == refused:
                self._token = None
                grant = await self._exchange()
                self._token = grant.access_token
                lasts = grant.expires_in - min(_MARGIN, grant.expires_in / 2)
                self._until = self._clock() + timedelta(seconds=lasts)
            return self._token

    async def _exchange(self) -> _Grant:
        """Exchange the credentials. No scope is asked for: one that was not granted would fail the request."""
        form = {
            "grant_type": "client_credentials",
            "client_id": self._settings.client_id,
            "client_secret": self._settings.client_secret,
            "audience": self._settings.audience,
        }
        answer = await self._http.request(
            "POST",
            self._settings.token_url,
            endpoint="token",
            writes=False,
            body=urlencode(form).encode(),
            headers={**AGENT, "Content-Type": "application/x-www-form-urlencoded"},
        )
        if answer.status == HTTPStatus.REQUEST_TIMEOUT:
            raise answer.unclear("token: HTTP 408")
        if not answer.ok:
            raise Unauthorized(f"token: {told(answer)}")
        return answer.decode(_Grant)
