"""Customers' payments made in the TMS, as QuickBooks' twin keeps the port to its word."""

import dataclasses
from collections.abc import Awaitable, Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from adapters.ports import Absent, OutcomeUnknown, Present, Rejected, Unavailable
from adapters.sandbox.quickbooks import Switches, hands
from state.lifecycle import Effect
from state.outbox import Receipt
from state.transaction import Document, DocumentType, Kind, Money, Origin, Party, Transaction
from tests.conformance.world import MAPPING, World, holding, line, transaction

OF = Origin(Kind.CUSTOMER_INVOICE, "inv-1")


def payment(amount: str, source_id: str = "inv-1/p1", number: str = "ACH 5512", **changes: Any) -> Transaction:
    """Return a payment of the invoice `inv-1`."""
    plain = transaction(
        Kind.CUSTOMER_PAYMENT,
        source_id,
        line(amount, "other", "Payment"),
        number=number,
        party=Party("c-1", "Acme Foods"),
        issued_on=date(2026, 3, 10),
        due_on=None,
        memo="Paid by factoring report",
    )
    assert plain.content is not None
    given: dict[str, Any] = {"settles": OF, "fields": (("payment_method", "ach"),)}
    return replace(plain, content=replace(plain.content, **given | changes))


class Counter:
    """The invoice and its payments, taken the whole way."""

    def __init__(self, world: World, invoice: Transaction) -> None:
        self.world = world
        self.invoice = invoice

    async def prepared(self, paid: Transaction) -> Any:
        claim = replace(self.world.claim(paid), settled=self.invoice)
        return await self.world.quickbooks.exports.prepare(claim, f"request-{claim.message.id}")

    async def pay(self, paid: Transaction) -> Transaction:
        order = await self.prepared(paid)
        if paid.document is None:
            assert await self.world.verdict(order) == Absent()
        return holding(paid, await self.world.quickbooks.exports.send(order))

    @property
    def balance(self) -> Any:
        [held] = self.world.held("Invoice")
        return held["Balance"]

    def hand(self, amount: str, **given: Any) -> Any:
        assert self.invoice.document is not None
        return hands.pay_invoice(self.world.twin.company, self.invoice.document.id, Decimal(amount), **given)


Open = Callable[..., Awaitable[World]]


@pytest.fixture
async def counter(world: World) -> Counter:
    return Counter(world, await world.exported(transaction()))  # an invoice over 1950.15


async def test_payment_is_deposited_applied_and_marked(counter: Counter) -> None:
    world = counter.world
    sent = await counter.pay(payment("1950.15"))
    [held] = world.held("Payment")
    accounts = {account["Id"]: account["Name"] for account in world.held("Account")}
    methods = {method["Id"]: method["Name"] for method in world.held("PaymentMethod")}
    assert sent.document == Document(held["Id"], "ACH 5512", held["SyncToken"])
    assert (held["TotalAmt"], held["TxnDate"], held["UnappliedAmt"]) == (Decimal("1950.15"), "2026-03-10", 0)
    assert accounts[held["DepositToAccountRef"]["value"]] == "Operating Checking"
    assert methods[held["PaymentMethodRef"]["value"]] == "ACH"
    assert held["PrivateNote"].startswith("Paid by factoring report\n[loadledger acme customer_payment inv-1%2Fp1 g1 ")
    assert counter.balance == 0


async def test_partial_payments_add_up_and_the_rest_of_the_last_is_credit(counter: Counter) -> None:
    await counter.pay(payment("1000.00", "inv-1/p1", "1"))
    assert counter.balance == Decimal("950.15")
    await counter.pay(payment("1000.00", "inv-1/p2", "2"))
    await counter.pay(payment("70.00", "inv-1/p3", "3"))
    unapplied = [held["UnappliedAmt"] for held in counter.world.held("Payment")]
    assert (counter.balance, unapplied) == (0, [0, Decimal("49.85"), 70])


async def test_two_payments_by_one_cheque_on_one_day_are_two(counter: Counter) -> None:
    await counter.pay(payment("500.00", "inv-1/p1", "CHK 9"))
    await counter.pay(payment("500.00", "inv-1/p2", "CHK 9"))
    assert len(counter.world.held("Payment")) == 2


@pytest.mark.parametrize("code", ["6000", "620"])
async def test_payment_overtaken_by_another_is_prepared_anew_and_fits(open_world: Open, code: Any) -> None:
    world = await open_world(Switches(over_link_code=code))
    counter = Counter(world, await world.exported(transaction()))
    order = await counter.prepared(payment("1950.15"))
    counter.hand("200.00")
    with pytest.raises(Unavailable):
        await world.quickbooks.exports.send(order)
    await counter.pay(payment("1950.15"))
    assert counter.balance == 0


async def test_payment_of_an_invoice_that_is_gone_waits(counter: Counter) -> None:
    assert counter.invoice.document is not None
    hands.void_invoice(counter.world.twin.company, counter.invoice.document.id)
    with pytest.raises(OutcomeUnknown, match="waits for its invoice"):
        await counter.prepared(payment("1950.15"))


async def test_payment_that_names_no_invoice_is_the_customers_credit(counter: Counter) -> None:
    paid = payment("80.00", settles=None)
    await counter.world.exported(paid)
    [held] = counter.world.held("Payment")
    assert (held["UnappliedAmt"], held["Line"]) == (80, [])


@pytest.mark.parametrize("mode", ["replay", "ignore", "fault600"])
@pytest.mark.parametrize("action", ["commit_then_drop", "commit_then_500", "cut_json"])
async def test_lost_answer_is_in_doubt_and_the_payment_is_found(open_world: Open, action: str, mode: Any) -> None:
    world = await open_world(Switches(request_id=mode))
    counter = Counter(world, await world.exported(transaction()))
    order = await counter.prepared(payment("1950.15"))
    world.twin.disruptions.arm([{"action": action, "method": "POST", "match": "Payment"}])
    with pytest.raises(OutcomeUnknown):
        await world.quickbooks.exports.send(order)
    assert isinstance(await world.verdict(order, in_doubt=True), Present)
    assert isinstance(await world.verdict(order), Present)


async def test_many_payments_of_a_day_are_looked_up_with_one_read(counter: Counter) -> None:
    orders = [await counter.prepared(payment(f"{n}.00", f"inv-1/p{n}", f"{n}")) for n in range(1, 40)]
    sent = [await counter.world.quickbooks.exports.send(order) for order in orders[::13]]
    before = counter.world.reads()
    verdicts = await counter.world.quickbooks.exports.look_up(orders)
    assert counter.world.reads() - before == 1
    assert [each for each in verdicts.values() if isinstance(each, Present)] == [
        Present(replace(each, trace="")) for each in sent
    ]


@pytest.mark.parametrize("reference", ["ACH 5512", "ach 5512"])
async def test_payment_entered_by_hand_under_the_same_reference_is_in_the_way(counter: Counter, reference: str) -> None:
    by_hand = counter.hand("500.00", date="2026-03-10", reference=reference)
    verdict = await counter.world.verdict(await counter.prepared(payment("500.00")))
    assert verdict.problem.code == "number_taken"
    assert f"Payment {by_hand['Id']} no. {reference}" in verdict.problem.detail


async def test_invoice_paid_by_hand_with_the_same_amount_is_not_paid_again(counter: Counter) -> None:
    by_hand = counter.hand("1950.15", date="2026-03-12")
    with pytest.raises(Rejected) as raised:
        await counter.prepared(payment("1950.15"))
    assert raised.value.problem.code == "payment_entered"
    assert f"Payment {by_hand['Id']}" in raised.value.problem.detail


@pytest.mark.parametrize("account", ["Linehaul Income", "Accounts Receivable (A/R)", "Company Card"])
async def test_account_that_holds_no_money_takes_no_payment(open_world: Open, account: str) -> None:
    world = await open_world(mapping=dataclasses.replace(MAPPING, deposit_account=account))
    counter = Counter(world, await world.exported(transaction()))
    with pytest.raises(Rejected) as raised:
        await counter.prepared(payment("1.00"))
    assert raised.value.problem.code == "account_type_wrong"
    [finding] = [each for each in await world.quickbooks.check() if each.subject == "deposit account"]
    assert finding.standing == "fail"


async def test_payment_without_an_account_to_go_to_names_the_key(open_world: Open) -> None:
    world = await open_world(mapping=dataclasses.replace(MAPPING, deposit_account=None))
    counter = Counter(world, await world.exported(transaction()))
    with pytest.raises(Rejected, match=r"mapping\.deposit_account"):
        await counter.prepared(payment("1.00"))


async def test_changed_payment_is_updated_and_keeps_what_a_person_applied(counter: Counter) -> None:
    world = counter.world
    sent = await counter.pay(payment("2000.00"))
    second = transaction(Kind.CUSTOMER_INVOICE, "inv-2", line("30.00"), number="LD-1002")
    other = await world.exported(second)
    assert sent.document is not None
    assert other.document is not None
    [held] = world.held("Payment")
    applied = {"Amount": 30, "LinkedTxn": [{"TxnId": other.document.id, "TxnType": "Invoice"}]}
    hands.edit(world.twin.company, "Payment", sent.document.id, {"Line": [*held["Line"], applied]})
    changed = replace(payment("1500.00"), document=sent.document, revision=2)
    await counter.pay(changed)
    [held] = world.held("Payment")
    assert held["TotalAmt"] == 1500
    assert [row["Amount"] for row in held["Line"]] == [1470, 30]


async def test_payment_that_a_person_took_off_its_invoice_is_not_put_back(counter: Counter) -> None:
    sent = await counter.pay(payment("100.00"))
    assert sent.document is not None
    hands.edit(counter.world.twin.company, "Payment", sent.document.id, {"Line": []})
    with pytest.raises(Rejected) as raised:
        await counter.prepared(replace(payment("90.00"), document=sent.document, revision=2))
    assert raised.value.problem.code == "document_edited"


async def test_withdrawn_payment_is_voided_and_its_invoice_open_again(counter: Counter) -> None:
    world = counter.world
    sent = await counter.pay(payment("1950.15"))
    order, verdict = await world.voiding(sent)
    assert verdict == Absent()
    await world.quickbooks.voids.send(order)
    [held] = world.held("Payment")
    assert (held["TotalAmt"], held["PrivateNote"][:6]) == (0, "Voided")
    assert counter.balance == Decimal("1950.15")
    assert (await world.quickbooks.voids.look_up([order]))[order.claim.message.id] == Present(Receipt())


async def test_payments_and_invoices_go_together_and_are_taken_back_together(counter: Counter) -> None:
    world = counter.world
    paid = [payment(f"{n}.00", f"inv-1/p{n}", f"{n}") for n in (1, 2)]
    orders = [await counter.prepared(each) for each in paid]
    orders.append(await world.prepared(transaction(Kind.CARRIER_BILL, "trip-1")))
    receipts = await world.quickbooks.exports.send_many(orders)
    documents = [each for each in receipts.values() if isinstance(each, Receipt)]
    assert len(documents) == 3
    removals = []
    for each, receipt in zip(paid, documents, strict=False):
        claim = world.claim(holding(each, receipt), Effect.VOID)
        removals.append(await world.quickbooks.voids.prepare(claim, f"void-{claim.message.id}"))
    await world.quickbooks.voids.send_many(removals)
    assert [held["TotalAmt"] for held in world.held("Payment")] == [0, 0]


async def test_payment_is_observed_as_it_stands_and_never_as_paid(counter: Counter) -> None:
    world = counter.world
    sent = await counter.pay(payment("1950.15"))
    assert sent.document is not None
    seen = (await world.observed())[DocumentType.PAYMENT, sent.document.id]
    assert (seen.total, seen.balance, seen.origin) == (
        Money(195015),
        Money(195015),
        Origin(Kind.CUSTOMER_PAYMENT, "inv-1/p1"),
    )
    assert counter.invoice.document is not None
    invoice = (await world.observed())[DocumentType.INVOICE, counter.invoice.document.id]
    assert (invoice.balance, [each.ours for each in invoice.settlements]) == (Money(0), [True])


@pytest.mark.parametrize("removal", [hands.void_payment, hands.delete_payment])
async def test_payment_that_a_person_removed_is_observed_as_gone(counter: Counter, removal: Any) -> None:
    sent = await counter.pay(payment("1950.15"))
    assert sent.document is not None
    removal(counter.world.twin.company, sent.document.id)
    seen = (await counter.world.observed())[DocumentType.PAYMENT, sent.document.id]
    assert seen.gone
    assert not await counter.world.quickbooks.stands(DocumentType.PAYMENT, sent.document.id)


async def test_payment_made_by_hand_is_not_ours(counter: Counter) -> None:
    by_hand = counter.hand("5.00")
    seen = (await counter.world.observed())[DocumentType.PAYMENT, by_hand["Id"]]
    assert not seen.ours


async def test_number_longer_than_quickbooks_takes_is_refused_not_cut(counter: Counter) -> None:
    with pytest.raises(Rejected) as raised:
        await counter.prepared(payment("1.00", number="X" * 22))
    assert raised.value.problem.code == "number_too_long"


async def test_payment_in_a_closed_period_waits_for_a_person(counter: Counter) -> None:
    hands.close_books(counter.world.twin.company, "2026-03-31")
    counter.world.clock.pass_time(hours=2)
    with pytest.raises(Rejected) as raised:
        await counter.prepared(payment("1.00"))
    assert raised.value.problem.code == "period_closed"
