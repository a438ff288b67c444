"""Records and answers of the TMS that nobody should send: each its own error, and the others go on."""

import copy
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec
from aiohttp import web

from adapters.sandbox import serve
from tests.integration.twins import Json, until

if TYPE_CHECKING:
    from tests.integration.stage import Daemon, Stage

CANADIAN = 124
Change = Callable[[Json], Any]


def canadian(invoice: Json) -> None:
    for money in (invoice["Total"], *(line["Amount"] for line in invoice["LineItems"])):
        money["Currency"] = CANADIAN


def thousandths(invoice: Json) -> None:
    invoice["LineItems"][0]["Amount"]["Amount"] += Decimal("0.005")
    invoice["Total"]["Amount"] += Decimal("0.005")


# What is done to an invoice, and the error it must end in; None for one that is sound all the same.
INVOICES: dict[str, tuple[Change, str | None]] = {
    "no_customer": (lambda it: it.update(Customer=None), "party_missing"),
    "customer_without_name": (lambda it: it["Customer"].update(Name=" "), "party_missing"),
    "lines_do_not_sum": (lambda it: it["Total"].update(Amount=it["Total"]["Amount"] + 1), "lines_unequal_total"),
    "no_lines": (lambda it: it.update(LineItems=[]), "lines_missing"),
    "canadian": (canadian, "currency_foreign"),
    "thousandths": (thousandths, "amount_inexact"),
    "beyond_all_exponents": (lambda it: it["Total"].update(Amount=Decimal("1E+400")), "amount_inexact"),
    "text_for_money": (lambda it: it.update(Total="1200.00"), "shape_unknown"),
    "text_for_a_customer": (lambda it: it.update(Customer="Acme"), "shape_unknown"),
    "number_for_lines": (lambda it: it.update(LineItems=7), "shape_unknown"),
    "null_line": (lambda it: it["LineItems"].append(None), "shape_unknown"),
    "no_date": (lambda it: it.update(InvoicedDate=None, CreatedDate=None), "date_missing"),
    "date_that_is_none": (lambda it: it.update(InvoicedDate="soon"), "shape_unknown"),
    "no_id": (lambda it: it.pop("Id"), "shape_unknown"),
    "unknown_fields": (lambda it: it.update(Blockchain={"Depth": [1, {"Hash": None}]}, Loads2=None), None),
}
TRIPS: dict[str, tuple[Change, str | None]] = {
    "text_for_a_carrier": (lambda it: it.update(Carrier="Redtail"), "shape_unknown"),
    "unknown_carrier": (lambda it: it["Carrier"].update(Id="nobody"), "party_missing"),
    "payable_differs": (lambda it: it["Carrier"]["TotalPayable"].update(Amount=Decimal(1)), "lines_unequal_total"),
    "unknown_fields": (lambda it: it["Carrier"].update(Loyalty="gold"), None),
}
# Answers of status 200 that are none, each to the first request an endpoint gets.
ODD = {
    "loads/search": b"<?xml version='1.0'?><Loads/>",
    "invoices/search": b"<html><body>Sign in</body></html>",
    "trips/search": b'{"Page":0,"PageSize":200,"Total":3,"Items":[{"Id":"a","LoadNu',
    "carriers/search": b'{"Items":null,"Total":1}',
}


class Tms:
    """A TMS that says what it was told to, whatever that is."""

    def __init__(self, books: Json, odd: dict[str, bytes]) -> None:
        self.books = books
        self.odd = dict(odd)

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_post("/oauth/token", self._token)
        app.router.add_post("/api/p/v1/{kind}/search", self._search)
        return app

    async def _token(self, _request: web.Request) -> web.Response:
        return web.json_response({"access_token": "opens-nothing", "expires_in": 3600})

    async def _search(self, request: web.Request) -> web.Response:
        kind, asked = request.match_info["kind"], msgspec.json.decode(await request.read())
        if (odd := self.odd.pop(f"{kind}/search", None)) is not None:
            return web.Response(body=odd, content_type="application/json")
        found = self.books[kind]
        if kind == "invoices":
            found = [each for each in found if each is None or _load(each) in asked["LoadNumbers"]]
        page = {"Page": 0, "PageSize": 200, "Total": len(found), "Items": found if asked["Page"] == 0 else []}
        body = msgspec.json.Encoder(decimal_format="number").encode(page)
        return web.Response(body=body, content_type="application/json")


def _load(invoice: Json) -> str:
    return str(invoice["Loads"][0]["LoadNumber"])


def spoilt(books: Json, planted: Json) -> tuple[Json, dict[tuple[str, str], str | None]]:
    """Return books with one record for each change, and the error each load's transaction must end in."""
    books, ends = copy.deepcopy(books), dict[tuple[str, str], str | None]()
    sound = [each for each in books["invoices"] if each["Total"]["Amount"] and _load(each) not in planted.values()]
    trips = [each for each in books["trips"] if each["Carrier"] and each["ReleasedAt"]]
    counts = Counter(each["LoadNumber"] for each in trips)
    alone = [each for each in trips if counts[each["LoadNumber"]] == 1 and each["Status"] != "Cancelled"]
    for (change, code), invoice in zip(INVOICES.values(), sound, strict=False):
        change(invoice)
        ends["customer_invoice", _load(invoice)] = code
    for (change, code), trip in zip(TRIPS.values(), alone, strict=False):
        change(trip)
        ends["carrier_bill", trip["LoadNumber"]] = code
    assert len(ends) == len(INVOICES) + len(TRIPS)
    books["loads"] += [None, "a load", {"Id": "numberless", "Status": "Invoiced"}]
    books["trips"] += [[], 7]
    return books, ends


@asynccontextmanager
async def tms(books: Json, odd: dict[str, bytes]) -> AsyncIterator[dict[str, str]]:
    """Serve a TMS and yield the settings that lead to it."""
    async with serve(Tms(books, odd).app()) as address:
        yield {"ALVYS_API_URL": address, "ALVYS_TOKEN_URL": f"{address}/oauth/token"}


async def test_record_nobody_should_send_is_its_own_error_and_the_others_go_on(stage: "Stage") -> None:
    async with stage.world(loads=36) as world:
        books, ends = spoilt(await world.alvys.books(), world.planted)
        async with tms(books, ODD) as settings, stage.daemon(world, **settings) as daemon:
            labels = {label for _, label in ends}

            async def ended() -> dict[tuple[str, str], str | None] | None:
                found = {(each["kind"], each["label"]): each for each in await daemon.everything()}
                waiting = [each for each in found.values() if each["state"] == "pending"]
                if not found.keys() >= ends.keys() or waiting:
                    return None
                return {key: found[key]["problem"] and found[key]["problem"]["code"] for key in ends}

            assert await until(ended, "every record ended") == ends
            everything = await daemon.everything()
            others = [each for each in everything if each["label"] not in {*labels, *world.planted.values()}]
            named = [each for each in others if each["number"]]
            assert {each["state"] for each in named} == {"exported"}
            assert len(named) > 10
            nameless = [each for each in others if not each["number"]]
            assert {each["problem"]["code"] for each in nameless} == {"shape_unknown"}
            assert all(each["problem"]["fix"] and each["problem"]["detail"] for each in nameless)
            booked = {(each["kind"], each["number"]) for each in await world.quickbooks.documents()}
            refused = {(kind, label) for (kind, label), code in ends.items() if code}
            forms = {"customer_invoice": "invoice", "carrier_bill": "bill"}
            assert booked.isdisjoint((forms[kind], label) for kind, label in refused)
            assert len(daemon.troubles()) >= len(ODD)
            before = {each["id"]: each["version"] for each in everything}
            await daemon.passed("intake.freight")
            assert {each["id"]: each["version"] for each in await daemon.everything()} == before
            await corrected(daemon, books, ends)


async def corrected(daemon: "Daemon", books: Json, ends: dict[tuple[str, str], str | None]) -> None:
    """Put one record right in the TMS, and wait until its transaction is booked without anybody's help."""
    kind, label = next(key for key, code in ends.items() if code == "lines_unequal_total")
    invoice = next(each for each in books["invoices"] if _load(each) == label)
    invoice["Total"]["Amount"] -= 1
    await daemon.in_state(label, "exported", kind, problem=None)
