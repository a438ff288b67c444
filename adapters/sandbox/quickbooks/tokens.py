"""What one consent gives the app: access tokens, and the chain of refresh tokens."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from adapters.sandbox.quickbooks.clock import Clock
from adapters.sandbox.quickbooks.journal import Journal
from adapters.sandbox.quickbooks.switches import Limits

ACCOUNTING: Final = "com.intuit.quickbooks.accounting"
OPENID: Final = "openid"


class InvalidGrant(Exception):  # noqa: N818 - the word of the protocol
    """The refresh token or the code is stale, used, revoked or expired."""


@dataclass(slots=True)
class _Chain:
    """What is known of a connection; the journal keeps it whole."""

    refresh_token: str
    refresh_since: datetime
    refresh_until: datetime
    hard_until: datetime
    scope: str = ACCOUNTING
    revoked: bool = False
    issued: int = 0
    access: dict[str, datetime] = field(default_factory=dict)


class Tokens:
    """The tokens of the one app for one company, from its latest consent on; without a refresh token it has none yet.

    `owner` tells the values of two companies' tokens apart.
    """

    def __init__(  # noqa: PLR0913 - what a chain depends on
        self,
        refresh_token: str,
        *,
        limits: Limits,
        clock: Clock,
        seed: int,
        owner: str = "",
        journal: Journal | None = None,
    ) -> None:
        self._limits = limits
        self._clock = clock
        self._seed = f"{owner}:{seed}"
        self._journal = journal
        self._refreshing = False
        self._chain = self._new_chain(refresh_token, ACCOUNTING, issued=0)
        self._chain.revoked = not refresh_token

    def _new_chain(self, refresh_token: str, scope: str, *, issued: int) -> _Chain:
        now = self._clock()
        return _Chain(
            refresh_token,
            now,
            now + timedelta(seconds=self._limits.refresh_token_seconds),
            now + timedelta(seconds=self._limits.hard_expiry_seconds),
            scope,
            issued=issued,
        )

    def replay(self, record: dict[str, Any]) -> None:
        """Take over what an earlier process issued."""
        self._chain = msgspec.convert(record, _Chain)

    @property
    def refresh_token(self) -> str:
        """The refresh token that is good now."""
        return self._chain.refresh_token

    @property
    def scopes(self) -> frozenset[str]:
        """What the person consented to."""
        return frozenset(self._chain.scope.split())

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
        return self._grant(now, tell_hard_expiry=tell_hard_expiry)

    def exchange(self, scope: str, *, tell_hard_expiry: bool) -> dict[str, Any]:
        """Return the answer to a code that was exchanged: the first tokens of a new consent."""
        self._begin(scope)
        return self._grant(self._chain.refresh_since, tell_hard_expiry=tell_hard_expiry)

    def _grant(self, now: datetime, *, tell_hard_expiry: bool) -> dict[str, Any]:
        chain = self._chain
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

    def is_revoked(self, access_token: str) -> bool:
        """Say whether an access token was taken back before its time."""
        return self._chain.revoked and access_token in self._chain.access

    def knows(self, token: str) -> bool:
        """Say whether a token belongs to the connection."""
        return bool(token) and (token == self._chain.refresh_token or token in self._chain.access)

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
        self._begin(ACCOUNTING)
        self._keep()
        return self._chain.refresh_token

    def _begin(self, scope: str) -> None:
        self._chain = self._new_chain("", scope, issued=self._chain.issued)
        self._chain.refresh_token = self._mint("refresh")

    def _mint(self, purpose: str) -> str:
        self._chain.issued += 1
        digest = hashlib.sha256(f"{self._seed}:{purpose}:{self._chain.issued}".encode()).hexdigest()
        return f"{purpose}-{self._chain.issued}-{digest}"

    def _keep(self) -> None:
        if self._journal is not None:
            self._journal.append({"tokens": msgspec.to_builtins(self._chain)})


class Connections:
    """Every connection of the app: one for each company, and one of a person who only signed in, under no company."""

    SIGN_IN: Final = ""

    def __init__(self, companies: Mapping[str, Tokens], sign_in: Tokens) -> None:
        self._companies = companies
        self._sign_in = sign_in

    def of(self, realm_id: str) -> Tokens:
        """Return the connection of a company, or of a mere sign-in."""
        return self._sign_in if realm_id == self.SIGN_IN else self._companies[realm_id]

    def holding(self, token: str) -> tuple[str, Tokens] | None:
        """Return the realm and the connection that a refresh or access token belongs to, or None."""
        for realm_id, tokens in self._companies.items():
            if tokens.knows(token):
                return realm_id, tokens
        return (self.SIGN_IN, self._sign_in) if self._sign_in.knows(token) else None
