"""Announce -> send -> record: how what is proven absent leaves, and how messages end."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import assert_never

import anyio
import structlog
from anyio.streams.memory import MemoryObjectReceiveStream
from msgspec.structs import replace

from adapters.ports import Order, OutcomeUnknown, Rejected, Unavailable, VendorError
from engine.judgement import Judgement
from engine.lane import Lane
from engine.parcels import Parcels
from engine.routes import Table
from state.lifecycle import Effect, Trigger
from state.messages import Ended, Ending
from state.moves import StaleTransaction
from state.outbox import Claim, Delivered, InDoubt, Outcome, Phase, Postponed, Receipt, Refused
from state.store import Store
from state.trouble import StoreError, StoreFull

log = structlog.get_logger(__name__)


class Dispatch:
    """Sends orders through one lane, and writes down how messages end.

    `parcels` decides how many orders a request carries; `ended` hears of each message that ended. `in_hand` are the
    messages taken up that have not ended yet; `full` is why the lane was shut, if the disk was.
    """

    def __init__(  # noqa: PLR0913 - the parts of one worker
        self,
        store: Store,
        table: Table,
        lane: Lane,
        judgement: Judgement,
        parcels: Parcels,
        *,
        clock: Callable[[], datetime],
        ended: Callable[[Effect, Outcome, Trigger | None], None],
    ) -> None:
        self._store = store
        self._table = table
        self._lane = lane
        self._judgement = judgement
        self._parcels = parcels
        self._clock = clock
        self._ended = ended
        self._log = log.bind()  # once, rather than for each message
        self.in_hand: set[int] = set()
        self.full: StoreFull | None = None

    async def ship(self, inlet: MemoryObjectReceiveStream[Order]) -> None:
        """Send what is queued, one order at a time or many together, until the queue is closed."""
        async for order in inlet:
            waiting = inlet.statistics().current_buffer_used
            more = min(waiting, self._parcels.size(waiting + 1) - 1)
            parcel = [order, *(inlet.receive_nowait() for _ in range(more))]
            for _, group in groupby(parcel, key=_company):
                await self._send(list(group))

    async def record(self, ended: Sequence[tuple[Claim, Outcome]]) -> None:
        """Write down, in one commit, how messages ended."""
        if not ended:
            return
        endings = [Ending(claim, outcome, *self._table[claim.message.effect].facts) for claim, outcome in ended]
        for (claim, outcome), result in zip(ended, await self._store.finish_all(endings), strict=True):
            self.in_hand.discard(claim.message.id)
            if isinstance(result, Ended):
                self._note(claim, outcome, result)
            elif not isinstance(result, StaleTransaction):  # a stale one was replaced before anything left
                await self._unrecordable(claim, outcome, result)

    async def _send(self, orders: Sequence[Order]) -> None:
        """Announce, send, record. Between the first and the last anything that goes wrong leaves doubt, not loss."""
        if not self._open():
            return
        try:
            announced = await self._store.announce_all([(each.claim, each.request_id, each.body) for each in orders])
        except StoreFull as error:
            self.full = error
            self._lane.shut()
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
        await self.record(ended)

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
        self._lane.recovered()
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

    async def _unrecordable(self, claim: Claim, outcome: Outcome, error: Exception) -> None:
        """Record another outcome: the store won't have this one, such as a document of another transaction."""
        if isinstance(error, StoreError) or isinstance(outcome, Postponed | InDoubt):
            raise error
        await self.record([(claim, self._judgement.of(claim, error))])

    def _note(self, claim: Claim, outcome: Outcome, ended: Ended) -> None:
        """Tell the metrics and the log."""
        self._ended(claim.message.effect, outcome, ended.fact)
        self._log.info(
            "message.ended",
            effect=claim.message.effect.value,
            outcome=type(outcome).__name__.lower(),
            transaction=claim.transaction.id,
            label=claim.transaction.label,
            state=ended.transaction.state.value,
            **_detail(outcome),
        )

    def _open(self) -> bool:
        return self._lane.open(self._clock())


def _company(order: Order) -> tuple[Effect, int]:
    """Return what orders must share to go in one request: the effect; one in doubt goes alone.

    It was perhaps the one that cost a whole request its answer, and its neighbours need not share that fate twice.
    """
    message = order.claim.message
    return message.effect, message.id if message.phase is Phase.IN_DOUBT else 0


def _detail(outcome: Outcome) -> dict[str, str]:
    """Return what a log line says of an outcome."""
    match outcome:
        case Delivered(receipt, adopted):
            remarks = {"remarks": " ".join(remark.code for remark in receipt.remarks)} if receipt.remarks else {}
            return {"adopted": str(adopted).lower(), "trace": receipt.trace} | remarks
        case Refused(why, trace):
            return {"problem": why.code, "trace": trace}
        case Postponed(until, reason) | InDoubt(until, reason):
            return {"reason": reason, "until": until.isoformat()}
        case _:
            assert_never(outcome)
