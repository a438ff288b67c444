"""A payment waits for its invoice, and for nothing else."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from state.lifecycle import State
from state.transaction import Kind, Origin, Sourced
from tests.unit.fakes import Bench, spared

if TYPE_CHECKING:
    from tests.unit.conftest import Desk


@pytest.fixture(autouse=True)
def spare(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with spared(monkeypatch):
        yield


@pytest.fixture
def bench(desk: "Desk") -> Bench:
    return Bench(desk)


def payment(desk: "Desk", of: str = "1001") -> dict[str, Any]:
    """Return the fields of a payment of the invoice of a load."""
    invoice: Sourced = desk.sourced(load=of)
    assert invoice.content is not None
    content = replace(invoice.content, number="ACH 7", settles=Origin(invoice.kind, invoice.source_id))
    return {"kind": Kind.CUSTOMER_PAYMENT, "source_id": f"{invoice.source_id}/p1", "label": of, "content": content}


async def test_payment_waits_by_name_and_goes_as_soon_as_its_invoice_is_there(bench: Bench) -> None:
    desk = bench.desk
    paid = await desk.new(**payment(desk))
    await bench.relay.run_once()
    [standing] = await desk.store.standings(paid.id)
    assert standing.note == "waits for the invoice it pays, of load 1001"
    assert standing.attempts == 0
    await desk.new(load="1001")
    await bench.relay.run_once()
    await bench.relay.run_once()
    assert (await desk.again(paid)).state is State.EXPORTED
    assert bench.exports.prepared == ["1001", "1001"]


async def test_payment_is_told_its_invoice(desk: "Desk") -> None:
    invoice = await desk.exported(load="1001")
    await desk.new(**payment(desk))
    claim = await desk.claim()
    assert claim.settled == invoice


async def test_invoice_that_arrives_while_its_payment_is_put_off_is_not_overlooked(desk: "Desk") -> None:
    paid = await desk.new(**payment(desk))
    claim = await desk.claim()
    assert claim.settled is None
    await desk.new(load="1001")
    [invoice] = await desk.store.claim(["accounting"], 9, [claim.message.id])
    await desk.finish(await desk.announce(invoice, "request", b"{}"), desk.yes("document of 1001"))
    await desk.finish(claim, desk.later(hours=1))
    [again] = await desk.store.claim(["accounting"], 9)
    assert again.transaction.id == paid.id
    assert again.settled is not None


async def test_payment_of_another_invoice_goes_on_waiting(bench: Bench) -> None:
    paid = await bench.desk.new(**payment(bench.desk, of="1002"))
    await bench.desk.new(load="1001")
    await bench.relay.run_once()
    await bench.relay.run_once()
    assert (await bench.desk.again(paid)).state is State.PENDING


async def test_invoice_is_taken_back_after_the_payments_on_it(bench: Bench) -> None:
    desk = bench.desk
    invoice = await desk.new(load="1001")
    await bench.relay.run_once()
    paid = await desk.new(**payment(desk))
    await bench.relay.run_once()
    await desk.withdraw("1001")
    await desk.record(**payment(desk), withdrawn=True)
    await bench.relay.run_once()
    [standing] = await desk.store.standings(invoice.id)
    assert standing.note == "waits until what was paid is taken back"
    assert (await desk.again(paid)).state is State.REVERTED
    await bench.drain()
    assert (await desk.again(invoice)).state is State.REVERTED


async def test_invoice_whose_payment_could_not_be_taken_back_waits_no_longer(desk: "Desk") -> None:
    invoice = await desk.exported(load="1001")
    await desk.new(**payment(desk))
    await desk.finish(await desk.announced(), desk.yes("document of p1"))
    await desk.withdraw("1001")
    await desk.record(**payment(desk), withdrawn=True)
    claims = {claim.transaction.id: claim for claim in await desk.store.claim(["accounting"], 9)}
    assert claims.pop(invoice.id).unpaying
    [of_payment] = claims.values()
    await desk.finish(of_payment, desk.no("party_missing"))
    assert not (await desk.claim()).unpaying
