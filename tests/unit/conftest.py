"""Fixtures for the store: a clock that the test moves, and a desk that does to a store what the daemon does."""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from state.lifecycle import Effect, State, Trigger
from state.messages import Ended, Ending
from state.moves import Cause, Recorded
from state.outbox import Claim, Delivered, InDoubt, Outcome, PaymentReport, Postponed, Receipt, Refused
from state.problem import problem
from state.store import Filter, Store
from state.transaction import Content, Document, Kind, Line, Money, Party, Sourced, Transaction, TransactionId

QUIET = timedelta(seconds=180)
CAUSE = Cause("tester", "because")
FACTS: dict[Effect, tuple[Trigger | None, Trigger | None]] = {
    Effect.EXPORT: (Trigger.EXPORT_CONFIRMED, Trigger.EXPORT_REJECTED),
    Effect.VOID: (Trigger.VOID_CONFIRMED, None),
    Effect.REPORT_PAYMENT: (None, None),
    Effect.ATTACH: (None, None),
}


class Clock:
    """The only time a store knows; a test moves it."""

    def __init__(self) -> None:
        self.now = datetime(2026, 10, 5, 9, 0, 0, 123456, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **by: float) -> datetime:
        self.now += timedelta(**by)
        return self.now


class Desk:
    """One store, with intake, relay and accounting acted out by the test."""

    cause = CAUSE

    def __init__(self, store: Store, clock: Clock) -> None:
        self.store = store
        self.clock = clock

    @classmethod
    async def open(
        cls,
        path: Path,
        clock: Clock,
        entity: str = "Acme LLC",
        company: str = "9341",
        *,
        owner: Any = None,
        auto: bool = True,
        attaches: Collection[Kind] = (),
    ) -> "Desk":
        given: Any = {"entity": entity, "company": company, "owner": owner or {"pid": 1}, "auto": auto}
        given |= {"attaches": attaches}
        return cls(await Store.open(path, clock=clock, quiet=QUIET, **given), clock)

    # -- what intake does -------------------------------------------------------------------------------------

    @staticmethod
    def sourced(amount: str = "100.00", *, load: str = "1001", currency: str = "USD", **fields: Any) -> Sourced:
        """Return an invoice of one line as the TMS would have it."""
        total = Money.of(Decimal(amount), currency)
        content = Content(
            party=Party(f"customer of {load}", "Acme Foods"),
            number=f"N{load}",
            issued_on=date(2026, 10, 4),
            due_on=date(2026, 11, 3),
            lines=(Line("linehaul", "Linehaul", total),),
            total=total,
            load_number=load,
        )
        given: dict[str, Any] = {
            "kind": Kind.CUSTOMER_INVOICE,
            "source_id": f"id of {load}",
            "label": load,
            "content": content,
        }
        return Sourced(**(given | fields))

    async def record(self, amount: str = "100.00", **fields: Any) -> Recorded:
        return await self.store.record(self.sourced(amount, **fields), CAUSE)

    async def withdraw(self, load: str = "1001") -> Recorded:
        return await self.record(load=load, withdrawn=True)

    async def new(self, amount: str = "100.00", **fields: Any) -> Transaction:
        """Record a transaction nobody has seen and return it."""
        assert await self.record(amount, **fields) is Recorded.NEW
        return (await self.store.page(Filter(), limit=1))[0]

    async def again(self, transaction: Transaction) -> Transaction:
        return await self.store.find(transaction.id)

    async def apply(self, seen: Transaction, trigger: Trigger, **given: Any) -> Transaction:
        return await self.store.apply(seen, trigger, CAUSE, **given)

    # -- what the relay does ----------------------------------------------------------------------------------

    async def claim(self, lane: str = "accounting") -> Claim:
        """Claim the only message that is due in a lane."""
        [claim] = await self.store.claim([lane], 10)
        return claim

    async def announced(self, lane: str = "accounting", *, request: str = "request", body: bytes = b"{}") -> Claim:
        return await self.announce(await self.claim(lane), request, body)

    async def announce(self, claim: Claim, request: str, body: bytes) -> Claim:
        [announced] = await self.store.announce_all([(claim, request, body)])
        if isinstance(announced, Exception):
            raise announced
        return announced

    async def finish(self, claim: Claim, outcome: Outcome) -> Transaction:
        success, refusal = FACTS[claim.message.effect]
        return (await self.end(claim, outcome, success=success, refusal=refusal)).transaction

    async def end(self, claim: Claim, outcome: Outcome, *, success: Trigger | None, refusal: Trigger | None) -> Ended:
        [ended] = await self.store.finish_all([Ending(claim, outcome, success, refusal)])
        if isinstance(ended, Exception):
            raise ended
        return ended

    async def exported(self, amount: str = "100.00", **fields: Any) -> Transaction:
        """Record a transaction and bring it to accounting, whole."""
        recorded = await self.new(amount, **fields)
        return await self.finish(await self.announced(), self.yes(f"document of {recorded.label}"))

    # -- what vendors answer ----------------------------------------------------------------------------------

    @staticmethod
    def yes(document: str | None = "document of 1001", *, adopted: bool = False) -> Delivered:
        held = Document(document, "N1001", "0") if document else None
        return Delivered(Receipt(held, trace="tid-1"), adopted=adopted)

    @staticmethod
    def no(code: str = "party_missing") -> Refused:
        return Refused(problem(code, "as seen"), trace="tid-2")

    def later(self, **pause: float) -> Postponed:
        return Postponed(self.clock.now + timedelta(**pause or {"seconds": 30}), "busy")

    def unknown(self, *, reads: int = 0, tries: int = 1, **pause: float) -> InDoubt:
        return InDoubt(self.clock.now + timedelta(**pause or {"seconds": 180}), "no answer", reads, tries)

    @staticmethod
    def payment(amount: str = "40.00", note: str = "payment-1") -> PaymentReport:
        return PaymentReport(Money.of(Decimal(amount)), date(2026, 10, 5), note=note)

    # -- what people see --------------------------------------------------------------------------------------

    async def standing(self, transaction: Transaction) -> list[str]:
        """Return what of a transaction is not done, as words."""
        return [f"{each.effect} {each.phase}" for each in await self.store.standings(transaction.id)]

    async def told(self, transaction: Transaction) -> list[str]:
        """Return a transaction's history as words."""
        return [f"{each.trigger}: {each.source} -> {each.dest}" for each in await self.store.history(transaction.id)]

    async def outcomes(self, transaction: Transaction) -> list[str | None]:
        return [attempt.outcome for attempt in await self.store.attempts(transaction.id)]

    async def execute(self, sql: str) -> list[Any]:
        """Run a statement of the test's own on the store's connection."""
        return list(await self.store._database._connection.execute_fetchall(sql))

    async def crash(self) -> None:
        """End as a killed process does: the file is given up and nobody said that it stopped."""
        await self.store._database.close()


OpenAt = Callable[[Path], Awaitable[Desk]]
OpenDesk = Callable[..., Awaitable[Desk]]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "books" / "acme.db"


@pytest.fixture
async def open_desk(path: Path, clock: Clock) -> AsyncIterator[OpenDesk]:
    """Open stores, one after the other or several, and close whatever is still open at the end."""
    desks: list[Desk] = []

    async def opened(*given: Any, at: Path = path, **how: Any) -> Desk:
        desks.append(await Desk.open(at, clock, *given, **how))
        return desks[-1]

    yield opened
    for desk in desks:
        if not desk.store._database._writer.done():
            await desk.store.close()


@pytest.fixture
def open_at(clock: Clock) -> OpenAt:
    """Open a store that the test itself closes."""
    return lambda path: Desk.open(path, clock)


@pytest.fixture
async def desk(open_desk: OpenDesk) -> Desk:
    return await open_desk()


@pytest.fixture
def transaction(clock: Clock) -> Transaction:
    """Return a transaction nobody has sent, that no store holds."""
    sourced = Desk.sourced()
    return Transaction(
        id=TransactionId(1),
        kind=sourced.kind,
        source_id=sourced.source_id,
        label=sourced.label,
        state=State.PENDING,
        version=1,
        generation=1,
        revision=1,
        content=sourced.content,
        digest=sourced.digest(),
        total=Money(10_000),
        paid=Money(0),
        document=None,
        problem=None,
        in_flight=False,
        created_at=clock.now,
        updated_at=clock.now,
    )
