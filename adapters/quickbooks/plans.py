"""What a company's plan has, as far as documents need it."""

import re
from typing import Final, NamedTuple

from adapters.quickbooks.shapes import Company, Preferences


class Plan(NamedTuple):
    """A plan by QuickBooks' own name, empty where it states none, and what it has."""

    name: str
    bills: bool  # and vendor credits
    segments: bool  # classes and locations


# fmt: off
_PLANS: Final = (
    # part of its name  bills  classes and locations
    ("simplestart",     False, False),
    ("essentials",      True,  False),
    ("plus",            True,  True),
    ("advanced",        True,  True),
)
# fmt: on


def plan_of(company: Company) -> Plan | None:
    """Return the plan that a company's particulars name, None if it is not one we know.

    Observed: newer bundles bear other names, so a part of the name decides.
    """
    name = company.named("OfferingSku")
    plain = re.sub(r"[\W_]", "", name).casefold()
    return next((Plan(name, *has) for part, *has in _PLANS if part in plain), None)


def plan_by(preferences: Preferences, company: Company) -> Plan:
    """Return what a plan we do not know has, as far as the preferences tell; bills, unless they are off."""
    accounting = preferences.accounting_info_prefs
    tracked = (
        accounting.class_tracking_per_txn,
        accounting.class_tracking_per_txn_line,
        accounting.track_departments,
    )
    return Plan(company.named("OfferingSku"), bills=preferences.bills is not False, segments=any(tracked))
