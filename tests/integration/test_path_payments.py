"""What customers paid in the TMS reaches the books, each payment once, and never comes back as news."""

from decimal import Decimal
from typing import TYPE_CHECKING

from tests.integration.twins import Json, until

if TYPE_CHECKING:
    from tests.integration.stage import Daemon, Stage
    from tests.integration.twins import World

SETTINGS = {"EXPORT_CUSTOMER_PAYMENTS": "true", "MAPPING_DEPOSIT_ACCOUNT": "Operating Checking"}


async def standing(daemon: "Daemon", invoice: Json, *states: str) -> list[Json]:
    """Return the payments of an invoice, oldest first, once they are in these states."""

    async def looks() -> list[Json]:
        of = f"{invoice['source_id']}/"
        found = [each for each in await daemon.everything() if each["kind"] == "customer_payment"]
        found = sorted((each for each in found if each["source_id"].startswith(of)), key=lambda each: int(each["id"]))
        return found if [each["state"] for each in found] == [*states] else []

    return await until(looks, f"payments of {invoice['label']} {states}")


async def applied(world: "World", invoice: Json) -> list[tuple[Decimal, Decimal]]:
    """Return total and unapplied part of each payment that QuickBooks holds for the invoice's customer."""
    books = await world.quickbooks.books()
    [held] = [each for each in books["Invoice"] if each["Id"] == invoice["document"]["id"]]
    theirs = [each for each in books["Payment"] if each["CustomerRef"]["value"] == held["CustomerRef"]["value"]]
    return [(each["TotalAmt"], each["UnappliedAmt"]) for each in theirs if "customer_payment" in each["PrivateNote"]]


async def paid_in_tms(world: "World", invoice: Json) -> int:
    """Return how many payments the TMS holds on the invoice's load."""
    books = await world.alvys.books()
    return sum(each["LoadNumber"] == invoice["label"] for each in books["customer_payments"])


async def test_payments_made_in_the_tms_are_booked_once_and_taken_back_with_it(stage: "Stage") -> None:
    async with stage.world(loads=6) as world, stage.daemon(world, **SETTINGS) as daemon:
        await daemon.settled((await world.owed()).total() + len(world.planted))
        invoices = [each for each in await daemon.everything() if each["kind"] == "customer_invoice"]
        invoice = next(each for each in invoices if each["state"] == "exported")
        label, total = invoice["label"], Decimal(invoice["total"]["amount"])
        part, rest = Decimal("100.01"), total - Decimal("100.01")
        before = await applied(world, invoice)

        await world.alvys.act("pay", load_number=label, amount=str(part), reference="CHK 1")
        await standing(daemon, invoice, "exported")
        await world.alvys.act("pay", load_number=label, amount=str(rest), reference="CHK 2")
        await standing(daemon, invoice, "exported", "exported")
        assert await applied(world, invoice) == [*before, (part, 0), (rest, 0)]
        await daemon.in_state(label, "paid")
        await daemon.passed("payments")
        assert await paid_in_tms(world, invoice) == 2

        await world.alvys.act("delete_payment", load_number=label, reference="CHK 2")
        await standing(daemon, invoice, "exported", "reverted")
        await daemon.in_state(label, "exported", paid={"amount": str(part), "currency": "USD"})
        [again] = [
            each for each in (await world.quickbooks.books())["Invoice"] if each["DocNumber"] == invoice["number"]
        ]
        assert again["Balance"] == rest
