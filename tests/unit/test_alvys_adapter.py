import asyncio
import dataclasses
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from typing_extensions import override

from adapters.alvys import Alvys, Rules, Settings, Skip
from adapters.http import Answer, Http
from adapters.ports import (
    Absent,
    Census,
    Found,
    Order,
    OutcomeUnknown,
    Present,
    Rejected,
    Roster,
    Standing,
    Unauthorized,
    Unavailable,
)
from state.lifecycle import Effect, State
from state.outbox import Claim, Message, PaymentReport, Phase, Receipt, Tellings
from state.transaction import Content, Kind, Line, Money, Party, Sourced, Transaction, TransactionId

SETTINGS = Settings(
    api_url="http://alvys.test",
    token_url="http://auth.test/oauth/token",
    client_id="id",
    client_secret="se&cret",
    first_date=date(2026, 10, 1),
    rules=Rules(carrier_bill_on="release"),
)
EVERYTHING = Rules(carrier_statements=True, company_fuel=True, company_toll=True)
NOW = datetime(2026, 10, 20, 12, tzinfo=UTC)
SINCE = NOW - timedelta(days=1)
Json = dict[str, Any]
Reply = Any  # an Answer, an error to raise, JSON to answer with, or a function of the request that gives one


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


class Wire(Http):
    """Answers requests by endpoint: one reply after the other, the last one for ever.

    Searches for loads and trips by load number have replies of their own, of nothing unless they are scripted.
    """

    def __init__(self, replies: Mapping[str, list[Reply]]) -> None:
        self.replies: dict[str, list[Reply]] = {"token": [{"access_token": "t1", "expires_in": 3600}], **replies}
        self.calls: list[tuple[str, str, Any, Mapping[str, str]]] = []

    @override
    async def request(
        self,
        method: str,
        url: str,
        *,
        endpoint: str,
        writes: bool,
        purpose: str = "",
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
    ) -> Answer:
        sent = body or b""
        asked = parse_qs(sent.decode()) if endpoint == "token" else msgspec.json.decode(sent)
        endpoint += " by number" * (endpoint in {"loads/search", "trips/search"} and "LoadNumbers" in asked)
        self.calls.append((endpoint, url, asked, headers or {}))
        waiting = self.replies.get(endpoint, [page()])
        reply = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        if callable(reply):
            reply = reply(asked)
        if isinstance(reply, Exception):
            raise reply
        if isinstance(reply, Answer):
            return dataclasses.replace(reply, writes=writes)
        encoded = msgspec.json.Encoder(decimal_format="number").encode(reply)
        return Answer(HTTPStatus.OK, {}, encoded, writes)

    def asked(self, endpoint: str) -> list[Any]:
        return [body for called, _, body, _ in self.calls if called == endpoint]


def page(*items: object, total: int | None = None) -> Json:
    return {"Page": 0, "PageSize": 200, "Total": len(items) if total is None else total, "Items": list(items)}


def status(code: int, body: object = None) -> Answer:
    return Answer(code, {}, msgspec.json.encode(body) if body is not None else b"<html>", writes=False)


def load(number: str, **fields: object) -> Json:
    return {"Id": f"id-{number}", "LoadNumber": number, "Status": "Invoiced", "InvoiceAs": "Ours LLC"} | fields


def invoice(number: str, **fields: object) -> Json:
    return {
        "Id": f"inv-{number}",
        "Number": number,
        "Type": "LoadInvoice",
        "Status": "AwaitingPayment",
        "CreatedDate": "2026-10-05T15:00:00Z",
        "Total": {"Amount": Decimal("10.50"), "Currency": 840},
        "Customer": {"Id": "cus-1", "Name": "Acme"},
        "LineItems": [{"Name": "Linehaul", "Category": "Load", "Amount": {"Amount": Decimal("10.50")}}],
        "Loads": [{"Id": f"id-{number}", "LoadNumber": number, "SubsidiaryName": "Ours LLC"}],
        "Payments": [],
    } | fields


def trip(number: str, **fields: object) -> Json:
    return {
        "Id": f"trip-{number}",
        "TripNumber": number,
        "LoadNumber": number.partition("-")[0],
        "Status": "Released",
        "TenderAs": "Ours LLC",
        "ReleasedAt": "2026-10-05T15:00:00Z",
        "Carrier": {"Id": "car-1", "Linehaul": {"Amount": 8}, "TotalPayable": {"Amount": 8}},
    } | fields


CUSTOMER = {"Id": "cus-1", "Name": "Acme", "InvoicingInformation": {"PaymentTermsInDays": 30}}
CARRIER = {"Id": "car-1", "Name": "Swift Haul", "Type": "Carrier"}


def alvys(wire: Wire, clock: Callable[[], datetime] | None = None, **settings: Any) -> Alvys:
    return Alvys(dataclasses.replace(SETTINGS, **settings), wire, clock or Clock())


async def read(tms: Alvys) -> list[Sourced]:
    return [each for chunk in await chunks(tms) for each in chunk]


async def chunks(tms: Alvys) -> list[list[Sourced]]:
    return [list(found) for found in await looked(tms) if not isinstance(found, Census | Roster)]


async def rosters(tms: Alvys) -> list[Roster]:
    return [found for found in await looked(tms) if isinstance(found, Roster)]


async def looked(tms: Alvys) -> list[Found]:
    return [found async for found in tms.sources[0].changes(SINCE, NOW)]


def by_loads(records: Mapping[str, Json]) -> Callable[[Json], Json]:
    return lambda asked: page(*(records[number] for number in asked["LoadNumbers"] if number in records))


# --- the token ---------------------------------------------------------------------------------------------------


async def test_token_is_asked_for_once_and_every_request_says_who_we_are() -> None:
    wire = Wire({})
    await read(alvys(wire))
    assert [call[0] for call in wire.calls] == [
        "token",
        "loads/search",
        "trips/search",
    ]
    assert wire.asked("token") == [
        {
            "grant_type": ["client_credentials"],
            "client_id": ["id"],
            "client_secret": ["se&cret"],
            "audience": ["https://api.alvys.com/public/"],
        }
    ]
    assert wire.calls[0][1] == "http://auth.test/oauth/token"
    assert all(headers["User-Agent"] == "LoadLedger" for *_, headers in wire.calls)
    assert wire.calls[1][3]["Authorization"] == "Bearer t1"


@pytest.mark.parametrize(("lifetime", "seconds", "asked"), [(3600, 3299, 1), (3600, 3300, 2), (60, 29, 1), (60, 30, 2)])
async def test_token_is_renewed_before_it_expires(lifetime: int, seconds: int, asked: int) -> None:
    clock, wire = Clock(), Wire({"token": [{"access_token": "t1", "expires_in": lifetime}]})
    tms = alvys(wire, clock)
    await read(tms)
    clock.now += timedelta(seconds=seconds)
    await read(tms)
    assert len(wire.asked("token")) == asked


async def test_refused_token_is_replaced_once() -> None:
    wire = Wire({"token": [{"access_token": "t1"}, {"access_token": "t2"}], "loads/search": [status(401), page()]})
    await read(alvys(wire))
    used = [headers["Authorization"] for endpoint, *_, headers in wire.calls if endpoint == "loads/search"]
    assert used == ["Bearer t1", "Bearer t2"]


async def test_second_refusal_of_a_token_shuts_us_out() -> None:
    wire = Wire({"loads/search": [status(401)]})
    with pytest.raises(Unauthorized):
        await read(alvys(wire))
    assert len(wire.asked("loads/search")) == 2


@pytest.mark.parametrize("code", [400, 401, 403])
async def test_refused_credentials_shut_us_out_without_telling_the_secret(code: int) -> None:
    wire = Wire({"token": [status(code, {"error": "access_denied", "error_description": "Unauthorized"})]})
    with pytest.raises(Unauthorized, match="access_denied") as caught:
        await read(alvys(wire))
    assert "se&cret" not in str(caught.value) + repr(SETTINGS)


@pytest.mark.parametrize("answer", [{"token": 1}, {"access_token": "a\nb"}, status(200), status(408)])
async def test_answer_that_is_no_token_is_met_with_patience(answer: Reply) -> None:
    with pytest.raises(Unavailable):
        await read(alvys(Wire({"token": [answer]})))


# --- searches ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "url"),
    [
        ("http://alvys.test", "http://alvys.test/api/p/v1/loads/search"),
        ("http://alvys.test/", "http://alvys.test/api/p/v1/loads/search"),
        ("http://alvys.test/api/p/v2.0/", "http://alvys.test/api/p/v2.0/loads/search"),
    ],
)
async def test_address_may_name_the_version_or_not(address: str, url: str) -> None:
    wire = Wire({})
    await read(alvys(wire, api_url=address))
    assert wire.calls[1][1] == url


async def test_window_is_asked_for_in_the_members_the_vendor_knows() -> None:
    wire = Wire({})
    await read(alvys(wire))
    window = {"Start": "2026-10-19T12:00:00+00:00", "End": "2026-10-20T12:00:00+00:00"}
    expected = {"UpdatedAtRange": window, "IncludeDeleted": True, "Page": 0, "PageSize": 200}
    assert wire.asked("loads/search") == wire.asked("trips/search") == [expected]


async def test_pages_are_read_to_the_end_even_if_they_are_shorter_than_asked() -> None:
    loads = [page(load("1"), load("2"), total=3), page(load("3"), total=3)]
    wire = Wire({"loads/search": loads, "invoices/search": [by_loads({n: invoice(n) for n in "123"})]})
    assert [each.source_id for each in await read(alvys(wire))] == ["id-1", "id-2", "id-3"]
    assert [asked["Page"] for asked in wire.asked("loads/search")] == [0, 1]


@pytest.mark.parametrize("second", [page(load("3"), total=4), page(total=3)])
async def test_set_that_grew_or_lacks_a_page_is_read_again(second: Json) -> None:
    moved = [page(load("1"), load("2"), total=3), second]
    steady = [page(load("1"), load("2"), total=3), page(load("4"), total=3)]
    wire = Wire({"loads/search": moved + steady, "invoices/search": [by_loads({n: invoice(n) for n in "1234"})]})
    assert {each.source_id for each in await read(alvys(wire))} >= {"id-1", "id-2", "id-4"}


async def test_set_that_keeps_growing_is_left_for_later() -> None:
    replies: list[Reply] = [page(load(f"{n}", Status="Open"), total=n) for n in range(2, 9)]
    wire = Wire({"loads/search": replies})
    with pytest.raises(Unavailable, match="loads/search"):
        await read(alvys(wire))
    assert len(wire.asked("loads/search")) == 6


class Shrinking:
    """Trips that leave the window while it is read: before each page but the first, those at the positions given."""

    def __init__(self, count: int, departures: list[list[int]]) -> None:
        self.standing = [trip(f"{number}", Status="Cancelled") for number in range(count)]
        self._departures = iter([[], *departures])

    def __call__(self, asked: Json) -> Json:
        leaving = {place % (len(self.standing) or 1) for place in next(self._departures, [])}
        self.standing = [each for place, each in enumerate(self.standing) if place not in leaving]
        start = asked["Page"] * asked["PageSize"]
        return page(*self.standing[start : start + asked["PageSize"]], total=len(self.standing))


@pytest.mark.parametrize(
    ("departures", "pages"),
    [
        ([], [0, 1, 2, 3, 4]),
        ([[], [0]], [0, 1, 2, 1, 3, 4]),
        ([[0, 1, 2]], [0, 1, 0, 2, 3]),
        ([[], [], [0, 1, 2]], [0, 1, 2, 3, 2, 1]),
        ([[], [0, 1], [0]], [0, 1, 2, 1, 0, 3, 2]),
        ([[], list(range(7))], [0, 1, 2, 1, 0]),
        ([list(range(10))], [0, 1, 0]),
    ],
)
async def test_pages_before_are_read_again_as_far_as_records_moved_left(
    departures: list[list[int]], pages: list[int]
) -> None:
    trips = Shrinking(10, departures)
    wire = Wire({"trips/search": [trips]})
    found = {each.source_id for each in await read(alvys(wire, page_size=2))}
    assert found >= {each["Id"] for each in trips.standing}
    assert [asked["Page"] for asked in wire.asked("trips/search")] == pages


@given(st.integers(0, 30), st.lists(st.lists(st.integers(0, 29), max_size=6), max_size=40), st.integers(1, 5))
def test_record_that_stays_is_seen_whatever_leaves(count: int, departures: list[list[int]], page_size: int) -> None:
    trips = Shrinking(count, departures)
    wire = Wire({"trips/search": [trips]})
    found = {each.source_id for each in asyncio.run(read(alvys(wire, page_size=page_size)))}
    assert found >= {each["Id"] for each in trips.standing}
    assert len(wire.asked("trips/search")) <= 1 + 5 * count


NO_PAGES: list[Reply] = [
    {"Items": []},
    {"Total": 1},
    [],
    {"Items": {}, "Total": 0},
    status(200),
    Answer(200, {}, b"[" * 9000 + b"]" * 9000, writes=False),
    Answer(200, {}, b'{"Total": 1e99999999999999999999, "Items": []}', writes=False),
    Answer(200, {}, b'{"Total": 1, "Items": [{"Id": "', writes=False),
]


@pytest.mark.parametrize("body", NO_PAGES)
async def test_answer_that_is_no_page_is_met_with_patience(body: Reply) -> None:
    with pytest.raises(Unavailable):
        await read(alvys(Wire({"loads/search": [body]})))


@pytest.mark.parametrize("code", [400, 404, 409, 422])
async def test_refused_search_is_told_in_the_vendors_words(code: int) -> None:
    told = {"title": "One or more validation errors occurred.", "errors": {"Page": ["must be positive"]}}
    with pytest.raises(Rejected) as caught:
        await read(alvys(Wire({"loads/search": [status(code, told)]})))
    assert caught.value.problem.code == "read_refused"
    assert caught.value.problem.detail == (
        f"loads/search: HTTP {code}: One or more validation errors occurred. · Page: must be positive"
    )


async def test_missing_scope_shuts_us_out() -> None:
    with pytest.raises(Unauthorized):
        await read(alvys(Wire({"loads/search": [status(403)]})))


# --- what is read ------------------------------------------------------------------------------------------------


async def test_invoices_are_fetched_by_load_number_in_chunks_and_each_is_yielded() -> None:
    records = {n: invoice(n) for n in "12345"}
    wire = Wire({"loads/search": [page(*map(load, "12345"))], "invoices/search": [by_loads(records)]})
    found = await chunks(alvys(wire, invoice_chunk=2))
    assert [[each.label for each in chunk] for chunk in found] == [["1", "2"], ["3", "4"], ["5"]]
    assert [asked["LoadNumbers"] for asked in wire.asked("invoices/search")] == [["1", "2"], ["3", "4"], ["5"]]


async def test_loads_that_can_have_no_invoice_cost_no_request() -> None:
    wire = Wire({"loads/search": [page(load("1", Status="In Transit"))]})
    assert await read(alvys(wire)) == []
    assert wire.asked("invoices/search") == []


@pytest.mark.parametrize("vanished", ["", "12"])
async def test_cancelled_load_withdraws_its_invoice_once_there_or_not(vanished: str) -> None:
    wire = Wire(
        {
            "loads/search": [page(load("1", Status="Cancelled"), load("2", IsDeleted=True), load("3"))],
            "invoices/search": [by_loads({n: invoice(n) for n in "123" if n not in vanished})],
        }
    )
    found = [(each.source_id, each.label, each.withdrawn) for each in await read(alvys(wire))]
    assert found == [("id-1", "1", True), ("id-2", "2", True), ("id-3", "3", False)]


async def test_order_invoice_is_withdrawn_with_the_last_of_its_loads() -> None:
    both = [{"Id": f"id-{n}", "LoadNumber": n, "SubsidiaryName": "Ours LLC"} for n in "12"]
    order = invoice("1", Id="order", Type="OrderInvoice", Loads=both)
    loads = [
        page(load("1", Status="Cancelled"), load("2")),
        page(load("1", Status="Cancelled"), load("2", IsDeleted=True)),
    ]
    tms = alvys(Wire({"loads/search": loads, "invoices/search": [page(order)]}))
    assert [each.withdrawn for each in await read(tms) if each.source_id == "order"] == [False]
    assert [each.withdrawn for each in await read(tms) if each.source_id == "order"] == [True]


async def test_namesake_of_a_cancelled_load_keeps_its_invoice() -> None:
    other = load("1", Id="another-subsidiary's", Status="Cancelled")
    wire = Wire({"loads/search": [page(other, load("1"))], "invoices/search": [by_loads({"1": invoice("1")})]})
    found = {each.source_id: each.withdrawn for each in await read(alvys(wire))}
    assert found == {"another-subsidiary's": True, "id-1": False}


async def test_invoice_made_anew_replaces_the_old_one_while_both_show() -> None:
    old, new = invoice("1"), invoice("1", Id="inv-0", CreatedDate="2026-10-06T15:00:00Z", Total={"Amount": 12})
    wire = Wire({"loads/search": [page(load("1"))], "invoices/search": [page(old, new), page(new, old)]})
    tms = alvys(wire)
    for superseded in (1, 2):
        (found,) = await read(tms)
        assert found.content is not None
        assert (found.source_id, found.content.total) == ("id-1", Money(1200))
        assert tms.skipped[Skip.SUPERSEDED] == superseded


async def test_draft_does_not_displace_the_invoice_that_stands() -> None:
    draft = invoice("1", Id="inv-0", CreatedDate="2026-10-06T15:00:00Z", Status="Draft", Total={"Amount": 12})
    wire = Wire({"loads/search": [page(load("1"))], "invoices/search": [page(invoice("1"), draft)]})
    (found,) = await read(alvys(wire))
    assert found.content is not None
    assert found.content.total == Money(1050)


@pytest.mark.parametrize("number", [None, " ", 7])
async def test_cancelled_load_without_a_number_is_withdrawn_and_no_problem(number: object) -> None:
    wire = Wire({"loads/search": [page(load("1", LoadNumber=number, Status="Cancelled"))]})
    (found,) = await read(alvys(wire))
    assert (found.source_id, found.withdrawn, found.problem) == ("id-1", True, None)
    assert wire.asked("invoices/search") == []


async def test_cancelled_load_without_an_id_withdraws_nothing_by_its_number() -> None:
    wire = Wire({"loads/search": [page(load("1", Id=None, Status="Cancelled"))], "invoices/search": [page()]})
    assert await read(alvys(wire)) == []


async def test_load_without_a_number_is_kept_as_a_problem_and_the_others_go_on() -> None:
    wire = Wire(
        {"loads/search": [page(load("1"), load("2", LoadNumber=7), "?")], "invoices/search": [page(invoice("1"))]}
    )
    found = await read(alvys(wire))
    assert found[0].source_id == "id-2"
    assert [each.problem.code for each in found if each.problem] == ["shape_unknown", "shape_unknown"]
    assert [each.content is not None for each in found] == [False, False, True]


async def test_customers_are_read_once_and_again_only_for_an_unknown_one() -> None:
    clock = Clock()
    invoices = [page(invoice("1")), page(invoice("1")), page(invoice("1", Customer={"Id": "cus-2", "Name": "New"}))]
    wire = Wire({"loads/search": [page(load("1"))], "invoices/search": invoices, "customers/search": [page(CUSTOMER)]})
    tms = alvys(wire, clock)
    first = await read(tms)
    assert first[0].content is not None
    assert first[0].content.due_on == date(2026, 11, 4)
    assert len(wire.asked("customers/search")) == 1
    assert wire.asked("customers/search")[0]["Statuses"] == ["Active", "Inactive"]
    clock.now += timedelta(days=9)
    await read(tms)
    assert len(wire.asked("customers/search")) == 1
    for seconds, asked in ((0, 2), (3599, 2), (1, 3)):
        clock.now += timedelta(seconds=seconds)
        await read(tms)
        assert len(wire.asked("customers/search")) == asked


async def test_trip_with_a_carrier_becomes_a_bill_and_names_are_refreshed_after_a_while() -> None:
    clock = Clock()
    renamed = CARRIER | {"Name": "Swift Haul II"}
    wire = Wire({"trips/search": [page(trip("1-1"))], "carriers/search": [page(CARRIER), page(renamed)]})
    tms = alvys(wire, clock)
    names = []
    for seconds in (0, 3599, 1):
        clock.now += timedelta(seconds=seconds)
        names += [each.content.party.name for each in await read(tms) if each.content]
    assert names == ["Swift Haul", "Swift Haul", "Swift Haul II"]
    assert wire.asked("carriers/search")[0]["Ids"] == ["car-1"]


async def test_cancelled_and_deleted_trips_withdraw_their_bills_even_without_a_carrier() -> None:
    trips = page(trip("1-1", Status="Cancelled", Carrier=None), trip("2-1", IsDeleted=True), "?")
    found = await read(alvys(Wire({"trips/search": [trips]})))
    gone = [(each.kind, each.source_id) for each in found if each.withdrawn]
    assert [source_id for kind, source_id in gone if kind is Kind.CARRIER_BILL] == ["trip-1-1", "trip-2-1"]
    assert {kind for kind, _ in gone} == {Kind.CARRIER_BILL, Kind.CARRIER_CREDIT, Kind.SUBSIDIARY_BILL}
    assert [each.problem.code for each in found if each.problem] == ["shape_unknown"]


async def test_skipped_records_are_counted_by_reason() -> None:
    wire = Wire(
        {
            "loads/search": [page(load("1"), load("2"))],
            "invoices/search": [page(invoice("1", Type="StandaloneInvoice"), invoice("2", Total={"Amount": 0}))],
            "trips/search": [
                page(
                    trip("2-1", ReleasedAt=None, Status="Delivered"),
                    trip("3-1"),
                )
            ],
            "carriers/search": [page(CARRIER | {"Type": "Subsidiary"})],
        }
    )
    tms = alvys(wire)
    assert set(tms.skipped) == set(Skip)
    assert [each for each in await read(tms) if not each.withdrawn] == []
    assert {skip: count for skip, count in tms.skipped.items() if count} == {
        Skip.STANDALONE: 1,
        Skip.ZERO_VALUED: 1,
        Skip.NOT_RELEASED: 1,
        Skip.SUBSIDIARY_CARRIER: 1,
    }


async def test_another_subsidiarys_records_are_not_ours() -> None:
    wire = Wire(
        {
            "loads/search": [page(load("1"))],
            "invoices/search": [page(invoice("1"))],
            "trips/search": [page(trip("1-1"))],
        }
    )
    tms = alvys(wire, subsidiary="Theirs LLC")
    assert await read(tms) == []
    assert tms.skipped[Skip.NOT_OURS] == 2


# --- payments ----------------------------------------------------------------------------------------------------


# What the references of our payments for the source "s" begin with, as an invoice and as a bill.
INVOICED, BILLED = "loadledger-478b989b-", "loadledger-2f8ccacd-"


def claim(
    kind: Kind = Kind.CUSTOMER_INVOICE,
    *,
    report: PaymentReport | None = None,
    number: str = "1",
    told: Tellings = Tellings(),  # noqa: B008 - frozen
    due: int = 1050,
) -> Claim:
    content = Content(
        party=Party("p", "Acme"),
        number=number,
        issued_on=date(2026, 10, 5),
        due_on=None,
        lines=(Line("linehaul", "Linehaul", Money(1050)),),
        total=Money(1050),
        load_number=number,
        trip_id="trip-1" if kind is Kind.CARRIER_BILL else None,
    )
    transaction = Transaction(
        id=TransactionId(int(number)),
        kind=kind,
        source_id="s",
        label=number,
        state=State.PAID,
        version=1,
        generation=1,
        revision=1,
        content=content,
        digest="",
        total=content.total,
        paid=None,
        document=None,
        problem=None,
        in_flight=False,
        created_at=NOW,
        updated_at=NOW,
    )
    message = Message(
        id=int(number),
        effect=Effect.REPORT_PAYMENT,
        phase=Phase.WAITING,
        revision=1,
        generation=1,
        round=0,
        attempts=0,
        reads=0,
        tries=0,
        due_at=NOW,
        report=report or PaymentReport(Money(1050), date(2026, 10, 18), method="Check"),
    )
    return Claim(message, transaction, told=told, due=due)


async def test_customer_payment_is_frozen_as_the_vendors_request() -> None:
    order = await alvys(Wire({})).payments.prepare(claim(), "request-1")
    assert order.request_id == "request-1"
    assert b'"Amount":10.50' in order.body
    assert msgspec.json.decode(order.body) == {
        "LoadNumber": "1",
        "Amount": {"Amount": 10.5, "Currency": 840},
        "PaymentDate": "2026-10-18T12:00:00Z",
        "ReferenceNumber": f"{INVOICED}1",
        "InvoiceNumber": "1",
        "PaymentMethod": "Check",
    }


async def test_carrier_payment_is_frozen_as_the_vendors_request() -> None:
    report = PaymentReport(Money(800, "CAD"), date(2026, 10, 18), note="Bill payment 55")
    further = claim(Kind.CARRIER_BILL, report=report, told=Tellings(8, 1_000), due=1_800)
    order = await alvys(Wire({})).payments.prepare(further, "request-1")
    assert msgspec.json.decode(order.body) == {
        "TripId": "trip-1",
        "Amount": {"Amount": 8, "Currency": 124},
        "PaymentDate": "2026-10-18T12:00:00Z",
        "ReferenceNumber": f"{BILLED}9",
        "Note": "Bill payment 55",
    }


@pytest.mark.parametrize("hours", [-10, -5, 0, 9])
async def test_day_of_a_payment_is_the_same_in_the_settings_zone_and_in_utc(hours: int) -> None:
    zone = timezone(timedelta(hours=hours))
    order = await alvys(Wire({}), timezone=zone).payments.prepare(claim(), "r")
    paid_at = datetime.fromisoformat(msgspec.json.decode(order.body)["PaymentDate"])
    assert paid_at.astimezone(zone).date() == paid_at.astimezone(UTC).date() == date(2026, 10, 18)


async def test_payment_without_a_report_or_in_an_unknown_currency_waits_for_a_person() -> None:
    payments = alvys(Wire({})).payments
    unreported = claim()
    for wrong in (
        replace(unreported, message=replace(unreported.message, report=None)),
        replace(unreported, transaction=replace(unreported.transaction, content=None)),
        claim(report=PaymentReport(Money(1, "36"), date(2026, 10, 18))),
    ):
        with pytest.raises(Rejected) as caught:
            await payments.prepare(wrong, "r")
        assert caught.value.problem.code == "payment_refused"


async def ordered(tms: Alvys, *claims: Claim) -> list[Order]:
    return [await tms.payments.prepare(each, "r") for each in claims]


def paid(number: str, *payments: tuple[str | None, str]) -> Json:
    held = [{"Id": "p", "PaymentReference": ref, "Amount": {"Amount": Decimal(amount)}} for ref, amount in payments]
    return invoice(number, Payments=held)


async def test_look_up_finds_our_payments_with_one_search_and_asks_nothing_about_carriers() -> None:
    found = page(paid("1", (None, "3"), (f"{INVOICED}1", "10.50")), paid("2", (f"{BILLED}1", "10.50")))
    wire = Wire({"invoices/search": [found]})
    tms = alvys(wire)
    orders = await ordered(tms, *(claim(number=n) for n in "123"), claim(Kind.CARRIER_BILL, number="4"))
    assert await tms.payments.look_up(orders) == {
        1: Present(Receipt(told=Tellings(1, 1_050))),
        2: Absent(),
        3: Absent(),
        4: Absent(),
    }
    assert [asked["LoadNumbers"] for asked in wire.asked("invoices/search")] == [["1", "2", "3"]]


async def test_look_up_survives_an_invoice_it_can_not_read() -> None:
    tms = alvys(Wire({"invoices/search": [page("?", invoice("1", Payments=[5]))]}))
    assert await tms.payments.look_up(await ordered(tms, claim())) == {1: Absent()}


async def test_look_up_of_carrier_payments_alone_costs_no_request() -> None:
    wire = Wire({})
    tms = alvys(wire)
    assert await tms.payments.look_up(await ordered(tms, claim(Kind.CARRIER_BILL))) == {1: Absent()}
    assert wire.calls == []


@pytest.mark.parametrize(
    ("kind", "path"),
    [(Kind.CUSTOMER_INVOICE, "invoices/customer-payments"), (Kind.CARRIER_BILL, "invoices/carrier-payments")],
)
async def test_payment_is_posted_once_to_its_own_endpoint(kind: Kind, path: str) -> None:
    wire = Wire({path: [{"Id": "pay-1", "Status": "Completed"}]})
    tms = alvys(wire)
    (order,) = await ordered(tms, claim(kind))
    assert (await tms.payments.send(order)).trace == "pay-1"
    assert wire.asked(path) == [msgspec.json.decode(order.body)]


def trip_paid(*payments: tuple[str | None, str]) -> Json:
    held = [{"Id": "p", "ReferenceNumber": ref, "Amount": {"Amount": Decimal(amount)}} for ref, amount in payments]
    return {"TripId": "trip-1", "Status": "Completed", "CarrierPayments": held}


async def told(tms: Alvys, wanted: Claim) -> list[Receipt]:
    """Tell a payment as the relay does: prepared anew as long as nothing was done."""
    for _ in range(3):
        (order,) = await ordered(tms, wanted)
        verdict = (await tms.payments.look_up([order]))[wanted.message.id]
        if isinstance(verdict, Present):
            return [verdict.receipt]
        with suppress(Unavailable):
            return [await tms.payments.send(order)]
    return []


async def test_customer_payment_under_a_number_that_was_used_since_tells_only_what_is_missing() -> None:
    found = page(paid("1", (f"{INVOICED}1", "4"), (f"{INVOICED}2", "3.50"), ("by hand", "1")))
    wire = Wire({"invoices/search": [found] * 2, "invoices/customer-payments": [{"Id": "pay-3"}]})

    assert await told(alvys(wire), claim()) == [Receipt(trace="pay-3", told=Tellings(3, 1_050))]

    [sent] = wire.asked("invoices/customer-payments")
    assert (sent["ReferenceNumber"], sent["Amount"]["Amount"]) == (f"{INVOICED}3", 3)


async def test_carrier_payment_under_a_number_that_was_used_since_tells_only_what_is_missing() -> None:
    before = trip_paid((f"{BILLED}1", "4"), (None, "1"), (f"{BILLED}2", "3.50"))
    after = trip_paid((f"{BILLED}1", "4"), (f"{BILLED}2", "3.50"), (f"{BILLED}3", "3"))
    wire = Wire({"invoices/carrier-payments": [before, after]})

    assert await told(alvys(wire), claim(Kind.CARRIER_BILL)) == [Receipt(told=Tellings(3, 1_050))]

    asked = [(sent["ReferenceNumber"], sent["Amount"]["Amount"]) for sent in wire.asked("invoices/carrier-payments")]
    assert asked == [(f"{BILLED}1", 10.5), (f"{BILLED}3", 3)]


async def test_carrier_payment_that_was_told_in_other_parts_is_told_no_more() -> None:
    wire = Wire({"invoices/carrier-payments": [trip_paid((f"{BILLED}1", "4"), (f"{BILLED}2", "9"))]})
    tms = alvys(wire)

    assert await told(tms, claim(Kind.CARRIER_BILL)) == [Receipt(told=Tellings(2, 1_300))]
    assert await told(tms, claim(Kind.CARRIER_BILL, told=Tellings(2, 1_300), due=1_250)) == [
        Receipt(told=Tellings(2, 1_300))
    ]
    assert len(wire.asked("invoices/carrier-payments")) == 1


async def test_order_that_was_frozen_before_more_was_known_is_not_sent() -> None:
    wire = Wire({"invoices/search": [page(paid("1", (f"{INVOICED}1", "4")))]})
    tms = alvys(wire)
    orders = await ordered(tms, claim())
    assert await tms.payments.look_up(orders) == {1: Absent()}

    with pytest.raises(Unavailable) as caught:
        await tms.payments.send(orders[0])

    assert caught.value.retry_after == 0
    assert wire.asked("invoices/customer-payments") == []


async def test_carrier_payment_is_told_though_the_answer_shows_nothing_we_can_read() -> None:
    wire = Wire({"invoices/carrier-payments": [{"CarrierPayments": "all of them"}]})
    assert await told(alvys(wire), claim(Kind.CARRIER_BILL)) == [Receipt(told=Tellings(1, 1_050))]


@pytest.mark.parametrize("code", [400, 404, 409, 422])
async def test_refused_payment_waits_for_a_person_with_the_vendors_words(code: int) -> None:
    told = {"Title": "Bad Request", "Detail": "Load must be in one of: Invoiced, Completed, Financed."}
    tms = alvys(Wire({"invoices/customer-payments": [status(code, told)]}))
    (order,) = await ordered(tms, claim())
    with pytest.raises(Rejected) as caught:
        await tms.payments.send(order)
    assert caught.value.problem.code == "payment_refused"
    assert "Load must be in one of" in caught.value.problem.detail


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (status(401), Unauthorized),
        (status(403), Unauthorized),
        (status(408), OutcomeUnknown),
        (status(200), OutcomeUnknown),
        (OutcomeUnknown("lost"), OutcomeUnknown),
        (Unavailable("throttled"), Unavailable),
    ],
)
async def test_end_of_a_payment_post_is_told_by_what_to_do_next(reply: Reply, error: type[Exception]) -> None:
    tms = alvys(Wire({"invoices/customer-payments": [reply]}))
    (order,) = await ordered(tms, claim())
    with pytest.raises(error):
        await tms.payments.send(order)


# --- check -------------------------------------------------------------------------------------------------------


async def standings(wire: Wire, **settings: Any) -> dict[str, Standing]:
    return {finding.subject: finding.standing for finding in await alvys(wire, **settings).check()}


async def test_check_passes_every_line_of_a_fit_connection() -> None:
    wire = Wire({"loads/search": [page(load("1"))], "trips/search": [page(trip("1-1"))]})
    found = await standings(wire, subsidiary="Ours LLC", subsidiary_id="sub-1", rules=EVERYTHING)
    assert len(found) == 14
    assert set(found.values()) == {Standing.PASS}


async def test_check_names_the_scope_a_search_lacks_and_goes_on() -> None:
    findings = await alvys(Wire({"carriers/search": [status(403)]})).check()
    failed = [finding for finding in findings if finding.standing is Standing.FAIL]
    assert [finding.subject for finding in failed] == ["Alvys carriers/search"]
    assert "carrier:read" in failed[0].fix
    assert len(findings) == 9


@pytest.mark.parametrize(
    ("path", "scope"),
    [
        ("carrier-settlement-statements/search", "carrier:read"),
        ("driver-settlement-statements/search", "driver:read"),
        ("trucks/search", "truck:read"),
        ("fuel/search", "fuel:read"),
        ("tolls/search", "toll:read"),
    ],
)
async def test_check_asks_for_the_scopes_of_what_is_billed_only(path: str, scope: str) -> None:
    (failed,) = [
        finding
        for finding in await alvys(Wire({path: [status(403)]}), rules=EVERYTHING).check()
        if finding.standing is Standing.FAIL
    ]
    assert scope in failed.fix
    assert set((await standings(Wire({path: [status(403)]}), rules=Rules(expense=False))).values()) == {Standing.PASS}


@pytest.mark.parametrize(
    ("configured", "seen", "standing"),
    [
        ("sub-1", "sub-1", Standing.PASS),
        ("sub-1", "", Standing.PASS),
        ("sub-1", "sub-2", Standing.FAIL),
        (None, "sub-2", Standing.FAIL),
        (None, "", Standing.FAIL),
    ],
)
async def test_check_compares_the_id_of_the_subsidiary_with_the_one_its_invoices_show(
    configured: str | None, seen: str, standing: Standing
) -> None:
    vendors = [{"Id": seen, "Name": "Ours LLC"}] if seen else [{"Id": "sub-3", "Name": "Theirs LLC"}, None, "?"]
    wire = Wire({"invoices/search": [page(*(invoice(f"{n}", Vendor=each) for n, each in enumerate(vendors)), "?")]})
    found = await alvys(wire, subsidiary="Ours LLC", subsidiary_id=configured).check()
    (finding,) = [each for each in found if each.subject == "Alvys subsidiary id"]
    assert finding.standing is standing
    assert standing is Standing.PASS or seen in finding.fix


async def test_check_needs_no_id_of_a_subsidiary_where_nothing_is_named_by_one() -> None:
    assert "Alvys subsidiary id" not in await standings(Wire({}), subsidiary="Ours LLC", rules=Rules(expense=False))
    assert "Alvys subsidiary id" not in await standings(Wire({}), subsidiary=None)


@pytest.mark.parametrize(("reply", "remedy"), [(status(401), "credentials"), (Unavailable("no answer"), "network")])
async def test_check_ends_at_a_token_it_can_not_get(reply: Reply, remedy: str) -> None:
    (finding,) = await alvys(Wire({"token": [reply]})).check()
    assert finding.standing is Standing.FAIL
    assert remedy in finding.fix


@pytest.mark.parametrize(
    ("configured", "seen", "standing"),
    [
        ("Ours LLC", ["Ours LLC", "Theirs LLC"], Standing.PASS),
        ("Ours, LLC", ["Ours LLC"], Standing.FAIL),
        ("Ours LLC", [], Standing.WARN),
        (None, ["Ours LLC"], Standing.PASS),
        (None, ["Ours LLC", "Theirs LLC"], Standing.FAIL),
    ],
)
async def test_check_compares_the_subsidiary_with_those_seen(
    configured: str | None, seen: list[str], standing: Standing
) -> None:
    wire = Wire({"loads/search": [page(*(load(str(n), InvoiceAs=name) for n, name in enumerate(seen)), "?")]})
    assert (await standings(wire, subsidiary=configured))["Alvys subsidiary"] is standing
