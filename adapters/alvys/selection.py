"""Which of Alvys' records become transactions, as tables of rules, and why the others do not. Pure."""

from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Final

from adapters.alvys.mapping import invoice_date, invoice_id, invoice_owner, trip_date, trip_owner
from adapters.alvys.record import Odd, Record, glimpse
from adapters.alvys.settings import Settings


class Skip(StrEnum):
    """Why a record was left alone. Each is a wish of the settings or of the vendor's data, never a fault."""

    SUMMARY = "summary"  # an invoice over many loads: a route of its own
    STANDALONE = "standalone"  # an invoice without a load: likewise
    DRAFT = "draft"
    SUPERSEDED = "superseded"  # the load has a newer one
    NOT_OURS = "not_ours"  # another subsidiary's
    OWN_DRIVER = "own_driver"  # no carrier to bill us
    SUBSIDIARY_CARRIER = "subsidiary_carrier"  # the carrier is one of the tenant's own companies
    NOT_RELEASED = "not_released"
    ZERO_VALUED = "zero_valued"
    BEFORE_FIRST_DATE = "before_first_date"


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
# What follows the release to billing, in the spellings of the vendor's status lists.
_RELEASED: Final = frozenset(
    {
        "Released",
        "Released-Carrier Paid",
        "Carrier Paid",
        "Queued",
        "Invoiced",
        "Financed",
        "Completed",
        "Paid",
    }
)

# What has no date counts as newest, so that it is told rather than hidden behind another.
_UNDATED: Final = datetime.max.replace(tzinfo=UTC)

Rule = Callable[[Record, Settings], bool]


def gone(raw: object) -> bool:
    """Whether a load or trip was cancelled or deleted."""
    return isinstance(raw, Mapping) and (raw.get("Status") == "Cancelled" or raw.get("IsDeleted") is True)


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
    return _first_that_applies(INVOICE_RULES, raw, "Invoice", settings)


def trip_skip(raw: object, settings: Settings) -> Skip | None:
    """Return why a trip is left alone, or None."""
    return _first_that_applies(TRIP_RULES, raw, "Trip", settings)


def carrier_skip(carrier: object) -> Skip | None:
    """Return why a trip is left alone because of who carried it, or None."""
    subsidiary = isinstance(carrier, Mapping) and carrier.get("Type") == "Subsidiary"
    return Skip.SUBSIDIARY_CARRIER if subsidiary else None


def _first_that_applies(rules: Mapping[Skip, Rule], raw: object, path: str, settings: Settings) -> Skip | None:
    """Return the first rule that applies. One that can't be read does not: the mapping tells what is odd."""
    for skip, applies in rules.items():
        with suppress(Odd):
            if applies(Record(raw, path), settings):
                return skip
    return None


def _made(invoice: object) -> tuple[datetime, datetime, str]:
    """Return what orders invoices by age; the date of creation leads, since the other one is a person's to set."""
    return _instant(invoice, "CreatedDate"), _instant(invoice, "InvoicedDate"), glimpse(invoice, "Id")


def _instant(invoice: object, name: str) -> datetime:
    with suppress(Odd):
        return Record(invoice, "Invoice").instant(name) or _UNDATED
    return _UNDATED


def _foreign(owner: str, settings: Settings) -> bool:
    """Whether a record names another subsidiary; one that names none is a problem to tell, not to skip."""
    return settings.subsidiary is not None and bool(owner) and owner != settings.subsidiary


def _early(day: date | None, settings: Settings) -> bool:
    return day is not None and day < settings.first_date


def _unreleased(trip: Record, settings: Settings) -> bool:
    return trip.day("ReleasedAt", settings.timezone) is None and trip.text("Status") not in _RELEASED


def _owes_nothing(trip: Record, settings: Settings) -> bool:
    hired = trip.part("Carrier")
    return settings.rules.ignore_zero and hired is not None and hired.money("TotalPayable").minor == 0


INVOICE_RULES: Final[Mapping[Skip, Rule]] = {
    Skip.SUMMARY: lambda invoice, _: invoice.text("Type") == "SummaryInvoice",
    Skip.STANDALONE: lambda invoice, _: invoice.text("Type") == "StandaloneInvoice",
    Skip.DRAFT: lambda invoice, _: invoice.text("Status") == "Draft",
    Skip.NOT_OURS: lambda invoice, settings: _foreign(invoice_owner(invoice), settings),
    Skip.BEFORE_FIRST_DATE: lambda invoice, settings: _early(invoice_date(invoice, settings), settings),
    Skip.ZERO_VALUED: lambda invoice, settings: settings.rules.ignore_zero and invoice.money("Total").minor == 0,
}
TRIP_RULES: Final[Mapping[Skip, Rule]] = {
    Skip.OWN_DRIVER: lambda trip, _: trip.part("Carrier") is None,
    Skip.SUBSIDIARY_CARRIER: lambda trip, _: trip.text("TenderAsSubsidiaryType") == "Subsidiary",
    Skip.NOT_OURS: lambda trip, settings: _foreign(trip_owner(trip), settings),
    Skip.NOT_RELEASED: _unreleased,
    Skip.BEFORE_FIRST_DATE: lambda trip, settings: _early(trip_date(trip, settings), settings),
    Skip.ZERO_VALUED: _owes_nothing,
}
