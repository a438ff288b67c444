"""Which summary invoices there are: of one that is taken back, its loads say nothing."""

from collections.abc import AsyncIterator
from datetime import date, datetime, time, timedelta
from typing import Final

from typing_extensions import override

from adapters.alvys.client import Client, period
from adapters.alvys.mapping.invoices import invoice_id
from adapters.alvys.record import glimpse
from adapters.alvys.settings import Settings
from adapters.ports import Census, Found, Source
from state.transaction import Kind

_KINDS: Final = frozenset({Kind.SUMMARY_INVOICE})
_DAY: Final = timedelta(days=1)


class Summaries(Source):
    """Counts the summary invoices of the last month. What they say comes with their loads."""

    name = "summaries"
    interval = 3600.0
    overlap = timedelta(days=31)

    def __init__(self, client: Client, settings: Settings) -> None:
        self._client = client
        self._zone = settings.timezone

    @override
    async def changes(self, since: datetime, until: datetime) -> AsyncIterator[Found]:
        """Yield a census of the whole days of the window, that of its end included; vendor errors pass."""
        first, last = since.astimezone(self._zone).date() + _DAY, until.astimezone(self._zone).date()
        if first > last:
            return
        dated = {"InvoicedDateRange": period(self._midnight(first), self._midnight(last + _DAY))}
        listed: set[str] = set()
        async for invoices in self._client.pages("invoices/search", dated):
            listed |= {invoice_id(invoice) for invoice in invoices if _stands(invoice)}
        yield Census(_KINDS, first, last, frozenset(listed))

    def _midnight(self, day: date) -> datetime:
        return datetime.combine(day, time.min, self._zone)


def _stands(invoice: object) -> bool:
    return glimpse(invoice, "Type") == "SummaryInvoice" and glimpse(invoice, "Status") != "Draft"
