"""What the admin API answers. Money is exact text with its currency, instants are RFC 3339 in UTC."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal

import msgspec

from state.lifecycle import FORCEABLE, Effect, State, Trigger, triggers
from state.outbox import Attempt, Change, Phase
from state.problem import Problem
from state.store import Backlog, Count, Standing
from state.transaction import Document, Kind, Money, Transaction


class Amount(msgspec.Struct, frozen=True):
    """Money in major units."""

    amount: Decimal
    currency: str


class Charge(msgspec.Struct, frozen=True):
    """One line of a transaction."""

    category: str
    name: str
    description: str
    amount: Amount


class Summary(msgspec.Struct, frozen=True):
    """A transaction as lists show it."""

    id: int
    kind: Kind
    source_id: str
    label: str
    number: str | None
    party: str | None
    state: State
    version: int
    revision: int
    generation: int
    total: Amount | None
    paid: Amount | None
    document: Document | None
    problem: Problem | None
    in_flight: bool
    created_at: datetime
    updated_at: datetime


class Allowed(msgspec.Struct, frozen=True):
    """What a person may do with a transaction as it is now."""

    actions: list[str]
    force: list[State]


class Detail(msgspec.Struct, frozen=True):
    """A transaction with everything known of it, oldest first."""

    transaction: Summary
    issued_on: date | None
    due_on: date | None
    memo: str | None
    lines: list[Charge]
    history: Sequence[Change]
    attempts: Sequence[Attempt]
    standings: Sequence[Standing]
    allowed: Allowed
'''
'''
