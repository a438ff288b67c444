"""Currencies: which one a transaction is in, what it is worth at home, and the rates the company keeps."""

from decimal import Decimal
from typing import Final

from adapters.sandbox.quickbooks.books import Bookkeeping, Books
from adapters.sandbox.quickbooks.entries import EXCHANGE_DIFFERENCE, UNIT, at_home, postings
from adapters.sandbox.quickbooks.faults import Fault, business, missing
from adapters.sandbox.quickbooks.kinds import KINDS
from adapters.sandbox.quickbooks.rules import ZERO, Facts, Object

NAMES: Final = {
    "USD": "United States Dollar",
    "CAD": "Canadian Dollar",
    "EUR": "Euro",
    "GBP": "British Pound Sterling",
    "MXN": "Mexican Peso",
}
"""Currencies by code, as references to them are labelled."""
_PARTIES: Final = {"CustomerRef": "Customer", "VendorRef": "Vendor"}


def is_multicurrency(facts: Facts) -> bool:
    """Say whether the company deals in more than its home currency."""
    return facts.preference("CurrencyPrefs", "MultiCurrencyEnabled") is True


def complete_currency(kind: str, draft: Object, company: Bookkeeping) -> None:
    """Settle a transaction's currency and rate, or refuse one that is not its party's."""
    home = company.books.home
    if not is_multicurrency(company):
        draft["CurrencyRef"] = {"value": home}
        draft.pop("ExchangeRate", None)
        return
    if "CurrencyRef" not in draft:
        raise missing("CurrencyRef")
    currency = draft["CurrencyRef"]["value"]
    party = _party(kind, draft, company)
    if party is not None and "CurrencyRef" in party:
        check_currency(party, draft, company)
    if currency == home:
        draft["ExchangeRate"] = UNIT
    elif "ExchangeRate" not in draft:
        kept = company.switches.missing_exchange_rate == "kept_rate"
        draft["ExchangeRate"] = rate_on(currency, draft["TxnDate"], company.books) if kept else UNIT
    elif draft["ExchangeRate"] <= 0:
        raise business("The exchange rate must be greater than zero.")


def _party(kind: str, draft: Object, facts: Facts) -> Object | None:
    """Return the customer, vendor or employee a transaction is with, or None."""
    field = KINDS[kind].party
    named: Object | None = draft.get(field)
    return facts.find(_PARTIES.get(field) or named["type"], named["value"]) if named else None


def mismatch(text: str, facts: Facts) -> Fault:
    """Return the fault for two things that are in different currencies."""
    return business(text) if facts.switches.currency_mismatch_code == "6000" else Fault("2220", text)


def rate_on(currency: str, day: str, books: Books) -> Decimal:
    """Return the last rate the company keeps for a currency up to a day, or 1 when it keeps none."""
    known = [held for held in books.live("ExchangeRate") if held["SourceCurrencyCode"] == currency]
    dated = {str(held["AsOfDate"]): Decimal(held["Rate"]) for held in known if held["AsOfDate"] <= day}
    return dated[max(dated)] if dated else UNIT


def complete_home_amounts(kind: str, draft: Object, old: Object | None, company: Bookkeeping) -> None:
    """Note what a transaction and its open balance are worth at home, where currencies can differ."""
    if not is_multicurrency(company):
        return
    if draft["CurrencyRef"]["value"] != company.books.home:
        company.standard_account(*EXCHANGE_DIFFERENCE)
    if "TotalAmt" not in draft:
        return
    worth = _largest_side(kind, draft, company)
    draft["HomeTotalAmt"] = worth
    if KINDS[kind].owes:
        draft["HomeBalance"] = worth - (settled_at_home(old) if old else ZERO)


def settled_at_home(document: Object) -> Decimal:
    """Return what payments have settled of a document, at home."""
    worth = document if "HomeBalance" in document else {key: document[own] for key, own in _OWN.items()}
    return Decimal(worth["HomeTotalAmt"] - worth["HomeBalance"])


_OWN: Final = {"HomeTotalAmt": "TotalAmt", "HomeBalance": "Balance"}


def _largest_side(kind: str, draft: Object, company: Bookkeeping) -> Decimal:
    """Return the home amount of the posting that balances the others, which sums lines rounded one by one."""
    party = [abs(posting.amount) for posting in postings(kind, draft, company.books) if posting.party]
    if KINDS[kind].owes and party:
        return party[0]
    return at_home(draft["TotalAmt"], draft["ExchangeRate"])


def check_currency(held: Object, draft: Object, company: Bookkeeping) -> None:
    """Refuse an account, customer or vendor that is not in the transaction's currency."""
    if is_multicurrency(company) and held["CurrencyRef"] != draft["CurrencyRef"]:
        raise mismatch("The currency of the transaction is not the currency of what it names.", company)
