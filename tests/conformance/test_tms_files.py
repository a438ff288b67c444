"""Files of loads and trips: the TMS port's promises, kept by the Alvys adapter against its twin."""

import dataclasses
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from adapters.alvys import FILED, Rules
from adapters.ports import File, FileSort, Rejected, Unavailable
from adapters.sandbox.alvys import SUBSIDIARY, TRANSPORT, Fault, Switches, hands
from state.outbox import Tellings
from state.transaction import Kind, Money, Sourced, Transaction
from tests.conformance.tenant import MONTH, Tenant, claim, tenant

PROOF, RATE, INVOICE = FileSort
ALL = frozenset(FileSort)
RELEASE = Rules(carrier_bill_on="release")
TRIP = next(each for each in MONTH.trips if each["Carrier"] and each["Status"] == "Invoiced")
LOAD = TRIP["LoadNumber"]
SWITCHES = (
    Switches(),
    Switches(load_documents="with_trips"),
    Switches(file_bearer="wanted"),
    Switches(file_bearer="ignored", upload_touches=True),
)


@pytest.fixture
async def books() -> AsyncIterator[Tenant]:
    async with tenant(rules=RELEASE) as opened:
        yield opened


def filed(books: Tenant, kind: str, document_type: str, **more: Any) -> str:
    number = LOAD if kind == "loads" else TRIP["TripNumber"]
    return str(hands.file_document(books.twin.books, kind, number, document_type, **more)["id"])


async def transaction(books: Tenant, kind: Kind) -> Transaction:
    [sourced] = [each for each in await books.taken() if (each.kind, each.label) == (kind, LOAD)]
    return of(sourced)


def of(sourced: Sourced) -> Transaction:
    return claim(sourced, Money(1), Tellings()).transaction


async def every(books: Tenant, kind: Kind) -> dict[str, FileSort]:
    found = await books.tms.files(await transaction(books, kind), ALL)
    assert {file.sort for file in found} <= FILED[kind]
    return {file.id: file.sort for file in found}


@pytest.mark.parametrize("switches", SWITCHES)
async def test_each_document_has_the_files_that_are_its_partys_business(switches: Switches) -> None:
    async with tenant(rules=RELEASE, switches=switches) as books:
        proof = filed(books, "loads", "Proof of Delivery")
        rates = {filed(books, "loads", f"{each}ustomer Rate Confirmation") for each in ("C", "Signed C")}
        rates.add(filed(books, "loads", "Customer Rate and Load Confirmation"))
        driven = filed(books, "trips", "Proof of Delivery")
        agreed = filed(books, "trips", "Carrier Rate Confirmation")
        filed(books, "trips", "Scale Ticket")
        filed(books, "loads", "Bill of Lading")
        hands.upload_carrier_invoice(books.twin.books, TRIP["TripNumber"], "K-77")

        assert await every(books, Kind.CUSTOMER_INVOICE) == {proof: PROOF, driven: PROOF} | dict.fromkeys(rates, RATE)
        carriers = await every(books, Kind.CARRIER_BILL)
        assert {carriers.pop(driven), carriers.pop(agreed)} == {PROOF, RATE}
        assert list(carriers.values()) == [INVOICE]
        for kind in (Kind.CUSTOMER_INVOICE, Kind.CARRIER_BILL):
            wanted = await books.tms.files(await transaction(books, kind), [RATE])
            assert {file.sort for file in wanted} == {RATE}


@pytest.mark.parametrize("switches", SWITCHES)
async def test_file_has_a_name_its_size_and_its_content(switches: Switches) -> None:
    async with tenant(rules=RELEASE, switches=switches) as books:
        filed(books, "trips", "Proof of Delivery", name="POD front.pdf", size=70)
        bill = await transaction(books, Kind.CARRIER_BILL)
        [file] = await books.tms.files(bill, ALL)
        assert (file.name[:9], file.name[-4:], file.size) == ("POD front", ".pdf", 70)
        content = await books.tms.content(bill, file)
        assert content.startswith(b"%PDF-1.4 Proof of Delivery")
        assert len(content) == 70
        assert await books.tms.content(bill, file) == content


async def test_address_that_expired_is_asked_for_anew(books: Tenant) -> None:
    filed(books, "trips", "Proof of Delivery")
    bill = await transaction(books, Kind.CARRIER_BILL)
    [file] = await books.tms.files(bill, [PROOF])
    lists = sum(call.endpoint == "trips/documents" for call in books.calls)
    books.clock.now += timedelta(minutes=14, seconds=30)

    assert await books.tms.content(bill, file)
    assert sum(call.endpoint == "trips/documents" for call in books.calls) == lists + 1


async def test_file_without_an_address_or_gone_is_told(books: Tenant) -> None:
    filed(books, "trips", "Proof of Delivery")
    bill = await transaction(books, Kind.CARRIER_BILL)
    books.twin.books.switches = dataclasses.replace(books.twin.books.switches, file_address_seconds=None)
    [file] = await books.tms.files(bill, [PROOF])
    for missing in (file, File("gone", PROOF, "x.pdf")):
        with pytest.raises(Rejected, match=r"^file_unreadable: it has no address$"):
            await books.tms.content(bill, missing)


async def test_content_that_is_not_there_is_refused_and_a_silent_store_is_asked_later(books: Tenant) -> None:
    key = filed(books, "trips", "Proof of Delivery")
    bill = await transaction(books, Kind.CARRIER_BILL)
    [file] = await books.tms.files(bill, [PROOF])
    books.twin.faults.arm(Fault(action="error_500", path="files/{id}", count=1))
    with pytest.raises(Unavailable):
        await books.tms.content(bill, file)

    books.twin.books.commit(removed=[("contents", key)])
    with pytest.raises(Rejected, match=r"^file_unreadable: HTTP 404$"):
        await books.tms.content(bill, file)


async def test_load_that_the_vendor_does_not_know_is_told(books: Tenant) -> None:
    invoice = await transaction(books, Kind.CUSTOMER_INVOICE)
    assert invoice.content is not None
    unknown = replace(invoice, content=replace(invoice.content, load_number="none"))
    with pytest.raises(Rejected, match=r"^files_refused: loads/documents: HTTP 404"):
        await books.tms.files(unknown, ALL)


async def test_list_that_is_none_is_asked_for_later(books: Tenant) -> None:
    bill = await transaction(books, Kind.CARRIER_BILL)
    books.twin.faults.arm(Fault(action="cut_json", path="trips/{tripId}/documents"))
    with pytest.raises(Unavailable):
        await books.tms.files(bill, ALL)


@pytest.mark.parametrize("subsidiary", [SUBSIDIARY, None])
async def test_files_of_a_number_that_two_companies_loads_bear_are_nobodys(subsidiary: str | None) -> None:
    async with tenant(rules=RELEASE, subsidiary=subsidiary) as books:
        invoice = await transaction(books, Kind.CUSTOMER_INVOICE)
        assert await books.tms.files(invoice, ALL) == []
        books.twin.books.commit(("loads", MONTH.load(LOAD) | {"Id": "another", "InvoiceAs": TRANSPORT}))
        if subsidiary is None:  # one company has no two loads of a number
            assert await books.tms.files(invoice, ALL) == []
            return
        with pytest.raises(Rejected, match=f"^files_ambiguous: load {LOAD}$"):
            await books.tms.files(invoice, ALL)


async def test_record_bears_the_stamp_of_its_last_change_or_of_what_its_files_hang_on(books: Tenant) -> None:
    async def stamps() -> dict[tuple[Kind, str], str]:
        return {(each.kind, each.label): each.stamp for each in await books.taken()}

    before = await stamps()
    books.twin.books.switches = dataclasses.replace(books.twin.books.switches, upload_touches=True)
    filed(books, "trips", "Proof of Delivery")
    changed = {key for key, stamp in (await stamps()).items() if stamp != before[key]}
    assert changed == {(Kind.CUSTOMER_INVOICE, LOAD), (Kind.CARRIER_BILL, LOAD)}
    assert all(before.values())
