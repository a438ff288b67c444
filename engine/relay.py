"""Outbox -> vendor -> fact: how a wish leaves the process, exactly once.

One pass: claim -> prepare -> look up -> announce -> send -> classify -> record. Decide first, then record: nothing
leaves before the row that announces it is durable, and nothing that may have arrived is sent again before it was
looked for. What is proven absent waits in a short queue, from which several workers take one order at a time, or many
for one request when a backlog waits.
"""

import hashlib
import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import groupby
from typing import NamedTuple, TypeVar, assert_never

import anyio
import structlog
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

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
    VendorError,
    Verdict,
)
from engine.judgement import Judgement
from engine.lane import Lane, Pace
from engine.parcels import Parcels
from state.lifecycle import Effect, Trigger
from state.messages import Ended, Ending
from state.moves import StaleTransaction
from state.outbox import Claim, Delivered, InDoubt, Outcome, Phase, Postponed, Receipt, Refused
from state.problem import Problem, problem
from state.store import Store
from state.transaction import Transaction
from state.trouble import StoreError, StoreFull

log = structlog.get_logger(__name__)

Item = TypeVar("Item")
Result = TypeVar("Result")

_AGREEING_READS = 2  # a list read was once seen to be older than a read by id: one empty answer is not proof


class Route(NamedTuple):
    """Where an effect goes and which facts come back."""

    lane: str
    sender: Sender
    success: Trigger | None
    refusal: Trigger | None

    @property
    def facts(self) -> tuple[Trigger | None, Trigger | None]:
        """The facts of a yes and of a no."""
        return (self.success, self.refusal)


Table = Mapping[Effect, Route]


def routes(tms: Tms, accounting: Accounting) -> Table:
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


def lanes(table: Table) -> dict[str, Table]:
    """Return the table lane by lane: each vendor is served by a relay of its own, so that none waits for another."""
    names = dict.fromkeys(route.lane for route in table.values())
    return {name: {effect: route for effect, route in table.items() if route.lane == name} for name in names}


class Relay:
    """Empties one lane of the outbox.

    `entity` names the daemon in request ids; `parcels` decides how many orders a request carries; `ended` hears of each
    message that ended. While `ready` says no, nothing is taken up. `gather` gives the least seconds between two passes,
    so that one look-up serves what came meanwhile. `beat` is called after each group of a backlog: it goes on.
    """

    def __init__(  # noqa: PLR0913 - the parts of one worker
        self,
        store: Store,
        lane: str,
        table: Table,
        pace: Pace,
        *,
        entity: str,
        home_currency: str,
        clock: Callable[[], datetime],
        ended: Callable[[Effect, Outcome, Trigger | None], None],
        parcels: Parcels | None = None,
        ready: Callable[[], bool] = lambda: True,
        gather: Callable[[], float] = lambda: 0.0,
        beat: Callable[[], None] = lambda: None,
    ) -> None:
        self._store = store
        self.lane = lane
        self._table = table
        self._pace = pace
        self._entity = entity
        self._home_currency = home_currency
        self._clock = clock
        self._ended = ended
        self._ready = ready
        self._gather = gather
        self._beat = beat
        self._stopping = False
        self._gathered_at = -math.inf
        most = max(route.sender.most for route in table.values())
        self._parcels = parcels or Parcels(most)
        self._door = Lane(pace)
        self._judgement = Judgement(pace, self._door, clock)
        self._in_hand: set[int] = set()
        self._full: StoreFull | None = None

    async def run_once(self) -> float:
        """Bring every due message one step further and return the seconds until the next is due."""
        if not self._ready():
            return self._pace.interval
        if (early := self._gathered_at + self._gather() - anyio.current_time()) > 0:
            return early
        self._in_hand.clear()
        if claims := await self._claim():
            outlet, inlet = anyio.create_memory_object_stream[Order](self._pace.claim)
            async with outlet, inlet, anyio.create_task_group() as tasks:
                for _ in range(self._pace.concurrency):
                    tasks.start_soon(self._ship, inlet)
                await self._feed(claims, outlet)
                outlet.close()
        if self._full:
            raise self._full
        return self._rest(await self._store.next_due(self._open_lanes()))

    def hurry(self) -> None:
        """Gather no longer: a person waits."""
        self._gathered_at = -math.inf

    def stop(self) -> None:
        """Take up nothing more; what has left still ends."""
        self._stopping = True

    async def _claim(self) -> list[Claim]:
        """Take up what is due and not in hand already."""
        claims = await self._store.claim(self._open_lanes(), self._pace.claim, self._in_hand)
        self._in_hand |= {claim.message.id for claim in claims}
        return claims

    async def _feed(self, claims: Sequence[Claim], outlet: MemoryObjectSendStream[Order]) -> None:
        """Prepare and look up, group by group, and queue what is to be sent, until nothing is left."""
        while claims:
            orders = await self._each(claims, self._prepare)
            for order in await self._absent(await self._look_up(orders)):
                await outlet.send(order)
            self._beat()
            if len(claims) < self._pace.claim:
                self._gathered_at = anyio.current_time()
                break
            claims = await self._claim()

    async def _ship(self, inlet: MemoryObjectReceiveStream[Order]) -> None:
        """Send what is queued, one order at a time or many together, until the queue is closed."""
        async for order in inlet:
            waiting = inlet.statistics().current_buffer_used
            more = min(waiting, self._parcels.size(waiting + 1) - 1)
            parcel = [order, *(inlet.receive_nowait() for _ in range(more))]
            for _, group in groupby(parcel, key=_company):
                await self._send(list(group))

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
        elif not self._open():
            return None
        else:
            try:
                return await self._table[message.effect].sender.prepare(claim, request_id(self._entity, claim))
            except StoreError:
                raise
            except Exception as error:  # noqa: BLE001 - nothing has left: one poison message must not stop the others
                outcome = self._judgement.of(claim, error)
        await self._record([(claim, outcome)])
        return None

    async def _look_up(self, orders: Sequence[Order]) -> list[tuple[Order, Verdict]]:
        """Ask the vendor, in bulk, which of these wishes have come true already."""
        decided: list[tuple[Order, Verdict]] = []
        for effect, route in self._table.items():
            group = [order for order in orders if order.claim.message.effect is effect]
            if group and self._open():
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
            await self._record([(order.claim, self._judgement.of(order.claim, error)) for order in group])
            return []

    async def _absent(self, decided: Sequence[tuple[Order, Verdict]]) -> list[Order]:
        """Adopt what is there, refuse what is in the way, and return what is proven absent."""
        concluded = [(order.claim, self._conclusion(order.claim, verdict)) for order, verdict in decided]
        await self._record([(claim, outcome) for claim, outcome in concluded if outcome is not None])
        return [order for (order, _), (_, outcome) in zip(decided, concluded, strict=True) if outcome is None]

    def _conclusion(self, claim: Claim, verdict: Verdict) -> Outcome | None:
        """Return how a message ends for what was found, or None if it is to be sent."""
        message = claim.message
        match verdict:
            case Present(receipt):
                return Delivered(receipt, adopted=True)
            case Conflict(why, standing):
                return Refused(why, document=standing)
            case Absent() if message.phase is not Phase.IN_DOUBT:
                return None
            case Absent() if message.reads + 1 < _AGREEING_READS:
                until = self._judgement.after(self._pace.read_pause)
                return InDoubt(until, "not found once", message.reads + 1, message.tries)
            case Absent() if message.tries >= self._pace.rounds:
                return Refused(problem("outcome_undecided", f"{message.tries} tries"))
            case Absent():
                return None
            case _:
                assert_never(verdict)

    async def _send(self, orders: Sequence[Order]) -> None:
        """Announce, send, record. Between the first and the last anything that goes wrong leaves doubt, not loss."""
        if not self._open():
            return
        try:
            announced = await self._store.announce_all([(each.claim, each.request_id, each.body) for each in orders])
        except StoreFull as error:
            self._full = error
            self.stop()
            return
        leaving: list[Order] = []
        ended: list[tuple[Claim, Outcome]] = []
        for order, result in zip(orders, announced, strict=True):
            if isinstance(result, Claim):
                leaving.append(replace(order, claim=result))
            elif isinstance(result, StoreError):
                raise result
            elif not isinstance(result, StaleTransaction):  # a stale one was replaced; the next pass meets the newer
                ended.append((order.claim, self._judgement.of(order.claim, result)))
        if leaving:
            outcomes = await self._carried(leaving)
            ended += [(order.claim, outcome) for order, outcome in zip(leaving, outcomes, strict=True)]
        await self._record(ended)

    async def _carried(self, orders: Sequence[Order]) -> list[Outcome]:
        """Let one request carry the orders and return how each ended."""
        sender, started = self._table[orders[0].claim.message.effect].sender, anyio.current_time()
        results: Mapping[int, Receipt | VendorError]
        try:
            if len(orders) == 1:
                results = {orders[0].claim.message.id: await sender.send(orders[0])}
            else:
                results = await sender.send_many(orders)
        except Exception as error:  # noqa: BLE001 - it has left: whatever happened, the outcome is recorded
            if isinstance(error, OutcomeUnknown | Rejected):
                self._parcels.failed(len(orders))
            if isinstance(error, Rejected) and len(orders) > 1:  # no order is to blame, so each goes alone
                return [await self._alone(order) for order in orders]
            return [self._judgement.of(order.claim, error) for order in orders]
        self._parcels.carried(len(orders), anyio.current_time() - started)
        self._door.recovered()
        silence = OutcomeUnknown("the answer does not speak of it")
        return [self._outcome(order.claim, results.get(order.claim.message.id, silence)) for order in orders]

    async def _alone(self, order: Order) -> Outcome:
        """Let an order of a refused parcel go alone, if the vendor still serves us: nothing of it has left so far."""
        if not self._open():
            return self._judgement.of(order.claim, Unavailable("left for later"))
        [outcome] = await self._carried([order])
        return outcome

    def _outcome(self, claim: Claim, result: Receipt | VendorError) -> Outcome:
        return Delivered(result) if isinstance(result, Receipt) else self._judgement.of(claim, result)

    async def _record(self, ended: Sequence[tuple[Claim, Outcome]]) -> None:
        """Write down, in one commit, how messages ended."""
        if not ended:
            return
        endings = [Ending(claim, outcome, *self._table[claim.message.effect].facts) for claim, outcome in ended]
        for (claim, outcome), result in zip(ended, await self._store.finish_all(endings), strict=True):
            self._in_hand.discard(claim.message.id)
            if isinstance(result, Ended):
                self._note(claim, outcome, result)
            elif not isinstance(result, StaleTransaction):  # a stale one was replaced before anything left
                await self._unrecordable(claim, outcome, result)

    async def _unrecordable(self, claim: Claim, outcome: Outcome, error: Exception) -> None:
        """Record another outcome: the store won't have this one, such as a document of another transaction."""
        if isinstance(error, StoreError) or isinstance(outcome, Postponed | InDoubt):
            raise error
        await self._record([(claim, self._judgement.of(claim, error))])

    def _note(self, claim: Claim, outcome: Outcome, ended: Ended) -> None:
        """Tell the metrics and the log."""
        self._ended(claim.message.effect, outcome, ended.fact)
        log.info(
            "message.ended",
            effect=claim.message.effect,
            outcome=type(outcome).__name__.lower(),
            transaction=claim.transaction.id,
            label=claim.transaction.label,
            state=ended.transaction.state,
            **_detail(outcome),
        )

    def _flaw(self, transaction: Transaction) -> Problem | None:
        if transaction.content is None:
            return transaction.problem or problem("shape_unknown")
        return transaction.content.flaw(self._home_currency)

    # -- the lane ---------------------------------------------------------------------------------------------

    def _open(self) -> bool:
        """Whether the vendor can be asked now; a message that meets a closed lane stays as it is, and due."""
        return not self._stopping and self._door.open(self._clock())

    def _open_lanes(self) -> list[str]:
        return [self.lane] if self._open() else []

    def _rest(self, due: datetime | None) -> float:
        """Return the seconds until the next message is due, the closed lane opens, or the interval ends."""
        now = self._clock()
        closed = self._door.rest(now)
        waits = [self._pace.interval]
        waits += [closed] if closed > 0 else []
        waits += [(due - now).total_seconds()] if due else []
        return max(0.0, min(waits))

    async def _each(self, items: Sequence[Item], step: Callable[[Item], Awaitable[Result | None]]) -> list[Result]:
        """Take one step with every item, several at once, and return what came of those that go on."""
        results: list[Result | None] = []
        remaining = iter(items)

        async def work() -> None:
            for item in remaining:
                results.append(await step(item))  # noqa: PERF401 - the workers take turns

        async with anyio.create_task_group() as tasks:
            for _ in range(min(self._pace.concurrency, len(items))):
                tasks.start_soon(work)
        return [result for result in results if result is not None]


def _company(order: Order) -> tuple[Effect, int]:
    """Return what orders must share to go in one request: the effect; one in doubt goes alone.

    It was perhaps the one that cost a whole request its answer, and its neighbours need not share that fate twice.
    """
    message = order.claim.message
    return message.effect, message.id if message.phase is Phase.IN_DOUBT else 0


def request_id(entity: str, claim: Claim) -> str:
    """Return the id that names this request at the vendor for ever: 32 hex digits.

    Derived, so that a restored or restarted daemon names the same intent the same. The round makes a new try after
    a definite answer a new request, the document and its version an update another one than the creation, or than an
    update of what it was before; a repetition while in doubt keeps the id it was sent with.
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
        f"{transaction.document.id} {transaction.document.version}" if transaction.document else "",
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
