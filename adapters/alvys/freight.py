"""Loads and trips as a source: what changed in them, with the invoices and bills that follow."""

from collections import Counter
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import datetime, timedelta

import structlog
from typing_extensions import override

from adapters.alvys.client import Client, period
from adapters.alvys.directory import Directory, chunks
from adapters.alvys.mapping.bills import carrier_bill, trip_withdrawn
from adapters.alvys.mapping.invoices import (
    customer_invoice,
    invoice_id,
    invoice_withdrawn,
    load_withdrawn,
    unreadable_load,
)
from adapters.alvys.record import glimpse
from adapters.alvys.selection.common import Skip, gone
from adapters.alvys.selection.invoices import invoice_gone, invoice_skip, may_be_invoiced, newest
from adapters.alvys.selection.trips import carrier_skip, trip_skip
from adapters.alvys.settings import Settings
from adapters.ports import Census, Source
from state.transaction import Sourced

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class Freight(Source):
    """What loads and trips bill. `skipped` counts what is left alone."""

    name = "freight"

    def __init__(self, client: Client, directory: Directory, settings: Settings, skipped: Counter[Skip]) -> None:
        self.interval = settings.poll_interval
        self.overlap = timedelta(seconds=settings.overlap)
        self._client = client
        self._directory = directory
        self._settings = settings
        self._skipped = skipped

    @override
    async def changes(self, since: datetime, until: datetime) -> AsyncIterator[Sequence[Sourced] | Census]:
        """Yield what loads and trips updated in the window bill, and what they no longer do, in chunks.

        There is no feed of changed invoices; a changed invoice shows as its load's update. `until` must be past,
        so that records can leave the window while it is read but none can enter. Vendor errors pass.
        """
        before = self._skipped.copy()
        window = {"UpdatedAtRange": period(since, until), "IncludeDeleted": True}
        async for loads in self._client.pages("loads/search", window):
            async for chunk in self._of_loads(loads):
                yield chunk
        async for trips in self._client.pages("trips/search", window):
            if chunk := await self._of_trips(trips):
                yield chunk
        skipped = {str(skip): count for skip, count in (self._skipped - before).items()}
        log.info("alvys.window_read", since=since.isoformat(), until=until.isoformat(), skipped=skipped)

    async def _of_loads(self, loads: Sequence[object]) -> AsyncIterator[Sequence[Sourced]]:
        """Yield the invoices of a page of loads, chunk by chunk of load numbers."""
        asked = [load for load in loads if may_be_invoiced(load)]
        lost = {key: load for load in asked if gone(load) and (key := glimpse(load, "Id"))}
        told = [load_withdrawn(load) for load in lost.values()]
        told += [
            unreadable_load(load)
            for load in asked
            if not glimpse(load, "LoadNumber") and glimpse(load, "Id") not in lost
        ]
        if told:
            yield told
        numbers = list(dict.fromkeys(number for load in asked if (number := glimpse(load, "LoadNumber"))))
        for chunk in chunks(numbers, self._settings.invoice_chunk):
            invoices = await self._client.search("invoices/search", {"LoadNumbers": chunk})
            if found := await self._of_invoices(invoices, lost.keys()):
                yield found

    async def _of_invoices(self, invoices: Sequence[object], lost: Collection[str]) -> list[Sourced]:
        """Return the invoices a search found, each identity once; a lost load's own one is withdrawn already."""
        others = [invoice for invoice in invoices if invoice_id(invoice) not in lost]
        withdrawn = [invoice_withdrawn(invoice) for invoice in others if invoice_gone(invoice, lost)]
        taken = [
            invoice
            for invoice in others
            if not invoice_gone(invoice, lost) and self._takes(invoice_skip(invoice, self._settings))
        ]
        standing = newest(taken)
        self._skipped[Skip.SUPERSEDED] += len(taken) - len(standing)
        customers = await self._directory.customers({_party(invoice, "Customer") for invoice in standing} - {""})
        return withdrawn + [
            customer_invoice(invoice, customers.get(_party(invoice, "Customer")), self._settings)
            for invoice in standing
        ]

    async def _of_trips(self, trips: Sequence[object]) -> list[Sourced]:
        """Return the bills of a page of trips. A cancelled trip may have lost its carrier, so none is asked for."""
        withdrawn = [trip_withdrawn(trip) for trip in trips if gone(trip)]
        standing = [trip for trip in trips if not gone(trip) and self._takes(trip_skip(trip, self._settings))]
        carriers = await self._directory.carriers({_party(trip, "Carrier") for trip in standing} - {""})
        return withdrawn + [
            carrier_bill(trip, carrier, self._settings)
            for trip in standing
            if self._takes(carrier_skip(carrier := carriers.get(_party(trip, "Carrier"))))
        ]

    def _takes(self, skip: Skip | None) -> bool:
        """Whether a record is taken; one that isn't is counted."""
        if skip is not None:
            self._skipped[skip] += 1
        return skip is None


def _party(raw: object, name: str) -> str:
    """Return the id of the customer or carrier a record names, blank if it can't be read."""
    return glimpse(raw.get(name) if isinstance(raw, Mapping) else None, "Id")
