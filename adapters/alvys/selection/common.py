"""The reasons why records are left alone, and how a table of them is read."""

from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import date
from enum import StrEnum

from adapters.alvys.record import Odd, Record
from adapters.alvys.settings import Settings


class Skip(StrEnum):
    """Why a record was left alone. Each is a wish of the settings or of the vendor's data, never a fault."""

    STANDALONE = "standalone"  # an invoice without a load: no route of ours
    DRAFT = "draft"
    SUPERSEDED = "superseded"  # the load has a newer one
    NOT_OURS = "not_ours"  # another subsidiary's
    OWN_DRIVER = "own_driver"  # whose bills are left alone, or follow from statements
    OWN_AUTHORITY = "own_authority"  # an external carrier hauls under our own authority as a carrier
    SUBSIDIARY_CARRIER = "subsidiary_carrier"  # the carrier is one of the tenant's own companies
    ON_STATEMENT = "on_statement"  # carriers are billed by their statements
    NOT_RELEASED = "not_released"
    NOT_INVOICED = "not_invoiced"  # the customer is not invoiced yet
    NO_CARRIER_INVOICE = "no_carrier_invoice"  # the carrier's own invoice has not come yet
    ZERO_VALUED = "zero_valued"
    BEFORE_FIRST_DATE = "before_first_date"
    ON_W2 = "on_w2"  # an employee's pay, while only drivers on 1099 are billed
    OWNER_OPERATOR = "owner_operator"  # who pays what a purchase is for
    DEDUCTED = "deducted"  # a purchase that is taken off somebody's pay
    OWN_PAYMENT = "own_payment"  # we reported it ourselves


Rule = Callable[[Record, Settings], bool]


def takes(skipped: Counter[Skip], skip: Skip | None) -> bool:
    """Whether a record is taken; one that isn't is counted."""
    if skip is not None:
        skipped[skip] += 1
    return skip is None


def first_that_applies(rules: Mapping[Skip, Rule], raw: object, path: str, settings: Settings) -> Skip | None:
    """Return the first rule that applies. One that can't be read does not: the mapping tells what is odd."""
    for skip, applies in rules.items():
        with suppress(Odd):
            if applies(Record(raw, path), settings):
                return skip
    return None


def foreign(owner: str, settings: Settings) -> bool:
    """Whether a record names another subsidiary; one that names none is a problem to tell, not to skip."""
    return settings.subsidiary is not None and bool(owner) and owner != settings.subsidiary


def foreign_by_id(owner: str, settings: Settings) -> bool:
    """Do the same for a record that names its subsidiary by id only."""
    ours = settings.subsidiary_id
    return settings.subsidiary is not None and ours is not None and bool(owner) and owner != ours


def early(day: date | None, settings: Settings) -> bool:
    """Whether a record is booked before the first date that is synced."""
    return day is not None and day < settings.first_date and day not in settings.earlier
