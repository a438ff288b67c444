"""Files kept with loads, trips, carriers, drivers and trucks, carriers' invoices among them."""

from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import PurePath
from uuid import NAMESPACE_OID, uuid5

from adapters.sandbox.alvys.books import Books
from adapters.sandbox.alvys.files import shown
from adapters.sandbox.alvys.routing import Asked, Reply, Upload
from adapters.sandbox.alvys.wire import Json, Problem

API_USER = "Public API"
MEGABYTE = 2**20
MEDIA = frozenset({"application/pdf", "image/jpeg", "image/png"})
CARRIER_INVOICE = "Carrier Invoice"
TOUCHED = frozenset({"loads", "trips"})
"""Kinds with a time of last update."""

ASSET_DOCUMENTS = frozenset(
    {
        "Motor Vehicle Record",
        "Vehicle Image",
        "Inspection Certificate",
        "Certificate of Insurance (COI)",
        "Insurance Certificate",
        "Other Documents",
    }
)


@dataclass(frozen=True)
class Place:
    """A kind of thing that files are kept with: what it is called, how its path names it, and what it takes."""

    parent: str
    name: str
    field: str
    types: frozenset[str]
    largest: int = 10 * MEGABYTE


PLACES: Mapping[str, Place] = {
    "loads": Place(
        "Load",
        "loadNumber",
        "LoadNumber",
        frozenset(
            {
                "Customer Rate and Load Confirmation",
                "Customer Load Confirmation",
                "Customer Rate Confirmation",
                "Signed Customer Rate Confirmation",
                "Proof of Delivery",
                "Proof of Pickup",
                "Bill of Lading",
                "Shipping Labels",
            }
        ),
    ),
    "trips": Place(
        "Trip",
        "tripId",
        "Id",
        frozenset(
            {
                "Proof of Delivery",
                "Bill of Lading",
                "Carrier Rate Confirmation",
                "Load Manifest",
                "Trip Report",
                "Temp. Log",
                "Proof of Pickup",
                "Scale Ticket",
                "Notice of Assignment",
                "NOA",
                "Shipping Labels",
            }
        ),
        25 * MEGABYTE,
    ),
    "carriers": Place(
        "Carrier",
        "carrierId",
        "Id",
        frozenset(
            {"Carrier Agreement", "Carrier Application", "Carrier Authority", "Carrier Onboarding", "Other Documents"}
        ),
    ),
    "drivers": Place(
        "Driver",
        "driverId",
        "Id",
        frozenset(
            {
                "License",
                "Medical",
                "Driver License",
                "Driver Sheet",
                "Drug Test",
                "Operating Authority",
                "Completed W9 Tax Form (W9 Form)",
                "Other Documents",
            }
        ),
    ),
    "trucks": Place("Truck", "truckId", "Id", ASSET_DOCUMENTS),
}
"""Where files are kept, with the types and sizes the vendor's description lists for each."""


@dataclass(frozen=True)
class Folder:
    """Where the files of one thing are kept; the books name it by the thing's kind and id."""

    kind: str
    thing: Json

    @property
    def name(self) -> str:
        """Name the folder."""
        return f"{self.kind}/{self.thing['Id']}"


def list_documents(books: Books, kind: str, asked: Asked) -> Reply:
    """Answer with the documents kept with something. Raises a 404 `Problem`."""
    filed = [each for folder in _folders(books, kind, asked) for each in books.owned("filings", folder.name)]
    return Reply([shown(books, books.known("attachments", each["Id"]), asked.origin) for each in filed])


def upload_document(books: Books, kind: str, asked: Asked) -> Reply:
    """Keep a file with something. Raises a 400, 404, 413 or 415 `Problem`."""
    place, folder = PLACES[kind], _folder(books, kind, asked)
    document_type, name = asked.form.get("DocumentType"), asked.form.get("FileName")
    if document_type not in place.types:
        raise Problem.of({"DocumentType": [f"DocumentType must be one of: {', '.join(sorted(place.types))}."]})
    upload = _file(asked, place.largest)
    if isinstance(name, str) and name:
        upload = replace(upload, name=name)
    if books.switches.upload_touches and kind in TOUCHED:
        folder = Folder(kind, books.touched(folder.thing, API_USER))
    return Reply(shown(books, keep(books, folder, upload, f"{document_type}", API_USER), asked.origin))


def upload_carrier_invoice(books: Books, asked: Asked) -> Reply:
    """Keep a carrier's invoice with its trip, and its number on the trip. Raises a 400, 404, 413 or 415 `Problem`."""
    trip_id, number = asked.form.get("TripId"), asked.form.get("CarrierInvoiceNumber")
    if not isinstance(trip_id, str) or not trip_id.strip():
        raise Problem.of({"TripId": ["The TripId field is required."]})
    trip = books.known("trips", trip_id)
    upload = _file(asked, PLACES["trips"].largest)
    kept = keep_carrier_invoice(books, trip, upload, number if isinstance(number, str) else None, API_USER)
    return Reply(shown(books, kept, asked.origin))


def keep_carrier_invoice(books: Books, trip: Json, upload: Upload, number: str | None, by: str) -> Json:
    """File a carrier's invoice with a trip; a released trip counts as invoiced from then on."""
    if trip["Carrier"] is None:
        raise Problem.of({"TripId": ["The trip has no carrier."]})
    carrier = trip["Carrier"] | ({"CarrierInvoiceNumber": number} if number else {})
    status = "Invoiced" if trip["Status"] == "Released" else trip["Status"]
    done = books.touched(trip, by, Carrier=carrier, Status=status)
    return keep(books, Folder("trips", done), upload, CARRIER_INVOICE, by)


def keep(books: Books, folder: Folder, upload: Upload, document_type: str, by: str) -> Json:
    """Keep a file in a folder, together with what the folder is of, which may have changed by it.

    A file kept with a trip bears the load's number, as the vendor's own samples do.
    """
    thing, place, stamp = folder.thing, PLACES[folder.kind], books.stamp()
    key = str(uuid5(NAMESPACE_OID, f"{folder.name}/{stamp}/{len(books.all('attachments'))}"))
    path = PurePath(upload.name or "document.pdf")
    attachment = {
        "id": key,
        "AttachmentPath": f"{path.stem}-{int(books.clock().timestamp())}{path.suffix}",
        "AttachmentType": document_type,
        "AttachmentSize": len(upload.content),
        "UploadedAt": stamp,
        "ParentId": thing["LoadNumber" if folder.kind == "trips" else place.field],
        "ParentType": place.parent,
        "UploadedBy": by,
        "DownloadUrl": None,
        "ExpiresAt": None,
    }
    filing = {"Id": key, "Place": folder.name}
    content = {"Id": key, "Media": upload.media, "Content": b64encode(upload.content).decode()}
    books.commit(("filings", filing), ("contents", content), ("attachments", attachment), (folder.kind, thing))
    return attachment


def _folders(books: Books, kind: str, asked: Asked) -> Iterator[Folder]:
    """Yield the folders that a list is of: of a load perhaps those of its trips too."""
    folder = _folder(books, kind, asked)
    yield folder
    if kind == "loads" and books.switches.load_documents == "with_trips":
        yield from (Folder("trips", trip) for trip in books.trips_of(folder.thing["LoadNumber"]))


def _folder(books: Books, kind: str, asked: Asked) -> Folder:
    place = PLACES[kind]
    found = books.find(kind, place.field, asked.match[place.name])
    if found is None:
        raise Problem(404, f"no such {place.parent.lower()}")
    return Folder(kind, found)


def _file(asked: Asked, largest: int) -> Upload:
    upload = asked.form.get("File")
    if not isinstance(upload, Upload) or not upload.content:
        raise Problem.of({"File": ["Exactly one file must be given, and it must not be empty."]})
    if upload.media not in MEDIA:
        raise Problem(415, f"The file must be one of: {', '.join(sorted(MEDIA))}.")
    if len(upload.content) > largest:
        raise Problem(413, f"The file must not exceed {largest // MEGABYTE} MB.")
    return upload
