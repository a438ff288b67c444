"""What companies of the tenant's own owe each other, where one invoices what another hauls. Pure."""

from collections import Counter
from collections.abc import Iterable

from adapters.alvys.hauls import Hauls, gone
from adapters.alvys.mapping.bills import trip_withdrawn
from adapters.alvys.mapping.common import unless_zero
from adapters.alvys.mapping.intercompany import hauling_bill, intercompany_invoice, load_share_withdrawn
from adapters.alvys.record import glimpse
from adapters.alvys.selection.common import Skip, early, takes
from adapters.alvys.selection.invoices import invoiced
from adapters.alvys.selection.trips import shared
from adapters.alvys.settings import Settings
from state.transaction import Kind, Sourced


class Between:
    """Our side of it: what we ask if we haul, what we owe if we invoice. `skipped` counts what is left alone.

    Both sides book it once the load is invoiced to the customer.
    """

    def __init__(self, settings: Settings, skipped: Counter[Skip]) -> None:
        self._settings = settings
        self._skipped = skipped
        rules = settings.rules
        self._owing = Kind.INTERCOMPANY_BILL if rules.shared_billing else Kind.SUBSIDIARY_BILL
        self._owes = rules.expense and (rules.shared_billing or rules.pay_subsidiary_carrier)
        self._asks = rules.revenue and rules.shared_billing

    def of(self, hauls: Hauls) -> Iterable[Sourced]:
        """Yield what is asked for loads and owed for trips; withdrawn where it is no longer."""
        if self._asks:
            yield from (found for load in hauls.loads for found in self._asked(load, hauls))
        if self._owes:
            yield from (found for trip in hauls.trips for found in self._owed(trip, hauls))

    def _asked(self, load: object, hauls: Hauls) -> Iterable[Sourced]:
        """Yield what we ask the company that invoices a load, for the trips of it that we haul."""
        trips = [trip for trip in hauls.trips_of(load) if not gone(trip) and shared(trip, load)]
        ours = [trip for trip in trips if glimpse(trip, "TenderAs") == self._settings.subsidiary]
        if gone(load) or not ours:
            yield load_share_withdrawn(load)
        elif takes(self._skipped, None if invoiced(load) else Skip.NOT_INVOICED):
            yield from self._taken(intercompany_invoice(load, ours, hauls, self._settings))

    def _owed(self, trip: object, hauls: Hauls) -> Iterable[Sourced]:
        """Yield what we owe the company that hauls a trip of a load we invoice."""
        load = hauls.load_of(trip)
        ours = shared(trip, load) and glimpse(load, "InvoiceAs") == self._settings.subsidiary
        if gone(trip) or (load is not None and self._owing is Kind.INTERCOMPANY_BILL and not ours):
            yield trip_withdrawn(trip, self._owing)
        elif ours and takes(self._skipped, None if invoiced(load) else Skip.NOT_INVOICED):
            yield from self._taken(hauling_bill(trip, load, hauls, self._settings, self._owing))

    def _taken(self, found: Sourced) -> Iterable[Sourced]:
        """Yield what is to be booked, if it is not from before the first date."""
        day = found.content.issued_on if found.content else None
        if takes(self._skipped, Skip.BEFORE_FIRST_DATE if early(day, self._settings) else None):
            yield unless_zero(found, self._settings)
