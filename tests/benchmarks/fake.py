"""A stand-in for QuickBooks that costs next to nothing: `python -m tests.benchmarks.fake`.

The twin keeps books, which takes most of a core; measured against it, a fast client is as slow as the twin. This one
keeps nothing: it answers what the measured clients ask, in full-sized answers, and holds no document it is asked for.
"""

import asyncio
import itertools
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from threading import Thread
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import click
import msgspec
from typing_extensions import override

from adapters.sandbox.__main__ import watch_stdin

REALM: Final = "9341000000000001"
_ITEMS: Final = ("Linehaul", "Fuel Surcharge")
_GRANT: Final = {
    "access_token": "access",
    "refresh_token": "refresh",
    "token_type": "bearer",
    "expires_in": 3600,
    "x_refresh_token_expires_in": 8640000,
}
_ENDPOINTS: Final = (
    *("issuer", "authorization_endpoint", "userinfo_endpoint", "revocation_endpoint", "jwks_uri"),
    *("response_types_supported", "subject_types_supported", "scopes_supported"),
)
_PREFERENCES: Final = {
    "SalesFormsPrefs": {"CustomTxnNumbers": True},
    "VendorAndPurchasesPrefs": {"EnableBills": True},
    "CurrencyPrefs": {"HomeCurrency": {"value": "USD"}},
}
_ADDRESS: Final = {"Id": "7", "Line1": "100 Dock St", "City": "Durango", "PostalCode": "81301"}
_DOCUMENT: Final = {
    "AllowIPNPayment": False,
    "AllowOnlineACHPayment": False,
    "AllowOnlineCreditCardPayment": False,
    "AllowOnlinePayment": False,
    "ApplyTaxAfterDiscount": False,
    "BillAddr": _ADDRESS,
    "BillEmail": {"Address": "ap@shipper.example"},
    "CurrencyRef": {"value": "USD", "name": "United States Dollar"},
    "CustomField": [],
    "domain": "QBO",
    "EmailStatus": "NotSet",
    "LinkedTxn": [],
    "PrintStatus": "NeedToPrint",
    "SalesTermRef": {"value": "3", "name": "Net 30"},
    "ShipAddr": _ADDRESS,
    "sparse": False,
    "SyncToken": "0",
}

Json = dict[str, Any]


class Vendor:
    """What answers: lists of one page, documents that are echoed and forgotten."""

    def __init__(self) -> None:
        self.token_url = ""
        self._ids = itertools.count(1000)
        self._items = [
            {"Id": str(number), "Name": name, "FullyQualifiedName": name, "Active": True, "Type": "Service"}
            | {"IncomeAccountRef": {"value": "79", "name": "Sales"}}
            for number, name in enumerate(_ITEMS, 1)
        ]

    def answer(self, target: str, body: bytes) -> Json:  # noqa: PLR0911 - one for each address
        """Return the answer to one request."""
        address, now = urlsplit(target), datetime.now(UTC).isoformat(timespec="seconds")
        match address.path.rsplit("/", 1)[-1]:
            case "bearer":
                return _GRANT
            case "":  # the only address that ends in a slash
                return dict.fromkeys(_ENDPOINTS, "http://127.0.0.1") | {"token_endpoint": self.token_url}
            case "preferences":
                return {"Preferences": _PREFERENCES, "time": now}
            case "query":
                statement = parse_qs(address.query).get("query", [body.decode()])[0]
                found = {"Item": self._items} if " FROM ITEM " in statement.upper() else {}
                return {"QueryResponse": found, "time": now}
            case "cdc":
                return {"CDCResponse": [{"QueryResponse": []}], "time": now}
            case "batch":
                items = msgspec.json.decode(body)["BatchItemRequest"]
                answers = [{"bId": item["bId"], "Invoice": self._document(item["Invoice"], now)} for item in items]
                return {"BatchItemResponse": answers, "time": now}
            case "customer":
                return {"Customer": msgspec.json.decode(body) | {"Id": str(next(self._ids)), "SyncToken": "0"}}
            case "invoice":
                return {"Invoice": self._document(msgspec.json.decode(body), now), "time": now}
            case _:
                return {"Fault": {"Error": [{"Message": "unknown", "code": "10"}], "type": "ValidationFault"}}

    def _document(self, sent: Json, now: str) -> Json:
        lines = sent["Line"]
        total = sum(Decimal(str(line["Amount"])) for line in lines)
        numbered = [{"Id": str(number), "LineNum": number} | line for number, line in enumerate(lines, 1)]
        subtotal: Json = {"Amount": total, "DetailType": "SubTotalLineDetail", "SubTotalLineDetail": {}}
        stamps = {"MetaData": {"CreateTime": now, "LastUpdatedTime": now}}
        booked = stamps | {
            "Id": str(next(self._ids)),
            "TotalAmt": total,
            "Balance": total,
            "Line": [*numbered, subtotal],
        }
        return _DOCUMENT | sent | booked


class Connection(asyncio.Protocol):
    """One connection: reads whole requests, answers each after the delay, in order."""

    def __init__(self, vendor: Vendor, delay: float) -> None:
        self._vendor = vendor
        self._delay = delay
        self._received = bytearray()
        self._transport: asyncio.Transport

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    @override
    def data_received(self, data: bytes) -> None:
        self._received += data
        for target, body in self._requests():
            content = _ENCODER.encode(self._vendor.answer(target, body))
            answer = b"%b\r\nContent-Length: %d\r\n\r\n%b" % (_HEAD, len(content), content)
            if self._delay:
                asyncio.get_running_loop().call_later(self._delay, self._transport.write, answer)
            else:
                self._transport.write(answer)

    def _requests(self) -> Iterator[tuple[str, bytes]]:
        while (end := self._received.find(b"\r\n\r\n")) >= 0:
            opening, *fields = self._received[:end].decode().split("\r\n")
            whole = end + 4 + _length(fields)
            if len(self._received) < whole:
                return
            body = bytes(self._received[end + 4 : whole])
            del self._received[:whole]
            yield opening.split(" ")[1], body


_ENCODER = msgspec.json.Encoder(decimal_format="number")
_HEAD: Final = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nintuit_tid: 1-fake"


def _length(fields: Iterable[str]) -> int:
    return next((int(field[15:]) for field in fields if field.lower().startswith("content-length:")), 0)


async def serve(delay: float) -> None:
    """Serve until standard input closes; print one line of JSON with the address first."""
    loop, vendor, stop = asyncio.get_running_loop(), Vendor(), asyncio.Event()
    Thread(target=watch_stdin, args=[lambda: loop.call_soon_threadsafe(stop.set)], daemon=True).start()
    server = await loop.create_server(lambda: Connection(vendor, delay), "127.0.0.1")
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    vendor.token_url = f"{url}/bearer"
    facts = {"api_url": url, "token_url": vendor.token_url, "realm_id": REALM, "client_id": "fake"}
    facts |= {"client_secret": "fake", "refresh_token": "refresh"}
    sys.stdout.write(msgspec.json.encode({"quickbooks": facts}).decode() + "\n")
    sys.stdout.flush()
    await stop.wait()
    server.close()


@click.command()
@click.option("--delay", default=0.0, help="Seconds before each answer.")
def main(delay: float) -> None:
    """Answer what the benchmarks ask."""
    asyncio.run(serve(delay))


if __name__ == "__main__":
    main()
