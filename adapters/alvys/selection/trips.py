"""Which trips are billed."""

from collections.abc import Mapping
from typing import Final

from adapters.alvys.mapping.bills import trip_date, trip_owner
from adapters.alvys.record import Record
from adapters.alvys.selection.common import Rule, Skip, early, first_that_applies, foreign
from adapters.alvys.settings import Settings

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


def trip_skip(raw: object, settings: Settings) -> Skip | None:
    """Return why a trip is left alone, or None."""
    return first_that_applies(TRIP_RULES, raw, "Trip", settings)


def carrier_skip(carrier: object) -> Skip | None:
    """Return why a trip is left alone because of who carried it, or None."""
    subsidiary = isinstance(carrier, Mapping) and carrier.get("Type") == "Subsidiary"
    return Skip.SUBSIDIARY_CARRIER if subsidiary else None


def _unreleased(trip: Record, settings: Settings) -> bool:
    return trip.day("ReleasedAt", settings.timezone) is None and trip.text("Status") not in _RELEASED


def _owes_nothing(trip: Record, settings: Settings) -> bool:
    hired = trip.part("Carrier")
    return settings.rules.ignore_zero and hired is not None and hired.money("TotalPayable").minor == 0


TRIP_RULES: Final[Mapping[Skip, Rule]] = {
    Skip.OWN_DRIVER: lambda trip, _: trip.part("Carrier") is None,
    Skip.SUBSIDIARY_CARRIER: lambda trip, _: trip.text("TenderAsSubsidiaryType") == "Subsidiary",
    Skip.NOT_OURS: lambda trip, settings: foreign(trip_owner(trip), settings),
    Skip.NOT_RELEASED: _unreleased,
    Skip.BEFORE_FIRST_DATE: lambda trip, settings: early(trip_date(trip, settings), settings),
    Skip.ZERO_VALUED: _owes_nothing,
}
