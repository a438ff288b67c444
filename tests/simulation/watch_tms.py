"""What the TMS shows: every version of every record that bills something."""

from decimal import Decimal
from typing import Final

from tests.simulation.facts import Facts, Json, Known, Subject, Version

_OURS: Final = "loadledger-"


class TmsWatch:
    """Hears of every commit of the TMS' books."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._numbered: dict[tuple[str, str], Known] = {}

    def heard(self, kind: str, before: Json | None, after: Json | None) -> None:
        """Take in how an object was and how it is."""
        thing = after or before or {}
        match kind:
            case "invoices" if thing["Type"] == "LoadInvoice":
                self._shown(Subject("customer_invoice", thing["Loads"][0]["Id"]), _invoice(after))
            case "trips":
                self._owed(thing["Id"], _bill(after))
            case "customer_payments" if after and thing["ReferenceNumber"].startswith(_OURS):
                self._told(thing, "customer_invoice", thing["LoadNumber"])
            case "carrier_payments" if after and thing["ReferenceNumber"].startswith(_OURS):
                self._told(thing, "carrier_bill", thing["TripId"])
            case _:
                pass

    def _owed(self, trip: str, owed: Version | None) -> None:
        """Take in what a trip owes its carrier: a bill, or a credit of the other sign if it is below zero."""
        below = owed is not None and owed.total < 0
        self._shown(Subject("carrier_bill", trip), None if below else owed)
        credit = Subject("carrier_credit", trip)
        if owed is not None and below:
            self._shown(credit, owed._replace(total=-owed.total))
        elif credit in self._facts.records:
            self._shown(credit, None)

    def _shown(self, subject: Subject, version: Version | None) -> None:
        known = self._facts.records[subject]
        if version is None and known.now is not None:
            known.deeds.add("withdrawn")
        if version is not None:
            known.versions.add(version)
            self._numbered.setdefault((subject.kind, version.load_number), known)
            if known.now not in {None, version}:
                known.deeds.add("changed")
        known.now = version

    def _told(self, payment: Json, kind: str, name: str) -> None:
        """Check that no more was told than was ever paid, even if an older copy does not remember what was told."""
        known = self._named(kind, name)
        known.told += Decimal(payment["Amount"]["Amount"])
        if known.told > known.most_paid:
            self._facts.breach("P3", f"{kind} {name}: the TMS was told {known.told}, paid were {known.most_paid}")

    def _named(self, kind: str, name: str) -> Known:
        if kind == "carrier_bill":
            return self._facts.records[Subject(kind, name)]
        return self._numbered[kind, name]


def _invoice(invoice: Json | None) -> Version | None:
    if invoice is None or not invoice["Total"]["Amount"]:
        return None
    return Version(Decimal(invoice["Total"]["Amount"]), invoice["InvoicedDate"][:10], invoice["Number"])


def _bill(trip: Json | None) -> Version | None:
    if trip is None or trip["IsDeleted"] or trip["Status"] == "Cancelled" or not trip["Carrier"]:
        return None
    owed = trip["Carrier"]["TotalPayable"]["Amount"]
    if not trip["ReleasedAt"] or not owed:
        return None
    return Version(Decimal(owed), trip["ReleasedAt"][:10], trip["LoadNumber"])
