"""What people do in accounting and in the daemon: pay, take back, void, delete, edit, force, and put right."""

import itertools
from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING

import msgspec
import pytest

from tests.integration.stage import REVENUE
from tests.integration.twins import Json, until

if TYPE_CHECKING:
    from tests.integration.stage import Daemon, Office, Stage
    from tests.integration.twins import World

pytestmark = pytest.mark.asyncio(loop_scope="module")

LOADS = 30
_taken: Iterator[int] = itertools.count()


async def fresh(office: "Office", kind: str) -> Json:
    """Return a transaction that no other test has: exported, of a customer's invoice or of the only bill of a load."""
    everything = await office.daemon.everything()
    labels = [each["label"] for each in everything if each["kind"] == kind]
    alone = [each for each in everything if each["kind"] == kind and labels.count(each["label"]) == 1]
    untouched = [each for each in alone if each["state"] == "exported" and each["version"] == 2]
    return sorted(untouched, key=lambda each: int(each["label"]))[next(_taken) % len(untouched)]


def amount(money: Json) -> Decimal:
    return Decimal(money["amount"])


async def told(office: "Office", transaction: Json) -> Decimal:
    """Return what the TMS was told of the payments of a transaction."""
    books = await office.world.alvys.books()
    trips = {trip["Id"] for trip in books["trips"] if trip["LoadNumber"] == transaction["label"]}
    if transaction["kind"] == "customer_invoice":
        payments = [each for each in books["customer_payments"] if each["LoadNumber"] == transaction["label"]]
    else:
        payments = [each for each in books["carrier_payments"] if each["TripId"] in trips]
    return sum((each["Amount"]["Amount"] for each in payments), Decimal(0))


async def is_told(office: "Office", transaction: Json, wanted: Decimal) -> None:
    async def enough() -> bool:
        return await told(office, transaction) == wanted

    await until(enough, f"{wanted} told to the TMS")


@pytest.mark.parametrize(
    ("kind", "form", "payment"),
    [("customer_invoice", "invoice", "payment"), ("carrier_bill", "bill", "bill_payment")],
    ids=["invoice", "bill"],
)
async def test_payment_is_followed_through_its_whole_life(office: "Office", kind: str, form: str, payment: str) -> None:
    daemon, books = office.daemon, office.world.quickbooks
    each = await fresh(office, kind)
    label, total = each["label"], amount(each["total"])
    part, rest = total - Decimal("1.01"), Decimal("1.01")
    named = {f"{form}_id": each["document"]["id"]}

    async def stands(state: str, paid: Decimal) -> None:
        found = await daemon.in_state(label, state, kind, paid={"amount": str(paid), "currency": "USD"})
        assert found["generation"] == 1

    first = await books.act(f"pay_{form}", **named, amount=part, reference="CHK 1")
    await stands("exported", part)
    await is_told(office, each, part)
    second = await books.act(f"pay_{form}", **named, amount=rest, reference="CHK 2")
    await stands("paid", total)
    await is_told(office, each, total)
    await books.act(f"void_{payment}", **{f"{payment}_id": second["Id"]})
    await stands("exported", part)
    await books.act(f"delete_{payment}", **{f"{payment}_id": first["Id"]})
    await stands("exported", Decimal("0.00"))
    await books.act(f"pay_{form}", **named, amount=total, reference="CHK 3")
    await stands("paid", total)
    await daemon.passed("payments")
    assert await told(office, each) == total  # a payment taken back can't be untold, so the new one is no news
    history = await daemon.history(each)
    assert history == [
        "recorded",
        "export_confirmed",
        "payment_recorded",
        "payment_completed",
        "payment_reversed",
        "payment_reversed",
        "payment_completed",
    ]


@pytest.mark.parametrize("how", ["void", "delete"])
async def test_invoice_lost_in_quickbooks_is_an_error_and_a_retry_makes_a_new_one(office: "Office", how: str) -> None:
    daemon, books = office.daemon, office.world.quickbooks
    each = await fresh(office, "customer_invoice")
    if how == "void":
        await books.switch(voided_number="free")
        await books.act("void_invoice", invoice_id=each["document"]["id"])
    else:
        await books.act("delete", kind="Invoice", id=each["document"]["id"])
    lost = await daemon.in_error(each["label"], "document_lost")
    assert lost["document"] is None
    await daemon.act("retry", lost)
    again = await daemon.in_state(each["label"], "exported", generation=2, problem=None)
    assert again["document"]["id"] != each["document"]["id"]
    document = await books.document(again["document"]["number"])
    assert document["total"] == document["balance"] == amount(each["total"])
    await books.switch(voided_number="taken")


async def test_bill_deleted_though_it_was_paid_is_lost_and_made_anew(office: "Office") -> None:
    daemon, books = office.daemon, office.world.quickbooks
    each = await fresh(office, "carrier_bill")
    bill = each["document"]["id"]
    await books.act("pay_bill", bill_id=bill, amount=amount(each["total"]))
    await daemon.in_state(each["label"], "paid", "carrier_bill")
    await books.act("delete", kind="Bill", id=bill)
    lost = await daemon.in_error(each["label"], "document_lost", "carrier_bill")
    assert lost["paid"]["amount"] == "0.00"
    await daemon.act("retry", lost)
    await daemon.in_state(each["label"], "exported", "carrier_bill", generation=2)
    assert (await books.document(each["number"], "bill"))["balance"] == amount(each["total"])
    assert await told(office, each) == amount(each["total"])


async def test_edit_of_a_bookkeeper_is_never_overwritten(office: "Office") -> None:
    daemon, books = office.daemon, office.world.quickbooks
    each = await fresh(office, "customer_invoice")
    held = next(one for one in (await books.books())["Invoice"] if one["Id"] == each["document"]["id"])
    lines = [line | {"Amount": line["Amount"] + 5} for line in held["Line"] if "SalesItemLineDetail" in line]
    await books.act("edit", kind="Invoice", id=held["Id"], changes={"Line": lines})
    edited = (await books.document(each["number"]))["total"]
    await office.world.alvys.act("edit_line", load_number=each["label"], name="Linehaul", amount="777.77")
    refused = await daemon.in_error(each["label"], "document_edited")
    assert (await books.document(each["number"]))["total"] == edited
    await daemon.act("force", refused, expected="error", destination="exported")
    forced = await daemon.in_state(each["label"], "exported")
    await daemon.passed("payments")
    assert (await books.document(each["number"]))["total"] == edited
    assert (await daemon.history(forced))[-1] == "forced"


async def test_invoice_reverted_by_a_person_is_voided_and_can_come_back(office: "Office") -> None:
    daemon, books = office.daemon, office.world.quickbooks
    await books.switch(voided_number="free")
    each = await fresh(office, "customer_invoice")
    await daemon.act("revert", each)
    reverted = await daemon.in_state(each["label"], "reverted")
    held = next(one for one in (await books.books())["Invoice"] if one["Id"] == each["document"]["id"])
    assert (held["TotalAmt"], held["Balance"]) == (0, 0)
    await daemon.passed("intake.freight")
    assert (await daemon.one(each["label"]))["state"] == "reverted"
    await daemon.act("reexport", reverted)
    await daemon.in_state(each["label"], "exported", generation=2)
    assert (await books.document(each["number"]))["total"] == amount(each["total"])
    await books.switch(voided_number="taken")


async def test_paid_invoice_is_not_taken_back_and_the_refused_void_says_so(office: "Office") -> None:
    daemon, books = office.daemon, office.world.quickbooks
    each = await fresh(office, "customer_invoice")
    payment = await books.act("pay_invoice", invoice_id=each["document"]["id"], amount="1.00")
    part = await daemon.in_state(each["label"], "exported", paid={"amount": "1.00", "currency": "USD"})
    await daemon.act("revert", part)

    async def dead() -> list[str]:
        found = await daemon.get(f"transactions/{each['id']}")
        return [one["note"] for one in found["standings"] if (one["effect"], one["phase"]) == ("void", "dead")]

    assert await until(dead, "the void refused") == ["document_paid"]
    assert (await books.document(each["number"]))["total"] == amount(each["total"])
    await books.act("delete_payment", payment_id=payment["Id"])
    back = await daemon.in_state(each["label"], "exported", paid={"amount": "0.00", "currency": "USD"})
    await daemon.act("retry", back)
    await daemon.in_state(each["label"], "reverted")


async def test_forced_move_is_refused_from_another_state_than_expected(office: "Office") -> None:
    each = await fresh(office, "customer_invoice")
    body = {"expected": "error", "destination": "exported", "reason": "a test asked for it"}
    status, said = await office.daemon.ask("POST", f"transactions/{each['id']}/force", body)
    assert (status, said["type"].rpartition(":")[2]) == (409, "stale-transaction")
    assert await office.daemon.one(each["label"]) == each


async def put_right(world: "World") -> None:
    """Do in QuickBooks what the fixes of the planted problems say."""
    books = await world.quickbooks.books()
    loads = {load["LoadNumber"]: load for load in (await world.alvys.books())["loads"]}
    name = loads[world.planted["name_ambiguous"]]["CustomerName"]
    same = [each["Id"] for each in books["Customer"] if each["DisplayName"].rstrip(".").casefold() == name.casefold()]
    await world.quickbooks.act("merge", kind="Customer", into=same[0], id=same[1])
    await world.quickbooks.act("close_books", date=None)


async def retried(daemon: "Daemon", world: "World", *names: str) -> None:
    for name in names:
        await daemon.act("retry", await daemon.one(world.planted[name]))
        found = await daemon.in_state(world.planted[name], "exported", problem=None)
        assert (await world.quickbooks.document(found["number"]))["total"] == amount(found["total"])


async def test_every_planted_problem_ends_once_its_fix_was_done(stage: "Stage") -> None:
    attentive = {"QUICKBOOKS_PREFERENCES_REFRESH": "0.001", "QUICKBOOKS_REFERENCE_REFRESH": "0.001"}
    async with stage.world() as world:
        async with stage.daemon(world, **attentive) as daemon:
            await daemon.settled((await world.owed()).total() + len(world.planted))
            # A retry before the cause is gone comes to the same end.
            await daemon.act("retry", await daemon.one(world.planted["period_closed"]))
            await daemon.in_error(world.planted["period_closed"], "period_closed")
            await put_right(world)
            await retried(daemon, world, "name_ambiguous", "period_closed")
            # The invoice made by hand turns out to be this load's: it stands for it.
            taken = await daemon.one(world.planted["number_taken"])
            await daemon.act("force", taken, expected="error", destination="exported")
            await daemon.in_state(world.planted["number_taken"], "exported", problem=None)
        charges = REVENUE | {"Hazmat Surcharge": "Detention"}
        async with stage.daemon(world, MAPPING_REVENUE=msgspec.json.encode(charges).decode()) as daemon:
            await retried(daemon, world, "mapping_missing")
            states = {each["state"] for each in await daemon.everything()}
            assert states == {"exported"}
            world.planted.clear()
            hand_made = 1
            assert (await world.owed()).total() - (await world.booked()).total() == hand_made
