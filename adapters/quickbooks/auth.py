"""The token chain of one company: an hour of access, and a refresh token that must never be lost or used twice."""

import base64
import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple
from urllib.parse import urlencode

import anyio
import msgspec

from adapters.http import Answer, Http
from adapters.ports import OutcomeUnknown, Unavailable, Vault
from adapters.quickbooks.problems import ShutOut
from adapters.quickbooks.settings import Settings

_EARLY: Final = timedelta(minutes=5)  # renew so long before the end, but never before half of a short life
_PAUSE: Final = timedelta(seconds=10)  # after an answer was lost: the refresh may still be under way


class Chain(msgspec.Struct, frozen=True, kw_only=True):
    """What the vault holds: the newest refresh token, the one before it, and when the chain ends.

    The one before is for a person who has to find out what happened: once replaced it is dead for good (documented),
    and offered again it might be taken for a theft that ends the chain of whoever holds the newest.

    `seed` is a digest of the configured token the chain began with, so that a newly configured one is recognised.
    """

    value: str
    previous: str | None = None
    seed: str
    expires_at: datetime | None = None
    ends_at: datetime | None = None


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """A successful answer of the token endpoint; lifetimes in seconds."""

    access_token: str
    refresh_token: str
    expires_in: int = 3600
    x_refresh_token_expires_in: int | None = None
    x_refresh_token_hard_expires_in: int | None = None


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """A definite no of the token endpoint."""

    error: str
    error_description: str = ""


class Access(NamedTuple):
    """What opens the company, and when to renew it."""

    token: str
    renew_at: datetime


_NO_ACCESS: Final = Access("", datetime.min.replace(tzinfo=UTC))


class Tokens:
    """The one refresher of a company's access.

    Documented: two refreshes at once with one token may revoke the whole chain, and a rotated token is dead. So one
    lock, a pause after an answer was lost, and every new refresh token is kept durably before the access that came
    with it is used. The answer of a rotation that dies with the process ends the chain: that is said, and waits for
    a person.
    """

    def __init__(self, settings: Settings, http: Http, vault: Vault, clock: Callable[[], datetime]) -> None:
        self._settings = settings
        self._http = http
        self._vault = vault
        self._clock = clock
        self._lock = anyio.Lock()
        self._access = _NO_ACCESS
        self._unkept: Access | None = None  # came with a refresh token that the vault has yet to keep
        self._silent_until: datetime | None = None
        self._chain: Chain | None = None
        self._refusal: str | None = None
        self._name = f"quickbooks:{settings.realm_id}"

    async def access(self, stale: str | None = None) -> str:
        """Return an access token; `stale` is one that was just refused, so another is needed.

        Raises Unauthorized if there is no refresh token, or if the chain is dead, for good and without asking again,
        and Unavailable if the token endpoint can't be reached: the caller's own request has not left.
        """
        async with self._lock:
            if self._refusal is not None:
                raise ShutOut("access_ended", self._refusal)
            if self._access.token == stale or self._clock() >= self._access.renew_at:
                # A cancelled refresh would lose a rotated token with its answer.
                with anyio.CancelScope(shield=True):
                    self._access = await self._renewed()
            return self._access.token

    @property
    def seconds_to_expiry(self) -> float | None:
        """Seconds until the refresh token expires unless used, None before it is known."""
        return self._seconds_to(self._chain.expires_at if self._chain else None)

    @property
    def seconds_to_end(self) -> float | None:
        """Seconds until the chain ends for good and a person has to reconnect, None before it is known."""
        return self._seconds_to(self._chain.ends_at if self._chain else None)

    def _seconds_to(self, instant: datetime | None) -> float | None:
        return (instant - self._clock()).total_seconds() if instant else None

    async def _renewed(self) -> Access:
        """Return new access, once the refresh token that came with it is kept; ask only if none waits for that."""
        if self._unkept is None or self._clock() >= self._unkept.renew_at:
            self._unkept = await self._refreshed()
        access = self._unkept
        await self._vault.keep(self._name, msgspec.json.encode(self._chain).decode())
        self._unkept = None
        return access

    async def _refreshed(self) -> Access:
        """Ask for access with the newest refresh token, and go on with the one that the answer holds."""
        seed = _digest(self._settings.refresh_token)
        # What is in memory is newest: the vault may have failed to keep it.
        chain = self._chain or await self._kept() or Chain(value=self._settings.refresh_token, seed=seed)
        if not chain.value:
            raise ShutOut("token_missing")
        outcome = await self._ask(chain.value)
        reconnected = self._settings.refresh_token and chain.seed != seed
        if isinstance(outcome, Refusal) and outcome.error == "invalid_grant" and reconnected:
            # The kept chain is dead, and someone configured a token since it began: the company was reconnected.
            chain = Chain(value=self._settings.refresh_token, previous=chain.value, seed=seed)
            outcome = await self._ask(chain.value)
        if isinstance(outcome, Refusal):
            self._refusal = f"{outcome.error}: {outcome.error_description}"
            raise ShutOut("access_ended", self._refusal)
        now = self._clock()
        self._chain = Chain(
            value=outcome.refresh_token,
            previous=chain.value if chain.value != outcome.refresh_token else chain.previous,
            seed=chain.seed,
            expires_at=_after(now, outcome.x_refresh_token_expires_in),
            ends_at=_after(now, outcome.x_refresh_token_hard_expires_in) or chain.ends_at,
        )
        life = timedelta(seconds=outcome.expires_in)
        return Access(outcome.access_token, now + life - min(_EARLY, life / 2))

    async def _kept(self) -> Chain | None:
        kept = await self._vault.secret(self._name)
        return msgspec.json.decode(kept, type=Chain) if kept else None

    async def _ask(self, token: str) -> Grant | Refusal:
        """Ask for access with `token`, once.

        Raises Unavailable if there is no usable answer. To ask later with the same token is safe unless it rotated.
        """
        if self._silent_until is not None and (rest := (self._silent_until - self._clock()).total_seconds()) > 0:
            raise Unavailable("token: the last refresh may still be under way", rest)
        try:
            answer = await self._post(token)
            return answer.decode(Grant) if answer.ok else _refusal(answer)
        except OutcomeUnknown as error:
            self._silent_until = self._clock() + _PAUSE
            raise Unavailable(f"token: no usable answer ({error})", _PAUSE.total_seconds()) from error

    async def _post(self, token: str) -> Answer:
        secret = base64.b64encode(f"{self._settings.client_id}:{self._settings.client_secret}".encode()).decode()
        return await self._http.request(
            "POST",
            self._settings.token_url,
            endpoint="token",
            writes=True,
            body=urlencode({"grant_type": "refresh_token", "refresh_token": token}).encode(),
            headers={
                "Authorization": f"Basic {secret}",
                "Content-Type": "application/x-www-form-urlencoded",
                "Accept": "application/json",
                "x-include-refresh-token-hard-expires-in": "true",
            },
        )


def _refusal(answer: Answer) -> Refusal:
    """Return the endpoint's own no; a proxy's no is not taken for one."""
    try:
        return msgspec.json.decode(answer.body, type=Refusal)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Unavailable(f"token: HTTP {answer.status} without a reason") from error


def _after(now: datetime, seconds: int | None) -> datetime | None:
    return now + timedelta(seconds=seconds) if seconds is not None else None


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()[:16]
