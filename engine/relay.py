"""Outbox -> vendor -> fact: how a wish leaves the process, exactly once.

One pass: claim -> prepare -> look up -> announce -> send -> classify -> record. Decide first, then record: nothing
leaves before the row that announces it is durable, and nothing that may have arrived is sent again before it was
looked for.
"""

import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import NamedTuple, TypeVar, assert_never

import anyio
import structlog

from adapters.ports import (
    Absent,
    Accounting,
    Conflict,
    Order,
    OutcomeUnknown,
    Present,
    Rejected,
    Sender,
    Tms,
    Unauthorized,
    Unavailable,
    Verdict,
)
from engine.backoff import delay
from engine.lane import CHANCE, Lane, Pace
from state.database import StoreError
from state.lifecycle import Effect, Trigger
from state.moves import StaleTransaction
from state.outbox import Claim, Delivered, InDoubt, Outcome, Phase, Postponed, Receipt, Refused
from state.problem import Problem, problem
from state.store import Store
from state.transaction import Transaction

log = structlog.get_logger()

Item = TypeVar("Item")
Result = TypeVar("Result")

_AGREEING_READS = 2  # a list read was once seen to be older than a read by id: one empty answer is not proof


class Route(NamedTuple):
    """Where an effect goes and which facts come back."""

    lane: str
    sender: Sender
    success: Trigger | None
    refusal: Trigger | None


def routes(tms: Tms, accounting: Accounting) -> dict[Effect, Route]:
    """Return the table of effects. A refusal without a fact leaves the message dead until a person retries it."""
    t = Trigger
    # fmt: off
    return {
        # effect                      lane          vendor call          fact on success      fact on refusal
        Effect.EXPORT:         Route("accounting", accounting.exports, t.EXPORT_CONFIRMED, t.EXPORT_REJECTED),
        Effect.VOID:           Route("accounting", accounting.voids,   t.VOID_CONFIRMED,   None),
        Effect.REPORT_PAYMENT: Route("tms",        tms.payments,       None,               None),
    }
    # fmt: on


class Relay:
    """Empties the outbox."""

    def __init__(  # noqa: PLR0913 - the parts of one worker
        self,
        store: Store,
        table: Mapping[Effect, Route],
        pace: Pace,
        *,
        entity: str,
        home_currency: str,
        clock: Callable[[], datetime],
        ended: Callable[[Effect, Outcome, Trigger | None], None],
    ) -> None:
        self._store = store
        self._table = table
        self._pace = pace
        self._entity = entity
        self._home_currency = home_currency
        self._clock = clock
        self._ended = ended
        self._slots = anyio.CapacityLimiter(pace.concurrency)
        self._lanes = {lane: Lane(pace) for lane in {route.lane for route in table.values()}}

    async def run_once(self) -> float:
        """Bring every due message one step further and return the seconds until the next is due."""
        claims = await self._store.claim(self._open_lanes(), self._pace.claim)
        orders = await self._each(claims, self._prepare)
        decided = await self._look_up(orders)
        await self._each(decided, self._conclude)
        if len(claims) == self._pace.claim:
            return 0.0
        return self._rest(await self._store.next_due(self._open_lanes()))

    # -- the verbs --------------------------------------------------------------------------------------------

    async def _prepare(self, claim: Claim) -> Order | None:
        """Freeze the request, or end the message here; what was sent before is already frozen."""
        message, transaction = claim.message, claim.transaction
        if message.phase is Phase.IN_DOUBT and message.request_id is not None and message.body is not None:
            return Order(claim, message.request_id, message.body)
        outcome: Outcome
        if message.effect is Effect.VOID and transaction.document is None:
            outcome = Delivered(Receipt(), adopted=True)
        elif message.effect is Effect.EXPORT and (flaw := self._flaw(transaction)):
            outcome = Refused(flaw)
        elif not self._open(claim):
            return None
        else:
            try:
                return await self._table[message.effect].sender.prepare(claim, request_id(self._entity, claim))
            except Exception as error:  # noqa: BLE001 - nothing has left: one poison message must not stop the others
                outcome = self._judge(claim, error)
        await self._record(claim, outcome)
        return None

    async def _look_up(self, orders: Sequence[Order]) -> list[tuple[Order, Verdict]]:
        """Ask each vendor, in bulk, which of these wishes have come true already."""
        decided: list[tuple[Order, Verdict]] = []
        for effect, route in self._table.items():
            group = [order for order in orders if order.claim.message.effect is effect and self._open(order.claim)]
            if group:
                decided += await self._verdicts(route.sender, group)
        return decided

    async def _verdicts(self, sender: Sender, group: Sequence[Order]) -> list[tuple[Order, Verdict]]:
        """Look a group up; one that spoils the question for the others is found by asking for halves."""
        try:
            found = await sender.look_up(group)
            return [(order, found[order.claim.message.id]) for order in group]
        except Exception as error:  # noqa: BLE001 - looked up again later
            if len(group) > 1 and not isinstance(error, Unavailable | OutcomeUnknown | Unauthorized):
                middle = len(group) // 2
                halves = [await self._verdicts(sender, half) for half in (group[:middle], group[middle:])]
                return [pair for half in halves for pair in half]
            await self._each(group, partial(self._fail, error))
            return []

    async def _conclude(self, decided: tuple[Order, Verdict]) -> None:
        """Adopt what is there, refuse what is in the way, and send only what is proven absent."""
        order, verdict = decided
        message = order.claim.message
        match verdict:
            case Present(receipt):
                await self._record(order.claim, Delivered(receipt, adopted=True))
            case Conflict(why):
                await self._record(order.claim, Refused(why))
            case Absent() if message.phase is not Phase.IN_DOUBT:
                await self._send(order)
            case Absent() if message.reads + 1 < _AGREEING_READS:
                until = self._after(self._pace.read_pause)
                await self._record(order.claim, InDoubt(until, "not found once", message.reads + 1, message.tries))
            case Absent() if message.tries >= self._pace.rounds:
                await self._record(order.claim, Refused(problem("outcome_undecided", f"{message.tries} tries")))
            case Absent():
                await self._send(order)
            case _:
                assert_never(verdict)

    async def _send(self, order: Order) -> None:
        """Announce, send, record. Between the first and the last anything that goes wrong leaves doubt, not loss."""
        if not self._open(order.claim):
            return
        try:
            claim = await self._store.announce(order.claim, order.request_id, order.body)
        except StaleTransaction:
            return  # a newer wish took its place; the next pass meets that one
        try:
            receipt = await self._table[claim.message.effect].sender.send(replace(order, claim=claim))
        except Exception as error:  # noqa: BLE001 - it has left: whatever happened, the outcome is recorded
            await self._record(claim, self._judge(claim, error))
        else:
            self._lanes[self._lane(claim)].recovered()
            await self._record(claim, Delivered(receipt))

    async def _record(self, claim: Claim, outcome: Outcome) -> None:
        route = self._table[claim.message.effect]
        try:
            moved, fact = await self._store.finish(claim, outcome, success=route.success, refusal=route.refusal)
        except StaleTransaction:
            return  # replaced while it was looked at, before anything left
        except Exception as error:
            if isinstance(error, StoreError) or isinstance(outcome, Postponed | InDoubt):
                raise
            # The store won't have this outcome, such as a document it holds for another transaction already.
            await self._record(claim, self._judge(claim, error))
            return
        self._ended(claim.message.effect, outcome, fact)
        log.info(
            "message.ended",
            effect=claim.message.effect,
            outcome=type(outcome).__name__.lower(),
            transaction=claim.transaction.id,
            label=claim.transaction.label,
            state=moved.state,
            **_detail(outcome),
        )

    # -- judgement --------------------------------------------------------------------------------------------

    def _judge(self, claim: Claim, error: Exception) -> Outcome:
        """Say what a failure means for the message, and for the lane it came through."""
        lane, now = self._lanes[self._lane(claim)], self._clock()
        match error:
            case Rejected() if claim.message.phase is not Phase.IN_DOUBT:  # a look-up refused says nothing of what left
                return Refused(error.problem, error.trace)
            case Unavailable():
                lane.pause(now, error.retry_after)
                return self._postponed(claim, str(error), error.retry_after)
            case Unauthorized():
                lane.pause(now, self._pace.retry_cap)
                log.error("vendor.refused_us", effect=claim.message.effect, detail=str(error))
                return self._postponed(claim, str(error), None)
            case OutcomeUnknown():
                return self._unknown(claim, str(error))
            case _:
                log.error("message.broke", effect=claim.message.effect, label=claim.transaction.label, exc_info=error)
                return self._unknown(claim, f"internal error: {type(error).__name__}")

    def _unknown(self, claim: Claim, reason: str) -> Outcome:
        """Doubt, if the request has left; otherwise just another time."""
        if claim.message.phase is not Phase.SENT:
            return self._postponed(claim, reason, None)
        return InDoubt(self._after(self._pace.quiet_period), reason, 0, claim.message.tries + 1)

    def _postponed(self, claim: Claim, reason: str, retry_after: float | None) -> Postponed:
        pause = self._backoff(claim.message.delays) if retry_after is None else retry_after
        return Postponed(self._after(pause), reason)

    async def _fail(self, error: Exception, order: Order) -> None:
        await self._record(order.claim, self._judge(order.claim, error))

    def _flaw(self, transaction: Transaction) -> Problem | None:
        if transaction.content is None:
            return transaction.problem or problem("shape_unknown")
        return transaction.content.flaw(self._home_currency)

    # -- time -------------------------------------------------------------------------------------------------

    def _lane(self, claim: Claim) -> str:
        return self._table[claim.message.effect].lane

    def _open_lanes(self) -> list[str]:
        now = self._clock()
        return [name for name, lane in self._lanes.items() if lane.open(now)]

    def _open(self, claim: Claim) -> bool:
        """Whether its vendor can be asked now; a message that meets a closed lane stays as it is, and due."""
        return self._lanes[self._lane(claim)].open(self._clock())

    def _after(self, seconds: float) -> datetime:
        return self._clock() + timedelta(seconds=seconds)

    def _rest(self, due: datetime | None) -> float:
        """Return the seconds until the next message is due, a closed lane opens, or the interval ends."""
        now = self._clock()
        closed = [rest for lane in self._lanes.values() if (rest := lane.rest(now)) > 0]
        waits = [] if due is None else [(due - now).total_seconds()]
        return max(0.0, min([self._pace.interval, *closed, *waits]))

    def _backoff(self, failures: int) -> float:
        return delay(failures, base=self._pace.retry_base, cap=self._pace.retry_cap, chance=CHANCE)

    async def _each(self, items: Sequence[Item], step: Callable[[Item], Awaitable[Result | None]]) -> list[Result]:
        """Take one step with every item, several at once, and return what came of those that go on."""
        results: list[Result] = []

        async def one(item: Item) -> None:
            async with self._slots:
                if (result := await step(item)) is not None:
                    results.append(result)

        async with anyio.create_task_group() as tasks:
            for item in items:
                tasks.start_soon(one, item)
        return results


def request_id(entity: str, claim: Claim) -> str:
    """Return the id that names this request at the vendor for ever: 32 hex digits.

    Derived, so that a restored or restarted daemon names the same intent the same. The round makes a new try after
    a definite answer a new request; a repetition while in doubt keeps the id it was sent with.
    """
    message, transaction = claim.message, claim.transaction
    intent = (
        entity,
        transaction.kind,
        transaction.source_id,
        message.effect,
        message.generation,
        message.revision,
        message.report.reference if message.report else "",
        message.round,
    )
    return hashlib.sha256("\x1f".join(map(str, intent)).encode()).hexdigest()[:32]


def _detail(outcome: Outcome) -> dict[str, str]:
    """Return what a log line says of an outcome."""
    match outcome:
        case Delivered(receipt, adopted):
            return {"adopted": str(adopted).lower(), "trace": receipt.trace}
        case Refused(why, trace):
            return {"problem": why.code, "trace": trace}
        case Postponed(until, reason) | InDoubt(until, reason):
            return {"reason": reason, "until": until.isoformat()}
        case _:
            assert_never(outcome)
