"""The company file of a legal entity before the daemon comes: a broker's, with what this tenant has beside."""

from typing import Final

from adapters.sandbox import alvys, quickbooks
from adapters.sandbox.quickbooks.customfields import legacy_definitions
from adapters.sandbox.scenario import meet
from tests.month.choices import FLEET_NAMES, LABELS, SUBSIDIARY_NAMES
from tests.month.story import FLEETS

_FLEETS: Final = tuple(fleet["Name"] for fleet in FLEETS)
_CLASSES: Final = (*_FLEETS, *(name.title() for name in SUBSIDIARY_NAMES.values()))


def seed(company: quickbooks.Company, month: alvys.Month) -> None:
    """Fill an empty company file."""
    quickbooks.seed_company(company)
    meet(company, month)
    own = company.create(
        "Account",
        {"Name": "Own Fleet Income", "AcctNum": "4100", "AccountType": "Income", "AccountSubType": "ServiceFeeIncome"},
    )
    income = {"value": own["Id"]}
    company.create("Item", {"Name": "Own Fleet Linehaul", "Type": "Service", "IncomeAccountRef": income})
    for name in _CLASSES:
        company.create("Class", {"Name": name})
    for name in (*_FLEETS, *FLEET_NAMES.values()):
        company.create("Department", {"Name": name})
    company.set_preferences({"SalesFormsPrefs": {"CustomField": legacy_definitions(*LABELS.values())}})
