"""What changes in the TMS after it was booked reaches the same document; what leaves the TMS leaves the books."""

from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from tests.integration.twins import MARKER, Json, until

if TYPE_CHECKING:
    from tests.integration.stage import Office

pytestmark = pytest.mark.asyncio(loop_scope="module")

LOADS = 30


async def untouched(office: "Office", kind: str) -> Json:
    """Return an exported transaction nothing has happened to yet, the only one of its kind for its load."""
    everything = [each for each in await office.daemon.everything() if each["kind"] == kind]
    labels = [each["label"] for each in everything]
    found = [each for each in everything if each["version"] == 2 and labels.count(each["label"]) == 1]
    return next(each for each in found if each["state"] == "exported" and Decimal(each["total"]["amount"]) > 300)


async def held(office: "Office", entity: str, identity: str) -> Json | None:
    """Return a document as accounting holds it, by its id."""
    books = await office.world.quickbooks.books()
    return next((each for each in books[entity] if each["Id"] == identity), None)


async def updated(office: "Office", before: Json, total: Decimal) -> Json:
    """Return a document of QuickBooks once the change has reached it: the same one, and no other."""
    money = {"amount": str(total), "currency": "USD"}
    after = await office.daemon.in_state(before["label"], "exported", before["kind"], total=money)
    assert (after["document"]["id"], after["generation"]) == (before["document"]["id"], 1)
    assert after["revision"] > before["revision"]
    entity, form = ("Invoice", "invoice") if before["kind"] == "customer_invoice" else ("Bill", "bill")
    assert (await office.world.quickbooks.document(before["number"], form))["total"] == total
    found = await held(office, entity, before["document"]["id"])
    assert found is not None
    return found


async def test_edited_charge_updates_the_same_invoice(office: "Office") -> None:
    before = await untouched(office, "customer_invoice")
    await office.world.alvys.act("add_accessorial", load_number=before["label"], name="Lumper", amount="33.33")
    total = Decimal(before["total"]["amount"]) + Decimal("33.33")
    after = await updated(office, before, total)
    assert Decimal("33.33") in [line["Amount"] for line in after["Line"]]
    await office.world.judge()


async def test_other_linehaul_of_a_carrier_updates_the_same_bill(office: "Office") -> None:
    before = await untouched(office, "carrier_bill")
    trips = (await office.world.alvys.books())["trips"]
    trip = next(each for each in trips if each["LoadNumber"] == before["label"])
    wanted = trip["Carrier"]["Linehaul"]["Amount"] + Decimal("10.01")
    await office.world.alvys.act("edit_carrier_linehaul", trip_number=trip["TripNumber"], amount=wanted)
    await updated(office, before, Decimal(before["total"]["amount"]) + Decimal("10.01"))
    await office.world.judge()


async def test_invoice_made_out_to_another_customer_moves_with_its_terms(office: "Office") -> None:
    before = await untouched(office, "customer_invoice")
    customers = {each["Id"]: each for each in (await office.world.alvys.books())["customers"]}
    other = next(each for each in customers.values() if each["Name"] == "Summit Beverage Co.")
    if before["party"] == other["Name"]:
        other = next(each for each in customers.values() if each["Name"] == "Harborline Forwarding 3PL")
    await office.world.alvys.act("change_customer", load_number=before["label"], customer_id=other["Id"])
    await office.daemon.in_state(before["label"], "exported", party=other["Name"])
    after = await held(office, "Invoice", before["document"]["id"])
    assert after is not None
    names = {each["Id"]: each["DisplayName"] for each in (await office.world.quickbooks.books())["Customer"]}
    assert names[after["CustomerRef"]["value"]] == other["Name"]
    await office.world.judge()


async def released(office: "Office") -> Json:
    """Return a load that is released and not yet invoiced."""
    loads = (await office.world.alvys.books())["loads"]
    return next(dict(each) for each in loads if each["Status"] == "Released")


async def under_way(office: "Office", label: str) -> Json:
    """Invoice a load and return its transaction while QuickBooks takes its time to answer."""
    await office.world.quickbooks.spoil({"action": "slow", "match": "Invoice", "method": "POST", "delay": 0.7})
    await office.world.alvys.act("invoice", load_number=label)

    async def leaves() -> Json | None:
        found = await office.daemon.known(label)
        return found if found and found["in_flight"] else None

    found = await until(leaves, "a request under way")
    assert found is not None
    return found


async def test_load_invoiced_late_is_booked_within_a_poll(office: "Office") -> None:
    load = await released(office)
    await office.world.alvys.act("invoice", load_number=load["LoadNumber"])
    found = await office.daemon.in_state(load["LoadNumber"], "exported")
    assert Decimal(found["total"]["amount"]) == load["CustomerRate"]["Amount"]
    await office.world.judge()


async def test_charge_edited_while_its_invoice_is_under_way_reaches_the_same_document(office: "Office") -> None:
    load = await released(office)
    before = await under_way(office, load["LoadNumber"])
    await office.world.alvys.act("add_accessorial", load_number=load["LoadNumber"], name="Lumper", amount="12.12")
    money = {"amount": str(load["CustomerRate"]["Amount"] + Decimal("12.12")), "currency": "USD"}
    after = await office.daemon.in_state(load["LoadNumber"], "exported", total=money)
    assert (after["generation"], after["revision"]) == (1, before["revision"] + 1)
    await office.world.judge()


async def test_load_cancelled_while_its_invoice_is_under_way_leaves_nothing_in_the_books(office: "Office") -> None:
    load = await released(office)
    await under_way(office, load["LoadNumber"])
    await office.world.alvys.act("revert_invoice", load_number=load["LoadNumber"])
    await office.world.alvys.act("cancel", load_number=load["LoadNumber"])
    await office.daemon.in_state(load["LoadNumber"], "reverted")
    await office.world.judge()


async def test_invoice_taken_back_and_made_anew_stays_one_document(office: "Office") -> None:
    before = await untouched(office, "customer_invoice")
    alvys = office.world.alvys
    await alvys.act("revert_invoice", load_number=before["label"])
    await alvys.act("add_accessorial", load_number=before["label"], name="Detention", amount="21.21")
    await alvys.act("invoice", load_number=before["label"], invoiced_at=f"{office.stage.month:%Y-%m}-28T15:00:00Z")
    await updated(office, before, Decimal(before["total"]["amount"]) + Decimal("21.21"))
    await office.world.judge()


async def test_cancelled_load_takes_its_invoice_and_its_carriers_bill_out_of_the_books(office: "Office") -> None:
    everything = await office.daemon.everything()
    fresh = {
        (each["label"], each["kind"]) for each in everything if each["state"] == "exported" and each["version"] == 2
    }
    labels = [label for label, kind in fresh if kind == "customer_invoice" and (label, "carrier_bill") in fresh]
    bills = [each["label"] for each in everything if each["kind"] == "carrier_bill"]
    label = min(label for label in labels if bills.count(label) == 1)
    invoice, bill = await office.daemon.one(label), await office.daemon.one(label, "carrier_bill")
    await office.world.alvys.act("revert_invoice", load_number=label)
    await office.world.alvys.act("cancel", load_number=label)
    await office.daemon.in_state(label, "reverted")
    await office.daemon.in_state(label, "reverted", "carrier_bill")
    voided = await held(office, "Invoice", invoice["document"]["id"])
    assert voided is not None
    assert (voided["TotalAmt"], voided["Balance"]) == (0, 0)
    assert await held(office, "Bill", bill["document"]["id"]) is None
    await office.world.judge()


async def test_deleted_load_that_was_paid_keeps_its_invoice_and_says_so(office: "Office") -> None:
    before = await untouched(office, "customer_invoice")
    await office.world.quickbooks.act("pay_invoice", invoice_id=before["document"]["id"], amount="5.00")
    await office.daemon.in_state(before["label"], "exported", paid={"amount": "5.00", "currency": "USD"})
    await office.world.alvys.act("delete_load", load_number=before["label"], keep_invoice=True)

    async def refused() -> list[str]:
        detail = await office.daemon.get(f"transactions/{before['id']}")
        return [each["note"] for each in detail["standings"] if each["phase"] == "dead"]

    assert await until(refused, "the void refused") == ["document_paid"]
    found = await held(office, "Invoice", before["document"]["id"])
    assert found is not None
    assert MARKER in found["PrivateNote"]
    assert found["TotalAmt"] == Decimal(before["total"]["amount"])
