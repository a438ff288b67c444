"""Who may use the admin API: bearer tokens, known by their hashes only."""

import hashlib
import hmac
import secrets
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from math import ceil
from typing import Final

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from engine.web.problems import NO_TOKENS, NOT_AUTHENTICATED, NOT_PERMITTED, TOO_MANY, Refused

log = structlog.get_logger(__name__)

_BYTES = 32  # of randomness: nobody guesses 256 bits
_READING = frozenset({"GET", "HEAD"})
_MINUTE = timedelta(minutes=1)
_TRIES = 10  # refused tokens of one peer in a minute, before it is told to stay away
_PEERS = 1024  # remembered at once


class Role(StrEnum):
    """What a token is good for; each role may do what those before it may."""

    VIEWER = "viewer"  # read
    OPERATOR = "operator"  # act

    def covers(self, needed: "Role") -> bool:
        """Whether this role may do what `needed` may."""
        ranks = tuple(Role)
        return ranks.index(self) >= ranks.index(needed)


@dataclass(frozen=True, slots=True)
class Token:
    """Someone who may come in: a name for the history, a role, and `sha256:<hex>` of the secret."""

    name: str
    role: Role
    hash: str = field(repr=False)


CALLER: Final = web.RequestKey("caller", Token)


def new_token() -> tuple[str, str]:
    """Return a new secret, to be given to its user, and its hash, to be configured."""
    secret = f"ll_{secrets.token_urlsafe(_BYTES)}"
    return secret, digest(secret)


def digest(secret: str) -> str:
    """Return the hash under which a secret is configured. A random secret needs no slow hash."""
    return f"sha256:{hashlib.sha256(secret.encode(errors='surrogateescape')).hexdigest()}"


class Door:
    """Lets requests in by their token. A good token always opens, whatever others try from the same address."""

    def __init__(self, tokens: Sequence[Token], clock: Callable[[], datetime]) -> None:
        self._tokens = tuple(tokens)
        self._failures = _Failures(clock)

    def middleware(self) -> Middleware:
        """Return the middleware that admits each request: reading needs a viewer, anything else an operator."""

        @web.middleware
        async def admitted(request: web.Request, handler: Handler) -> web.StreamResponse:
            caller = self._caller(request)
            needed = Role.VIEWER if request.method in _READING else Role.OPERATOR
            if not caller.role.covers(needed):
                log.warning("auth.forbidden", actor=caller.name, role=caller.role, method=request.method)
                raise Refused(NOT_PERMITTED, f"{caller.name} is {caller.role}, this needs {needed}")
            request[CALLER] = caller
            return await handler(request)

        return admitted

    def _caller(self, request: web.Request) -> Token:
        if not self._tokens:
            raise Refused(
                NO_TOKENS, "run `loadledger token NAME --role operator` and add what it prints to http.tokens"
            )
        scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "bearer" and (caller := self._find(secret.strip())) is not None:
            return caller
        peer = request.remote or "unknown"
        seconds = self._failures.closed_for(peer)
        if seconds:
            raise Refused(TOO_MANY, f"try again in {seconds} s", headers={"Retry-After": str(seconds)})
        self._failures.add(peer)
        why = "the token is not known" if scheme else "no token was sent"
        log.warning("auth.refused", peer=peer, why=why)
        raise Refused(
            NOT_AUTHENTICATED,
            f"{why}: send `Authorization: Bearer ll_…`",
            headers={"WWW-Authenticate": 'Bearer realm="loadledger"'},
        )

    def _find(self, secret: str) -> Token | None:
        """Return whose secret this is; every token is compared, so that the time taken tells nothing."""
        offered, found = digest(secret), None
        for token in self._tokens:
            if hmac.compare_digest(token.hash.encode(), offered.encode()):
                found = token
        return found


class _Failures:
    """Counts refused tokens by peer, so that a stranger fills neither the log nor the memory."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._by_peer: dict[str, deque[datetime]] = {}

    def add(self, peer: str) -> None:
        """Note a refused token."""
        if peer not in self._by_peer and len(self._by_peer) >= _PEERS:
            del self._by_peer[next(iter(self._by_peer))]
        self._by_peer.setdefault(peer, deque(maxlen=_TRIES)).append(self._clock())

    def closed_for(self, peer: str) -> int:
        """Return for how many whole seconds the peer has to stay away; 0 if it may try."""
        tries = self._by_peer.get(peer, deque())
        left = tries[0] + _MINUTE - self._clock() if len(tries) == _TRIES else timedelta(0)
        return max(0, ceil(left.total_seconds()))
