"""Which events a change in the books sets off, in the shape webhooks deliver them. Pure."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from adapters.sandbox.alvys.routing import etag_of
from adapters.sandbox.alvys.wire import Json

Part: TypeAlias = Callable[[Json], object]

TESTED = "webhook.test"
PARENTS = ("load", "trip", "driver", "carrier", "truck", "trailer")
EVENT_TYPES = (
    "tender.accepted",
    "load.status.changed",
    "load.changed",
    "trip.status.changed",
    "trip.changed",
    *(f"{parent}.document.{what}" for parent in PARENTS for what in ("uploaded", "deleted")),
)
"""What a webhook can ask for. Tenders are not played: their event is never sent."""

IDENTIFIERS: Mapping[str, str] = {
    "loads": "loadNumber",
    "trips": "tripId",
    "drivers": "driverId",
    "carriers": "carrierId",
    "trucks": "truckId",
}
"""How an event of a document names what the document is kept with."""


@dataclass(frozen=True)
class Event:
    """Something that happened, to be told to the webhooks of a subsidiary, or to all of them if it names none."""

    type: str
    id: str
    timestamp: str
    data: Json
    entity_type: str
    entity_id: str
    subsidiary: str | None = None
    etag: str | None = None

    @property
    def envelope(self) -> Json:
        """Return what is sent."""
        tagged = {"etag": self.etag} if self.etag else {}
        head = {"id": self.id, "type": self.type, "timestamp": self.timestamp, "version": "v1"}
        return head | tagged | {"data": self.data}


def of_field(name: str) -> Part:
    """Look at one field."""
    return lambda thing: thing.get(name)


def of_carrier(*names: str) -> Part:
    """Look at fields of who carries a trip."""
    return lambda trip: [(trip["Carrier"] or {}).get(name) for name in names]


CHANGES: Mapping[str, Mapping[str, Part]] = {
    "loads": {
        "StatusChanged": of_field("Status"),
        "RateChanged": of_field("Linehaul"),
        "FuelSurchargeChanged": of_field("FuelSurcharge"),
        "AccessorialsChanged": of_field("CustomerAccessorialsDetails"),
        "MileageChanged": of_field("CustomerMileage"),
        "InvoicedChanged": lambda load: (load["InvoicedAt"], load["InvoicedAmount"]),
        "PaymentRecorded": of_field("Payments"),
        "InvoicingChanged": of_field("InvoiceAs"),
        "CustomerChanged": of_field("CustomerId"),
        "ScheduleChanged": lambda load: (load["ScheduledPickupAt"], load["ScheduledDeliveryAt"]),
        "Delivered": of_field("DeliveredAt"),
        "NotesChanged": of_field("Notes"),
        "ReferencesChanged": of_field("References"),
    },
    "trips": {
        "StatusChanged": of_field("Status"),
        "ReleasedChanged": of_field("ReleasedAt"),
        "CarrierChanged": of_carrier("Id"),
        "CarrierPayOnHoldChanged": of_field("CarrierPayOnHold"),
        "CarrierRateChanged": of_carrier("Linehaul", "AccessorialsDetails", "TotalPayable"),
        "CarrierPaymentRecorded": of_field("CarrierPaidAt"),
        "TripValueChanged": of_field("TripValue"),
        "DriverChanged": lambda trip: (trip["Driver1"] or {}).get("Id"),
        "DueDateChanged": of_field("DueDate"),
        "Delivered": of_field("DeliveredAt"),
    },
}
"""The vendor's closed list of kinds of change, as far as people and the API can bring them about here."""

NAMED_FIELDS: Mapping[str, tuple[str, ...]] = {"loads": ("OrderNumber", "PONumber"), "trips": ()}


def shipment_events(kind: str, before: Json, after: Json) -> Iterator[Event]:
    """Yield the events of a changed load or trip: one of the change, and one more if its status moved.

    One write can set off both; the end of their ids tells them apart.
    """
    one, tag = kind.removesuffix("s"), etag_of(after).strip('"')
    subsidiary = after["InvoiceAs"] if kind == "loads" else after["TenderAs"]
    snapshot = {one: camel_cased(after)}
    number = after["LoadNumber"] if kind == "loads" else after["TripNumber"]
    common = (after["UpdatedAt"], snapshot | {"diff": {"changes": changes(kind, before, after)}}, one.title(), number)
    yield Event(f"{one}.changed", f"{tag}-0", *common, subsidiary)
    if before["Status"] != after["Status"]:
        yield Event(f"{one}.status.changed", f"{tag}-1", after["UpdatedAt"], snapshot, one.title(), number, subsidiary)


def changes(kind: str, before: Json, after: Json) -> list[Json]:
    """List what changed, in the vendor's words; nothing where only the time of update moved."""
    kinds = [{"kind": name} for name, part in CHANGES[kind].items() if part(before) != part(after)]
    fields = [name for name in NAMED_FIELDS[kind] if before[name] != after[name]]
    return kinds + [{"kind": "FieldChanged", "target": {"type": "Field", "id": name}} for name in fields]


def document_event(place: str, attachment: Json, parent: Json) -> Event:
    """Return the event of a document somebody uploaded; its place is the kind and the id of what it is kept with."""
    kind, _, key = place.partition("/")
    tag = etag_of(attachment).strip('"')
    return Event(
        type=f"{kind.removesuffix('s')}.document.uploaded",
        id=f"{attachment['id']}-{tag}",
        timestamp=attachment["UploadedAt"],
        data={
            IDENTIFIERS[kind]: parent["LoadNumber"] if kind == "loads" else key,
            "document": camel_cased(attachment),
        },
        entity_type="Document",
        entity_id=attachment["id"],
        etag=tag,
    )


def camel_cased(value: Any) -> Any:  # noqa: ANN401 - it is whatever the API shows
    """Return a value with every name in it the way webhooks write names: the first letters small."""
    if isinstance(value, dict):
        return {_camel(name): camel_cased(each) for name, each in value.items()}
    return [camel_cased(each) for each in value] if isinstance(value, list) else value


def _camel(name: str) -> str:
    return re.sub(r"^[A-Z]+(?=[A-Z][a-z]|\d|$)|^[A-Z]", lambda found: found[0].lower(), name)
