"""Files kept with loads and trips: which there are for a document, and what is in them."""

import re
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import quote

from adapters.alvys.client import Client
from adapters.alvys.faults import FILE_UNREADABLE, FILES_AMBIGUOUS, FILES_REFUSED
from adapters.alvys.hauls import gone
from adapters.alvys.record import Odd, Record, glimpse
from adapters.alvys.settings import Settings
from adapters.ports import File, FileSort, Rejected
from state.transaction import Content, Kind, Transaction

PROOF, RATE, INVOICE = FileSort

_OF_LOADS: Final = frozenset({PROOF, RATE})
_OF_TRIPS: Final = frozenset(FileSort)

FILED: Final[Mapping[Kind, frozenset[FileSort]]] = {
    Kind.CUSTOMER_INVOICE: _OF_LOADS,
    Kind.CARRIER_BILL: _OF_TRIPS,
    Kind.CARRIER_CREDIT: _OF_TRIPS,
    Kind.SUBSIDIARY_BILL: _OF_TRIPS,
}
"""What may hang on documents: of one load, and of one trip with a carrier. Statements and summaries are over many."""

# The vendor's types of document, as its description lists them for uploads. A carrier's rate is no customer's business.
_FOR_CUSTOMERS: Final[Mapping[str, FileSort]] = {
    "Proof of Delivery": PROOF,
    "Customer Rate Confirmation": RATE,
    "Signed Customer Rate Confirmation": RATE,
    "Customer Rate and Load Confirmation": RATE,
}
_FOR_CARRIERS: Final[Mapping[str, FileSort]] = {
    "Proof of Delivery": PROOF,
    "Carrier Rate Confirmation": RATE,
    "Carrier Invoice": INVOICE,
}
_MARGIN: Final = timedelta(minutes=1)  # an address that is good for less is asked for anew
_SEPARATOR: Final = re.compile(r"[/\\]")


@dataclass(frozen=True, slots=True)
class _Address:
    """Where a file can be had, and until when."""

    url: str
    until: datetime | None


class Files:
    """Reads lists of documents and fetches files. Addresses expire, so they are remembered for a while only."""

    def __init__(self, client: Client, settings: Settings, clock: Callable[[], datetime]) -> None:
        self._client = client
        self._settings = settings
        self._clock = clock
        self._addresses: dict[str, _Address] = {}

    async def of(self, transaction: Transaction, sorts: Collection[FileSort]) -> list[File]:
        """Return the files of some sorts for a transaction's document, each once.

        Those for a customer's invoice are filed with its load, proofs of delivery with the load's trips too; those
        for a carrier's bill are filed with its trip. Raises Rejected if the vendor does not list them, or if it can't
        be told whose they are.
        """
        content = transaction.content
        if content is None:
            return []
        self._forget()
        by_trip = transaction.kind is not Kind.CUSTOMER_INVOICE
        types = _FOR_CARRIERS if by_trip else _FOR_CUSTOMERS
        listed = self._of_trip(content.trip_id or "") if by_trip else self._of_load(content, PROOF in sorts)
        found: dict[str, File] = {}
        async for document in listed:
            sort, key = types.get(glimpse(document, "AttachmentType")), glimpse(document, "id")
            if key and sort is not None and sort in sorts:
                found[key] = _file(document, key, sort)
                self._remember(document, key)
        return list(found.values())

    async def content(self, transaction: Transaction, file: File) -> bytes:
        """Return what is in a file; vendor errors pass, Rejected if the vendor does not hand it out."""
        address = self._addresses.pop(file.id, None)
        if address is None or address.until is None or address.until < self._clock() + _MARGIN:
            await self.of(transaction, {file.sort})
            address = self._addresses.pop(file.id, None)
        if address is None:
            raise Rejected(FILE_UNREADABLE.seen("it has no address"))
        return await self._client.fetch(address.url)

    async def _of_load(self, content: Content, with_trips: bool) -> AsyncIterator[object]:  # noqa: FBT001 - said once
        """Yield the documents of a load and, as far as they may be wanted, of its trips.

        Unconfirmed: the list of a load may hold those of its trips too. Lists go by number, which is unique within one
        subsidiary only.
        """
        number = content.load_number
        numbered = {"LoadNumbers": [number], "IncludeDeleted": False}
        if self._settings.subsidiary is not None:
            loads = [load for load in await self._client.search("loads/search", numbered) if not gone(load)]
            if len(loads) > 1:
                raise Rejected(FILES_AMBIGUOUS.seen(f"load {number}"))
        for document in await self._listed(f"loads/{quote(number, safe='')}", "loads/documents"):
            yield document
        if with_trips:
            for trip in await self._client.search("trips/search", numbered):
                if key := "" if gone(trip) else glimpse(trip, "Id"):
                    async for document in self._of_trip(key):
                        if glimpse(document, "AttachmentType") in _PROOFS:
                            yield document

    async def _of_trip(self, key: str) -> AsyncIterator[object]:
        """Yield the documents of a trip."""
        for document in await self._listed(f"trips/{quote(key, safe='')}", "trips/documents") if key else ():
            yield document

    async def _listed(self, path: str, endpoint: str) -> Sequence[object]:
        answer = await self._client.get(f"{path}/documents", endpoint, refusal=FILES_REFUSED)
        documents = answer.json()
        if not isinstance(documents, list):
            raise answer.unclear(f"{endpoint}: the answer is not a list")
        return documents

    def _remember(self, document: object, key: str) -> None:
        if url := glimpse(document, "DownloadUrl"):
            until = None
            with suppress(Odd):
                until = Record(document, "Document").instant("ExpiresAt")
            self._addresses[key] = _Address(url, until)

    def _forget(self) -> None:
        """Forget addresses that nobody came for while they were good."""
        now = self._clock()
        self._addresses = {key: each for key, each in self._addresses.items() if each.until and each.until > now}


_PROOFS: Final = frozenset(name for name, sort in _FOR_CUSTOMERS.items() if sort is PROOF)


def _file(document: object, key: str, sort: FileSort) -> File:
    size = document.get("AttachmentSize") if isinstance(document, Mapping) else None
    name = _SEPARATOR.split(glimpse(document, "AttachmentPath"))[-1]
    return File(key, sort, name or key, size if isinstance(size, int) and not isinstance(size, bool) else None)
