"""Facts in doubt: each switch in each of its positions, and the table that lists them."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import fields
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from adapters.sandbox import alvys
from adapters.sandbox.alvys import Limits, Switches, generate_full, hands
from tests.sandbox.alvys_tenant import Clock, Tenant, sandbox, tenant_of

MONTH = generate_full(date(2026, 10, 1), 1)
INVOICED = MONTH.planted["number_taken"]
SUMMARISED = MONTH.notable["summary_1"]
QUIRKS = (Path(alvys.__file__).parents[1] / "QUIRKS.md").read_text(encoding="utf-8")
ROWS = dict(re.findall(r"^\|[^|]*\|[^|]*\| `alvys\.(\w+)` \|.*\| `(test_\w+)` \|$", QUIRKS, re.MULTILINE))
OCTOBER = {"Start": "2026-10-01T00:00:00Z", "End": "2026-10-31T00:00:00Z"}


@asynccontextmanager
async def tenant_with(limits: Limits = Limits(requests=0), **switches: Any) -> AsyncIterator[Tenant]:  # noqa: B008 - frozen
    clock = Clock()
    twin = sandbox(clock, month=MONTH, limits=limits, switches=Switches(**switches))
    async with tenant_of(twin, clock) as tenant:
        yield tenant


async def pay(tenant: Tenant, load: str, amount: Decimal | int) -> tuple[int, Any]:
    body = {"LoadNumber": load, "Amount": {"Amount": amount}, "PaymentDate": "2026-11-01", "ReferenceNumber": "r-1"}
    return await tenant.api("POST", "invoices/customer-payments", body)


def owed(load: str) -> Decimal:
    return Decimal(MONTH.load(load)["CustomerRate"]["Amount"])


def test_every_switch_is_listed_with_its_test() -> None:
    assert set(ROWS) == {each.name for each in fields(Switches)}
    written = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_alvys_*.py"))
    assert not {test for test in ROWS.values() if f"def {test}(" not in written}


def test_defaults_are_listed_as_they_are() -> None:
    for each in fields(Switches):
        if isinstance(each.default, str):
            assert re.search(rf"\| `alvys.{each.name}` \| `{each.default}`", QUIRKS), each.name


@pytest.mark.parametrize(("over_limit", "seconds"), [("window", 60), ("block", 180)])
async def test_passed_limit_shuts_an_endpoint_as_the_switch_says(over_limit: str, seconds: int) -> None:
    async with tenant_with(Limits(requests=10), over_limit=over_limit) as tenant:
        for status in [404] * 5 + [429]:
            assert (await tenant.api("GET", "loads?loadNumber=1"))[0] == status
        tenant.clock.now += timedelta(seconds=seconds - 1)
        assert (await tenant.api("GET", "loads?loadNumber=1"))[0] == 429
        assert (await tenant.api("GET", "trips?tripNumber=1"))[0] == 404
        tenant.clock.now += timedelta(seconds=1)
        assert (await tenant.api("GET", "loads?loadNumber=1"))[0] == 404


async def test_some_endpoints_are_blocked_for_a_minute_only() -> None:
    async with tenant_with(Limits(requests=10), over_limit="block") as tenant:
        for status in [200] * 5 + [429]:
            assert (await tenant.api("GET", "drivers"))[0] == status
        tenant.clock.now += timedelta(seconds=60)
        assert (await tenant.api("GET", "drivers"))[0] == 200


@pytest.mark.parametrize(("limit", "status"), [(None, 200), (3, 429)])
async def test_token_has_a_limit_of_its_own_if_switched(limit: int | None, status: int) -> None:
    async with tenant_with(Limits(requests=1000), token_requests_per_second=limit) as tenant:
        for path in ("drivers", "trucks", "drivers"):
            assert (await tenant.api("GET", path))[0] == 200
        assert (await tenant.api("GET", "trucks"))[0] == status
        tenant.clock.now += timedelta(seconds=1)
        assert (await tenant.api("GET", "trucks"))[0] == 200


@pytest.mark.parametrize(("position", "status"), [("ignored", 200), ("refused", 400)])
async def test_misspelt_range_follows_the_switch(position: str, status: int) -> None:
    async with tenant_with(misspelt_range=position) as tenant:
        request = {"Page": 0, "PageSize": 1, "IncludeDeleted": False, "UpdatedAtRange": {"Begin": "2026-10-30"}}
        assert (await tenant.api("POST", "loads/search", request))[0] == status


@pytest.mark.parametrize(("largest", "status"), [(200, 400), (None, 200)])
async def test_largest_page_follows_the_switch(largest: int | None, status: int) -> None:
    async with tenant_with(largest_page=largest) as tenant:
        request = {"Page": 0, "PageSize": 201, "IsActive": True, "Status": ["Active"]}
        assert (await tenant.api("POST", "drivers/search", request))[0] == status
        assert (await tenant.api("POST", "carriers/search", request))[0] == 400


@pytest.mark.parametrize(("most", "status"), [(50, 400), (None, 200)])
async def test_number_of_load_numbers_follows_the_switch(most: int | None, status: int) -> None:
    async with tenant_with(most_load_numbers=most) as tenant:
        request = {"Page": 0, "PageSize": 1, "IncludeDeleted": False, "LoadNumbers": [f"{n}" for n in range(51)]}
        for path in ("trips", "invoices"):
            assert (await tenant.api("POST", f"{path}/search", request))[0] == status


@pytest.mark.parametrize(("position", "status"), [("accepted", 200), ("refused", 400)])
async def test_overpayment_follows_the_switch(position: str, status: int) -> None:
    async with tenant_with(overpayment=position) as tenant:
        assert (await pay(tenant, INVOICED, owed(INVOICED) + 1))[0] == status
    async with tenant_with(overpayment=position) as tenant:
        assert (await pay(tenant, INVOICED, owed(INVOICED)))[0] == 200


@pytest.mark.parametrize("status", ["Completed", "Paid"])
async def test_status_of_a_paid_load_follows_the_switch(status: str) -> None:
    async with tenant_with(paid_load_status=status) as tenant:
        assert (await pay(tenant, INVOICED, owed(INVOICED)))[1]["Status"] == status


async def test_payment_of_a_summarised_load_follows_the_switch() -> None:
    async with tenant_with(summary_payment="refused") as tenant:
        status, problem = await pay(tenant, SUMMARISED, 1)
        assert (status, list(problem["Errors"])) == (400, ["LoadNumber"])
    async with tenant_with(summary_payment="applied") as tenant:
        amount = owed(SUMMARISED)
        assert (await pay(tenant, SUMMARISED, amount))[1]["Status"] == "Completed"
        (invoice,) = await tenant.search("invoices", LoadNumbers=[SUMMARISED])
        assert (invoice["Type"], invoice["Status"]) == ("SummaryInvoice", "AwaitingPayment")
        assert invoice["RemainingBalance"]["Amount"] == invoice["Total"]["Amount"] - amount
        other = await tenant.api("GET", f"loads?loadNumber={MONTH.notable['summary_2']}")
        assert other[1]["Status"] == "Invoiced"


@pytest.mark.parametrize("position", ["all", "own"])
async def test_total_of_deductions_follows_the_switch(position: str) -> None:
    statement = next(each for each in MONTH.driver_statements if each["Totals"]["Fuel"]["Amount"])
    own = -sum(line["Amount"]["Amount"] for line in statement["LineItems"] if line["Category"] == "Deduction")
    expected = statement["Totals"]["Deductions"]["Amount"] if position == "all" else own
    async with tenant_with(deductions_total=position) as tenant:
        found = await tenant.search("driver-settlement-statements", StatementDateRange=OCTOBER)
        (searched,) = [each for each in found if each["Number"] == statement["Number"]]
        _, read = await tenant.api("GET", f"driver-settlement-statements/{statement['Number']}")
        assert searched["Totals"]["Deductions"]["Amount"] == read["Totals"]["Deductions"]["Amount"] == expected
        assert read["Totals"]["NetIncome"] == statement["Totals"]["NetIncome"]


@pytest.mark.parametrize("position", ["negative", "shortfall"])
async def test_net_of_a_driver_who_owes_follows_the_switch(position: str) -> None:
    owing = {
        each["Number"]: each["Totals"] for each in MONTH.driver_statements if each["Totals"]["Shortfall"]["Amount"]
    }
    assert owing
    async with tenant_with(driver_owes=position) as tenant:
        for each in await tenant.search("driver-settlement-statements", StatementDateRange=OCTOBER):
            net, short = each["Totals"]["NetIncome"]["Amount"], each["Totals"]["Shortfall"]["Amount"]
            assert (short > 0) is (each["Number"] in owing)
            assert not short or net == (-short if position == "negative" else 0)


@pytest.mark.parametrize("position", ["positive", "negative", "within"])
async def test_discount_on_fuel_follows_the_switch(position: str) -> None:
    bought = next(each for each in MONTH.fuel if each["Discounts"]["Amount"])
    fuel, off = bought["FuelTotal"]["Amount"], bought["Discounts"]["Amount"]
    expected = {"positive": (fuel, off), "negative": (fuel, -off), "within": (fuel - off, off)}[position]
    async with tenant_with(fuel_discounts=position) as tenant:
        found = await tenant.search("fuel", TruckNumber=bought["TruckNumber"])
        (searched,) = [each for each in found if each["Id"] == bought["Id"]]
        assert (searched["FuelTotal"]["Amount"], searched["Discounts"]["Amount"]) == expected
        assert searched["Total"] == bought["Total"]
        assert (await tenant.api("GET", f"fuel/{bought['Id']}"))[1] == searched


async def test_switches_are_turned_while_running() -> None:
    async with tenant_with() as tenant:
        status, turned, _ = await tenant.call("POST", "/_sandbox/switches", {"misspelt_range": "refused"})
        assert (status, turned["misspelt_range"], turned["over_limit"]) == (200, "refused", "window")
        assert tenant.sandbox.books.switches == Switches(misspelt_range="refused")
        for wrong in ({"colour": "blue"}, {"over_limit": "explode"}, ["over_limit"]):
            assert (await tenant.call("POST", "/_sandbox/switches", wrong))[0] == 400
        assert tenant.sandbox.books.switches == Switches(misspelt_range="refused")


BROKERED = next(trip for trip in MONTH.trips if trip["Carrier"] and trip["Status"] == "Released")
PROOF = {"kind": "trips", "number": BROKERED["TripNumber"], "document_type": "Proof of Delivery"}


async def documents(tenant: Tenant, path: str = f"trips/{BROKERED['Id']}") -> list[Any]:
    status, found = await tenant.api("GET", f"{path}/documents")
    assert status == 200
    return list(found)


async def fetched(tenant: Tenant, address: str, **headers: str) -> tuple[int, bytes]:
    async with tenant.session.get(address, headers=headers) as answer:
        return answer.status, await answer.read()


@pytest.mark.parametrize(("load_documents", "count"), [("own", 0), ("with_trips", 1)])
async def test_documents_of_a_load_follow_the_switch(load_documents: str, count: int) -> None:
    async with tenant_with(load_documents=load_documents) as tenant:
        await tenant.call("POST", "/_sandbox/hands/file_document", PROOF)
        assert len(await documents(tenant, f"loads/{BROKERED['LoadNumber']}")) == count


@pytest.mark.parametrize("touches", [True, False])
async def test_filed_document_changes_its_trip_as_switched(*, touches: bool) -> None:
    async with tenant_with(upload_touches=touches) as tenant:
        since = {"Start": tenant.clock.now.isoformat()}
        assert not await tenant.search("trips", UpdatedAtRange=since, IncludeDeleted=False)
        await tenant.call("POST", "/_sandbox/hands/file_document", PROOF)
        assert len(await tenant.search("trips", UpdatedAtRange=since, IncludeDeleted=False)) == touches


@pytest.mark.parametrize("seconds", [900, 5, None])
async def test_address_of_a_document_expires_as_switched(seconds: float | None) -> None:
    async with tenant_with(file_address_seconds=seconds) as tenant:
        await tenant.call("POST", "/_sandbox/hands/file_document", PROOF | {"size": 500})
        [document] = await documents(tenant)
        if seconds is None:
            assert (document["DownloadUrl"], document["ExpiresAt"]) == (None, None)
            return
        status, content = await fetched(tenant, document["DownloadUrl"])
        assert (status, len(content)) == (200, document["AttachmentSize"])
        assert (await fetched(tenant, document["DownloadUrl"] + "0"))[0] == 403
        tenant.clock.now += timedelta(seconds=seconds + 1)
        assert (await fetched(tenant, document["DownloadUrl"]))[0] == 403
        [again] = await documents(tenant)
        assert await fetched(tenant, again["DownloadUrl"]) == (200, content)


@pytest.mark.parametrize(
    ("file_bearer", "without", "beside"),
    [
        ("ignored", 200, 200),
        ("refused", 200, 400),
        ("wanted", 401, 200),
    ],
)
async def test_token_at_a_documents_address_follows_the_switch(file_bearer: str, without: int, beside: int) -> None:
    async with tenant_with(file_bearer=file_bearer) as tenant:
        await tenant.call("POST", "/_sandbox/hands/file_document", PROOF)
        [document] = await documents(tenant)
        assert (await fetched(tenant, document["DownloadUrl"]))[0] == without
        assert (await fetched(tenant, document["DownloadUrl"], **tenant.headers))[0] == beside


async def searched(tenant: Tenant, kind: str, load: str) -> list[dict[str, Any]]:
    deleted = {} if kind == "invoices" else {"IncludeDeleted": True}
    return await tenant.search(kind, LoadNumbers=[load], **deleted)


@pytest.mark.parametrize("position", ["apart", "within"])
async def test_total_of_a_carrier_follows_the_switch(position: str) -> None:
    async with tenant_with(echeck_fees=position) as tenant:
        [trip] = await searched(tenant, "trips", MONTH.notable["overdrawn"])
        pay, [check] = trip["Carrier"], trip["Carrier"]["EChecks"]
        apart = pay["Rate"]["Amount"] - check["Amount"]["Amount"]
        assert check["Fee"]["Amount"] > 0
        assert pay["TotalPayable"]["Amount"] == apart - (check["Fee"]["Amount"] if position == "within" else 0)


@pytest.mark.parametrize(("position", "sign"), [("negative", -1), ("positive", 1)])
async def test_sign_of_a_service_fee_follows_the_switch(position: str, sign: int) -> None:
    owned = next(trip for trip in MONTH.trips if trip["OwnerOperator"])
    async with tenant_with(rate_deductions=position) as tenant:
        trips = await searched(tenant, "trips", owned["LoadNumber"])
        [policy] = next(trip for trip in trips if trip["Id"] == owned["Id"])["Driver1"]["RatesV2"]
        [fee] = policy["ServiceFeeRate"]["LineItems"]
        assert fee["Amount"]["Amount"] * sign > 0


@pytest.mark.parametrize(("position", "number"), [("suffixed", f"{INVOICED}-1"), ("load", INVOICED)])
async def test_number_of_a_supplement_follows_the_switch(position: str, number: str) -> None:
    async with tenant_with(supplement_number=position) as tenant:
        hands.supplement(tenant.sandbox.books, INVOICED, "Lumper", "120.00")
        own, added = await searched(tenant, "invoices", INVOICED)
        assert (own["Number"], own["SupplementalInvoiceType"]) == (INVOICED, None)
        assert (added["Number"], added["SupplementalInvoiceType"]) == (number, "Supplemental")


@pytest.mark.parametrize("position", ["cleared", "kept"])
async def test_invoiced_date_after_a_reversal_follows_the_switch(position: str) -> None:
    async with tenant_with(reverted_date=position) as tenant:
        before = MONTH.load(INVOICED)["InvoicedAt"]
        hands.revert_invoice(tenant.sandbox.books, INVOICED)
        [load] = await searched(tenant, "loads", INVOICED)
        assert load["Status"] == "Released"
        assert load["InvoicedAt"] == (before if position == "kept" else None)
