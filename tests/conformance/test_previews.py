"""A preview is what the real send would do, short of doing it."""

import dataclasses
from copy import deepcopy
from datetime import date
from typing import Any

import pytest
from msgspec.structs import replace

from adapters.ports import Need, Preview, Rejected, Standing, Unavailable
from adapters.quickbooks.settings import Mapping
from adapters.sandbox.quickbooks import hands
from state.outbox import Phase, Receipt
from state.transaction import Kind, Origin, Party, Transaction
from tests.conformance.world import (
    BILL,
    CREDIT,
    INVOICE,
    World,
    bill_by_hand,
    holding,
    invoice_by_hand,
    line,
    transaction,
)

KINDS = pytest.mark.parametrize("kind", [INVOICE, BILL, CREDIT])
ITEMLESS = Mapping(deposit_account="Operating Checking", revenue={"default": "4000"}, expense={"default": "5020"})


async def preview(world: World, of: Transaction, **message: Any) -> Preview:
    claim = world.claim(of, **message)
    return (await world.quickbooks.preview([claim]))[claim.message.id]


def standings(seen: Preview) -> dict[str, Standing]:
    return {check.subject: check.standing for check in seen.checks}


def kept(world: World) -> Any:
    """Return all that a preview must leave alone."""
    memory = world.memory
    lists = {name: world.held(name) for name in ("Invoice", "Bill", "Customer", "Vendor", "Item", "Payment")}
    return deepcopy((memory.links, memory.creations, lists))


@KINDS
async def test_preview_of_what_is_known_is_the_very_request(world: World, kind: Kind) -> None:
    await world.exported(transaction(kind, "before", number="LD-1"))
    later = transaction(kind, "after", number="LD-2")
    seen = await preview(world, later)
    assert seen.needs == ()
    assert seen.body == (await world.prepared(later)).body


@KINDS
async def test_preview_writes_nothing_and_remembers_nothing(world: World, kind: Kind) -> None:
    before = kept(world)
    seen = await preview(world, transaction(kind))
    assert kept(world) == before
    assert not [call for call in world.calls if call.writes and call.endpoint != "token"]
    [need] = seen.needs
    assert (need.what, need.name) == (
        ("customer", "Acme Foods") if kind is INVOICE else ("vendor", "Roadrunner Freight")
    )
    assert str(need).encode() in (seen.body or b"")


@KINDS
async def test_digest_stays_the_same_when_what_is_needed_is_there(world: World, kind: Kind) -> None:
    first, second = transaction(kind, "one", number="LD-1"), transaction(kind, "two", number="LD-2")
    seen = await preview(world, second)
    await world.exported(first)
    again = await preview(world, second)
    assert (again.digest, again.needs) == (seen.digest, ())
    assert again.body != seen.body


async def test_items_that_would_be_made_are_named_and_booked_on_their_account(open_world: Any) -> None:
    world = await open_world(mapping=ITEMLESS)
    seen = await preview(world, transaction(INVOICE, "inv-1", line("100.00", "accessorial", "Storage")))
    assert Need("item", "Storage", "4000: Storage") in seen.needs
    assert [(each.account, str(each.debit.amount), str(each.credit.amount)) for each in seen.postings] == [
        ("Accounts Receivable (A/R)", "100.00", "0.00"),
        ("Linehaul Income", "0.00", "100.00"),
    ]
    made = await world.exported(transaction(INVOICE, "inv-1", line("100.00", "accessorial", "Storage")))
    assert made.document is not None
    later = await preview(world, transaction(INVOICE, "inv-2", line("100.00", "accessorial", "Storage"), number="LD-2"))
    assert later.needs == ()


async def test_bill_is_booked_on_its_accounts_and_a_credit_the_other_way_round(world: World) -> None:
    charges = (line("100.00"), line("-30.00", "accessorial", "Claim"))
    found = {}
    for kind in (BILL, CREDIT):
        seen = await preview(world, transaction(kind, "trip-1", *charges))
        found[kind] = [(each.account, str(each.debit.amount), str(each.credit.amount)) for each in seen.postings]
    assert found[BILL] == [
        ("Accounts Payable (A/P)", "0.00", "70.00"),
        ("Purchased Transportation", "100.00", "0.00"),
        ("Accessorials Paid", "0.00", "30.00"),
    ]
    assert [(account, credit, debit) for account, debit, credit in found[CREDIT]] == found[BILL]


async def test_payment_is_shown_before_its_invoice_is_there(world: World) -> None:
    invoice = transaction()
    paid = payment()
    claim = replace(world.claim(paid), settled=invoice)
    seen = (await world.quickbooks.preview([claim]))[claim.message.id]
    assert [(need.what, need.name, need.ours) for need in seen.needs] == [
        ("invoice", "LD-1001", True),
        ("customer", "Acme Foods", False),
    ]
    sent = await world.exported(invoice)
    after = replace(world.claim(paid), settled=sent)
    again = (await world.quickbooks.preview([after]))[after.message.id]
    assert (again.digest, again.needs) == (seen.digest, ())
    assert again.body == (await world.quickbooks.exports.prepare(after, "request-pay")).body
    assert [each.account for each in again.postings] == ["Accounts Receivable (A/R)", "Operating Checking"]


def payment() -> Transaction:
    plain = transaction(
        Kind.CUSTOMER_PAYMENT, "inv-1/p1", line("500.00"), number="CHK 1", party=Party("c-1", "Acme Foods"), due_on=None
    )
    assert plain.content is not None
    return replace(plain, content=replace(plain.content, settles=Origin(INVOICE, "inv-1")))


@KINDS
async def test_document_that_was_seen_leaves_and_another_is_refused_before_anything_is_made(
    world: World, kind: Kind
) -> None:
    seen, before = await preview(world, transaction(kind)), kept(world)
    other = transaction(kind, memo="Load 1001, PO 78")
    with pytest.raises(Rejected) as refusal:
        await world.quickbooks.exports.prepare(world.claim(other, preview=seen.digest), "request-1")
    assert refusal.value.problem.code == "preview_differs"
    assert seen.digest in refusal.value.problem.detail
    assert (await preview(world, other)).digest in refusal.value.problem.detail
    assert kept(world) == before
    await world.quickbooks.exports.prepare(world.claim(transaction(kind), preview=seen.digest), "request-2")


@pytest.mark.parametrize(
    "changes",
    [
        {"number": "LD-9"},
        {"issued_on": date(2026, 3, 3)},
        {"due_on": date(2026, 4, 2)},
        {"memo": "another"},
        {"party": Party("c-2", "Acme Foods")},
    ],
    ids=lambda changes: next(iter(changes)),
)
async def test_digest_covers_whatever_the_document_says(world: World, changes: dict[str, Any]) -> None:
    plain, other = await preview(world, transaction()), await preview(world, transaction(**changes))
    assert plain.digest != other.digest


async def test_digest_covers_where_a_charge_goes(open_world: Any) -> None:
    digests = set()
    for target in ("4000", "4010"):
        world = await open_world(mapping=dataclasses.replace(ITEMLESS, revenue={"default": target}))
        digests.add((await preview(world, transaction())).digest)
    assert len(digests) == 2


async def test_closed_period_is_told_and_the_document_shown_all_the_same(world: World) -> None:
    hands.set_preferences(world.twin.company, {"AccountingInfoPrefs": {"BookCloseDate": "2026-03-31"}})
    seen = await preview(world, transaction())
    with pytest.raises(Rejected) as refusal:
        await world.prepared(transaction())
    assert seen.problem == refusal.value.problem
    assert seen.body is not None
    assert standings(seen)["period"] is Standing.FAIL


async def test_gap_in_the_mapping_is_told_as_the_send_would_be_refused(open_world: Any) -> None:
    world = await open_world(mapping=Mapping(revenue={"linehaul": "Linehaul"}))
    seen = await preview(world, transaction())
    with pytest.raises(Rejected) as refusal:
        await world.prepared(transaction())
    assert (seen.problem, seen.body, seen.digest) == (refusal.value.problem, None, "")
    assert (standings(seen)["mapping"], standings(seen)["number"]) == (Standing.FAIL, Standing.WARN)


async def test_ambiguous_party_is_told_as_the_send_would_be_refused(world: World) -> None:
    for name in ("Acme Foods", "ACME FOODS."):
        hands.create(world.twin.company, "Customer", {"DisplayName": name})
    seen = await preview(world, transaction())
    with pytest.raises(Rejected) as refusal:
        await world.prepared(transaction())
    assert seen.problem == refusal.value.problem
    assert standings(seen)["party"] is Standing.FAIL


async def test_number_that_is_taken_is_told_by_the_same_look_up(world: World) -> None:
    customer = hands.create(world.twin.company, "Customer", {"DisplayName": "Somebody Else"})["Id"]
    hands.create(world.twin.company, "Invoice", invoice_by_hand(world, customer, "LD-1001"))
    seen = await preview(world, transaction())
    verdict: Any = await world.verdict(await world.prepared(transaction()))
    assert seen.problem == verdict.problem
    assert standings(seen)["number"] is Standing.FAIL


async def test_bill_of_a_vendor_that_is_still_to_be_made_may_share_a_number(world: World) -> None:
    vendor = hands.create(world.twin.company, "Vendor", {"DisplayName": "Somebody Else"})["Id"]
    hands.create(world.twin.company, "Bill", bill_by_hand(world, vendor, "LD-1001"))
    assert (await preview(world, transaction(BILL))).problem is None


@KINDS
async def test_what_stands_as_it_is_wanted_needs_nothing(world: World, kind: Kind) -> None:
    sent = await world.exported(transaction(kind))
    seen = await preview(world, sent)
    assert seen.settled
    assert seen.changes == (sent.document.id if sent.document else None)


@KINDS
async def test_update_is_shown_whole_as_it_would_be_sent(world: World, kind: Kind) -> None:
    sent = await world.exported(transaction(kind))
    assert sent.document is not None
    changed = replace(transaction(kind, "inv-1", line("99.00"), document=sent.document), state=sent.state)
    seen = await preview(world, changed)
    assert (seen.settled, seen.problem, seen.changes) == ("", None, sent.document.id)
    assert seen.body == (await world.prepared(changed)).body


async def test_update_of_what_a_person_edited_is_told_as_the_send_would_be_refused(world: World) -> None:
    sent = await world.exported(transaction())
    assert sent.document is not None
    hands.edit(world.twin.company, "Invoice", sent.document.id, {"TxnDate": "2026-03-05"})
    changed = holding(transaction(INVOICE, "inv-1", line("99.00")), Receipt(sent.document))
    seen = await preview(world, changed)
    with pytest.raises(Rejected) as refusal:
        await world.prepared(changed)
    assert seen.problem == refusal.value.problem


async def test_customer_merged_into_another_is_followed_without_a_note_of_it(world: World) -> None:
    sent = await world.exported(transaction())
    assert sent.document is not None
    heir = hands.create(world.twin.company, "Customer", {"DisplayName": "Acme Foods Inc"})["Id"]
    gone = world.memory.links["customer", "c-1"]
    hands.merge(world.twin.company, "Customer", heir, gone)
    changed = holding(transaction(memo="Load 1001, PO 78"), Receipt(sent.document))
    before = kept(world)
    seen = await preview(world, changed)
    assert kept(world) == before
    assert seen.problem is None
    assert seen.body == (await world.prepared(changed)).body


async def test_what_has_left_already_is_shown_as_it_left(world: World) -> None:
    order = await world.prepared(transaction())
    seen = await preview(world, transaction(), phase=Phase.IN_DOUBT, body=order.body, request_id="request-1")
    assert (seen.body, seen.digest) == (order.body, "")
    assert seen.waits
    assert [each.account for each in seen.postings] == [
        "Accounts Receivable (A/R)",
        "Linehaul Income",
        "Fuel Surcharge Income",
    ]


async def test_many_are_looked_up_together_and_what_they_need_is_looked_for_once(open_world: Any) -> None:
    world = await open_world(mapping=ITEMLESS)
    await preview(world, transaction(BILL, "warm"))
    before = world.reads()
    claims = [world.claim(transaction(INVOICE, f"inv-{n}", number=f"LD-{n}")) for n in range(30)]
    seen = await world.quickbooks.preview(claims)
    needs = {need for each in seen.values() for need in each.needs}
    # Linehaul has an item on that account already, and the name of the other is taken by one on another account.
    assert {(need.what, need.name) for need in needs} == {
        ("customer", "Acme Foods"),
        ("item", "Fuel Surcharge (Linehaul Income)"),
    }
    assert world.reads() - before <= 6


async def test_outage_is_told_and_not_taken_for_a_problem_of_the_document(world: World) -> None:
    await preview(world, transaction())
    world.twin.disruptions.arm([{"action": "html_502", "method": "GET", "count": None}])
    with pytest.raises(Unavailable):
        await preview(world, transaction(CREDIT, "other", number="LD-7", party=Party("v-9", "Nobody Knows")))
