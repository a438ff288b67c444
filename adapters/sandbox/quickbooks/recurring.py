"""Recurring transactions: templates of other kinds, kept with their schedule and never carried out here."""

from typing import Final

from adapters.sandbox.quickbooks.books import Bookkeeping
from adapters.sandbox.quickbooks.faults import duplicate_name, missing, unsupported_property
from adapters.sandbox.quickbooks.kinds import KINDS
from adapters.sandbox.quickbooks.rules import Facts, Object, anything, keep, require

KIND: Final = "RecurringTransaction"
_SCHEDULED: Final = frozenset(
    kind for kind, row in KINDS.items() if row.role in {"sale", "purchase", "journal", "deposit"} or kind == "Transfer"
)


def unwrapped(body: Object) -> Object:
    """Return the template inside `{"Invoice": {…}}`, with its kind in `Type`. Raises Fault."""
    kind = next((key for key in body if key in _SCHEDULED), None)
    if kind is None:
        raise missing("Invoice")
    if not isinstance(body[kind], dict):
        raise unsupported_property(kind)
    return {**body[kind], "Type": kind}


def wrapped(shown: Object) -> Object:
    """Return a template the way the vendor answers it: under the name of its kind."""
    return {shown["Type"]: {key: held for key, held in shown.items() if key != "Type"}}


def kept_template(body: Object, facts: Facts) -> Object:
    """Return what is kept of a template: the properties of its kind and its schedule."""
    fields = {
        **KINDS[body["Type"]].fields,
        "RecurringInfo": anything,
        "RecurDataRef": anything,
        "Type": anything,
    }
    return keep(fields, body, facts)


def complete_template(_kind: str, draft: Object, old: Object | None, company: Bookkeeping) -> None:
    """Check that a template could become its transaction and says how it recurs."""
    require((*KINDS[draft["Type"]].required, "RecurringInfo"), draft)
    info = draft["RecurringInfo"]
    if not isinstance(info, dict) or not info.get("Name"):
        raise missing("Name")
    for held in company.books.live(KIND):
        if held["RecurringInfo"]["Name"] == info["Name"] and (old is None or held["Id"] != old["Id"]):
            raise duplicate_name("template")
