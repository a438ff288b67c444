"""Outbox -> vendor -> fact: how a wish leaves the process, exactly once.

One pass: claim -> prepare -> look up -> announce -> send -> classify -> record. Decide first, then record: nothing
leaves before the row that announces it is durable, and nothing that may have arrived is sent again before it was
looked for. What is proven absent waits in a short queue, from which several workers of `Dispatch` take one order at a
time, or many for one request when a backlog waits.
"""

import math
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import TypeVar, assert_never

import anyio
from anyio.streams.memory import MemoryObjectSendStream

from adapters.ports import (
    Absent,
    Conflict,
    Order,
    OutcomeUnknown,
    Present,
    Sender,
    Unauthorized,
    Unavailable,
    Verdict,
)
from engine.dispatch import Dispatch
from engine.holds import awaited, flaw
from engine.judgement import Judgement
from engine.lane import Lane, Pace
from engine.parcels import Parcels
from engine.routes import Table, request_id
from state.lifecycle import Effect, Trigger
from state.outbox import Claim, Delivered, InDoubt, Outcome, Phase, Postponed, Receipt, Refused
from state.problem import problem
from state.store import Store
from state.trouble import StoreError

Item = TypeVar("Item")
Result = TypeVar("Result")

_AGREEING_READS = 2  # a list read was once seen to be older than a read by id: one empty answer is not proof


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
        self._ready = ready
        self._gather = gather
        self._beat = beat
        self._gathered_at = -math.inf
        self._door = Lane(pace)
        self._judgement = Judgement(pace, self._door, clock)
        parcels = parcels or Parcels(max(route.sender.most for route in table.values()))
        self._dispatch = Dispatch(store, table, self._door, self._judgement, parcels, clock=clock, ended=ended)

    async def run_once(self) -> float:
        """Bring every due message one step further and return the seconds until the next is due."""
        if not self._ready():
            return self._pace.interval
        if (early := self._gathered_at + self._gather() - anyio.current_time()) > 0:
            return early
        self._dispatch.in_hand.clear()
        if claims := await self._claim():
            outlet, inlet = anyio.create_memory_object_stream[Order](self._pace.claim)
            async with outlet, inlet, anyio.create_task_group() as tasks:
                for _ in range(self._pace.concurrency):
                    tasks.start_soon(self._dispatch.ship, inlet)
                await self._feed(claims, outlet)
                outlet.close()
        if self._dispatch.full:
            raise self._dispatch.full
        return self._rest(await self._store.next_due(self._open_lanes()))

    def hurry(self) -> None:
        """Gather no longer: a person waits."""
        self._gathered_at = -math.inf

    def stop(self) -> None:
        """Take up nothing more; what has left still ends."""
        self._door.shut()

    async def _claim(self) -> list[Claim]:
        """Take up what is due and not in hand already."""
        claims = await self._store.claim(self._open_lanes(), self._pace.claim, self._dispatch.in_hand)
        self._dispatch.in_hand |= {claim.message.id for claim in claims}
        return claims

    async def _feed(self, claims: Sequence[Claim], outlet: MemoryObjectSendStream[Order]) -> None:
        """Prepare and look up, group by group, and queue what is to be sent, until nothing is left."""
        while claims:
            orders = await self._each(claims, self._prepare)
            for order in await self._absent(await self._look_up(orders)):
                await _queue(outlet, order)
            self._beat()
            if len(claims) < self._pace.claim:
                self._gathered_at = anyio.current_time()
                break
            claims = await self._claim()

    # -- the verbs --------------------------------------------------------------------------------------------

    async def _prepare(self, claim: Claim) -> Order | None:
        """Freeze the request, or end the message here; what was sent before is already frozen."""
        message, transaction = claim.message, claim.transaction
        if message.phase is Phase.IN_DOUBT and message.request_id is not None and message.body is not None:
            return Order(claim, message.request_id, message.body)
        outcome: Outcome
        if message.effect is Effect.VOID and transaction.document is None:
            outcome = Delivered(Receipt(), adopted=True)
        elif message.effect is Effect.EXPORT and (why := flaw(transaction, self._home_currency)):
            outcome = Refused(why)
        elif message.effect is Effect.EXPORT and (wait := awaited(claim)):
            outcome = Postponed(self._judgement.after(self._pace.retry_cap), wait)
        elif claim.unpaying:
            outcome = Postponed(self._judgement.after(self._pace.retry_base), "waits until what was paid is taken back")
        elif not self._open():
            return None
        else:
            try:
                return await self._table[message.effect].sender.prepare(claim, request_id(self._entity, claim))
            except StoreError:
                raise
            except Exception as error:  # noqa: BLE001 - nothing has left: one poison message must not stop the others
                outcome = self._judgement.of(claim, error)
        await self._dispatch.record([(claim, outcome)])
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
            await self._dispatch.record([(order.claim, self._judgement.of(order.claim, error)) for order in group])
            return []

    async def _absent(self, decided: Sequence[tuple[Order, Verdict]]) -> list[Order]:
        """Adopt what is there, refuse what is in the way, and return what is proven absent."""
        concluded = [(order.claim, self._conclusion(order.claim, verdict)) for order, verdict in decided]
        await self._dispatch.record([(claim, outcome) for claim, outcome in concluded if outcome is not None])
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

    # -- the lane ---------------------------------------------------------------------------------------------

    def _open(self) -> bool:
        """Whether the vendor can be asked now; a message that meets a closed lane stays as it is, and due."""
        return self._door.open(self._clock())

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


async def _queue(outlet: MemoryObjectSendStream[Order], order: Order) -> None:
    """Queue an order, and wait only while there is no room: whoever takes one sees all that waits behind it."""
    try:
        outlet.send_nowait(order)
    except anyio.WouldBlock:
        await outlet.send(order)
