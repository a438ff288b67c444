"""QuickBooks Online as a real HTTP server with real books, for demonstrations, tests, benchmarks and training.

It shares nothing with the product it judges. QUIRKS.md lists what it takes for granted and how to switch it.
"""

from adapters.sandbox.quickbooks import hands
from adapters.sandbox.quickbooks.company import Company
from adapters.sandbox.quickbooks.faults import Fault
from adapters.sandbox.quickbooks.sample import seed_sample_company
from adapters.sandbox.quickbooks.seed import seed_company
from adapters.sandbox.quickbooks.server import QuickBooksSandbox
from adapters.sandbox.quickbooks.switches import Limits, Switches
from adapters.sandbox.quickbooks.webhooks import Receiver

__all__ = [
    "Company",
    "Fault",
    "Limits",
    "QuickBooksSandbox",
    "Receiver",
    "Switches",
    "hands",
    "seed_company",
    "seed_sample_company",
]
