"""QuickBooks Online: one company's invoices, bills and payments behind the accounting port."""

from adapters.quickbooks.adapter import QuickBooks
from adapters.quickbooks.client import ENDPOINTS, PURPOSES
from adapters.quickbooks.problems import CATALOGUE
from adapters.quickbooks.settings import Charges, Mapping, Segments, Settings
from adapters.quickbooks.tags import REMARKS

__all__ = ["CATALOGUE", "ENDPOINTS", "PURPOSES", "REMARKS", "Charges", "Mapping", "QuickBooks", "Segments", "Settings"]
