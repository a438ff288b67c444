"""Classes, locations, custom fields and numbers, in every position of plan, preferences and switches."""

import dataclasses
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from msgspec.structs import replace

from adapters.ports import OutcomeUnknown, Present, Rejected, Unavailable
from adapters.quickbooks import REMARKS, Segments
from adapters.sandbox.quickbooks import Switches, hands
from state.outbox import Receipt, Remark
from state.transaction import Kind, Origin, Party, Segment, Transaction
from tests.conformance.world import BILL, INVOICE, World, holding, transaction

Open = Callable[..., Awaitable[World]]

BOTH = Segments(
    subsidiaries="location",
    fleets="class",
    subsidiary_names={"Blue Mesa LLC": "Durango"},
    fleet_names={"own  TRUCKS": "Company Fleet"},
)
WHOLE = dataclasses.replace(BOTH, class_on="transaction")
LABELS = {"order_number": "Order #", "po_number": "P.O. #"}


CREDIT = Kind.CARRIER_CREDIT
ENTITIES = {INVOICE: "Invoice", BILL: "Bill", CREDIT: "VendorCredit"}


def tagged(kind: Kind = INVOICE, *fleets: str, order: str = "PO 77", **changes: Any) -> Transaction:
    """Return a document of a subsidiary whose two lines belong to fleets."""
    first, second = fleets or ("Own Trucks", "Own Trucks")
    plain = transaction(kind, "inv-1" if kind is INVOICE else "trip-1")
    assert plain.content is not None
    lines = tuple(
        replace(charge, segment=Segment("blue mesa llc", fleet))
        for charge, fleet in zip(plain.content.lines, (first, second), strict=True)
    )
    content = replace(plain.content, lines=lines, segment=Segment("Blue Mesa LLC"), fields=(("order_number", order),))
    return replace(plain, content=replace(content, **changes))


class Ledger:
    """A world in which documents are tagged."""

    def __init__(self, world: World) -> None:
        self.world = world

    async def send(self, sent: Transaction) -> tuple[Transaction, Receipt]:
        order = await self.world.prepared(sent)
        receipt = await self.world.quickbooks.exports.send(order)
        return holding(sent, receipt), receipt

    def named(self, kind: str, ref: Any) -> str | None:
        names = {row["Id"]: row["Name"] for row in self.world.held(kind)}
        return names[ref["value"]] if ref else None

    def document(self, kind: Kind = INVOICE) -> Any:
        [held] = self.world.held(ENTITIES[kind])
        return held

    def classes(self, kind: Kind = INVOICE) -> list[str | None]:
        """Return the class of the whole, then that of each line."""
        held = self.document(kind)
        detail = "SalesItemLineDetail" if kind is INVOICE else "AccountBasedExpenseLineDetail"
        lines = [row[detail].get("ClassRef") for row in held["Line"] if row["DetailType"] == detail]
        return [self.named("Class", ref) for ref in (held.get("ClassRef"), *lines)]

    def location(self, kind: Kind = INVOICE) -> str | None:
        return self.named("Department", self.document(kind).get("DepartmentRef"))

    def fields(self) -> dict[str, str | None]:
        return {each["Name"]: each.get("StringValue") for each in self.document().get("CustomField", ())}

    def prefer(self, **accounting: Any) -> None:
        hands.set_preferences(self.world.twin.company, {"AccountingInfoPrefs": accounting})


def codes(receipt: Receipt) -> list[str]:
    found = [remark.code for remark in receipt.remarks]
    assert set(found) <= set(REMARKS)
    return found


@pytest.mark.parametrize("kind", [INVOICE, BILL, CREDIT])
async def test_class_of_each_line_and_location_of_the_whole_are_said_together(open_world: Open, kind: Kind) -> None:
    ledger = Ledger(await open_world(segments=BOTH))
    _, receipt = await ledger.send(tagged(kind, "Own Trucks", "brokerage"))
    assert ledger.classes(kind) == [None, "Company Fleet", "Brokerage"]
    assert ledger.location(kind) == "Durango"
    assert codes(receipt) == []


async def test_class_of_the_transaction_stands_in_its_head(open_world: Open) -> None:
    ledger = Ledger(await open_world(segments=WHOLE))
    ledger.prefer(ClassTrackingPerTxn=True, ClassTrackingPerTxnLine=False)
    await ledger.send(tagged())
    assert ledger.classes() == ["Company Fleet", None, None]


async def test_bill_has_no_class_of_its_own_so_its_lines_bear_that_of_the_transaction(open_world: Open) -> None:
    ledger = Ledger(await open_world(segments=WHOLE))
    await ledger.send(tagged(BILL))
    assert ledger.classes(BILL) == [None, "Company Fleet", "Company Fleet"]


async def test_lines_of_several_fleets_give_the_transaction_no_class(open_world: Open) -> None:
    ledger = Ledger(await open_world(segments=WHOLE))
    ledger.prefer(ClassTrackingPerTxn=True, ClassTrackingPerTxnLine=False)
    await ledger.send(tagged(INVOICE, "Own Trucks", "Brokerage"))
    assert ledger.classes() == [None, None, None]


@pytest.mark.parametrize("off", ["dropped", "fault"])
@pytest.mark.parametrize("kind", [INVOICE, BILL])
@pytest.mark.parametrize("segments", [BOTH, WHOLE], ids=["line", "transaction"])
@pytest.mark.parametrize("plan", ["Essentials", "Plus", "Advanced"])
@pytest.mark.parametrize("tracking", ["both", "line", "transaction", "none"])
async def test_what_plan_and_preferences_do_not_allow_is_left_out_and_said(
    open_world: Open, plan: str, tracking: str, segments: Segments, kind: Kind, off: Any
) -> None:
    ledger = Ledger(await open_world(Switches(feature_off_reference=off), segments=segments))
    if plan == "Essentials":
        hands.set_plan(ledger.world.twin.company, plan)
        by_line = whole = located = False
    else:
        hands.set_plan(ledger.world.twin.company, plan)
        by_line, whole = tracking in {"both", "line"}, tracking in {"both", "transaction"}
        located = tracking != "none"
        ledger.prefer(ClassTrackingPerTxn=whole, ClassTrackingPerTxnLine=by_line, TrackDepartments=located)
    _, receipt = await ledger.send(tagged(kind))
    headed = segments is WHOLE and kind is INVOICE
    classed = whole if headed else by_line
    expected = ["Company Fleet", None, None] if headed else [None, "Company Fleet", "Company Fleet"]
    assert ledger.classes(kind) == (expected if classed else [None, None, None])
    assert ledger.location(kind) == ("Durango" if located else None)
    left_out = [code for code, on in (("class_left_out", classed), ("location_left_out", located)) if not on]
    assert codes(receipt) == left_out
    findings = {each.subject: each.standing for each in await ledger.world.quickbooks.check()}
    asked = whole if segments is WHOLE else by_line
    assert findings["class on documents"] == ("pass" if asked else "warn")
    assert findings["location on documents"] == ("pass" if located else "warn")


async def test_simple_start_takes_an_invoice_without_any_of_it(open_world: Open) -> None:
    ledger = Ledger(await open_world(segments=BOTH, fields=LABELS))
    hands.set_plan(ledger.world.twin.company, "Simple Start")
    _, receipt = await ledger.send(tagged())
    assert codes(receipt) == ["class_left_out", "location_left_out", "field_left_out"]


@pytest.mark.parametrize("off", ["dropped", "fault"])
async def test_tracking_switched_off_behind_our_back_is_noticed(open_world: Open, off: Any) -> None:
    ledger = Ledger(await open_world(Switches(feature_off_reference=off), segments=BOTH))
    order = await ledger.world.prepared(tagged())
    ledger.prefer(ClassTrackingPerTxnLine=False, TrackDepartments=False)
    if off == "dropped":
        receipt = await ledger.world.quickbooks.exports.send(order)
        assert codes(receipt) == ["class_left_out", "location_left_out"]
        return
    ledger.world.clock.pass_time(minutes=1)
    with pytest.raises(Unavailable):
        await ledger.world.quickbooks.exports.send(order)
    _, receipt = await ledger.send(tagged())
    assert codes(receipt) == ["class_left_out", "location_left_out"]


async def test_class_that_does_not_exist_is_never_made(open_world: Open) -> None:
    ledger = Ledger(await open_world(segments=BOTH))
    with pytest.raises(Rejected) as raised:
        await ledger.world.prepared(tagged(INVOICE, "Reefers", "Reefers"))
    assert (raised.value.problem.code, raised.value.problem.detail) == ("reference_missing", 'class "Reefers"')
    assert len(ledger.world.held("Class")) == 3
    assert ledger.world.held("Customer") == []


async def test_inactive_location_is_not_used(open_world: Open) -> None:
    ledger = Ledger(await open_world(Switches(inactive_suffix=False), segments=BOTH))
    durango = next(row["Id"] for row in ledger.world.held("Department") if row["Name"] == "Durango")
    hands.inactivate(ledger.world.twin.company, "Department", durango)
    with pytest.raises(Rejected) as raised:
        await ledger.world.prepared(tagged())
    assert raised.value.problem.code == "reference_inactive"
    findings = {each.subject: each for each in await ledger.world.quickbooks.check()}
    assert findings['location "Durango"'].standing == "fail"


@pytest.mark.parametrize("kind", [INVOICE, BILL, CREDIT])
async def test_update_keeps_the_class_and_location_a_bookkeeper_chose(open_world: Open, kind: Kind) -> None:
    ledger = Ledger(await open_world(segments=BOTH))
    sent, _ = await ledger.send(tagged(kind))
    assert sent.document is not None
    classes = {row["Name"]: row["Id"] for row in ledger.world.held("Class")}
    dallas = next(row["Id"] for row in ledger.world.held("Department") if row["Name"] == "Dallas")
    detail = "SalesItemLineDetail" if kind is INVOICE else "AccountBasedExpenseLineDetail"
    lines = [row for row in ledger.document(kind)["Line"] if row["DetailType"] == detail]
    lines[0] = lines[0] | {detail: lines[0][detail] | {"ClassRef": {"value": classes["Owner-Operators"]}}}
    changes = {"Line": lines, "DepartmentRef": {"value": dallas}}
    hands.edit(ledger.world.twin.company, ENTITIES[kind], sent.document.id, changes)
    again = replace(tagged(kind, memo="Load 1001, PO 78"), document=sent.document, revision=2)
    sent, receipt = await ledger.send(again)
    assert ledger.classes(kind) == [None, "Owner-Operators", "Company Fleet"]
    assert ledger.location(kind) == "Dallas"
    assert codes(receipt) == []
    moved = replace(tagged(kind, "Brokerage", "Brokerage", memo="Load 1001"), document=sent.document, revision=3)
    await ledger.send(moved)
    assert ledger.classes(kind) == [None, "Brokerage", "Brokerage"]
    assert ledger.location(kind) == "Dallas"


async def test_fleet_changed_in_the_tms_alone_is_reason_enough_for_an_update(open_world: Open) -> None:
    ledger = Ledger(await open_world(segments=BOTH))
    sent, _ = await ledger.send(tagged())
    moved = replace(tagged(INVOICE, "Brokerage", "Brokerage"), document=sent.document, revision=2)
    order = await ledger.world.prepared(moved)
    assert not isinstance(await ledger.world.verdict(order), Present)
    await ledger.world.quickbooks.exports.send(order)
    assert isinstance(await ledger.world.verdict(order), Present)


async def test_order_number_is_shown_in_its_custom_field_beside_a_persons_own(open_world: Open) -> None:
    ledger = Ledger(await open_world(fields=LABELS))
    hands.name_custom_fields(ledger.world.twin.company, ["Sales Rep", "order  #", "P.O. #"])
    sent, receipt = await ledger.send(tagged())
    assert ledger.fields() == {"Sales Rep": None, "order  #": "PO 77", "P.O. #": None}
    assert codes(receipt) == []
    assert sent.document is not None
    rep = {"DefinitionId": "1", "Name": "Sales Rep", "Type": "StringType", "StringValue": "Ana"}
    others = [each for each in ledger.document()["CustomField"] if each["DefinitionId"] != "1"]
    hands.edit(ledger.world.twin.company, "Invoice", sent.document.id, {"CustomField": [rep, *others]})
    await ledger.send(replace(tagged(order="PO 78"), document=sent.document, revision=2))
    assert ledger.fields() == {"Sales Rep": "Ana", "order  #": "PO 78", "P.O. #": None}


async def test_bill_shows_no_custom_fields(open_world: Open) -> None:
    ledger = Ledger(await open_world(fields=LABELS))
    hands.name_custom_fields(ledger.world.twin.company, ["Order #"])
    _, receipt = await ledger.send(tagged(BILL))
    assert "CustomField" not in ledger.document(BILL)
    assert codes(receipt) == []


async def test_field_that_the_company_lacks_is_said_and_not_fatal(open_world: Open) -> None:
    ledger = Ledger(await open_world(fields=LABELS))
    _, receipt = await ledger.send(tagged())
    assert receipt.remarks == (Remark("field_left_out", "Order #: there is no such field"),)
    findings = {each.subject: each for each in await ledger.world.quickbooks.check()}
    assert findings['custom field "Order #"'].standing == "warn"
    assert "Order #" not in ledger.fields()


@pytest.mark.parametrize("long", ["fault", "cut"])
async def test_field_longer_than_quickbooks_takes_is_left_out_not_cut(open_world: Open, long: Any) -> None:
    ledger = Ledger(await open_world(Switches(long_custom_field=long), fields=LABELS))
    hands.name_custom_fields(ledger.world.twin.company, ["Order #"])
    _, receipt = await ledger.send(tagged(order="7" * 31))
    assert codes(receipt) == []
    assert ledger.fields() == {"Order #": "7" * 31}
    other = replace(tagged(order="7" * 32, number="LD-1002"), source_id="inv-2")
    _, receipt = await ledger.send(other)
    assert receipt.remarks == (Remark("field_left_out", "Order #: longer than 31 characters"),)


async def test_field_renamed_behind_our_back_is_said(open_world: Open) -> None:
    ledger = Ledger(await open_world(fields=LABELS))
    hands.name_custom_fields(ledger.world.twin.company, ["Order #"])
    order = await ledger.world.prepared(tagged())
    hands.name_custom_fields(ledger.world.twin.company, [])
    receipt = await ledger.world.quickbooks.exports.send(order)
    assert codes(receipt) == ["field_left_out"]


@pytest.mark.parametrize("stored", ["stored", "replaced"])
async def test_number_that_quickbooks_gave_is_said_on_the_document(open_world: Open, stored: Any) -> None:
    ledger = Ledger(await open_world(Switches(custom_numbers_off=stored)))
    _, receipt = await ledger.send(tagged())
    assert codes(receipt) == []
    hands.set_preferences(ledger.world.twin.company, {"SalesFormsPrefs": {"CustomTxnNumbers": False}})
    ledger.world.clock.pass_time(hours=2)
    other = replace(tagged(number="LD-2000"), source_id="inv-2")
    _, receipt = await ledger.send(other)
    assert receipt.document is not None
    assert receipt.remarks == (Remark("number_replaced", f"QuickBooks numbers it {receipt.document.number}"),)
    findings = {each.subject: each for each in await ledger.world.quickbooks.check()}
    assert findings["custom transaction numbers"].standing == "warn"


async def test_number_replaced_in_doubt_is_said_when_the_document_is_found(open_world: Open) -> None:
    ledger = Ledger(await open_world(Switches(custom_numbers_off="replaced")))
    order = await ledger.world.prepared(tagged())
    hands.set_preferences(ledger.world.twin.company, {"SalesFormsPrefs": {"CustomTxnNumbers": False}})
    ledger.world.twin.disruptions.arm([{"action": "commit_then_drop", "method": "POST", "match": "Invoice"}])
    with pytest.raises(OutcomeUnknown):
        await ledger.world.quickbooks.exports.send(order)
    found = await ledger.world.verdict(order, in_doubt=True)
    assert codes(found.receipt) == ["number_replaced"]


async def test_payment_bears_no_tags_and_nobody_misses_them(open_world: Open) -> None:
    ledger = Ledger(await open_world(segments=BOTH, fields=LABELS))
    sent, _ = await ledger.send(tagged())
    paid = tagged(Kind.CUSTOMER_PAYMENT, party=Party("c-1", "Acme Foods"), settles=Origin(INVOICE, "inv-1"))
    claim = replace(ledger.world.claim(paid), settled=sent)
    order = await ledger.world.quickbooks.exports.prepare(claim, "request-pay")
    receipt = await ledger.world.quickbooks.exports.send(order)
    [held] = ledger.world.held("Payment")
    assert (codes(receipt), held.get("DepartmentRef")) == ([], None)
