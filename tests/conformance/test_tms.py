"""The port's promises, kept by the Alvys adapter over real HTTP against the Alvys twin."""

from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal

import pytest

from adapters.alvys import Rules, Skip
from adapters.ports import Absent, OutcomeUnknown, Present, Rejected, Standing, Unauthorized, Unavailable
from adapters.sandbox.alvys import SUBSIDIARY, Fault, Limits, hands
from state.outbox import Receipt, Tellings
from state.transaction import Kind, Money, Sourced
from tests.conformance.tenant import MONTH, Tenant, contents, tenant

INVOICED = [each for each in MONTH.invoices if each["Total"]["Amount"]]
BILLED = [each for each in MONTH.trips if each["Carrier"] and each["ReleasedAt"]]
RELEASE = Rules(carrier_bill_on="release")


@pytest.fixture
async def books() -> AsyncIterator[Tenant]:
    async with tenant(rules=RELEASE) as opened:
        yield opened


async def test_every_invoice_and_every_carriers_trip_of_a_month_is_sourced_once_and_sound(books: Tenant) -> None:
    standing = await books.taken()
    assert [each.problem for each in standing if each.problem] == []
    invoices, bills = contents(standing, Kind.CUSTOMER_INVOICE), contents(standing, Kind.CARRIER_BILL)
    assert len(standing) == len(invoices) + len(bills)
    assert {key: each.total.amount for key, each in invoices.items()} == {
        each["Loads"][0]["Id"]: each["Total"]["Amount"] for each in INVOICED
    }
    assert {key: each.total.amount for key, each in bills.items()} == {
        each["Id"]: each["Carrier"]["TotalPayable"]["Amount"] for each in BILLED
    }
    assert [each.flaw("USD") for each in (*invoices.values(), *bills.values()) if each.flaw("USD")] == []
    assert {key: each.number for key, each in bills.items()} == {each["Id"]: each["LoadNumber"] for each in BILLED}


async def test_what_is_cancelled_is_withdrawn_and_what_is_no_ones_bill_is_counted(books: Tenant) -> None:
    found = await books.read()
    gone = [trip["Id"] for trip in MONTH.trips if trip["Status"] == "Cancelled"]
    withdrawn = {each.source_id for each in found if each.withdrawn and each.kind is Kind.CARRIER_BILL}
    own = {trip["Id"] for trip in MONTH.trips if trip["Carrier"] is None}
    assert withdrawn == own | set(gone) - {trip["Id"] for trip in MONTH.trips if trip["Status"] == "In Transit"}
    assert books.tms.skipped[Skip.ZERO_VALUED] >= len(MONTH.invoices) - len(INVOICED) > 0


async def test_small_pages_and_chunks_find_the_same(books: Tenant) -> None:
    async with tenant(page_size=7, invoice_chunk=3, rules=RELEASE) as small:
        key: Callable[[Sourced], tuple[str, str]] = lambda each: (each.kind, each.source_id)  # noqa: E731 - for both
        assert sorted(await small.taken(), key=key) == sorted(await books.taken(), key=key)


async def test_window_yields_only_what_changed_in_it(books: Tenant) -> None:
    books.clock.now += timedelta(hours=1)
    since = books.clock.now
    books.clock.now += timedelta(minutes=1)
    number = next(each["Number"] for each in INVOICED if each["Type"] == "LoadInvoice")
    hands.edit_line(books.twin.books, number, "Linehaul", Decimal("1234.56"))
    changed = next(each for each in await books.taken(since) if each.kind is Kind.CUSTOMER_INVOICE)
    assert {each.label for each in await books.taken(since)} == {number}
    assert changed.content is not None
    assert Money(123456) in [line.amount for line in changed.content.lines]
    books.clock.now += timedelta(minutes=1)
    assert await books.read(books.clock.now) == []


async def test_invoice_taken_back_and_made_anew_is_the_same_transaction_with_new_content(books: Tenant) -> None:
    number = INVOICED[0]["Number"]
    before = next(each for each in await books.read() if each.content and each.content.number == number)
    books.clock.now += timedelta(hours=1)
    since = books.clock.now
    books.clock.now += timedelta(minutes=1)
    hands.revert_invoice(books.twin.books, number)
    back = [each for each in await books.read(since) if each.kind is Kind.CUSTOMER_INVOICE]
    assert [(each.source_id, each.withdrawn) for each in back] == [(before.source_id, True)]
    books.clock.now += timedelta(minutes=1)
    made = hands.invoice(books.twin.books, number)
    assert made["Id"] != INVOICED[0]["Id"]
    books.clock.now += timedelta(minutes=1)
    after = next(each for each in await books.taken(since) if each.kind is Kind.CUSTOMER_INVOICE)
    assert (after.kind, after.source_id, after.label) == (before.kind, before.source_id, before.label)
    assert after.digest() != before.digest()


@pytest.mark.parametrize("keep_invoice", [True, False])
async def test_deleted_load_withdraws_its_invoice_whether_or_not_that_vanishes(
    books: Tenant,
    keep_invoice: bool,  # noqa: FBT001 - both cases of one table
) -> None:
    number = INVOICED[0]["Number"]
    before = next(each for each in await books.read() if each.content and each.content.number == number)
    books.clock.now += timedelta(hours=1)
    since = books.clock.now
    books.clock.now += timedelta(minutes=1)
    hands.delete_load(books.twin.books, number, keep_invoice=keep_invoice)
    withdrawn = [each for each in await books.read(since) if each.kind is Kind.CUSTOMER_INVOICE]
    assert {(each.source_id, each.label, each.withdrawn) for each in withdrawn} == {
        (before.source_id, before.label, True)
    }


async def test_record_read_twice_without_a_change_has_the_same_digest(books: Tenant) -> None:
    first, second = await books.read(), await books.read()
    assert [each.digest() for each in first] == [each.digest() for each in second]


async def test_customer_payment_is_recorded_found_again_and_never_doubled(books: Tenant) -> None:
    sourced = next(each for each in await books.read() if each.kind is Kind.CUSTOMER_INVOICE and each.content)
    assert sourced.content is not None
    order = await books.order(sourced, sourced.content.total)
    assert await books.tms.payments.look_up([order]) == {1: Absent()}
    first = await books.tms.payments.send(order)
    assert isinstance((await books.tms.payments.look_up([order]))[1], Present)
    assert await books.tms.payments.send(order) == first
    invoice = books.twin.books.invoice_of(sourced.content.load_number)
    assert invoice is not None
    assert [payment["Amount"]["Amount"] for payment in invoice["Payments"]] == [sourced.content.total.amount]
    assert invoice["Status"] == "Paid"


async def test_carrier_payment_completes_its_trip_and_is_never_doubled(books: Tenant) -> None:
    sourced = next(each for each in await books.read() if each.kind is Kind.CARRIER_BILL and each.content)
    assert sourced.content is not None
    order = await books.order(sourced, sourced.content.total)
    for _ in range(2):
        await books.tms.payments.send(order)
    trip = books.twin.books.get("trips", sourced.source_id)
    assert trip is not None
    assert trip["Status"] == "Completed"
    assert len(books.twin.books.all("carrier_payments")) == 1


@pytest.mark.parametrize("kind", [Kind.CUSTOMER_INVOICE, Kind.CARRIER_BILL])
async def test_store_that_was_set_back_tells_only_what_was_never_told(books: Tenant, kind: Kind) -> None:
    sourced = next(each for each in await books.read() if each.kind is kind and each.content)
    for told, amount in ((Tellings(), 4_000), (Tellings(1, 4_000), 3_000)):
        await books.tms.payments.send(await books.order(sourced, Money(amount), told))

    receipts: list[Receipt] = []
    while not receipts:
        order = await books.order(sourced, Money(9_000))
        assert (await books.tms.payments.look_up([order])) == {1: Absent()}
        with suppress(Unavailable):
            receipts.append(await books.tms.payments.send(order))

    assert [receipt.told for receipt in receipts] == [Tellings(3, 9_000)]
    name = "customer_payments" if kind is Kind.CUSTOMER_INVOICE else "carrier_payments"
    assert [payment["Amount"]["Amount"] for payment in books.twin.books.all(name)] == [40, 30, 20]


async def test_payment_that_was_recorded_though_the_line_broke_is_unknown_and_then_found(books: Tenant) -> None:
    sourced = next(each for each in await books.read() if each.kind is Kind.CUSTOMER_INVOICE and each.content)
    order = await books.order(sourced, Money(100))
    for action in ("commit_then_drop", "cut_json", "html_502"):
        books.twin.faults.arm(Fault(action=action, path="invoices/customer-payments", count=1))
        with pytest.raises(OutcomeUnknown):
            await books.tms.payments.send(order)
    assert isinstance((await books.tms.payments.look_up([order]))[1], Present)


async def test_payment_on_a_load_that_takes_none_is_refused_with_a_reason(books: Tenant) -> None:
    sourced = next(each for each in await books.read() if each.kind is Kind.CUSTOMER_INVOICE and each.content)
    order = await books.order(sourced, Money(100))
    hands.revert_invoice(books.twin.books, sourced.label)
    with pytest.raises(Rejected) as caught:
        await books.tms.payments.send(order)
    assert caught.value.problem.code == "payment_refused"
    assert "Released" in caught.value.problem.detail


@pytest.mark.parametrize("action", ["html_502", "cut_json", "error_500", "drop"])
@pytest.mark.parametrize("path", ["oauth/token", "loads/search", "invoices/search", "carriers/search"])
async def test_read_that_fails_is_unavailable_and_works_again_later(books: Tenant, action: str, path: str) -> None:
    books.twin.faults.arm(Fault(action=action, path=path, count=1))  # type: ignore[arg-type]
    with pytest.raises(Unavailable):
        await books.read()
    assert len(await books.read()) > len(INVOICED)


async def test_throttle_is_unavailable_for_as_long_as_the_vendor_says() -> None:
    async with tenant(Limits(requests=1, retry_after_seconds=37)) as throttled:
        with pytest.raises(Unavailable) as caught:
            await throttled.read()
    assert caught.value.retry_after == 37


async def test_wrong_secret_shuts_us_out() -> None:
    async with tenant(client_secret="wrong") as shut_out:
        with pytest.raises(Unauthorized):
            await shut_out.read()
        assert [finding.standing for finding in await shut_out.tms.check()] == [Standing.FAIL]


async def test_check_passes_on_a_fit_tenant_and_fails_on_a_misspelt_subsidiary(books: Tenant) -> None:
    assert {finding.standing for finding in await books.tms.check()} == {Standing.PASS}
    async with tenant(subsidiary="Blue Mesa") as misspelt:
        failed = [each for each in await misspelt.tms.check() if each.standing is Standing.FAIL]
        assert [each.subject for each in failed] == ["Alvys subsidiary"]
        assert SUBSIDIARY in failed[0].fix


async def test_calls_are_named_after_their_endpoints(books: Tenant) -> None:
    await books.read()
    assert {call.endpoint for call in books.calls} == {
        "token",
        "loads/search",
        "invoices/search",
        "customers/search",
        "trips/search",
        "carriers/search",
        "driver-settlement-statements/search",
    }
    assert not any(call.writes for call in books.calls)
