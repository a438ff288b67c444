"""What the TMS shows, as it stands, and how its dates are read."""

import re
from collections import defaultdict
from datetime import UTC, date, datetime
from typing import Final

from adapters.sandbox.alvys import AlvysSandbox
from adapters.sandbox.alvys.charges import shown_fuel
from adapters.sandbox.alvys.settlements import shown_driver_statement, shown_trip
from tests.month.choices import ZONE
from tests.month.figures import Json

# fmt: off
INVOICED: Final = frozenset({"Queued", "Invoiced", "Financed", "Completed", "Paid"})
RELEASED: Final = frozenset({"Released", "Released-Carrier Paid", "Carrier Paid"}) | INVOICED
# fmt: on
ARRIVED: Final = RELEASED | {"Delivered", "TONU", "Trip Completed"}


class Tenant:
    """The records of the TMS, by what others call them."""

    def __init__(self, tms: AlvysSandbox) -> None:
        books = tms.books
        self.invoices: list[Json] = list(books.all("invoices"))
        self.loads: dict[str, Json] = {each["Id"]: each for each in books.all("loads")}
        self.trips = [shown_trip(each, books.switches) for each in books.all("trips")]
        self.hauling = {each["Id"]: each for each in self.trips if not gone(each)}
        self.customers = {each["Id"]: each for each in books.all("customers")}
        self.carriers = {each["Id"]: each for each in books.all("carriers")}
        self.drivers = {each["Id"]: each for each in books.all("drivers")}
        self.trucks = {each["Id"]: each for each in books.all("trucks")}
        self.fuel = [shown_fuel(each, books.switches) for each in books.all("fuel")]
        self.tolls: list[Json] = list(books.all("tolls"))
        self.carrier_statements: list[Json] = list(books.all("carrier_statements"))
        self.driver_statements = [
            shown_driver_statement(each, books.switches) for each in books.all("driver_statements")
        ]
        self.filed = {
            filing["Place"].partition("/")[2]
            for filing in books.all("filings")
            if books.known("attachments", filing["Id"])["AttachmentType"] == "Carrier Invoice"
        }
        self._numbered = {each["LoadNumber"]: each for each in self.loads.values()}
        self._hauls: defaultdict[str, list[Json]] = defaultdict(list)
        for trip in self.trips:
            self._hauls[trip["LoadNumber"]].append(trip)

    def load_of(self, trip: Json) -> Json:
        """Return the load that a trip hauls; the numbers of this tenant are unique."""
        return self._numbered[trip["LoadNumber"]]

    def hauls_of(self, load: Json) -> list[Json]:
        """Return the trips of a load that stand, in the order of their numbers."""
        return sorted(
            (trip for trip in self._hauls[load["LoadNumber"]] if not gone(trip)), key=lambda trip: trip["TripNumber"]
        )


def gone(record: Json) -> bool:
    """Whether a load or trip was cancelled or deleted."""
    return record["Status"] == "Cancelled" or bool(record["IsDeleted"])


def invoiced(load: Json) -> bool:
    """Whether the customer is invoiced for a load."""
    return not gone(load) and (load["Status"] in INVOICED or load["InvoicedAt"] is not None)


def local_day(instant: str | None) -> date | None:
    """Return the day of an instant at home."""
    return None if instant is None else _instant(instant).astimezone(ZONE).date()


def utc_day(instant: str | None) -> date | None:
    """Return the day of an instant, or of a plain date, in UTC."""
    return None if instant is None else _instant(instant).astimezone(UTC).date()


def _instant(text: str) -> datetime:
    """Read an RFC 3339 instant with a fraction of any length."""
    moment = datetime.fromisoformat(re.sub(r"\.\d+", "", text))
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
