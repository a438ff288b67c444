"""Accounting -> payments: what accounting says was paid, as facts of our transactions.

What is paid is always total minus balance, read from the document itself. Payments only explain that amount: when
it was paid, how, and under which reference.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final, NamedTuple

import structlog

from adapters.ports import Accounting
from state.lifecycle import Effect, IllegalMove, State, Trigger
from state.memory import Told
from state.moves import Cause, StaleTransaction
from state.outbox import Observation, PaymentReport, Phase, Settlement
from state.store import Store
from state.transaction import Kind, Money, Transaction
from state.trouble import StoreError

log = structlog.get_logger(__name__)

CURSOR = "payments"

# The share of a document that was settled without a payment we can name, such as a credit applied by hand.
UNNAMED = "unnamed"

_SETTLING: Final = frozenset({State.EXPORTED, State.PAID})  # where payments can be told of


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that follows from an observation: a trigger, what is paid after it, and what to tell the TMS."""

    trigger: Trigger
    paid: Money
    reason: str
    told: Told | None = None
    report: PaymentReport | None = None


class Payments:
    """Reads accounting's changes and acts on them. `overlap` is read again each time.

    The TMS is told of payments of the `reported` kinds only. `caught_up` hears after each read whether the books knew
    documents of ours that the store did not. `taken_in` says whether the TMS was read since the start: what bears our
    marker, and nobody knows of then, is shown by the TMS no longer.
    """

    def __init__(  # noqa: PLR0913 - the parts of one reader
        self,
        store: Store,
        accounting: Accounting,
        *,
        first: datetime,
        overlap: timedelta,
        clock: Callable[[], datetime],
        reported: Collection[Kind],
        moved: Callable[[Trigger], None],
        wake: Callable[[], None],
        caught_up: Callable[[bool], None] = lambda _behind: None,
        taken_in: Callable[[], bool] = lambda: False,
    ) -> None:
        self._store = store
        self._accounting = accounting
        self._first = first
        self._overlap = overlap
        self._clock = clock
        self._reported = reported
        self._moved = moved
        self._wake = wake
        self._caught_up = caught_up
        self._taken_in = taken_in

    async def run_once(self) -> None:
        """Read what changed, keep it, then act on everything kept that can be acted on."""
        cursor = await self._store.memory.cursor(CURSOR)
        since = self._first if cursor is None else cursor - self._overlap
        asked_at = self._clock()
        changes = await self._accounting.changes(since)
        await self._store.memory.observe(changes.observations, CURSOR, changes.until)
        behind = await self._adopt(changes.observations, asked_at)
        self._caught_up(await self._confront() or behind)
        broken: list[Exception] = []
        fresh = set(changes.observations)
        for seen in await self._store.dismiss(await self._store.memory.observations(), self._quiet):
            try:
                await self._act(seen, new=seen in fresh)
            except StaleTransaction:
                continue  # it moved meanwhile: the observation is still there for the next pass
            except StoreError:
                raise
            except Exception as error:  # noqa: BLE001 - it is kept, and its neighbours go on
                broken.append(error)
        if broken:
            raise ExceptionGroup("observations that could not be acted on", broken)

    def _quiet(self, transaction: Transaction, seen: Observation, told: dict[str, Told]) -> bool:
        """Whether nothing follows from an observation: both sides agree, as most times that something is seen again."""
        if seen.gone or transaction.state not in _SETTLING or transaction.total != seen.total:
            return False
        reported = transaction.kind in self._reported
        return next(facts(transaction, seen, told, self._clock().date(), reported=reported), None) is None

    async def _confront(self) -> bool:
        """Ask again for what seems to stand though nobody wants it, and tell of what does; say if any was reverted."""
        behind, asked_at = False, self._clock()
        for seen in await self._store.stray():
            if await self._stands(seen):
                behind |= await self._adopt([seen], asked_at, certain=True)
        for seen in await self._store.unclaimed() if self._taken_in() else ():
            if await self._stands(seen) and (shown := await self._store.show(seen)):
                log.warning("document.unclaimed", transaction=shown.id, label=shown.label)
                self._wake()
        return behind

    async def _stands(self, seen: Observation) -> bool:
        """Whether what was seen is still so; it is forgotten if not, for the change itself will be seen."""
        if await self._accounting.stands(seen.document_type, seen.document.id):
            return True
        await self._store.memory.forget(seen)
        return False

    async def _adopt(self, seen: Sequence[Observation], asked_at: datetime, *, certain: bool = False) -> bool:
        """Take over what was sent and then forgotten, as by a store that was restored from a backup; say if any was."""
        adopted = await self._store.adopt(seen, asked_at, certain=certain)
        for transaction in adopted:
            self._moved(Trigger.DOCUMENT_FOUND)
            log.warning("store.was_behind", transaction=transaction.id, label=transaction.label)
        return bool(adopted)

    async def _act(self, seen: Observation, *, new: bool) -> None:
        """Apply what follows from one observation; keep it while its transaction can't take it yet.

        One that was kept, and is not `new`, tells nobody again that the amounts differ.
        """
        transaction = await self._store.find_by_document(seen.document_type, seen.document.id)
        if transaction is None and not seen.gone:
            return  # a document of ours whose export is not concluded yet
        if transaction is not None:
            if transaction.state not in _SETTLING:
                return
            differs = transaction.total != seen.total and not seen.gone
            if differs and new:
                log.warning(
                    "document.differs", transaction=transaction.id, ours=str(transaction.total), theirs=str(seen.total)
                )
            await self._apply(transaction, seen)
            if differs:
                return  # the two may yet agree, and only then does it tell whether all is paid
        await self._store.memory.forget(seen)

    async def _apply(self, transaction: Transaction, seen: Observation) -> None:
        if seen.gone and await self._voiding(transaction):
            return  # we took it away ourselves; the outbox will say so
        told = await self._store.memory.settlements(transaction.id)
        for fact in facts(transaction, seen, told, self._clock().date(), reported=transaction.kind in self._reported):
            try:
                transaction = await self._store.apply(
                    transaction,
                    fact.trigger,
                    Cause("payments", fact.reason),
                    report=fact.report,
                    told=fact.told,
                    **_changes(fact, seen),
                )
            except IllegalMove as error:
                log.warning("payment.unexplained", transaction=transaction.id, detail=str(error))
                return
            self._moved(fact.trigger)
            log.info("transaction.moved", transaction=transaction.id, trigger=fact.trigger, state=transaction.state)
            self._wake()

    async def _voiding(self, transaction: Transaction) -> bool:
        """Whether our own void is still under way; one that was refused takes nothing away."""
        return any(
            standing.effect is Effect.VOID and standing.phase is not Phase.DEAD
            for standing in await self._store.standings(transaction.id)
        )


def facts(
    transaction: Transaction, seen: Observation, told: dict[str, Told], today: date, *, reported: bool = True
) -> Iterator[Fact]:
    """Yield what follows from `seen`, given what is recorded as applied and what the TMS was told, by payment.

    `today` dates what no payment explains; the TMS takes payments of what is `reported`. Payments taken back come
    first. The TMS can't be told that a payment was taken back, so the sum told to it is the most that was ever truly
    paid, and no payment is told twice.
    """
    if seen.gone:
        yield Fact(Trigger.DOCUMENT_LOST, _as(seen.total, 0), "voided or deleted in accounting")
        return
    applied = {settlement.payment_id: settlement for settlement in _explained(seen, today)}
    paid = sum(entry.amount for entry in told.values())
    settled = seen.balance.minor == 0 and seen.total == transaction.total and seen.total.minor > 0
    state = transaction.state

    for entry in told.values():
        now = applied[entry.payment_id].amount.minor if entry.payment_id in applied else 0
        if now < entry.amount:
            paid -= entry.amount - now
            state = State.EXPORTED
            reason = f"payment {entry.payment_id} no longer covers {_as(seen.total, entry.amount - now)}"
            yield Fact(Trigger.PAYMENT_REVERSED, _as(seen.total, paid), reason, entry._replace(amount=now))

    news = _news(applied.values(), told, reported=reported)
    if state is State.PAID and (news or not settled):
        state = State.EXPORTED
        reason = "it was paid without these payments" if news else f"accounting shows {seen.balance} left to pay"
        yield Fact(Trigger.PAYMENT_REVERSED, _as(seen.total, paid), reason)

    for new in news:
        paid += new.grown
        yield Fact(
            Trigger.PAYMENT_COMPLETED if settled and new is news[-1] else Trigger.PAYMENT_RECORDED,
            _as(seen.total, paid),
            f"payment {new.settlement.payment_id} covers {new.settlement.amount}",
            new.entry,
            _report(new.settlement, _as(seen.total, new.tell)) if new.tell else None,
        )

    if settled and not news and state is not State.PAID:
        yield Fact(Trigger.PAYMENT_COMPLETED, seen.total, "accounting shows nothing left to pay")


class _News(NamedTuple):
    """A payment that covers more than was recorded, or of which the TMS has to be told more; in minor units."""

    settlement: Settlement
    entry: Told  # as it is after this
    grown: int
    tell: int


def _news(applied: Collection[Settlement], told: dict[str, Told], *, reported: bool) -> list[_News]:
    """Return what is new, each payment told at most once and all of them never more than is paid.

    What the TMS told us of is not told to it.
    """
    ours = {each.payment_id for each in applied if each.ours or not reported}
    untold = sum(each.amount.minor for each in applied if each.payment_id not in ours)
    untold -= sum(entry.told for entry in told.values())
    news: list[_News] = []
    for settlement in applied:
        amount = settlement.amount.minor
        known = told.get(settlement.payment_id, Told(settlement.payment_id, 0, 0))
        grown = max(0, amount - known.amount)
        tell = 0 if settlement.payment_id in ours else max(0, min(amount - known.told, untold))
        if grown or tell:
            untold -= tell
            entry = Told(settlement.payment_id, amount, known.told + tell)
            news.append(_News(settlement, entry, grown, tell))
    return news


def _explained(seen: Observation, today: date) -> Iterator[Settlement]:
    """Yield the document's payments, cut or filled up so that they add up to exactly what is paid."""
    left = seen.total.minor - seen.balance.minor
    for settlement in sorted(seen.settlements, key=lambda each: (each.paid_on, each.payment_id)):
        part = min(settlement.amount.minor, left)
        if part > 0:
            left -= part
            yield Settlement(
                settlement.payment_id,
                _as(seen.total, part),
                settlement.paid_on,
                settlement.method,
                settlement.reference,
                ours=settlement.ours,
            )
    if left > 0:
        yield Settlement(UNNAMED, _as(seen.total, left), today)


def _as(money: Money, minor: int) -> Money:
    """Return another amount of the same currency."""
    return Money(minor, money.currency)


def _report(settlement: Settlement, amount: Money) -> PaymentReport:
    """Return what the TMS is told."""
    return PaymentReport(amount, settlement.paid_on, settlement.method, settlement.reference)


def _changes(fact: Fact, seen: Observation) -> dict[str, object]:
    """Return the fields a fact changes; a lost document is forgotten by the move itself."""
    if fact.trigger is Trigger.DOCUMENT_LOST:
        return {}
    return {"paid": fact.paid, "document": seen.document}
