"""The accounting port, as QuickBooks' twin keeps it to its word: real HTTP on loopback, real books behind it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import fields
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, get_args

import pytest
from msgspec.structs import replace

from adapters.http import Call
from adapters.ports import (
    Absent,
    Conflict,
    Finding,
    OutcomeUnknown,
    Present,
    Rejected,
    Standing,
    Unauthorized,
    Unavailable,
)
from adapters.quickbooks import PURPOSES, Mapping, QuickBooks
from adapters.sandbox.quickbooks import Limits, Switches, hands
from state.outbox import Receipt, Settlement
from state.transaction import Document, Kind, Money, Origin, Party, Transaction
from tests.conformance.world import (
    BILL,
    CREDIT,
    INVOICE,
    START,
    World,
    bill_by_hand,
    holding,
    invoice_by_hand,
    line,
    order_kind,
    settle,
    transaction,
)


async def test_invoice_is_booked_with_our_number_dates_items_and_marker(world: World) -> None:
    sent = await world.exported(transaction())
    [invoice] = world.held("Invoice")
    assert sent.document == Document(invoice["Id"], "LD-1001", invoice["SyncToken"])
    assert (invoice["TotalAmt"], invoice["TxnDate"], invoice["DueDate"]) == (
        Decimal("1950.15"),
        "2026-03-02",
        "2026-04-01",
    )
    assert invoice["PrivateNote"].startswith("Load 1001, PO 77\n[loadledger acme customer_invoice inv-1 g1 ")
    items = {item["Id"]: item["Name"] for item in world.held("Item")}
    charged = [
        (items[row["SalesItemLineDetail"]["ItemRef"]["value"]], row["Amount"])
        for row in invoice["Line"]
        if row["DetailType"] == "SalesItemLineDetail"
    ]
    assert charged == [("Linehaul", Decimal("1800.10")), ("Fuel Surcharge", Decimal("150.05"))]
    terms = {term["Id"]: term["DueDays"] for term in world.held("Term")}
    assert terms[invoice["SalesTermRef"]["value"]] == 30
    [customer] = world.held("Customer")
    assert world.memory.links["customer", "c-1"] == customer["Id"]


async def test_bill_is_booked_on_accounts_and_owed_on_accounts_payable(world: World) -> None:
    await world.exported(transaction(BILL, "trip-1", line("1500"), line("-40", "echeck", "E-check"), number="1001"))
    [bill] = world.held("Bill")
    accounts = {account["Id"]: account for account in world.held("Account")}
    booked = [
        (accounts[row["AccountBasedExpenseLineDetail"]["AccountRef"]["value"]]["Name"], row["Amount"])
        for row in bill["Line"]
    ]
    assert booked == [("Purchased Transportation", 1500), ("Accessorials Paid", -40)]
    assert accounts[bill["APAccountRef"]["value"]]["AccountType"] == "Accounts Payable"
    assert bill["TotalAmt"] == 1460


async def test_sent_documents_are_marked_so_that_the_books_alone_prove_them(world: World) -> None:
    order = await world.prepared(transaction())
    await world.quickbooks.exports.send(order)
    verdict = await world.verdict(order)
    [invoice] = world.held("Invoice")
    assert isinstance(verdict, Present)
    assert verdict.receipt.document == Document(invoice["Id"], "LD-1001", "0")


@pytest.mark.parametrize("mode", ["replay", "ignore", "fault600"])
@pytest.mark.parametrize("action", ["commit_then_drop", "commit_then_500", "cut_json"])
@pytest.mark.parametrize("kind", [INVOICE, BILL, CREDIT])
async def test_lost_answer_is_in_doubt_and_the_document_is_found(
    open_world: Callable[..., Awaitable[World]], kind: Kind, action: str, mode: Any
) -> None:
    world = await open_world(Switches(request_id=mode))
    order = await world.prepared(transaction(kind, "x-1", line("10")))
    world.twin.disruptions.arm([{"action": action, "method": "POST", "match": order_kind(kind)}])
    with pytest.raises(OutcomeUnknown):
        await world.quickbooks.exports.send(order)
    assert isinstance(await world.verdict(order, in_doubt=True), Present)


@pytest.mark.parametrize("action", ["drop_before_commit", "error_10000", "html_502"])
async def test_request_that_got_lost_is_in_doubt_and_nothing_is_found(world: World, action: str) -> None:
    order = await world.prepared(transaction())
    world.twin.disruptions.arm([{"action": action, "method": "POST", "match": "Invoice"}])
    with pytest.raises(OutcomeUnknown):
        await world.quickbooks.exports.send(order)
    assert await world.verdict(order, in_doubt=True) == Absent()
    await world.quickbooks.exports.send(order)
    assert len(world.held("Invoice")) == 1


async def test_throttled_request_was_not_carried_out_and_waits_a_minute(world: World) -> None:
    order = await world.prepared(transaction())
    world.twin.disruptions.arm([{"action": "throttle_429", "method": "POST", "match": "Invoice"}])
    with pytest.raises(Unavailable) as raised:
        await world.quickbooks.exports.send(order)
    assert raised.value.retry_after == 60
    assert world.held("Invoice") == []


async def test_number_used_by_hand_is_a_conflict_that_names_the_holder(world: World) -> None:
    other = hands.create(world.twin.company, "Customer", {"DisplayName": "Globex"})
    by_hand = hands.create(world.twin.company, "Invoice", invoice_by_hand(world, other["Id"], "ld-1001"))
    verdict = await world.verdict(await world.prepared(transaction()))
    assert isinstance(verdict, Conflict)
    assert verdict.problem.code == "number_taken"
    assert f"Invoice {by_hand['Id']}" in verdict.problem.detail
    assert "Globex" in verdict.problem.detail


async def test_number_taken_while_we_were_sending_is_refused(world: World) -> None:
    order = await world.prepared(transaction())
    other = hands.create(world.twin.company, "Customer", {"DisplayName": "Globex"})
    hands.create(world.twin.company, "Invoice", invoice_by_hand(world, other["Id"], "LD-1001"))
    with pytest.raises(Rejected) as raised:
        await world.quickbooks.exports.send(order)
    assert raised.value.problem.code == "number_taken"
    assert raised.value.trace


async def test_late_landing_of_an_earlier_try_is_adopted_when_the_number_turns_out_taken(world: World) -> None:
    order = await world.prepared(transaction())
    landed = await world.quickbooks.exports.send(order)
    again = await world.quickbooks.exports.send(replace(order, request_id="another"))
    assert again.document == landed.document
    assert len(world.held("Invoice")) == 1


@pytest.mark.parametrize("kind", [BILL, CREDIT])
async def test_bill_number_is_free_for_each_vendor_and_taken_within_one(world: World, kind: Kind) -> None:
    rival = hands.create(world.twin.company, "Vendor", {"DisplayName": "Rival"})
    hands.create(world.twin.company, order_kind(kind), bill_by_hand(world, rival["Id"], "LD-1001"))
    first = await world.prepared(transaction(kind, "trip-1"))
    assert await world.verdict(first) == Absent()
    hands.create(
        world.twin.company, order_kind(kind), bill_by_hand(world, world.memory.links["vendor", "v-1"], "LD-1001")
    )
    assert (await world.verdict(first)).problem.code == "number_taken"


@pytest.mark.parametrize("kind", [BILL, CREDIT])
async def test_two_trips_of_a_load_by_one_carrier_share_the_bills_number(world: World, kind: Kind) -> None:
    await world.exported(transaction(kind, "trip-1"))
    assert await world.verdict(await world.prepared(transaction(kind, "trip-2"))) == Absent()


@pytest.mark.parametrize("kind", [BILL, CREDIT])
async def test_two_documents_with_our_marker_are_a_suspected_duplicate(world: World, kind: Kind) -> None:
    sent = await world.exported(transaction(kind, "trip-1"))
    [bill] = world.held(order_kind(kind))
    copied = {name: bill[name] for name in ("VendorRef", "APAccountRef", "TxnDate", "PrivateNote", "Line", "DocNumber")}
    hands.create(world.twin.company, order_kind(kind), copied)
    verdict = await world.verdict(await world.prepared(replace(sent, document=None)))
    assert verdict.problem.code == "duplicate_suspected"


async def test_our_document_with_other_money_is_not_adopted(world: World) -> None:
    await world.exported(transaction())
    verdict = await world.verdict(await world.prepared(transaction(INVOICE, "inv-1", line("5.00"))))
    assert verdict.problem.code == "document_differs"


async def test_voided_document_does_not_hold_the_place_of_a_new_generation(world: World) -> None:
    sent = await world.exported(transaction())
    assert sent.document is not None
    hands.void_invoice(world.twin.company, sent.document.id)
    order = await world.prepared(transaction(generation=2))
    assert await world.verdict(order) == Absent()


async def test_number_kept_by_our_voided_document_is_free_once_that_is_deleted(world: World) -> None:
    sent = await world.exported(transaction())
    assert sent.document is not None
    hands.void_invoice(world.twin.company, sent.document.id)
    order = await world.prepared(transaction(generation=2))
    with pytest.raises(Rejected) as raised:
        await world.quickbooks.exports.send(order)
    assert raised.value.problem.code == "number_kept_by_void"
    assert f"Invoice {sent.document.id} no. LD-1001" in raised.value.problem.detail
    assert raised.value.trace
    hands.delete(world.twin.company, "Invoice", sent.document.id)
    await world.quickbooks.exports.send(replace(order, request_id="again"))


async def test_number_kept_by_a_voided_document_of_another_hand_is_taken(world: World) -> None:
    order = await world.prepared(transaction())
    other = hands.create(world.twin.company, "Customer", {"DisplayName": "Globex"})
    by_hand = hands.create(world.twin.company, "Invoice", invoice_by_hand(world, other["Id"], "LD-1001"))
    hands.void_invoice(world.twin.company, by_hand["Id"])
    with pytest.raises(Rejected) as raised:
        await world.quickbooks.exports.send(order)
    assert raised.value.problem.code == "number_taken"


async def test_document_voided_while_its_answer_was_lost_is_not_made_again(world: World) -> None:
    order = await world.prepared(transaction())
    receipt = await world.quickbooks.exports.send(order)
    assert receipt.document is not None
    hands.void_invoice(world.twin.company, receipt.document.id)
    assert (await world.verdict(order, in_doubt=True)).problem.code == "document_lost"
    assert await world.verdict(order) == Absent()  # a person has decided to try again


async def test_three_hundred_documents_are_looked_up_with_one_read(world: World) -> None:
    orders = [await world.prepared(transaction(INVOICE, f"inv-{n}", number=f"LD-{n:05}")) for n in range(300)]
    for sent in (orders[0], orders[299]):
        await world.quickbooks.exports.send(sent)
    before = world.reads()
    verdicts = await world.quickbooks.exports.look_up(orders)
    assert world.reads() - before == 1
    found = [order for order in orders if isinstance(verdicts[order.claim.message.id], Present)]
    assert found == [orders[0], orders[299]]
    assert list(verdicts.values()).count(Absent()) == 298


async def test_longest_and_oddest_numbers_are_looked_up_however_many_they_are(world: World) -> None:
    numbers = [f"{n:03}'\\\u00e9\u20ac&+% ,.;:#/?=" for n in range(120)]
    orders = [await world.prepared(transaction(INVOICE, f"inv-{n}", number=each)) for n, each in enumerate(numbers)]
    for sent in orders[::7]:
        await world.quickbooks.exports.send(sent)
    before = world.reads()
    verdicts = await world.quickbooks.exports.look_up(orders)
    assert 1 < world.reads() - before < 4
    found = [order for order in orders if isinstance(verdicts[order.claim.message.id], Present)]
    assert found == orders[::7]


@pytest.mark.parametrize("stored", ["stored", "replaced"])
async def test_company_that_numbers_invoices_itself_is_searched_by_date_and_amount(
    open_world: Callable[..., Awaitable[World]], stored: Any
) -> None:
    world = await open_world(Switches(custom_numbers_off=stored))
    world.twin.company.set_preferences({"SalesFormsPrefs": {"CustomTxnNumbers": False}})
    order = await world.prepared(transaction())
    assert await world.verdict(order) == Absent()
    receipt = await world.quickbooks.exports.send(order)
    [invoice] = world.held("Invoice")
    assert receipt.document == Document(invoice["Id"], invoice["DocNumber"], "0")
    assert isinstance(await world.verdict(order), Present)


async def test_number_replaced_behind_our_back_is_still_found_in_doubt(
    open_world: Callable[..., Awaitable[World]],
) -> None:
    world = await open_world(Switches(custom_numbers_off="replaced"))
    order = await world.prepared(transaction())
    world.twin.company.set_preferences({"SalesFormsPrefs": {"CustomTxnNumbers": False}})
    receipt = await world.quickbooks.exports.send(order)
    assert receipt.document is not None
    assert receipt.document.number != "LD-1001"
    assert isinstance(await world.verdict(order, in_doubt=True), Present)


async def test_closed_period_is_refused_until_the_books_are_open(world: World) -> None:
    hands.close_books(world.twin.company, "2026-03-02")
    with pytest.raises(Rejected) as raised:
        await world.prepared(transaction())
    assert raised.value.problem.code == "period_closed"
    assert world.held("Customer") == []
    hands.close_books(world.twin.company, "2026-03-01")
    world.clock.pass_time(minutes=2)
    await world.exported(transaction())


@pytest.mark.parametrize("lock", [{}, {"password": True}], ids=["open to administrators", "with a password"])
async def test_books_closed_after_the_preferences_were_read_are_refused_by_the_vendor(
    world: World, lock: dict[str, bool]
) -> None:
    order = await world.prepared(transaction())
    hands.close_books(world.twin.company, "2026-03-31", **lock)
    with pytest.raises(Rejected) as raised:
        await world.quickbooks.exports.send(order)
    assert raised.value.problem.code == "period_closed"


async def test_charge_without_an_item_names_itself_and_the_keys_to_set(world: World) -> None:
    with pytest.raises(Rejected) as raised:
        await world.prepared(transaction(INVOICE, "inv-1", line("90", "accessorial", "Hazmat Surcharge")))
    assert raised.value.problem.code == "mapping_missing"
    assert 'set "Hazmat Surcharge" or "accessorial" or "default" in mapping.revenue' in raised.value.problem.detail


@pytest.mark.parametrize(("renamed", "code"), [(True, "reference_missing"), (False, "reference_inactive")])
async def test_item_made_inactive_is_refused_and_taken_again_once_active(
    open_world: Callable[..., Awaitable[World]],
    renamed: bool,  # noqa: FBT001 - both positions
    code: str,
) -> None:
    world = await open_world(Switches(inactive_suffix=renamed))
    await world.prepared(transaction())
    item = next(item for item in world.held("Item") if item["Name"] == "Linehaul")
    order = await world.prepared(transaction(INVOICE, "inv-2", line("10"), number="LD-2"))
    hands.inactivate(world.twin.company, "Item", item["Id"])
    with pytest.raises(Unavailable, match="looked up anew"):
        await world.quickbooks.exports.send(order)
    with pytest.raises(Rejected) as raised:
        await world.prepared(transaction(INVOICE, "inv-2", line("10"), number="LD-2"))
    assert raised.value.problem.code == code
    with pytest.raises(Rejected):  # without another try at QuickBooks
        await world.prepared(transaction(INVOICE, "inv-2", line("10"), number="LD-2"))
    hands.edit(world.twin.company, "Item", item["Id"], {"Active": True, "Name": "Linehaul"})
    world.clock.pass_time(minutes=2)
    await world.exported(transaction(INVOICE, "inv-2", line("10"), number="LD-2"))


async def test_item_beyond_the_first_page_of_the_list_is_found(world: World) -> None:
    income = next(item["IncomeAccountRef"] for item in world.held("Item"))
    for number in range(1100):  # more than a page
        item = {"Name": f"Storage {number}", "Type": "Service", "IncomeAccountRef": income}
        hands.create(world.twin.company, "Item", item)
    adapter = world.another(mapping=Mapping(revenue={"default": "Storage 1099"}))
    claim = world.claim(transaction(INVOICE, "inv-2", line("10"), number="LD-2"))
    await adapter.exports.prepare(claim, "request")


async def test_item_created_after_a_refusal_is_found_once_the_list_is_a_minute_old(world: World) -> None:
    adapter = world.another(mapping=Mapping(revenue={"default": "Storage"}))
    claim = world.claim(transaction())
    with pytest.raises(Rejected) as raised:
        await adapter.exports.prepare(claim, "request")
    assert raised.value.problem.code == "reference_missing"
    income = next(item["IncomeAccountRef"] for item in world.held("Item"))
    hands.create(world.twin.company, "Item", {"Name": "Storage", "Type": "Service", "IncomeAccountRef": income})
    world.clock.pass_time(minutes=2)
    await adapter.exports.prepare(claim, "request")


async def test_document_whose_lines_do_not_add_up_goes_nowhere(world: World) -> None:
    sound = transaction()
    assert sound.content is not None
    with pytest.raises(Rejected) as raised:
        await world.prepared(replace(sound, content=replace(sound.content, total=Money(1))))
    assert raised.value.problem.code == "lines_unequal_total"
    assert world.calls == []


async def test_customer_is_matched_by_name_whatever_its_case_and_spaces(world: World) -> None:
    known = hands.create(world.twin.company, "Customer", {"DisplayName": "ACME  foods"})
    await world.exported(transaction())
    [invoice] = world.held("Invoice")
    assert invoice["CustomerRef"]["value"] == known["Id"]
    assert len(world.held("Customer")) == 1


async def test_name_with_a_colon_is_cleaned_and_the_whole_one_kept_beside_it(world: World) -> None:
    await world.exported(
        transaction(party=Party("c-9", "O'Brien: Sons\tLtd", email="ap@obrien.example", phone="555 0100"))
    )
    [customer] = world.held("Customer")
    assert customer["DisplayName"] == "O'Brien Sons Ltd"
    assert customer["CompanyName"] == "O'Brien: Sons Ltd"
    assert customer["PrimaryEmailAddr"] == {"Address": "ap@obrien.example"}
    await world.exported(transaction(INVOICE, "inv-2", number="LD-2", party=Party("c-10", "o'brien: sons ltd")))
    assert len(world.held("Customer")) == 1


async def test_linked_customer_stays_the_same_after_a_rename(world: World) -> None:
    await world.exported(transaction())
    [customer] = world.held("Customer")
    hands.rename(world.twin.company, "Customer", customer["Id"], "Acme Foods Intl")
    await world.exported(transaction(INVOICE, "inv-2", number="LD-2"))
    assert len(world.held("Customer")) == 1


async def test_inactive_customer_is_refused_and_its_successor_linked_afterwards(world: World) -> None:
    await world.exported(transaction())
    [customer] = world.held("Customer")
    hands.inactivate(world.twin.company, "Customer", customer["Id"])
    again = transaction(INVOICE, "inv-2", number="LD-2")
    order = await world.prepared(again)
    with pytest.raises(Unavailable):
        await world.quickbooks.exports.send(order)
    with pytest.raises(Rejected) as raised:
        await world.prepared(again)
    assert raised.value.problem.code == "party_inactive"
    world.clock.pass_time(seconds=6)
    successor = hands.create(world.twin.company, "Customer", {"DisplayName": "Acme Foods"})
    await world.exported(again)
    assert world.memory.links["customer", "c-1"] == successor["Id"]


async def test_documents_that_need_one_new_customer_create_it_once(world: World) -> None:
    wanted = [transaction(INVOICE, f"inv-{n}", number=f"LD-{n}", party=Party(f"c-{n}", "Acme Foods")) for n in range(5)]
    await asyncio.gather(*(world.prepared(each) for each in wanted))
    assert [call.endpoint for call in world.calls].count("customer") == 1
    assert len(set(world.memory.links.values())) == 1


async def test_documents_of_one_new_customer_look_for_it_once(world: World) -> None:
    await world.prepared(transaction(party=Party("c-0", "Globex")))
    before = world.reads()
    world.clock.pass_time(minutes=1)
    await asyncio.gather(*(world.prepared(transaction(INVOICE, f"inv-{n}", number=f"LD-{n}")) for n in range(5)))
    assert world.reads() - before == 1


async def test_update_changes_our_fields_and_keeps_everything_else(world: World) -> None:
    sent = await world.exported(transaction())
    [invoice] = world.held("Invoice")
    note = invoice["PrivateNote"] + " called the customer"
    text = {"DetailType": "DescriptionOnly", "Description": "Thank you", "DescriptionLineDetail": {}}
    changes = {"PrivateNote": note, "CustomerMemo": {"value": "hello"}, "Line": [*invoice["Line"][:2], text]}
    hands.edit(world.twin.company, "Invoice", invoice["Id"], changes)
    more = transaction(INVOICE, "inv-1", line("1900"), line("75", "accessorial", "Detention"), document=sent.document)
    order = await world.prepared(more)
    assert await world.verdict(order) == Absent()
    receipt = await world.quickbooks.exports.send(order)
    [invoice] = world.held("Invoice")
    assert (invoice["TotalAmt"], invoice["DocNumber"], invoice["CustomerMemo"]) == (1975, "LD-1001", {"value": "hello"})
    assert invoice["PrivateNote"].endswith("] called the customer")
    assert "Thank you" in [row.get("Description") for row in invoice["Line"]]
    assert receipt.document == Document(invoice["Id"], "LD-1001", invoice["SyncToken"])
    assert isinstance(await world.verdict(order, in_doubt=True), Present)


@pytest.mark.parametrize("kind", [BILL, CREDIT])
async def test_updates_prepared_before_a_field_was_known_to_be_unwritable_are_all_prepared_again(
    open_world: Callable[..., Awaitable[World]],
    kind: Kind,
) -> None:
    world = await open_world(Switches(new_answer_fields=True))
    both = [transaction(kind, f"trip-{n}", line("900"), number=f"LD-{n}") for n in range(2)]
    late = [
        replace(
            each, content=replace(each.content, number=f"CARRIER-{n}"), document=(await world.exported(each)).document
        )
        for n, each in enumerate(both)
        if each.content
    ]
    for order in [await world.prepared(each) for each in late]:
        with pytest.raises(Unavailable, match="AnnouncedByNobody") as raised:
            await world.quickbooks.exports.send(order)
        assert raised.value.retry_after == 0
    for each in late:
        await world.quickbooks.exports.send(await world.prepared(each))
    assert {bill["DocNumber"] for bill in world.held(order_kind(kind))} == {"CARRIER-0", "CARRIER-1"}


@pytest.mark.parametrize("kind", [BILL, CREDIT])
async def test_second_update_is_not_mistaken_for_an_edit(world: World, kind: Kind) -> None:
    sent = await world.exported(transaction(kind, "trip-1", line("900")))
    for amount in ("950", "980.55"):
        order = await world.prepared(transaction(kind, "trip-1", line(amount), document=sent.document))
        sent = holding(sent, await world.quickbooks.exports.send(order))
    assert [bill["TotalAmt"] for bill in world.held(order_kind(kind))] == [Decimal("980.55")]


async def test_lost_answer_to_an_update_is_found_made(world: World) -> None:
    sent = await world.exported(transaction())
    order = await world.prepared(transaction(INVOICE, "inv-1", line("2000"), document=sent.document))
    world.twin.disruptions.arm([{"action": "commit_then_drop", "method": "POST", "match": "Invoice"}])
    with pytest.raises(OutcomeUnknown):
        await world.quickbooks.exports.send(order)
    verdict = await world.verdict(order, in_doubt=True)
    assert verdict == Present(Receipt(Document(world.held("Invoice")[0]["Id"], "LD-1001", "1")))


async def test_update_of_nothing_but_the_number_is_made(world: World) -> None:
    sent = await world.exported(transaction())
    order = await world.prepared(transaction(number="LD-1002", document=sent.document))
    assert await world.verdict(order) == Absent()
    receipt = await world.quickbooks.exports.send(order)
    assert receipt.document is not None
    assert receipt.document.number == "LD-1002"


async def test_document_is_not_moved_out_of_a_closed_period(world: World) -> None:
    sent = await world.exported(transaction())
    hands.close_books(world.twin.company, "2026-03-02")
    world.clock.pass_time(hours=2)
    with pytest.raises(Rejected) as raised:
        await world.prepared(transaction(issued_on=date(2026, 3, 5), document=sent.document))
    assert raised.value.problem.code == "period_closed"


@pytest.mark.parametrize(
    "edit",
    [
        {"TxnDate": "2026-03-03"},
        {"DueDate": "2026-04-02"},
        {"DocNumber": "LD-1001b"},
        {"PrivateNote": "cleaned up"},
    ],
    ids=lambda edit: next(iter(edit)),
)
async def test_edited_document_is_never_overwritten(world: World, edit: dict[str, Any]) -> None:
    sent = await world.exported(transaction())
    assert sent.document is not None
    hands.edit(world.twin.company, "Invoice", sent.document.id, edit)
    with pytest.raises(Rejected) as raised:
        await world.prepared(transaction(INVOICE, "inv-1", line("2000"), document=sent.document))
    assert raised.value.problem.code == "document_edited"


async def test_document_changed_between_reading_and_writing_is_prepared_again(world: World) -> None:
    sent = await world.exported(transaction())
    assert sent.document is not None
    order = await world.prepared(transaction(INVOICE, "inv-1", line("2000"), document=sent.document))
    hands.edit(world.twin.company, "Invoice", sent.document.id, {"CustomerMemo": {"value": "hello"}})
    with pytest.raises(Unavailable):
        await world.quickbooks.exports.send(order)


async def test_paid_document_is_neither_updated_nor_taken_back(world: World) -> None:
    sent = await world.exported(transaction())
    assert sent.document is not None
    hands.pay_invoice(world.twin.company, sent.document.id, 10)
    for attempt in (
        world.prepared(transaction(INVOICE, "inv-1", line("2000"), document=sent.document)),
        world.voiding(sent),
    ):
        with pytest.raises(Rejected) as raised:
            await attempt
        assert raised.value.problem.code == "document_paid"


@pytest.mark.parametrize("paid", ["10", "1950.15"], ids=["part", "whole"])
@pytest.mark.parametrize("kind", [INVOICE, BILL, CREDIT])
async def test_paid_document_takes_a_late_number_and_new_texts_and_dates(world: World, kind: Kind, paid: str) -> None:
    sent = await world.exported(transaction(kind))
    assert sent.document is not None
    settle(world, kind, sent.document.id, Decimal(paid))
    late = transaction(kind, number="CARRIER-7", memo="Load 1001", due_on=date(2026, 4, 9), document=sent.document)
    await world.quickbooks.exports.send(await world.prepared(late))
    held = next(held for held in world.held(order_kind(kind)) if held["Id"] == sent.document.id)
    assert (held["DocNumber"], held.get("DueDate")) == ("CARRIER-7", None if kind is CREDIT else "2026-04-09")
    assert held["Balance"] == Decimal("1950.15") - Decimal(paid)


async def test_paid_document_that_fits_already_is_made(world: World) -> None:
    sent = await world.exported(transaction())
    assert sent.document is not None
    hands.pay_invoice(world.twin.company, sent.document.id, 10)
    verdict = await world.verdict(await world.prepared(sent))
    assert isinstance(verdict, Present)


async def test_paid_document_does_not_change_hands(world: World) -> None:
    sent = await world.exported(transaction())
    assert sent.document is not None
    hands.pay_invoice(world.twin.company, sent.document.id, 10)
    with pytest.raises(Rejected) as raised:
        await world.prepared(transaction(party=Party("c-2", "Globex"), document=sent.document))
    assert raised.value.problem.code == "document_paid"


async def test_update_of_a_deleted_document_says_that_it_is_lost(world: World) -> None:
    sent = await world.exported(transaction())
    assert sent.document is not None
    hands.delete(world.twin.company, "Invoice", sent.document.id)
    with pytest.raises(Rejected) as raised:
        await world.prepared(transaction(INVOICE, "inv-1", line("2000"), document=sent.document))
    assert raised.value.problem.code == "document_lost"


async def test_invoice_is_voided_and_stays_in_the_books(world: World) -> None:
    order, verdict = await world.voiding(await world.exported(transaction()))
    assert verdict == Absent()
    assert (await world.quickbooks.voids.send(order)).document is None
    [invoice] = world.held("Invoice")
    assert (invoice["TotalAmt"], invoice["PrivateNote"][:6]) == (0, "Voided")
    assert isinstance((await world.quickbooks.voids.look_up([order]))[order.claim.message.id], Present)


@pytest.mark.parametrize("kind", [BILL, CREDIT])
async def test_bill_is_deleted_and_a_second_time_is_no_quarrel(world: World, kind: Kind) -> None:
    order, verdict = await world.voiding(await world.exported(transaction(kind, "trip-1")))
    assert verdict == Absent()
    await world.quickbooks.voids.send(order)
    assert world.held(order_kind(kind)) == []
    await world.quickbooks.voids.send(replace(order, request_id="again"))
    assert isinstance((await world.quickbooks.voids.look_up([order]))[order.claim.message.id], Present)


@pytest.mark.parametrize("kind", [INVOICE, BILL, CREDIT])
async def test_document_of_a_closed_period_is_not_taken_back(world: World, kind: Kind) -> None:
    sent = await world.exported(transaction(kind, "id-1"))
    hands.close_books(world.twin.company, "2026-03-02")
    world.clock.pass_time(hours=2)
    with pytest.raises(Rejected) as raised:
        await world.voiding(sent)
    assert raised.value.problem.code == "period_closed"


@pytest.mark.parametrize("kind", [BILL, CREDIT])
async def test_void_of_a_document_that_is_gone_has_come_true_already(world: World, kind: Kind) -> None:
    sent = await world.exported(transaction(kind, "trip-1"))
    assert sent.document is not None
    hands.delete(world.twin.company, order_kind(kind), sent.document.id)
    _, verdict = await world.voiding(sent)
    assert isinstance(verdict, Present)


async def test_void_finds_the_document_we_never_heard_of(world: World) -> None:
    sent = await world.exported(transaction())
    order, verdict = await world.voiding(replace(sent, document=None))
    assert verdict == Absent()
    await world.quickbooks.voids.send(order)
    assert world.held("Invoice")[0]["TotalAmt"] == 0


@pytest.mark.parametrize("kind", [BILL, CREDIT])
async def test_document_without_our_marker_is_not_taken_back(world: World, kind: Kind) -> None:
    sent = await world.exported(transaction(kind, "trip-1"))
    assert sent.document is not None
    hands.edit(world.twin.company, order_kind(kind), sent.document.id, {"PrivateNote": "mine now"})
    with pytest.raises(Rejected) as raised:
        await world.voiding(sent)
    assert raised.value.problem.code == "document_edited"


async def test_bill_on_a_plan_without_bills_is_refused_with_the_upgrade(world: World) -> None:
    order = await world.prepared(transaction(BILL, "trip-1"))
    hands.set_plan(world.twin.company, "Simple Start")
    with pytest.raises(Rejected) as raised:
        await world.quickbooks.exports.send(order)
    assert raised.value.problem.code == "plan_lacks_feature"


async def test_lapsed_subscription_stops_the_company(world: World) -> None:
    order = await world.prepared(transaction())
    hands.set_subscription(world.twin.company, "SUSPENDED")
    with pytest.raises(Unauthorized, match="Renew it in QuickBooks"):
        await world.quickbooks.exports.send(order)


async def test_fault_behind_a_success_status_is_a_fault(world: World) -> None:
    order = await world.prepared(transaction())
    world.twin.disruptions.arm([{"action": "fault_in_200", "method": "POST", "match": "Invoice", "code": "6190"}])
    with pytest.raises(Unauthorized):
        await world.quickbooks.exports.send(order)


async def test_wiped_company_stops_everything(world: World) -> None:
    order = await world.prepared(transaction())
    world.twin.reset_company()
    with pytest.raises(Unauthorized, match="wiped"):
        await world.quickbooks.exports.send(order)


@pytest.mark.parametrize("body", ["json", "xml"])
async def test_expired_access_is_renewed_in_the_middle_of_a_call(
    open_world: Callable[..., Awaitable[World]], body: Any
) -> None:
    world = await open_world(Switches(unauthorized_body=body))
    order = await world.prepared(transaction())
    world.twin.expire_access_tokens()
    await world.quickbooks.exports.send(order)
    assert len(world.held("Invoice")) == 1


async def test_dead_connection_is_asked_about_once(world: World) -> None:
    await world.prepared(transaction())
    world.twin.disconnect()
    for _ in range(3):
        with pytest.raises(Unauthorized, match="Reconnect QuickBooks"):
            await world.quickbooks.changes(START)
    asked = [call for call in world.calls if call.endpoint == "token"]
    assert len(asked) == 2  # the first access, and the one refusal


async def test_new_consent_in_the_configuration_revives_a_dead_connection(world: World) -> None:
    await world.prepared(transaction())
    world.twin.disconnect()
    reconnected = world.another(refresh_token=world.twin.connect())
    await reconnected.changes(START)
    await world.another().changes(START)  # a later start with the old configuration uses the kept chain


async def test_calls_at_once_share_one_refresh(open_world: Callable[..., Awaitable[World]]) -> None:
    world = await open_world(Switches(refresh_overlap="strict"))
    await asyncio.gather(*(world.quickbooks.changes(START) for _ in range(5)))
    assert [call.endpoint for call in world.calls].count("token") == 1


async def test_rotated_token_survives_a_restart(open_world: Callable[..., Awaitable[World]]) -> None:
    world = await open_world()
    await world.quickbooks.changes(START)
    world.clock.pass_time(hours=30)
    await world.quickbooks.changes(START)
    assert world.twin.refresh_token != "sandbox-refresh"
    await world.another().changes(START)
    assert world.quickbooks.tokens.seconds_to_expiry == pytest.approx(8_726_400, abs=60)
    assert world.quickbooks.tokens.seconds_to_end is not None


async def test_part_and_full_payment_are_seen_with_date_method_and_reference(world: World) -> None:
    sent = await world.exported(transaction(INVOICE, "inv-1", line("100")))
    assert sent.document is not None
    first = hands.pay_invoice(
        world.twin.company, sent.document.id, 40, date="2026-03-10", reference="CHK 1", method="Check"
    )
    seen = (await world.observed())[INVOICE.document_type, sent.document.id]
    assert (seen.total, seen.balance, seen.gone, seen.ours) == (Money(10000), Money(6000), False, True)
    assert seen.settlements == (Settlement(first["Id"], Money(4000), date(2026, 3, 10), "Check", "CHK 1"),)
    world.clock.pass_time(hours=2)
    later = world.clock.now
    second = hands.pay_invoice(world.twin.company, sent.document.id, 60, date="2026-03-16")
    seen = (await world.observed(later))[INVOICE.document_type, sent.document.id]
    assert seen.balance == Money(0)
    assert {(paid.payment_id, paid.amount.minor) for paid in seen.settlements} == {
        (first["Id"], 4000),
        (second["Id"], 6000),
    }


async def test_bill_payment_is_seen_with_its_check_number(world: World) -> None:
    sent = await world.exported(transaction(BILL, "trip-1", line("100")))
    assert sent.document is not None
    paid = hands.pay_bill(world.twin.company, sent.document.id, 100, date="2026-03-12", reference="2044")
    seen = (await world.observed())[BILL.document_type, sent.document.id]
    assert seen.balance == Money(0)
    assert seen.settlements == (Settlement(paid["Id"], Money(10000), date(2026, 3, 12), "Check", "2044"),)


@pytest.mark.parametrize("undo", [hands.void_payment, hands.delete_payment], ids=["voided", "deleted"])
async def test_payment_taken_back_opens_the_document_again(world: World, undo: Callable[..., Any]) -> None:
    sent = await world.exported(transaction(INVOICE, "inv-1", line("100")))
    assert sent.document is not None
    paid = hands.pay_invoice(world.twin.company, sent.document.id, 100)
    undo(world.twin.company, paid["Id"])
    seen = (await world.observed())[INVOICE.document_type, sent.document.id]
    assert (seen.balance, seen.settlements) == (Money(10000), ())


async def test_deleted_and_voided_documents_are_seen_as_gone_and_never_as_paid(world: World) -> None:
    invoice = await world.exported(transaction())
    bill = await world.exported(transaction(BILL, "trip-1"))
    assert invoice.document is not None
    assert bill.document is not None
    hands.void_invoice(world.twin.company, invoice.document.id)
    hands.delete(world.twin.company, "Bill", bill.document.id)
    seen = await world.observed()
    assert seen[INVOICE.document_type, invoice.document.id].gone
    assert seen[BILL.document_type, bill.document.id].gone


async def test_document_of_another_hand_is_not_called_ours(world: World) -> None:
    customer = hands.create(world.twin.company, "Customer", {"DisplayName": "Globex"})
    invoice = hands.create(world.twin.company, "Invoice", invoice_by_hand(world, customer["Id"], "77"))
    assert not (await world.observed())[INVOICE.document_type, invoice["Id"]].ours


async def test_document_stands_until_it_is_voided_or_deleted(world: World) -> None:
    invoice = await world.exported(transaction())
    bill = await world.exported(transaction(BILL, "trip-1"))
    assert invoice.document is not None
    assert bill.document is not None
    asked = [(INVOICE.document_type, invoice.document.id), (BILL.document_type, bill.document.id)]
    assert [await world.quickbooks.stands(*each) for each in asked] == [True, True]

    hands.void_invoice(world.twin.company, invoice.document.id)
    hands.delete(world.twin.company, "Bill", bill.document.id)
    assert [await world.quickbooks.stands(*each) for each in asked] == [False, False]


async def test_more_changes_than_one_answer_holds_are_all_seen(world: World) -> None:
    customer = hands.create(world.twin.company, "Customer", {"DisplayName": "Globex"})
    made = set()
    for number in range(2100):
        invoice = hands.create(world.twin.company, "Invoice", invoice_by_hand(world, customer["Id"], str(number)))
        made.add((INVOICE.document_type, invoice["Id"]))
    assert (await world.observed()).keys() >= made


async def test_document_that_moves_between_pages_hides_no_other(world: World) -> None:
    customer = hands.create(world.twin.company, "Customer", {"DisplayName": "Globex"})
    made = [
        hands.create(world.twin.company, "Invoice", invoice_by_hand(world, customer["Id"], str(number)))["Id"]
        for number in range(2100)
    ]

    def pay_the_oldest(call: Call) -> None:
        if call.endpoint == "query":
            hands.edit(world.twin.company, "Invoice", made[world.reads()], {"CustomerMemo": {"value": "moved"}})

    world.watchers.append(pay_the_oldest)
    assert {identity for _, identity in await world.observed()} >= set(made)


def bills(count: int) -> list[Transaction]:
    return [transaction(BILL, f"trip-{n}", line("10"), number=f"LD-{n}") for n in range(count)]


async def test_changes_are_read_again_from_the_vendors_time(world: World) -> None:
    changes = await world.quickbooks.changes(START - timedelta(days=400))
    assert START <= changes.until <= world.clock.now


async def test_changes_of_a_long_absence_are_found_but_for_documents_deleted_long_ago(world: World) -> None:
    old, paid, deleted, late = [await world.exported(each) for each in bills(4)]
    assert paid.document and deleted.document and late.document  # noqa: PT018 - one thought
    hands.pay_bill(world.twin.company, paid.document.id, 5, date="2026-03-10")
    hands.delete(world.twin.company, "Bill", deleted.document.id)
    world.clock.pass_time(days=60)
    hands.delete(world.twin.company, "Bill", late.document.id)
    seen = {each.document.id: each for each in (await world.quickbooks.changes(START - timedelta(days=1))).observations}
    assert old.document
    assert seen.keys() == {old.document.id, paid.document.id, late.document.id}
    assert seen[old.document.id].origin == Origin(BILL, "trip-0")
    assert [each.amount for each in seen[paid.document.id].settlements] == [Money(500)]
    assert seen[late.document.id].gone


async def test_document_that_changed_since_a_long_absence_is_seen_as_it_is_now(world: World) -> None:
    [sent] = [await world.exported(each) for each in bills(1)]
    assert sent.document
    world.clock.pass_time(days=60)
    hands.pay_bill(world.twin.company, sent.document.id, 5, date="2026-05-10")
    [seen] = (await world.quickbooks.changes(START - timedelta(days=1))).observations
    assert seen.balance == Money(500)


async def test_every_read_says_what_it_is_for_and_nothing_else_does(world: World) -> None:
    sent = await world.exported(transaction())
    await world.quickbooks.exports.send(await world.prepared(replace(transaction(memo="anew"), document=sent.document)))
    order, _ = await world.voiding(sent)
    await world.quickbooks.voids.send(order)
    await world.observed()
    await world.quickbooks.check()
    reads = [call for call in world.calls if not call.writes]
    assert {call.purpose for call in reads} == set(PURPOSES)
    assert {call.purpose for call in world.calls if call.writes} == {""}
    expected = {"read": {"document"}, "cdc": {"change"}, "preferences": {"reference"}, "companyinfo": {"check"}}
    for endpoint, purposes in expected.items():
        assert {call.purpose for call in reads if call.endpoint == endpoint} == purposes


async def test_check_passes_a_fit_company_and_says_what_to_set_in_one_that_is_not(world: World) -> None:
    fit = {finding.subject: finding for finding in await world.quickbooks.check()}
    assert not [finding for finding in fit.values() if finding.standing is Standing.FAIL]
    assert fit["revenue default"].standing is Standing.WARN
    world.twin.company.set_preferences({"SalesFormsPrefs": {"CustomTxnNumbers": False}})
    mapping = Mapping(payable_account="Operating Checking", revenue={"Storage": "Storage"}, expense={"default": "1100"})
    unfit = {finding.subject: finding for finding in await world.another(mapping=mapping).check()}
    failed = {subject for subject, finding in unfit.items() if finding.standing is Standing.FAIL}
    assert failed == {"accounts payable account", 'revenue "Storage"', 'expense "default"'}
    assert "Custom transaction numbers" in unfit["custom transaction numbers"].fix
    assert all(finding.fix for finding in unfit.values() if finding.standing is not Standing.PASS)


async def checked(quickbooks: QuickBooks) -> dict[str, Finding]:
    return {finding.subject: finding for finding in await quickbooks.check()}


async def test_check_fails_a_mapping_with_an_empty_side_unless_bills_are_off(world: World) -> None:
    empty = world.another(mapping=Mapping())
    found = await checked(empty)
    assert [found[side].standing for side in ("revenue", "expense")] == [Standing.FAIL, Standing.FAIL]
    assert "mapping.revenue" in found["revenue"].fix
    assert "mapping.expense" in found["expense"].fix
    world.twin.company.set_preferences({"VendorAndPurchasesPrefs": {"EnableBills": False}})
    world.clock.pass_time(minutes=2)
    assert (await checked(empty))["expense"].standing is Standing.WARN


async def test_check_names_the_accounts_payable_accounts_of_which_one_has_to_be_chosen(world: World) -> None:
    hands.create(world.twin.company, "Account", {"Name": "Factoring A/P", "AccountType": "Accounts Payable"})
    found = (await checked(world.quickbooks))["accounts payable account"]
    assert found.standing is Standing.FAIL
    assert "Factoring A/P" in found.detail
    assert "several, and none is chosen" in found.detail
    assert "mapping.payable_account" in found.fix


async def test_check_of_another_company_names_the_setting(world: World) -> None:
    [found] = await world.another(realm_id="4620816365000000000").check()
    assert (found.subject, found.standing) == ("connection", Standing.FAIL)
    assert "quickbooks.realm_id" in found.fix


async def test_check_warns_of_a_company_that_refuses_equal_bill_numbers(world: World) -> None:
    async def standing() -> Standing:
        found = {finding.subject: finding.standing for finding in await world.another().check()}
        return found["duplicate bill numbers"]

    assert await standing() is Standing.PASS
    warned = {"OtherPrefs": {"NameValue": [{"Name": "WarnDuplicateBillNumber", "Value": "true"}]}}
    world.twin.company.set_preferences(warned)
    assert await standing() is Standing.WARN


async def test_check_warns_before_the_connection_ends(open_world: Callable[..., Awaitable[World]]) -> None:
    world = await open_world(limits=Limits(hard_expiry_seconds=5 * 86400))
    [token] = [finding for finding in await world.quickbooks.check() if finding.subject == "token"]
    assert (token.standing, token.detail) == (Standing.WARN, "5 days left")


async def test_check_of_a_company_that_does_not_let_us_in_ends_at_the_connection(world: World) -> None:
    world.twin.disconnect()
    [finding] = await world.quickbooks.check()
    assert (finding.subject, finding.standing) == ("connection", Standing.FAIL)


def positions() -> list[Any]:
    """Every position of every switch of the twin that is not the default one."""
    unlike = {False: (True,), True: (False,)}
    found = []
    for switch in fields(Switches):
        values = unlike.get(switch.default) if isinstance(switch.default, bool) else get_args(switch.type)
        found += [(switch.name, value) for value in values or () if value != switch.default]
    return [pytest.param({name: value}, id=f"{name}={value}") for name, value in found]


@pytest.mark.parametrize("position", positions())
@pytest.mark.parametrize("kind", [INVOICE, BILL, CREDIT])
async def test_whole_path_holds_in_every_position_of_what_nobody_has_confirmed(
    open_world: Callable[..., Awaitable[World]], kind: Kind, position: dict[str, Any]
) -> None:
    world = await open_world(Switches(**position))
    odd = "Load 1001" if position.get("beyond_latin1") == "fault" else "Load 1001 \u2014 \u0141\u00f3d\u017a"
    sent = await world.exported(transaction(kind, "x-1", line("100", description=odd), memo=odd))
    more = replace(transaction(kind, "x-1", line("120", description=odd), memo=odd), document=sent.document)
    if "new_answer_fields" in position:
        with pytest.raises(Unavailable, match="AnnouncedByNobody"):
            await world.quickbooks.exports.send(await world.prepared(more))
    order = await world.prepared(more)
    world.twin.disruptions.arm([{"action": "commit_then_drop", "method": "POST", "match": order_kind(kind)}])
    with pytest.raises(OutcomeUnknown):
        await world.quickbooks.exports.send(order)
    verdict = await world.verdict(order, in_doubt=True)
    assert isinstance(verdict, Present)
    assert verdict.receipt.document is not None
    key = (kind.document_type, verdict.receipt.document.id)
    unpay = hands.void_payment if kind is INVOICE else hands.void_bill_payment
    paid = settle(world, kind, verdict.receipt.document.id, 120)
    seen = (await world.observed())[key]
    assert (seen.balance, sum(each.amount.minor for each in seen.settlements)) == (Money(0), 12000)
    unpay(world.twin.company, paid["Id"])
    removal, found = await world.voiding(holding(more, verdict.receipt))
    assert found == Absent()
    await world.quickbooks.voids.send(removal)
    assert (await world.observed())[key].gone


# -- what the vendor remembers ----------------------------------------------------------------------------------------


async def test_remembered_answer_for_a_document_that_was_deleted_since_is_not_believed(world: World) -> None:
    order = await world.prepared(transaction())
    receipt = await world.quickbooks.exports.send(order)
    assert receipt.document is not None
    hands.delete(world.twin.company, "Invoice", receipt.document.id)
    again = replace(order, claim=replace(order.claim, message=replace(order.claim.message, tries=1)))

    with pytest.raises(Rejected) as raised:
        await world.quickbooks.exports.send(again)

    assert raised.value.problem.code == "document_lost"
    assert world.held("Invoice") == []


async def test_remembered_answer_for_a_first_send_is_told_by_the_age_of_its_document(world: World) -> None:
    order = await world.prepared(transaction())
    receipt = await world.quickbooks.exports.send(order)
    assert receipt.document is not None
    hands.delete(world.twin.company, "Invoice", receipt.document.id)
    world.clock.pass_time(hours=1)

    with pytest.raises(Rejected, match="document_lost"):
        await world.quickbooks.exports.send(order)


async def test_remembered_answer_for_a_document_that_stands_is_as_good_as_a_new_one(world: World) -> None:
    order = await world.prepared(transaction())
    receipt = await world.quickbooks.exports.send(order)
    world.clock.pass_time(hours=1)

    assert (await world.quickbooks.exports.send(order)).document == receipt.document
    assert len(world.held("Invoice")) == 1


async def test_fresh_answer_costs_no_read(world: World) -> None:
    order = await world.prepared(transaction())
    before = world.reads()

    await world.quickbooks.exports.send(order)

    assert world.reads() == before


async def test_document_of_ours_that_differs_is_told_with_the_refusal(world: World) -> None:
    sent = await world.exported(transaction())
    verdict = await world.verdict(await world.prepared(transaction(INVOICE, "inv-1", line("2000"))))

    assert isinstance(verdict, Conflict)
    assert (verdict.problem.code, verdict.document) == ("document_differs", sent.document)


async def test_due_date_that_a_person_set_is_not_overwritten_by_another_of_ours(world: World) -> None:
    sent = await world.exported(transaction())
    assert sent.document is not None
    hands.edit(world.twin.company, "Invoice", sent.document.id, {"DueDate": "2026-05-31"})

    with pytest.raises(Rejected, match="document_edited"):
        await world.prepared(transaction(document=sent.document, due_on=date(2026, 6, 30)))


async def test_remembered_answer_for_an_update_that_was_overwritten_since_is_not_believed(world: World) -> None:
    sent = await world.exported(transaction())
    update = await world.prepared(transaction(INVOICE, "inv-1", line("2000"), document=sent.document))
    updated = (await world.quickbooks.exports.send(update)).document
    over = await world.prepared(transaction(INVOICE, "inv-1", line("3000"), document=updated))
    current = (await world.quickbooks.exports.send(over)).document
    again = await world.prepared(transaction(INVOICE, "inv-1", line("2000"), document=current))

    with pytest.raises(Unavailable, match="from memory"):
        await world.quickbooks.exports.send(replace(again, request_id=update.request_id))

    receipt = await world.quickbooks.exports.send(again)
    assert [invoice["TotalAmt"] for invoice in world.held("Invoice")] == [2000]
    assert receipt.document is not None


async def test_answer_remembered_for_what_a_store_that_was_set_back_forgot_proves_that_nothing_was_done(
    world: World,
) -> None:
    forgotten = await world.prepared(transaction())
    receipt = await world.quickbooks.exports.send(forgotten)
    assert receipt.document is not None
    hands.delete(world.twin.company, "Invoice", receipt.document.id)
    world.clock.pass_time(hours=1)
    order = replace(await world.prepared(transaction(memo="another")), request_id=forgotten.request_id)

    with pytest.raises(Unavailable, match="from memory"):
        await world.quickbooks.exports.send(order)

    assert world.held("Invoice") == []
    await world.quickbooks.exports.send(replace(order, request_id="the next round"))
    assert len(world.held("Invoice")) == 1
