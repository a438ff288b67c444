"""The sandbox's own accounting books, the person who pays from them, and our store held against them."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Self

import aiohttp
import msgspec

from engine.demo.failure import DemoFailed

_PLANTED = {
    "number_taken": "number_taken",
    "period_closed": "period_closed",
    "mapping_missing": "mapping_missing",
    "name_ambiguous": "party_ambiguous",
}
_DECIMALS = msgspec.json.Decoder(float_hook=Decimal)


class Books:
    """The sandbox's own accounting books, read and written the way its people do: past every API."""

    def __init__(self, vendors: dict[str, Any]) -> None:
        self._url = vendors["quickbooks"]["api_url"]

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession()
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self._session.close()

    async def documents(self) -> list[dict[str, Any]]:
        """Return every invoice and bill: kind, id, number, total, balance, note and whether payments touch it."""
        async with self._session.get(f"{self._url}/_sandbox/documents") as response:
            documents: list[dict[str, Any]] = _DECIMALS.decode(await response.read())
            return documents

    async def act(self, action: str, **arguments: object) -> None:
        """Do what a person can do in accounting; raise DemoFailed if the books refuse."""
        body = msgspec.json.encode(arguments)
        async with self._session.post(f"{self._url}/_sandbox/hands/{action}", data=body) as response:
            if not response.ok:
                raise DemoFailed(f"the sandbox's books refused {action}: {(await response.text())[:200]}")


class Accountant:
    """Pays some invoices and bills in full and one of each in part; the same ones every time."""

    def __init__(self, books: Books) -> None:
        self._books = books

    async def pay(self) -> dict[str, int]:
        """Pay, and return how many documents are then paid in full, by kind, and how many in part."""
        ours = [each for each in await self._books.documents() if _ours(each)]
        outcome = {"full": 0, "part": 0}
        for kind in ("invoice", "bill"):
            payable = sorted((each for each in ours if each["kind"] == kind and each["total"] > 0), key=_number)
            for position, document in enumerate(payable[::4]):
                part = position == 0
                outcome["part" if part else "full"] += 1
                if document["balance"] == document["total"]:
                    await self._pay(kind, document, part=part)
        return outcome

    async def _pay(self, kind: str, document: dict[str, Any], *, part: bool) -> None:
        amount = (document["total"] / 3).quantize(Decimal("0.01")) if part else document["total"]
        key = "invoice_id" if kind == "invoice" else "bill_id"
        reference = f"ACH {document['number']}"[:21]
        await self._books.act(f"pay_{kind}", **{key: document["id"]}, amount=str(amount), reference=reference)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Our store beside the sandbox's own books."""

    ours: int
    theirs: int
    missing: tuple[str, ...]  # exported or paid with us, not in the books
    doubled: tuple[str, ...]  # more than one document in the books
    unequal: tuple[str, ...]  # amount or open balance differs
    unplanted: tuple[str, ...]  # a planted problem that was not found as such

    @property
    def sound(self) -> bool:
        """Whether both sides agree and every planted problem was named."""
        return not (self.missing or self.doubled or self.unequal or self.unplanted)


def compare(mine: list[dict[str, Any]], documents: list[dict[str, Any]], planted: dict[str, str]) -> Comparison:
    """Hold every transaction against the books, and every document with our marker against the transactions."""
    held = {(_FORM[each["kind"]], each["document"]["id"]): each for each in mine if each["document"]}
    marked = {(each["kind"], each["id"]): each for each in documents if _ours(each) and each["total"]}
    unbooked = [each for each in mine if each["state"] in {"exported", "paid"} and not each["document"]]
    return Comparison(
        ours=len(held) + len(unbooked),
        theirs=len(marked),
        missing=_names([*unbooked, *(held[key] for key in held.keys() - marked.keys())]),
        doubled=_names(marked[key] for key in marked.keys() - held.keys()),
        unequal=_names(held[key] for key in held.keys() & marked.keys() if _differs(held[key], marked[key])),
        unplanted=tuple(sorted(name for name, load in planted.items() if not _found(name, load, mine))),
    )


_FORM = {"customer_invoice": "invoice", "carrier_bill": "bill"}


def _names(each: Iterable[dict[str, Any]]) -> tuple[str, ...]:
    return tuple(sorted(f"{_FORM.get(one['kind'], one['kind'])} {one['number']}" for one in each))


def _ours(document: dict[str, Any]) -> bool:
    return "loadledger" in document["note"]


def _differs(transaction: dict[str, Any], document: dict[str, Any]) -> bool:
    total, paid = Decimal(transaction["total"]["amount"]), Decimal(transaction["paid"]["amount"])
    return (total, total - paid) != (document["total"], document["balance"])


def _found(name: str, load: str, mine: list[dict[str, Any]]) -> bool:
    return any(
        each["label"] == load and each["state"] == "error" and each["problem"]["code"] == _PLANTED[name]
        for each in mine
    )


def _number(document: dict[str, Any]) -> str:
    return str(document["number"])
