"""The OAuth token endpoint's side of one connection: access tokens, and the chain of refresh tokens."""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import msgspec

from adapters.sandbox.quickbooks.clock import Clock
from adapters.sandbox.quickbooks.journal import Journal
from adapters.sandbox.quickbooks.switches import Limits


class InvalidGrant(Exception):  # noqa: N818 - the word of the protocol
    """The refresh token is stale, revoked or expired."""


@dataclass(slots=True)
class _Chain:
    """What is known of a connection; the journal keeps it whole."""

    refresh_token: str
    refresh_since: datetime
    refresh_until: datetime
    hard_until: datetime
    revoked: bool = False
    issued: int = 0
    access: dict[str, datetime] = field(default_factory=dict)


class Tokens:
    """The tokens of the one app that is connected to the company."""

    def __init__(
        self,
        refresh_token: str,
        *,
        limits: Limits,
        clock: Clock,
        seed: int,
        journal: Journal | None = None,
    ) -> None:
        self._limits = limits
        self._clock = clock
        self._seed = seed
        self._journal = journal
        self._refreshing = False
        self._chain = self._new_chain(refresh_token, issued=0)

    def _new_chain(self, refresh_token: str, *, issued: int) -> _Chain:
        now = self._clock()
        return _Chain(
            refresh_token,
            now,
            now + timedelta(seconds=self._limits.refresh_token_seconds),
            now + timedelta(seconds=self._limits.hard_expiry_seconds),
            issued=issued,
        )

    def replay(self, record: dict[str, Any]) -> None:
        """Take over what an earlier process issued."""
        self._chain = msgspec.convert(record, _Chain)

    @property
    def refresh_token(self) -> str:
        """The refresh token that is good now."""
        return self._chain.refresh_token

    def refresh(self, refresh_token: str, *, tell_hard_expiry: bool) -> dict[str, Any]:
        """Return the answer to a refresh; the value rotates when it is old enough. Raises InvalidGrant."""
        chain, now = self._chain, self._clock()
        expires = min(chain.refresh_until, chain.hard_until)
        if chain.revoked or refresh_token != chain.refresh_token or now >= expires:
            raise InvalidGrant
        if now - chain.refresh_since >= timedelta(seconds=self._limits.refresh_rotation_seconds):
            chain.refresh_token = self._mint("refresh")
            chain.refresh_since = now
        chain.refresh_until = now + timedelta(seconds=self._limits.refresh_token_seconds)
        chain.access = {token: until for token, until in chain.access.items() if until > now}
        access_token = self._mint("access")
        chain.access[access_token] = now + timedelta(seconds=self._limits.access_token_seconds)
        self._keep()
        answer: dict[str, Any] = {
            "token_type": "bearer",
            "access_token": access_token,
            "expires_in": self._limits.access_token_seconds,
            "refresh_token": chain.refresh_token,
            "x_refresh_token_expires_in": int((min(chain.refresh_until, chain.hard_until) - now).total_seconds()),
        }
        if tell_hard_expiry:
            answer["x_refresh_token_hard_expires_in"] = int((chain.hard_until - now).total_seconds())
        return answer

    def begin_refresh(self, refresh_token: str) -> None:
        """Mark a refresh as in flight; one that overlaps another revokes the chain. Raises InvalidGrant."""
        if self._refreshing and refresh_token == self._chain.refresh_token:
            self.revoke()
            raise InvalidGrant
        self._refreshing = True

    def end_refresh(self) -> None:
        """Mark the refresh in flight as answered."""
        self._refreshing = False

    def is_good(self, access_token: str) -> bool:
        """Say whether an access token opens the company now."""
        until = self._chain.access.get(access_token)
        return not self._chain.revoked and until is not None and self._clock() < until

    def knows(self, token: str) -> bool:
        """Say whether a token belongs to the connection."""
        return token == self._chain.refresh_token or token in self._chain.access

    def revoke(self) -> None:
        """End the connection: no token of it is good any more."""
        self._chain.revoked = True
        self._keep()

    def expire_access(self) -> None:
        """Forget the access tokens, as if their time were over; the refresh token stays good."""
        self._chain.access = {}
        self._keep()

    def connect(self) -> str:
        """Return the refresh token of a new consent; the connection before it is over."""
        self._chain = self._new_chain("", issued=self._chain.issued)
        self._chain.refresh_token = self._mint("refresh")
        self._keep()
        return self._chain.refresh_token

    def _mint(self, purpose: str) -> str:
        self._chain.issued += 1
        digest = hashlib.sha256(f"{self._seed}:{purpose}:{self._chain.issued}".encode()).hexdigest()
        return f"{purpose}-{self._chain.issued}-{digest}"

    def _keep(self) -> None:
        if self._journal is not None:
            self._journal.append({"tokens": msgspec.to_builtins(self._chain)})
