"""The sandbox's two twins as a test sees them: their books, their people and their faults."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeVar

import aiohttp
import msgspec

Found = TypeVar("Found")
Json = dict[str, Any]

PATIENCE = 40.0  # seconds until a condition that does not come true fails its test
GLANCE = 0.04  # seconds between two looks
MARKER = "loadledger"

_DECODER = msgspec.json.Decoder(float_hook=Decimal)
_ENCODER = msgspec.json.Encoder(decimal_format="number")


def decode(content: bytes) -> Any:
    """Return JSON with its numbers exact."""
    return _DECODER.decode(content)


async def until(question: Callable[[], Awaitable[Found]], what: str, patience: float = PATIENCE) -> Found:
    """Ask again and again and return the first answer that is true; fail after `patience` seconds."""
    answer = None
    try:
        async with asyncio.timeout(patience):
            while not (answer := await question()):  # noqa: ASYNC110 - another process holds the answer
                await asyncio.sleep(GLANCE)
    except TimeoutError:
        raise AssertionError(f"{what}: not within {patience} s, last answer {answer!r}") from None
    return answer


class Vendor:
    """One twin's control endpoints: look inside, act as its people, make its requests go wrong."""

    def __init__(self, session: aiohttp.ClientSession, facts: Json) -> None:
        self.facts = facts
        self._session = session

    async def ask(self, method: str, path: str, body: object = None) -> Any:
        data = None if body is None else _ENCODER.encode(body)
        async with self._session.request(method, f"{self.facts['api_url']}/_sandbox/{path}", data=data) as answer:
            content = decode(await answer.read())
            assert answer.status == 200, f"{path}: {content}"
            return content

    async def books(self) -> Any:
        return await self.ask("GET", "books")

    async def requests(self) -> Any:
        return await self.ask("GET", "requests")

    async def act(self, action: str, **arguments: object) -> Any:
        return await self.ask("POST", f"hands/{action}", arguments)

    async def spoil(self, *rules: Json) -> None:
        await self.ask("POST", "faults", list(rules))

    async def mend(self) -> None:
        await self.ask("DELETE", "faults")

    async def switch(self, **positions: object) -> None:
        await self.ask("POST", "switches", positions)

    async def documents(self) -> list[Json]:
        """Return the invoices and bills that carry our marker and were not voided."""
        everything: list[Json] = await self.ask("GET", "documents")
        return [each for each in everything if MARKER in each["note"] and each["total"]]

    async def document(self, number: str, kind: str = "invoice") -> Json:
        """Return the only living document of ours with this number."""
        [found] = [each for each in await self.documents() if (each["kind"], each["number"]) == (kind, number)]
        return found


@dataclass
class World:
    """A sandbox process with a month of freight in it."""

    quickbooks: Vendor
    alvys: Vendor
    planted: Json
    subsidiary: str
    subsidiary_id: str

    async def owed(self) -> Counter[tuple[str, str, Decimal]]:
        """Return what the TMS bills and owes, planted problems aside: kind, number and total of each."""
        books = await self.alvys.books()
        invoices = [
            ("invoice", each["Number"], each["Total"]["Amount"])
            for each in books["invoices"]
            if each["Total"]["Amount"] and each["Number"] not in self.planted.values()
        ]
        trips = [each for each in books["trips"] if each["Carrier"] and each["ReleasedAt"]]
        standing = [each for each in trips if each["Status"] != "Cancelled" and not each.get("IsDeleted")]
        bills = [("bill", each["LoadNumber"], each["Carrier"]["TotalPayable"]["Amount"]) for each in standing]
        return Counter(invoices + bills)

    async def booked(self) -> Counter[tuple[str, str, Decimal]]:
        """Return what accounting holds of ours, whatever number it gave it itself."""
        return Counter((each["kind"], each["number"], each["total"]) for each in await self.quickbooks.documents())

    async def judge(self) -> None:
        """Fail unless accounting holds exactly what the TMS shows, each once, dated alike, and nothing else of ours."""
        assert await self.booked() == await self.owed()
        notes = [each["note"] for each in await self.quickbooks.documents()]
        assert len(set(notes)) == len(notes)
        tms, accounting = await self.alvys.books(), await self.quickbooks.books()
        dates = {each["Number"]: each["InvoicedDate"][:10] for each in tms["invoices"]}
        ours = [each for each in accounting["Invoice"] if MARKER in each.get("PrivateNote", "")]
        held = [each for each in ours if each["TotalAmt"]]
        assert {each["DocNumber"]: each["TxnDate"] for each in held} == {
            each["DocNumber"]: dates[each["DocNumber"]] for each in held
        }

    async def told(self) -> dict[str, Decimal]:
        """Return the sum of payments the TMS was told, by load number or trip id."""
        books, sums = await self.alvys.books(), defaultdict[str, Decimal](Decimal)
        for each in books["customer_payments"]:
            sums[each["LoadNumber"]] += each["Amount"]["Amount"]
        for each in books["carrier_payments"]:
            sums[each["TripId"]] += each["Amount"]["Amount"]
        return sums
