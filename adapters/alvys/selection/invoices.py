"""Which loads are asked for invoices, and which of their invoices are taken."""

from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final

from adapters.alvys.mapping.invoices import invoice_date, invoice_id, invoice_owner
from adapters.alvys.record import Odd, Record, glimpse
from adapters.alvys.selection.common import Rule, Skip, early, first_that_applies, foreign, gone
from adapters.alvys.settings import Settings

# Before billing, a load has no invoice, and asking for one would be a wasted request. An unknown status is asked for.
_UNBILLED: Final = frozenset(
    {
        "Open",
        "Quoted",
        "Reserved",
        "Covered",
        "Dispatched",
        "In Transit",
        "En-Route",
        "Delivered",
        "Admin",
        "In Review",
    }
)

# What has no date counts as newest, so that it is told rather than hidden behind another.
_UNDATED: Final = datetime.max.replace(tzinfo=UTC)


def may_be_invoiced(load: object) -> bool:
    """Whether a load can have an invoice, as far as its status tells."""
    if gone(load) or not isinstance(load, Mapping):
        return True
    status = load.get("Status")
    return not isinstance(status, str) or status not in _UNBILLED or load.get("InvoicedAt") is not None


def invoice_gone(raw: object, lost: Collection[str]) -> bool:
    """Whether every load of an invoice is among the `lost` ids.

    By id: load numbers are unique within a subsidiary only, and a stranger's cancelled load must not void ours.
    """
    with suppress(Odd):
        ids = {load.text("Id") for load in Record(raw, "Invoice").parts("Loads")}
        return bool(ids) and ids.issubset(lost)
    return False


def newest(invoices: Iterable[object]) -> list[object]:
    """Return one invoice of each identity, the one made last.

    Were a load's invoice to show beside the one it was made anew as, they must not overwrite each other in turns.
    """
    return list({invoice_id(invoice): invoice for invoice in sorted(invoices, key=_made)}.values())


def invoice_skip(raw: object, settings: Settings) -> Skip | None:
    """Return why an invoice is left alone, or None."""
    return first_that_applies(INVOICE_RULES, raw, "Invoice", settings)


def _made(invoice: object) -> tuple[datetime, datetime, str]:
    """Return what orders invoices by age; the date of creation leads, since the other one is a person's to set."""
    return _instant(invoice, "CreatedDate"), _instant(invoice, "InvoicedDate"), glimpse(invoice, "Id")


def _instant(invoice: object, name: str) -> datetime:
    with suppress(Odd):
        return Record(invoice, "Invoice").instant(name) or _UNDATED
    return _UNDATED


INVOICE_RULES: Final[Mapping[Skip, Rule]] = {
    Skip.SUMMARY: lambda invoice, _: invoice.text("Type") == "SummaryInvoice",
    Skip.STANDALONE: lambda invoice, _: invoice.text("Type") == "StandaloneInvoice",
    Skip.DRAFT: lambda invoice, _: invoice.text("Status") == "Draft",
    Skip.NOT_OURS: lambda invoice, settings: foreign(invoice_owner(invoice), settings),
    Skip.BEFORE_FIRST_DATE: lambda invoice, settings: early(invoice_date(invoice, settings), settings),
    Skip.ZERO_VALUED: lambda invoice, settings: settings.rules.ignore_zero and invoice.money("Total").minor == 0,
}
