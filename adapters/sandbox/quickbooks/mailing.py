"""Printing and mailing: a document as a small PDF, and what sending it notes on it."""

import re
from datetime import datetime
from typing import Final

from adapters.sandbox.quickbooks.clock import stamp
from adapters.sandbox.quickbooks.faults import Fault
from adapters.sandbox.quickbooks.kinds import KINDS
from adapters.sandbox.quickbooks.rules import Object

_ADDRESS: Final = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


def mailed(kind: str, document: Object, send_to: str, now: datetime) -> Object:
    """Return a document as it stands once it was mailed, to `send_to` or else to its own address. Raises Fault."""
    field = KINDS[kind].mailed_to
    address = send_to or document.get(field, {}).get("Address", "")
    if not address:
        raise Fault("6420", "Email address is required", element=field)
    if not _ADDRESS.fullmatch(address):
        raise Fault("2210", f"Invalid email address : {address}", element=field)
    delivery = {"DeliveryType": "Email", "DeliveryTime": stamp(now)}
    return {**document, field: {"Address": address}, "EmailStatus": "EmailSent", "DeliveryInfo": delivery}


def pdf(kind: str, document: Object) -> bytes:
    """Return a document as a PDF of one page: its kind, its number, its party, its lines and its total."""
    party = document.get(KINDS[kind].party, {})
    shown = [
        f"{kind} {document.get('DocNumber', '')}",
        str(party.get("name", "")),
        str(document["TxnDate"]),
        *(f"{line.get('Description', line['DetailType'])}  {line.get('Amount', '')}" for line in document["Line"]),
        f"Total {document['TotalAmt']}",
    ]
    text = " T* ".join(f"({_escaped(line)}) Tj" for line in shown)
    content = f"BT /F1 12 Tf 14 TL 72 720 Td {text} ET".encode("latin-1", "replace")
    return _file(
        [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources 6 0 R >>",
            b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
            b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
            b"<< /Font << /F1 5 0 R >> >>",
        ]
    )


def _escaped(line: str) -> str:
    return re.sub(r"([\\()])", r"\\\1", line)


def _file(objects: list[bytes]) -> bytes:
    """Return a PDF file of numbered objects, with the table that says where each begins."""
    written = b"%PDF-1.4\n"
    places = []
    for number, held in enumerate(objects, start=1):
        places.append(len(written))
        written += b"%d 0 obj\n%s\nendobj\n" % (number, held)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    count = len(objects) + 1
    trailer = b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (count, len(written))
    return written + b"xref\n0 %d\n0000000000 65535 f \n%s" % (count, table) + trailer
