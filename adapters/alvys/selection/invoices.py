"""Which loads are asked for invoices, and which of their invoices and payments are taken."""

from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final

from adapters.alvys.hauls import Hauls, gone
from adapters.alvys.mapping.invoices import invoice_date, invoice_id, invoice_owner
from adapters.alvys.record import Odd, Record, glimpse
from adapters.alvys.selection.common import Rule, Skip, early, first_that_applies, foreign
from adapters.alvys.settings import Settings

# On its way, a load has no invoice, and asking for one would be a wasted request. An unknown status is asked for.
_UNDERWAY: Final = frozenset({"Open", "Quoted", "Reserved", "Covered", "Dispatched", "In Transit", "En-Route"})
# Delivered, but not invoiced; a load comes back to one of these if its invoice is taken back.
_UNBILLED: Final = frozenset({"Delivered", "Admin", "In Review", "Released", "Released-Carrier Paid", "Carrier Paid"})
_BILLED: Final = frozenset({"Queued", "Invoiced", "Financed", "Completed", "Paid"})

# What has no date counts as newest, so that it is told rather than hidden behind another.
_UNDATED: Final = datetime.max.replace(tzinfo=UTC)

# How the payments begin that we reported: engine/payments.py names them so.
_REPORTED: Final = "loadledger-"


def may_be_invoiced(load: object) -> bool:
    """Whether a load can have, or can have had, an invoice, as far as its status tells."""
    if gone(load) or not isinstance(load, Mapping):
        return True
    status = load.get("Status")
    return not isinstance(status, str) or status not in _UNDERWAY or load.get("InvoicedAt") is not None


def invoiced(load: object) -> bool:
    """Whether the customer is invoiced for a load."""
    if gone(load) or not isinstance(load, Mapping):
        return False
    return glimpse(load, "Status") in _BILLED or load.get("InvoicedAt") is not None


def taken_back(load: object, hauls: Hauls) -> bool:
    """Whether a load that stands has no invoice of its own any more, as far as the load and all its invoices tell.

    A load that says it is invoiced, though no invoice shows, is believed, unless another invoice is over it.
    """
    key = glimpse(load, "Id")
    if not key or gone(load) or not isinstance(load, Mapping) or not glimpse(load, "LoadNumber"):
        return False
    over = [invoice for invoice in hauls.invoices if key in _covered(invoice)]
    if any(invoice_id(invoice) == key for invoice in over):
        return False
    status = glimpse(load, "Status")
    unbilled = status in _UNBILLED or (status not in _BILLED and load.get("InvoicedAt") is None)
    return unbilled or any(glimpse(invoice, "Type") == "SummaryInvoice" for invoice in over)


def invoice_gone(raw: object, lost: Collection[str]) -> bool:
    """Whether every load of an invoice is among the `lost` ids.

    By id: load numbers are unique within a subsidiary only, and a stranger's cancelled load must not void ours.
    """
    covered = _covered(raw)
    return bool(covered) and covered.issubset(lost)


def _covered(raw: object) -> set[str]:
    """Return the ids of the loads an invoice lists; none if that can't be read."""
    with suppress(Odd):
        return {load.text("Id") for load in Record(raw, "Invoice").parts("Loads")}
    return set()


def newest(invoices: Iterable[object]) -> list[object]:
    """Return one invoice of each identity, the one made last.

    Were a load's invoice to show beside the one it was made anew as, they must not overwrite each other in turns.
    """
    return list({invoice_id(invoice): invoice for invoice in sorted(invoices, key=_made)}.values())


def invoice_skip(raw: object, settings: Settings) -> Skip | None:
    """Return why an invoice is left alone, or None."""
    return first_that_applies(INVOICE_RULES, raw, "Invoice", settings)


def payment_skip(raw: object, settings: Settings) -> Skip | None:
    """Return why a payment on an invoice is left alone, or None."""
    return first_that_applies(PAYMENT_RULES, raw, "Payment", settings)


def _made(invoice: object) -> tuple[datetime, datetime, str]:
    """Return what orders invoices by age; the date of creation leads, since the other one is a person's to set."""
    return _instant(invoice, "CreatedDate"), _instant(invoice, "InvoicedDate"), glimpse(invoice, "Id")


def _instant(invoice: object, name: str) -> datetime:
    with suppress(Odd):
        return Record(invoice, "Invoice").instant(name) or _UNDATED
    return _UNDATED


def _draft(invoice: Record, settings: Settings) -> bool:
    """Whether an invoice is not out yet. A summary is once it has its date, by which it is looked for afterwards."""
    undated = invoice.day("InvoicedDate", settings.timezone) is None
    return invoice.text("Status") == "Draft" or (invoice.text("Type") == "SummaryInvoice" and undated)


INVOICE_RULES: Final[Mapping[Skip, Rule]] = {
    Skip.STANDALONE: lambda invoice, _: invoice.text("Type") == "StandaloneInvoice",
    Skip.DRAFT: _draft,
    Skip.NOT_OURS: lambda invoice, settings: foreign(invoice_owner(invoice), settings),
    Skip.BEFORE_FIRST_DATE: lambda invoice, settings: early(invoice_date(invoice, settings), settings),
}
PAYMENT_RULES: Final[Mapping[Skip, Rule]] = {
    Skip.OWN_PAYMENT: lambda payment, _: payment.text("PaymentReference").startswith(_REPORTED),
    Skip.ZERO_VALUED: lambda payment, _: payment.money("Amount").minor == 0,
}
