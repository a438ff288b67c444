"""The Alvys twin: a tenant of the transport management system on the vendor's own paths and payloads."""

from adapters.sandbox.alvys import hands
from adapters.sandbox.alvys.books import Books
from adapters.sandbox.alvys.deliveries import Delivery
from adapters.sandbox.alvys.faults import Fault
from adapters.sandbox.alvys.full import generate_full
from adapters.sandbox.alvys.limits import Limits
from adapters.sandbox.alvys.month import Month, generate
from adapters.sandbox.alvys.parties import SUBSIDIARY, SUBSIDIARY_IDS, TRANSPORT
from adapters.sandbox.alvys.server import TOKEN_PATH, AlvysSandbox
from adapters.sandbox.alvys.switches import Switches
from adapters.sandbox.alvys.tokens import AUDIENCE

__all__ = [
    "AUDIENCE",
    "SUBSIDIARY",
    "SUBSIDIARY_IDS",
    "TOKEN_PATH",
    "TRANSPORT",
    "AlvysSandbox",
    "Books",
    "Delivery",
    "Fault",
    "Limits",
    "Month",
    "Switches",
    "generate",
    "generate_full",
    "hands",
]
