"""Updates of the preferences and of the company's particulars by a call: what one may change, and into what."""

from typing import Final

from adapters.sandbox.quickbooks.faults import Fault, business, unsupported_property
from adapters.sandbox.quickbooks.kinds import PLANS
from adapters.sandbox.quickbooks.rules import Facts, Object, day

_READ_ONLY: Final = frozenset({"Id", "SyncToken", "MetaData", "domain", "sparse", "status"})


def settings_patch(kind: str, sent: Object, old: Object, plan: str, facts: Facts) -> Object:
    """Return the patch that an update makes; what is left out stays as it is, and so does what calls can't set.

    Raises Fault for a value of another shape than the one it replaces, for another home currency, for multicurrency on
    a plan without it, and for turning that off again.
    """
    patch = {key: held for key, held in sent.items() if key not in _READ_ONLY and not key.startswith("_")}
    if kind == "CompanyInfo":
        patch.pop("NameValue", None)
    for key, held in patch.items():
        _check_shape(old.get(key, {}), held, key)
    if kind == "Preferences":
        patch["SalesFormsPrefs"] = {
            key: held for key, held in patch.get("SalesFormsPrefs", {}).items() if key != "CustomField"
        }
        _check_currency(old["CurrencyPrefs"], patch.get("CurrencyPrefs", {}), plan)
        closing = patch.get("AccountingInfoPrefs", {}).get("BookCloseDate")
        if closing is not None:
            patch["AccountingInfoPrefs"]["BookCloseDate"] = day(closing, "BookCloseDate", facts)
    return patch


def _check_shape(held: object, sent: object, element: str) -> None:
    if isinstance(held, dict):
        if not isinstance(sent, dict):
            raise unsupported_property(element)
        for key, value in sent.items():
            if key in held:
                _check_shape(held[key], value, key)
    elif element == "NameValue":
        if not isinstance(sent, list) or not all(_is_pair(pair) for pair in sent):
            raise unsupported_property(element)
    elif held is not None and type(sent) is not type(held):
        raise unsupported_property(element)


def _is_pair(pair: object) -> bool:
    return isinstance(pair, dict) and isinstance(pair.get("Name"), str) and isinstance(pair.get("Value"), str)


def _check_currency(held: Object, sent: Object, plan: str) -> None:
    enabled, wanted = held["MultiCurrencyEnabled"], sent.get("MultiCurrencyEnabled")
    if enabled and wanted is False:
        raise business("Multicurrency can't be turned off once it is turned on.")
    if wanted and not enabled and PLANS.index(plan) < PLANS.index("Essentials"):
        raise Fault("5020", "Permission Denied Error : You do not have the access rights to use this feature.")
    # Only the code counts: clients send back a name and a type beside it.
    if {**held["HomeCurrency"], **sent.get("HomeCurrency", {})}["value"] != held["HomeCurrency"]["value"]:
        raise business("The home currency can't be changed.")
