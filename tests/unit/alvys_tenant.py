"""An Alvys tenant in memory: records as the vendor shows them, its searches over them, and what an adapter reads."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from http import HTTPStatus
from typing import Any

import msgspec
from typing_extensions import override

from adapters.alvys import Alvys, Rules, Settings, Skip
from adapters.http import Answer, Http
from adapters.ports import Census, Found, Roster
from state.transaction import Content, Kind, Sourced

Json = dict[str, Any]

OURS, THEIRS = "Ours LLC", "Theirs LLC"
OUR_ID, THEIR_ID = "sub-1", "sub-2"
NOW = datetime(2026, 10, 20, 12, tzinfo=UTC)
LATELY = "2026-10-20T11:00:00Z"
SETTINGS = Settings(
    api_url="http://alvys.test",
    token_url="http://alvys.test/oauth/token",
    client_id="id",
    client_secret="secret",
    first_date=date(2026, 10, 1),
    subsidiary=OURS,
    subsidiary_id=OUR_ID,
)
CUSTOMER: Json = {"Id": "cus-1", "Name": "Acme", "InvoicingInformation": {"PaymentTermsInDays": 15}}
CARRIER: Json = {"Id": "car-1", "Name": "Swift Haul", "Type": "Carrier"}
COMPANY: Json = {"Id": "car-9", "Name": "Theirs LLC", "Type": "Subsidiary"}
DRIVER: Json = {"Id": "dri-1", "Name": "Li Wei", "Type": "COMPANY", "SubsidiaryId": OUR_ID, "IsActive": True}


def usd(amount: str) -> Json:
    return {"Amount": Decimal(amount), "Currency": 840}


def load(number: str = "1001", **fields: object) -> Json:
    return {
        "Id": f"load-{number}",
        "LoadNumber": number,
        "OrderNumber": f"order-{number}",
        "Status": "Invoiced",
        "InvoiceAs": OURS,
        "InvoicedAt": "2026-10-06T15:00:00Z",
        "Fleet": {"Id": "fleet-1", "Name": "Red", "InvoiceNumberPrefix": None},
        "UpdatedAt": LATELY,
    } | fields


def invoice(number: str = "1001", *loads: Json, **fields: object) -> Json:
    covered = loads or (load(number),)
    return {
        "Id": f"inv-{number}",
        "Number": number,
        "Type": "LoadInvoice",
        "Status": "AwaitingPayment",
        "CreatedDate": "2026-10-06T15:00:00Z",
        "InvoicedDate": "2026-10-06T15:00:00Z",
        "Total": usd("1000.00"),
        "Vendor": {"Id": OUR_ID, "Name": OURS},
        "Customer": {"Id": "cus-1", "Name": "Acme"},
        "LineItems": [line("Linehaul", "1000.00")],
        "Loads": [
            {
                "Id": each["Id"],
                "LoadNumber": each["LoadNumber"],
                "SubsidiaryName": each["InvoiceAs"],
                "OrderNumber": each["OrderNumber"],
                "PONumber": None,
            }
            for each in covered
        ],
        "Payments": [],
    } | fields


def line(name: str, amount: str, category: str = "Load", number: str | None = None) -> Json:
    return {"Id": f"line-{name}", "Name": name, "Category": category, "Amount": usd(amount), "LoadNumber": number}


def trip(number: str = "1001-1", **fields: object) -> Json:
    load_number = number.partition("-")[0]
    return {
        "Id": f"trip-{number}",
        "TripNumber": number,
        "LoadNumber": load_number,
        "OrderNumber": f"order-{load_number}",
        "Status": "Released",
        "TenderAs": OURS,
        "TenderAsSubsidiaryType": "Broker",
        "ReleasedAt": "2026-10-05T15:00:00Z",
        "TripValue": usd("1000.00"),
        "Carrier": None,
        "UpdatedAt": LATELY,
    } | fields


def hired(carrier: str = "car-1", total: str = "800.00", **fields: object) -> Json:
    pay = {"Id": carrier, "CarrierInvoiceNumber": None, "Linehaul": usd("800.00"), "TotalPayable": usd(total)}
    return {"Carrier": pay | fields}


def driven(driver: str = "dri-1", *, role: str = "Driver1", kind: str = "COMPANY", **fields: object) -> Json:
    """Return the fields of a trip of our own truck, its driver paid 300.00 for it unless said otherwise."""
    paid = {"Id": driver, "ContractorType": kind, "Rates": [], "RatesV2": [policy(PerTripRate="300.00")]}
    return {"TenderAsSubsidiaryType": "Carrier", role: paid | fields}


def policy(**rates: str) -> Json:
    """Return a pay policy with what each of its rates came to."""
    worked = {
        field: {"RateId": field, "RateName": field, "LineItems": [{"Description": "as agreed", "Amount": usd(amount)}]}
        for field, amount in rates.items()
    }
    return {"PolicyId": "policy-1", "PolicyName": "Fleet pay"} | worked


def check(number: str, amount: str, fee: str = "0") -> Json:
    return {"Id": number, "CheckNumber": number, "Amount": usd(amount), "Fee": usd(fee), "Type": "Advance"}


class Tenant(Http):
    """Records by search, and how often each search was made. What a test changes in `records` shows at once."""

    def __init__(self, **records: Iterable[Json]) -> None:
        named = {"customers": [CUSTOMER], "carriers": [CARRIER, COMPANY], "drivers": [DRIVER], **records}
        self.records: dict[str, list[Json]] = {kind: deepcopy(list(found)) for kind, found in named.items()}
        self.documents: dict[str, list[object]] = {}
        self.refused: set[str] = set()
        self.requests: Counter[str] = Counter()

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
        self.requests[endpoint] += 1
        if endpoint in self.refused:
            return Answer(HTTPStatus.BAD_REQUEST, {}, b"{}", writes)
        answer: object = {"access_token": "t", "expires_in": 3600}
        if endpoint == "trips/documents":
            answer = self.documents.get(url.split("/")[-2], [])
        elif endpoint != "token":
            asked = msgspec.json.decode(body or b"{}")
            found = self.matching(endpoint, asked)
            page = found[asked["Page"] * asked["PageSize"] :][: asked["PageSize"]]
            answer = {"Page": asked["Page"], "PageSize": asked["PageSize"], "Total": len(found), "Items": page}
        encoded = msgspec.json.Encoder(decimal_format="number").encode(answer)
        return Answer(HTTPStatus.OK, {}, encoded, writes)

    def matching(self, endpoint: str, asked: Json) -> list[Json]:
        """Return the records that a search finds."""
        matches = _FILTERS[endpoint]
        return [each for each in self.records.get(endpoint.partition("/")[0], ()) if matches(each, asked)]

    def adapter(self, **settings: Any) -> Alvys:
        rules = {name: value for name, value in settings.items() if name in Rules.__slots__}
        others = {name: value for name, value in settings.items() if name not in rules}
        return Alvys(replace(SETTINGS, rules=Rules(**rules), **others), self, lambda: NOW)

    async def read(self, **settings: Any) -> "Seen":
        """Read everything that changed lately, by the rules and settings given."""
        return await look(self.adapter(**settings))


class Seen:
    """What one look at the tenant found."""

    def __init__(self, found: Iterable[Found], skipped: Counter[Skip]) -> None:
        every = list(found)
        self.rosters = [each for each in every if isinstance(each, Roster)]
        self.sourced = {
            (each.kind, each.source_id): each
            for chunk in every
            if not isinstance(chunk, Roster | Census)
            for each in chunk
        }
        self.skipped = {skip: count for skip, count in skipped.items() if count}

    def taken(self, kind: Kind) -> dict[str, Content]:
        """Return what stands of a kind, by its id; a problem among it fails the test."""
        standing = [each for each in self.sourced.values() if each.kind is kind and not each.withdrawn]
        assert [each.problem for each in standing if each.problem] == []
        return {each.source_id: each.content for each in standing if each.content}

    def only(self, kind: Kind) -> Content:
        [content] = self.taken(kind).values()
        return content

    def withdrawn(self, kind: Kind) -> set[str]:
        return {source_id for (each, source_id), found in self.sourced.items() if each is kind and found.withdrawn}

    def roster(self, kind: Kind, record: str) -> frozenset[str]:
        [found] = {each.listed for each in self.rosters if kind in each.kinds and each.record == record}
        return found

    @property
    def kinds(self) -> set[Kind]:
        """The kinds of what stands."""
        return {kind for (kind, _), found in self.sourced.items() if not found.withdrawn}

    @property
    def problems(self) -> dict[str, str]:
        """What can't be taken: the detail of each problem by the id of its record."""
        return {each.source_id: each.problem.detail for each in self.sourced.values() if each.problem}

    def of(self, kind: Kind, source_id: str) -> Sourced:
        return self.sourced[kind, source_id]


async def look(tms: Alvys) -> Seen:
    before = tms.skipped.copy()
    found = [each async for each in tms.sources[0].changes(NOW - timedelta(days=1), NOW)]
    return Seen(found, tms.skipped - before)


def _changed(record: Json, asked: Json) -> bool:
    if "UpdatedAtRange" in asked:
        start, end = (datetime.fromisoformat(asked["UpdatedAtRange"][each]) for each in ("Start", "End"))
        return start <= datetime.fromisoformat(record["UpdatedAt"]) <= end
    assert len(asked["LoadNumbers"]) == len(set(asked["LoadNumbers"]))
    return record["LoadNumber"] in asked["LoadNumbers"]


def _billed(record: Json, asked: Json) -> bool:
    if "InvoicedDateRange" in asked:
        start, end = (datetime.fromisoformat(asked["InvoicedDateRange"][each]) for each in ("Start", "End"))
        return bool(record["InvoicedDate"]) and start <= datetime.fromisoformat(record["InvoicedDate"]) <= end
    return any(each["LoadNumber"] in asked["LoadNumbers"] for each in record["Loads"])


_FILTERS: Mapping[str, Callable[[Json, Json], bool]] = {
    "loads/search": _changed,
    "trips/search": _changed,
    "invoices/search": _billed,
    "customers/search": lambda _, __: True,
    "carriers/search": lambda carrier, asked: carrier["Id"] in asked["Ids"],
    "drivers/search": lambda driver, asked: driver["IsActive"] is asked["IsActive"],
}
