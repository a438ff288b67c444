"""A day at the store: what intake, relay, readers and people do to it, and what they were promised at which moment."""

import asyncio
import hashlib
import random
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from state.lifecycle import Effect, IllegalMove, State, Trigger
from state.messages import Ending
from state.moves import Cause, StaleTransaction
from state.outbox import Claim, Delivered, InDoubt, Observation, Outcome, PaymentReport, Postponed, Receipt, Refused
from state.problem import problem
from state.store import Filter, NotForceable, Store
from state.transaction import Content, Document, DocumentType, Kind, Line, Money, Origin, Party, Sourced
from tests.powerloss.disk import Step

if TYPE_CHECKING:
    from collections.abc import Coroutine

FACTS: dict[Effect, tuple[Trigger | None, Trigger | None]] = {
    Effect.EXPORT: (Trigger.EXPORT_CONFIRMED, Trigger.EXPORT_REJECTED),
    Effect.VOID: (Trigger.VOID_CONFIRMED, None),
    Effect.REPORT_PAYMENT: (None, None),
    Effect.ATTACH: (None, None),
}
CHECKPOINT = 24  # pages in the log before they are brought to the database: several times in a day
START = datetime(2026, 10, 5, tzinfo=UTC)
QUIET = timedelta(seconds=180)

Fact = tuple[Any, ...]


class Promise(NamedTuple):
    """Something somebody was told is so: from then on, and for ever, it must be."""

    position: int  # in the log of the disk
    fact: Fact


class Clock:
    """Each look is a second later."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


async def opened(path: Path, clock: Clock) -> Store:
    """Open the store as the daemon does."""
    return await Store.open(path, entity="acme", company="9341", clock=clock, quiet=QUIET, owner={"pid": 1})


class Day:
    """Everything that happens, drawn from one seed."""

    def __init__(self, path: Path, seed: int, log: list[Step]) -> None:
        self.promises: list[Promise] = []
        self._path = path
        self._log = log
        self._chance = random.Random(seed)
        self._clock = Clock()
        self._serial = 0  # of causes, links, secrets, loads: each is told apart
        self._loads = 0
        self._store: Store

    async def run(self, waves: int) -> None:
        """Open the store, use it for some waves of several hands at once, and close it or fall over it."""
        self._store = await self._opened()
        for _ in range(waves):
            if self._chance.random() < 0.08:
                await self._end(clean=self._chance.random() < 0.5)
                self._store = await self._opened()
            hands = self._chance.choices(
                (self._record, self._relay, self._read, self._act), (4, 5, 2, 2), k=self._chance.randint(1, 6)
            )
            await asyncio.gather(*(hand() for hand in hands))
        await self._end(clean=True)

    # -- intake, readers, people ------------------------------------------------------------------------------

    async def _record(self) -> None:
        fresh = self._loads == 0 or self._chance.random() < 0.6
        self._loads += fresh
        load = self._loads if fresh else self._chance.randint(1, self._loads)
        withdrawn = not fresh and self._chance.random() < 0.2
        cause = self._cause()
        await self._store.record(sourced(load, self._chance.randint(1, 10**7), withdrawn=withdrawn), cause)
        if fresh:
            self._told("said", cause.reason)

    async def _read(self) -> None:
        memory, serial = self._store.memory, self._next()
        match self._chance.randrange(4):
            case 0:
                await memory.keep("refresh", str(serial))
                self._told("kept", "refresh", serial)
            case 1:
                await memory.link("customer", f"customer {serial}", f"target {serial}")
                self._told("linked", f"customer {serial}", f"target {serial}")
            case 2:
                await memory.observe([observation(serial)], "changes", START + timedelta(seconds=serial))
                self._told("advanced", "changes", serial)
                self._told("observed", str(serial))
            case _:
                await memory.advance("loads", START + timedelta(seconds=serial))
                self._told("advanced", "loads", serial)

    async def _act(self) -> None:
        """Do to one transaction what a person, or a reader of payments, does; it may not be allowed."""
        page = await self._store.page(Filter(), before=self._chance.randint(2, self._loads + 2), limit=1)
        cause = self._cause()
        for seen in page:
            acts: tuple[Coroutine[Any, Any, Any], ...] = (
                self._store.force(seen.id, seen.state, self._chance.choice(tuple(State)), cause),
                self._store.retry(seen.id, cause),
                self._store.apply(seen, Trigger.REVERT_REQUESTED, cause),
                self._store.apply(seen, Trigger.PAYMENT_RECORDED, cause, report=payment(self._next())),
                self._store.apply(seen, Trigger.PAYMENT_COMPLETED, cause, report=payment(self._next())),
                self._store.apply(seen, Trigger.DOCUMENT_LOST, cause),
            )
            chosen = self._chance.choice(acts)
            for act in acts:
                if act is not chosen:
                    act.close()
            try:
                await chosen
            except (IllegalMove, NotForceable, StaleTransaction):
                continue
            self._told("said", cause.reason)

    # -- the relay --------------------------------------------------------------------------------------------

    async def _relay(self) -> None:
        claims = await self._store.claim(["accounting", "tms"], self._chance.randint(1, 6))
        await asyncio.gather(*(self._send(claim) for claim in claims))

    async def _send(self, claim: Claim) -> None:
        body = b"{}" * self._chance.choice((1, 40, 3000))
        request = f"request {self._next()}"
        [sent] = await self._store.announce_all([(claim, request, body)])
        if isinstance(sent, Exception):
            return
        number, digest = sent.message.attempts, hashlib.sha256(body).hexdigest()
        self._told("announced", sent.message.id, number, request, digest)  # and here it leaves
        if self._chance.random() < 0.15:
            return  # no answer, before the end of the day
        outcome, word = self._outcome(sent)
        [ended] = await self._store.finish_all([Ending(sent, outcome, *FACTS[sent.message.effect])])
        if isinstance(ended, Exception):
            return
        self._told("ended", sent.message.id, number, word)
        if ended.fact is not None:
            self._told("moved", ended.transaction.id, ended.transaction.version)

    def _outcome(self, claim: Claim) -> tuple[Outcome, str]:
        later = self._clock.now + timedelta(seconds=self._chance.randint(1, 60))
        document = Document(f"{claim.transaction.id} of {claim.transaction.generation}", None, str(self._next()))
        return self._chance.choices(
            (
                (Delivered(Receipt(document, "trace")), "delivered"),
                (Refused(problem("party_missing", "as seen")), "refused"),
                (Postponed(later, "busy"), "postponed"),
                (InDoubt(later, "no answer", 0, claim.message.tries + 1), "in_doubt"),
            ),
            (6, 1, 1, 1),
        )[0]

    # -- the daemon -------------------------------------------------------------------------------------------

    async def _opened(self) -> Store:
        store = await opened(self._path, self._clock)
        self._told("ran", store.epoch)
        await checkpoint_often(store)
        return store

    async def _end(self, *, clean: bool) -> None:
        if clean:
            await self._store.close()
            self._told("stopped", self._store.epoch)
        else:
            await self._store._database.close()

    def _told(self, *fact: Any) -> None:
        self.promises.append(Promise(len(self._log), fact))

    def _next(self) -> int:
        self._serial += 1
        return self._serial

    def _cause(self) -> Cause:
        return Cause("tester", f"cause {self._next()}")


async def checkpoint_often(store: Store) -> None:
    """Bring the log to the database after a few pages, as a daemon does after many."""
    await store._database._connection.execute_fetchall(f"PRAGMA wal_autocheckpoint = {CHECKPOINT}")


def sourced(load: int, cents: int, *, withdrawn: bool = False) -> Sourced:
    """Return an invoice of one line as the TMS would have it."""
    total = Money.of(Decimal(cents).scaleb(-2))
    content = Content(
        party=Party(f"customer {load % 7}", "Acme Foods"),
        number=f"N{load}",
        issued_on=date(2026, 10, 4),
        due_on=None,
        lines=(Line("linehaul", "Linehaul", total),),
        total=total,
        load_number=str(load),
    )
    return Sourced(Kind.CUSTOMER_INVOICE, f"load {load}", str(load), content, withdrawn=withdrawn)


def observation(serial: int) -> Observation:
    """Return what a reader of changes saw of some document of ours."""
    return Observation(
        DocumentType.INVOICE,
        Document(str(serial), None, "0"),
        Money(100),
        Money(0),
        origin=Origin(Kind.CUSTOMER_INVOICE, "load 1"),
    )


def payment(serial: int) -> PaymentReport:
    """Return a payment to tell the TMS about."""
    return PaymentReport(Money(100), date(2026, 10, 5), note=f"payment {serial}")
