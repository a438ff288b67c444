"""What the judge knows of each TMS record, from the two vendors' books alone, and what it found wrong."""

import re
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, NamedTuple
from urllib.parse import unquote

MARKER: Final = re.compile(r"\[loadledger (\S+) (\w+) (\S+) g(\d+) [0-9a-f]+\]")
KINDS: Final = {"Invoice": "customer_invoice", "Bill": "carrier_bill", "VendorCredit": "carrier_credit"}
DOCUMENTS: Final = {kind: document for document, kind in KINDS.items()}

Json = dict[str, Any]


class Subject(NamedTuple):
    """A TMS record that becomes a document: the kind of transaction, and the record's id."""

    kind: str
    source_id: str


class Version(NamedTuple):
    """What a document of a record must say to be right."""

    total: Decimal
    day: str
    load_number: str


@dataclass
class Known:
    """What happened to one record, and to its documents."""

    versions: set[Version] = field(default_factory=set)
    now: Version | None = None
    """What the TMS shows; None if it bills nothing."""
    live: set[str] = field(default_factory=set)
    """The documents with our marker that are not voided or deleted."""
    deeds: set[str] = field(default_factory=set)
    """What people did: paid, voided, deleted, edited, withdrawn, or an action of support by its name."""
    touched: datetime | None = None
    """When a person last changed a document of it."""
    most_paid: Decimal = Decimal(0)
    told: Decimal = Decimal(0)


class Facts:
    """Everything known, and every promise found broken. `now` tells the time."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self.records: defaultdict[Subject, Known] = defaultdict(Known)
        self.everywhere: set[str] = set()
        """What happened that may concern any record."""
        self.broken: list[str] = []
        self.now = now

    def breach(self, promise: str, detail: str) -> None:
        """Note that a promise was broken."""
        self.broken.append(f"{promise} at {self.now():%d %H:%M:%S.%f}: {detail}")


def marked(document: Json) -> Subject | None:
    """Return whose document one in accounting is, by its marker."""
    found = MARKER.search(document.get("PrivateNote") or "")
    return Subject(found[2], unquote(found[3])) if found else None
