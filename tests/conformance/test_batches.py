"""Many orders in one call, as the port promises them: the fake sender of the relay's tests, and QuickBooks' twin."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from msgspec.structs import replace

from adapters.ports import (
    Absent,
    Order,
    OutcomeUnknown,
    Present,
    Rejected,
    Sender,
    Unauthorized,
    Unavailable,
    VendorError,
)
from adapters.sandbox.quickbooks import Switches, hands
from state.lifecycle import Effect
from state.outbox import Phase, Receipt
from state.transaction import Transaction
from tests.conformance.world import BILL, CREDIT, INVOICE, World, holding, invoice_by_hand, line, transaction
from tests.unit.fakes import NUMBER_TAKEN, Books, FakeSender

Open = Callable[..., Awaitable[World]]


def documents(count: int) -> list[Transaction]:
    """Return invoices, bills and credits in turn, each of another amount."""
    return [
        transaction((INVOICE, BILL, INVOICE, CREDIT)[n % 4], f"x-{n}", line(f"{100 + n}.05"), number=f"LD-{n}")
        for n in range(count)
    ]


async def prepared(world: World, wanted: Sequence[Transaction]) -> list[Order]:
    return [await world.prepared(each) for each in wanted]


def ids(world: World) -> dict[str, str]:
    """Return the books' documents: id by number."""
    return {held["DocNumber"]: held["Id"] for kind in ("Invoice", "Bill", "VendorCredit") for held in world.held(kind)}


def booked(orders: Sequence[Order], outcomes: Any) -> dict[str, str]:
    """Return what the receipts say: id by number, of those orders that have one."""
    found = {order.claim.transaction.label: outcomes[order.claim.message.id] for order in orders}
    return {
        label: outcome.document.id
        for label, outcome in found.items()
        if isinstance(outcome, Receipt) and outcome.document is not None
    }


# -- what every sender keeps -----------------------------------------------------------------------------------


@dataclass
class Bench:
    """A sender with five prepared orders, and what can be done to its vendor."""

    sender: Sender
    orders: list[Order]
    refuse: Callable[[Order], Any]
    lose_answer: Callable[[], Any]
    throttle: Callable[[], Any]
    live: Callable[[], int]

    async def verdicts(self) -> list[Any]:
        doubted = [
            replace(order, claim=replace(order.claim, message=replace(order.claim.message, phase=Phase.IN_DOUBT)))
            for order in self.orders
        ]
        return list((await self.sender.look_up(doubted)).values())


async def faked(world: World) -> Bench:
    books = Books(world.clock)
    sender = FakeSender(books, most=30)
    orders = [await sender.prepare(world.claim(each), f"request-{each.label}") for each in documents(5)]
    return Bench(
        sender,
        orders,
        refuse=lambda order: sender.fail("send", Rejected(NUMBER_TAKEN), order.claim.transaction.label),
        lose_answer=lambda: sender.lose_answer(OutcomeUnknown("no answer"), step="send_many"),
        throttle=lambda: sender.fail("send_many", Unavailable("throttled", 60)),
        live=lambda: sum(not held.gone for held in books.documents),
    )


async def real(world: World) -> Bench:
    def spoil(action: str) -> None:
        world.twin.disruptions.arm([{"action": action, "method": "POST", "match": "batch"}])

    def refuse(order: Order) -> None:
        customer = hands.create(world.twin.company, "Customer", {"DisplayName": "Globex"})
        by_hand = invoice_by_hand(world, customer["Id"], order.claim.transaction.label)
        hands.create(world.twin.company, "Invoice", by_hand)

    return Bench(
        world.quickbooks.exports,
        await prepared(world, documents(5)),
        refuse=refuse,
        lose_answer=lambda: spoil("commit_then_drop"),
        throttle=lambda: spoil("throttle_429"),
        live=lambda: sum(
            "PrivateNote" in held for kind in ("Invoice", "Bill", "VendorCredit") for held in world.held(kind)
        ),
    )


@pytest.fixture(params=[faked, real], ids=["fake", "quickbooks"])
async def bench(request: pytest.FixtureRequest, world: World) -> Bench:
    build: Callable[[World], Awaitable[Bench]] = request.param
    return await build(world)


async def test_every_order_of_a_call_has_its_own_receipt(bench: Bench) -> None:
    outcomes = await bench.sender.send_many(bench.orders)
    assert outcomes.keys() == {order.claim.message.id for order in bench.orders}
    assert booked(bench.orders, outcomes).keys() == {order.claim.transaction.label for order in bench.orders}
    assert bench.live() == len(bench.orders)


async def test_refused_order_fails_none_of_its_neighbours(bench: Bench) -> None:
    bad = bench.orders[2]
    bench.refuse(bad)
    outcomes = await bench.sender.send_many(bench.orders)
    refusal = outcomes[bad.claim.message.id]
    assert isinstance(refusal, Rejected)
    assert refusal.problem.code == "number_taken"
    assert len(booked(bench.orders, outcomes)) == bench.live() == 4


async def test_lost_answer_leaves_every_order_in_doubt_and_each_is_found(bench: Bench) -> None:
    bench.lose_answer()
    with pytest.raises(OutcomeUnknown):
        await bench.sender.send_many(bench.orders)
    assert all(isinstance(verdict, Present) for verdict in await bench.verdicts())
    assert bench.live() == 5


async def test_throttled_call_did_nothing(bench: Bench) -> None:
    bench.throttle()
    with pytest.raises(Unavailable) as raised:
        await bench.sender.send_many(bench.orders)
    assert raised.value.retry_after == 60
    assert await bench.verdicts() == [Absent()] * 5
    assert bench.live() == 0


async def test_vendor_that_takes_one_at_a_time_sends_it_alone(world: World) -> None:
    class One(Sender):
        prepare = world.quickbooks.exports.prepare
        look_up = world.quickbooks.exports.look_up
        send = world.quickbooks.exports.send

    assert One.most == 1
    orders = await prepared(world, documents(1))
    assert booked(orders, await One().send_many(orders)) == ids(world)
    assert world.calls[-1].endpoint == "invoice"


# -- what is QuickBooks' own -----------------------------------------------------------------------------------


async def test_thirty_invoices_and_bills_leave_in_one_call_without_a_read(world: World) -> None:
    orders = await prepared(world, documents(30))
    before = len(world.calls)
    outcomes = await world.quickbooks.exports.send_many(orders)
    assert [(call.endpoint, call.writes) for call in world.calls[before:]] == [("batch", True)]
    assert booked(orders, outcomes) == ids(world)
    assert len(orders) == world.quickbooks.exports.most == world.quickbooks.voids.most
    assert all(outcome.trace for outcome in outcomes.values() if isinstance(outcome, Receipt))


async def test_updates_share_a_call_with_creations(world: World) -> None:
    first = documents(4)
    outcomes = await world.quickbooks.exports.send_many(orders := await prepared(world, first))
    changed = [
        replace(
            transaction(each.kind, each.source_id, line("7"), number=each.label),
            document=holding(each, outcomes[order.claim.message.id]).document,  # type: ignore[arg-type]
        )
        for each, order in zip(first, orders, strict=True)
    ]
    orders = await prepared(world, [*changed, transaction(INVOICE, "new", number="LD-NEW")])
    assert booked(orders, await world.quickbooks.exports.send_many(orders)) == ids(world)
    totals = {
        held["DocNumber"]: held["TotalAmt"] for kind in ("Invoice", "Bill", "VendorCredit") for held in world.held(kind)
    }
    assert [totals[each.label] for each in first] == [7] * 4


async def test_removals_share_a_call_and_one_that_is_gone_is_as_good_as_removed(world: World) -> None:
    sent = [await world.exported(each) for each in documents(4)]
    orders = [(await world.voiding(each))[0] for each in sent]
    nothing = await world.quickbooks.voids.prepare(world.claim(transaction(), Effect.VOID), "void-nothing")
    assert sent[1].document is not None
    hands.delete(world.twin.company, "Bill", sent[1].document.id)
    before = len(world.calls)
    outcomes = await world.quickbooks.voids.send_many([*orders, nothing])
    assert [call.endpoint for call in world.calls[before:]] == ["batch"]
    assert [type(outcome) for outcome in outcomes.values()] == [Receipt] * 5
    assert [held["TotalAmt"] for held in world.held("Invoice")] == [0, 0]
    assert world.held("Bill") == []


async def test_removals_that_ask_for_nothing_make_no_call(world: World) -> None:
    nothing = await world.quickbooks.voids.prepare(world.claim(transaction(), Effect.VOID), "void-nothing")
    before = len(world.calls)
    assert await world.quickbooks.voids.send_many([nothing]) == {nothing.claim.message.id: Receipt()}
    assert len(world.calls) == before


async def test_throttled_item_waits_alone(world: World) -> None:
    orders = await prepared(world, documents(5))
    world.twin.disruptions.arm([{"action": "throttle_item", "match": "Bill"}])
    outcomes = await world.quickbooks.exports.send_many(orders)
    [throttled] = [outcome for outcome in outcomes.values() if isinstance(outcome, VendorError)]
    assert isinstance(throttled, Unavailable)
    assert throttled.retry_after == 60
    assert booked(orders, outcomes) == ids(world)


async def test_same_orders_in_another_sequence_are_the_same_call(world: World) -> None:
    orders = await prepared(world, documents(6))
    outcomes = await world.quickbooks.exports.send_many(orders)
    again = await world.quickbooks.exports.send_many(orders[::-1])
    assert booked(orders, again) == booked(orders, outcomes) == ids(world)
    assert len(world.held("Invoice")) == 3
    await world.quickbooks.exports.send_many(orders[:4])  # fewer orders are another call; the numbers guard it
    names = {
        str(write["requestid"]) for write in world.twin.log.writes if write["kind"] in {"Invoice", "Bill", "batch"}
    }
    assert [len(name) for name in names] == [32, 32]


@pytest.mark.parametrize("mode", ["replay", "ignore", "fault600"])
@pytest.mark.parametrize("action", ["commit_then_drop", "commit_then_500", "cut_json", "drop_before_commit"])
async def test_lost_batch_is_looked_up_and_what_is_absent_is_sent_again(
    open_world: Open, action: str, mode: Any
) -> None:
    world = await open_world(Switches(request_id=mode))
    orders = await prepared(world, documents(6))
    world.twin.disruptions.arm([{"action": action, "method": "POST", "match": "batch"}])
    with pytest.raises(OutcomeUnknown):
        await world.quickbooks.exports.send_many(orders)
    absent = [order for order in orders if await world.verdict(order, in_doubt=True) == Absent()]
    assert len(absent) == (6 if action == "drop_before_commit" else 0)
    if absent:
        await world.quickbooks.exports.send_many(absent)
    assert len(ids(world)) == sum(len(world.held(kind)) for kind in ("Invoice", "Bill", "VendorCredit")) == 6


async def test_order_that_landed_late_is_adopted_out_of_a_batch(world: World) -> None:
    orders = await prepared(world, documents(3))
    await world.quickbooks.exports.send(orders[0])
    outcomes = await world.quickbooks.exports.send_many(orders)
    assert booked(orders, outcomes) == ids(world)
    assert len(world.held("Invoice")) == 2


async def test_refusals_of_items_teach_what_those_of_single_calls_do(open_world: Open) -> None:
    world = await open_world(Switches(new_answer_fields=True))
    first = documents(2)
    outcomes = await world.quickbooks.exports.send_many(orders := await prepared(world, first))
    [invoice, bill] = [
        replace(
            transaction(each.kind, each.source_id, line("7"), number=each.label),
            document=holding(each, outcomes[order.claim.message.id]).document,  # type: ignore[arg-type]
        )
        for each, order in zip(first, orders, strict=True)
    ]
    outcomes = await world.quickbooks.exports.send_many(await prepared(world, [invoice, bill]))
    assert [getattr(outcome, "retry_after", None) for outcome in outcomes.values()] == [0, 0]
    orders = await prepared(world, [invoice, bill])
    assert booked(orders, await world.quickbooks.exports.send_many(orders)) == ids(world)


async def test_company_that_stops_serving_stops_the_batch(world: World) -> None:
    orders = await prepared(world, documents(2))
    world.twin.disconnect()
    with pytest.raises(Unauthorized):
        await world.quickbooks.exports.send_many(orders)
    assert ids(world) == {}
