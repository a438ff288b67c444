"""Objects that move no money and have few rules: hours, tax agencies, currencies and their rates."""

from collections.abc import Callable
from typing import Final

from adapters.sandbox.quickbooks.books import Bookkeeping
from adapters.sandbox.quickbooks.currencies import NAMES, is_multicurrency
from adapters.sandbox.quickbooks.faults import Fault, duplicate_name, missing
from adapters.sandbox.quickbooks.kinds import KINDS
from adapters.sandbox.quickbooks.rules import Object


def complete_record(kind: str, draft: Object, old: Object | None, company: Bookkeeping) -> None:
    """Fill in a record by the rules of its kind."""
    if "Active" in KINDS[kind].fields:
        draft.setdefault("Active", True)
    if complete := _COMPLETE.get(kind):
        complete(draft, old, company)


def _complete_hours(draft: Object, _old: Object | None, company: Bookkeeping) -> None:
    draft.setdefault("TxnDate", company.today().isoformat())
    draft.setdefault("BillableStatus", "NotBillable")
    worker = f"{draft['NameOf']}Ref"
    if worker not in draft:
        raise missing(worker)
    if "Hours" not in draft and "Minutes" not in draft and "StartTime" not in draft:
        raise missing("Hours")


def _complete_agency(draft: Object, old: Object | None, company: Bookkeeping) -> None:
    for other in company.books.live("TaxAgency"):
        taken = other["DisplayName"].casefold() == draft["DisplayName"].casefold()
        if taken and (old is None or other["Id"] != old["Id"]):
            raise duplicate_name("tax agency")
    draft.setdefault("TaxTrackedOnSales", True)
    draft.setdefault("TaxTrackedOnPurchases", False)
    draft["_payable"] = (
        old["_payable"] if old else {"value": company.tax_payable(draft["DisplayName"]), "type": "Account"}
    )


def _complete_currency(draft: Object, old: Object | None, company: Bookkeeping) -> None:
    _require_multicurrency(company)
    draft["Code"] = draft["Code"].upper()
    if any(other["Code"] == draft["Code"] for other in company.books.live("CompanyCurrency") if other != old):
        raise duplicate_name("currency")
    draft.setdefault("Name", NAMES.get(draft["Code"], draft["Code"]))


def _complete_rate(draft: Object, _old: Object | None, company: Bookkeeping) -> None:
    _require_multicurrency(company)
    draft["SourceCurrencyCode"] = draft["SourceCurrencyCode"].upper()
    if draft["SourceCurrencyCode"] not in company.currencies():
        raise Fault("2220", f"Invalid Currency Type : {draft['SourceCurrencyCode']}", element="SourceCurrencyCode")
    draft.setdefault("AsOfDate", company.today().isoformat())
    draft["TargetCurrencyCode"] = company.books.home


def _require_multicurrency(company: Bookkeeping) -> None:
    if not is_multicurrency(company):
        raise Fault("5030", "Feature Not Supported : multicurrency is not enabled in this company.")


_COMPLETE: Final[dict[str, Callable[[Object, Object | None, Bookkeeping], None]]] = {
    "TimeActivity": _complete_hours,
    "TaxAgency": _complete_agency,
    "CompanyCurrency": _complete_currency,
    "ExchangeRate": _complete_rate,
}
