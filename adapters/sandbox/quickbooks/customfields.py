"""Custom fields: three old ones of text on sales forms, and newer ones that show only to calls that ask for them."""

from typing import Final

from adapters.sandbox.quickbooks.faults import Fault, too_long
from adapters.sandbox.quickbooks.kind import PLANS
from adapters.sandbox.quickbooks.rules import Facts, Object

ENHANCED: Final = "enhancedallcustomfields"
"""The word of `include` without which the newer fields are neither taken nor shown."""
DEFINITIONS: Final = "_custom_fields"
"""Where the preferences keep the definitions of newer fields; shown to nobody."""
_LONGEST_VALUE: Final = 31
LONGEST_LABEL: Final = 30
_MOST: Final = dict(zip(PLANS, (0, 3, 4, 12), strict=True))
"""Newer fields a company can have, by plan."""
_VALUES: Final = {"StringType": "StringValue", "NumberType": "NumberValue", "DateType": "DateValue"}
_LEGACY: Final = ("1", "2", "3")


def legacy_names(facts: Facts) -> dict[str, str]:
    """Return the labels of the old fields that are switched on, by definition id."""
    groups = facts.preference("SalesFormsPrefs", "CustomField")
    pairs = {
        held["Name"].rpartition(".")[2]: held.get("StringValue", held.get("BooleanValue"))
        for group in (groups if isinstance(groups, list) else [])
        for held in group["CustomField"]
    }
    return {
        number: str(pairs.get(f"SalesCustomName{number}", ""))
        for number in _LEGACY
        if pairs.get(f"UseSalesCustom{number}") is True
    }


def legacy_definitions(*labels: str) -> list[Object]:
    """Return the preference that switches on an old field for each label. Raises ValueError for more than three."""
    if len(labels) > len(_LEGACY):
        raise ValueError("there are three such fields")
    for label in labels:
        check_label(label)
    switched = [
        {"Name": f"SalesFormsPrefs.UseSalesCustom{number}", "Type": "BooleanType", "BooleanValue": True}
        for number in _LEGACY[: len(labels)]
    ]
    named = [
        {"Name": f"SalesFormsPrefs.SalesCustomName{number}", "Type": "StringType", "StringValue": label}
        for number, label in zip(_LEGACY, labels, strict=False)
    ]
    return [{"CustomField": switched}, {"CustomField": named}]


def check_label(label: str) -> None:
    """Refuse a label longer than 30 characters."""
    if len(label) > LONGEST_LABEL:
        raise too_long("Name", LONGEST_LABEL, len(label))


def new_definition(held: list[Object], plan: str, label: str, value_type: str, kinds: tuple[str, ...]) -> Object:
    """Return the definition of another newer field for these kinds. Raises Fault where the plan has no room for it."""
    check_label(label)
    if value_type not in _VALUES:
        raise Fault("2170", f"Invalid Enumeration : {value_type}", element="Type")
    if len(held) >= _MOST[plan]:
        raise Fault("5020", "Permission Denied Error : the plan has no room for another custom field.")
    return {"DefinitionId": str(1000 + len(held)), "Name": label, "Type": value_type, "Kinds": list(kinds)}


def complete_custom_fields(kind: str, draft: Object, old: Object | None, facts: Facts, options: frozenset[str]) -> None:
    """Keep the values of fields this kind has, and drop all others without a word, as the vendor does."""
    known = {number: (label, "StringType") for number, label in legacy_names(facts).items() if kind != "PurchaseOrder"}
    newer = {held["DefinitionId"]: held for held in _definitions(facts) if kind in held["Kinds"]}
    sent = {held.get("DefinitionId"): held for held in draft.get("CustomField", [])}
    if ENHANCED in options:
        known |= {number: (held["Name"], held["Type"]) for number, held in newer.items()}
    else:
        sent |= {
            held["DefinitionId"]: held for held in (old or {}).get("CustomField", []) if held["DefinitionId"] in newer
        }
        known |= {number: (newer[number]["Name"], newer[number]["Type"]) for number in newer if number in sent and old}
    draft["CustomField"] = [_field(number, *of, sent.get(number, {}), facts) for number, of in known.items()]


def _definitions(facts: Facts) -> list[Object]:
    held: list[Object] = (facts.find("Preferences", "1") or {}).get(DEFINITIONS, [])
    return held


def _field(number: str, label: str, value_type: str, sent: Object, facts: Facts) -> Object:
    field: Object = {"DefinitionId": number, "Name": label, "Type": value_type}
    value = sent.get(_VALUES[value_type])
    if value is None:
        return field
    if number in _LEGACY and len(str(value)) > _LONGEST_VALUE:
        if facts.switches.long_custom_field == "fault":
            raise too_long("StringValue", _LONGEST_VALUE, len(str(value)))
        value = str(value)[:_LONGEST_VALUE]
    return field | {_VALUES[value_type]: value}


def shown(document: Object, options: frozenset[str]) -> Object:
    """Return a document without the newer fields, unless the call asked for them."""
    if not document.get("CustomField") or ENHANCED in options:
        return document
    return document | {"CustomField": [held for held in document["CustomField"] if held["DefinitionId"] in _LEGACY]}
