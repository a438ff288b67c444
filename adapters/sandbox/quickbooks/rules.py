"""What a property may hold: each rule takes what was sent and returns what is kept, or raises the vendor's fault."""

from collections.abc import Callable, Mapping
from datetime import date
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any, Final, Protocol

from adapters.sandbox.quickbooks.faults import (
    Fault,
    business,
    invalid_reference,
    missing,
    too_long,
    unsupported_property,
)
from adapters.sandbox.quickbooks.switches import Switches

Object = dict[str, Any]
CENT: Final = Decimal("0.01")
ZERO: Final = Decimal("0.00")
_TOO_MUCH: Final = Decimal(10) ** 11


class Facts(Protocol):
    """What a rule may ask about the company."""

    switches: Switches

    def find(self, kind: str, identity: str) -> Object | None:
        """Return the live object as stored, or None."""

    def preference(self, section: str, name: str) -> object:
        """Return one preference, or None when it is not set."""

    def currencies(self) -> frozenset[str]:
        """Return the codes of the currencies in use, the home currency among them."""


Rule = Callable[[object, str, Facts], object]


def read_only(_value: object, _element: str, _facts: Facts) -> None:
    """Drop what only the server may set; the vendor overwrites it without a word."""


def anything(value: object, _element: str, _facts: Facts) -> object:
    """Keep a nested property the twin has no rule for."""
    return value


def flag(value: object, element: str, _facts: Facts) -> bool:
    """Keep true or false, spelled as JSON or as text."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in {"true", "false"}:
        return value.lower() == "true"
    raise unsupported_property(element)


def number(value: object, element: str, _facts: Facts) -> Decimal:
    """Keep a quantity, a price or a rate."""
    if isinstance(value, bool) or not isinstance(value, (int, str, Decimal)):
        raise unsupported_property(element)
    try:
        parsed = Decimal(value)
    except InvalidOperation:
        raise unsupported_property(element) from None
    if not parsed.is_finite():
        raise unsupported_property(element)
    if abs(parsed) >= _TOO_MUCH:
        raise Fault("2140", f"Invalid Amount : Supplied value:{parsed}", element=element)
    return parsed


def money(value: object, element: str, facts: Facts) -> Decimal:
    """Keep an amount, rounded to cents."""
    return number(value, element, facts).quantize(CENT, ROUND_HALF_UP)


def day(value: object, element: str, _facts: Facts) -> str | None:
    """Keep a calendar day; a time behind it is cut off, an empty string clears it."""
    if value == "":
        return None
    try:
        return date.fromisoformat(str(value)[:10]).isoformat()
    except ValueError:
        raise Fault("2070", f"Invalid Date : Supplied value:{value}", element=element) from None


def text(limit: int, *, forbidden: str = "") -> Rule:
    """Return the rule of a string of at most `limit` characters; an empty one clears the property."""

    def rule(value: object, element: str, facts: Facts) -> str | None:
        if isinstance(value, bool) or not isinstance(value, (str, int, Decimal)):
            raise unsupported_property(element)
        kept = str(value)
        if len(kept) > limit:
            raise too_long(element, limit, len(kept))
        if any(character in forbidden for character in kept):
            raise Fault("2040", f"Invalid String : {element} holds a character that is not allowed", element=element)
        return (kept if kept.isascii() else _latin1(kept, element, facts)) or None

    return rule


def name(limit: int, forbidden: str = ":\t\n\r") -> Rule:
    """Return the rule of a name, which is text without the colon that separates parent and child."""
    spelled = text(limit, forbidden=forbidden)

    def rule(value: object, element: str, facts: Facts) -> object:
        if isinstance(value, str) and facts.switches.name_whitespace == "trimmed":
            value = value.strip()
        return spelled(value, element, facts)

    return rule


def _latin1(value: str, element: str, facts: Facts) -> str:
    match facts.switches.beyond_latin1:
        case "stored":
            return value
        case "mangled":
            return value.encode("latin-1", "replace").decode("latin-1")
        case "fault":
            try:
                value.encode("latin-1")
            except UnicodeEncodeError:
                raise Fault("2040", f"Invalid String : {element} has unsupported characters", element=element) from None
            return value


def one_of(*values: str) -> Rule:
    """Return the rule of an enumeration."""
    allowed = frozenset(values)

    def rule(value: object, element: str, _facts: Facts) -> str:
        if not isinstance(value, str) or value not in allowed:
            raise Fault("2170", f"Invalid Enumeration : {value}", element=element)
        return value

    return rule


def reference(kind: str) -> Rule:
    """Return the rule of a reference to a live, active object; only its id is kept, names are shown when read."""

    def rule(value: object, element: str, facts: Facts) -> Object | None:
        identity = _reference_value(value, element)
        if not identity:
            return None
        target = facts.find(kind, identity)
        if target is None or target.get("Active") is False:
            raise invalid_reference(element)
        return {"value": identity}

    return rule


def tracked(kind: str, section: str, preference: str) -> Rule:
    """Return the rule of a reference that counts only while a preference is on."""
    referred = reference(kind)

    def rule(value: object, element: str, facts: Facts) -> object:
        if facts.preference(section, preference) is True:
            return referred(value, element, facts)
        if facts.switches.feature_off_reference == "fault":
            raise business(f"{element} is used, but the feature is turned off in this company.")
        return None

    return rule


def tax_code(value: object, element: str, _facts: Facts) -> Object | None:
    """Keep a United States line tax code, TAX or NON."""
    code = _reference_value(value, element)
    if code and code not in {"TAX", "NON"}:
        raise Fault("6100", f"Invalid Line TaxCode : {code}", element=element)
    return {"value": code} if code else None


def currency(value: object, element: str, facts: Facts) -> Object | None:
    """Keep the home currency, or another one the company has made active under multicurrency."""
    code = _reference_value(value, element)
    if code and code not in facts.currencies():
        raise Fault("2220", f"Invalid Currency Type : {code}", element=element)
    return {"value": code} if code else None


def entity(*kinds: str) -> Rule:
    """Return the rule of a reference that says in its `type` which kind it points to; without one, any of them."""

    def rule(value: object, element: str, facts: Facts) -> Object | None:
        identity = _reference_value(value, element)
        if not identity:
            return None
        asked = str(value.get("type") or "").lower() if isinstance(value, dict) else ""
        for kind in kinds:
            target = facts.find(kind, identity) if asked in {"", kind.lower()} else None
            if target is not None and target.get("Active") is not False:
                return {"value": identity, "type": kind}
        raise invalid_reference(element)

    return rule


def rows(rule: Rule) -> Rule:
    """Return the rule of a list whose members have a rule."""

    def each(value: object, element: str, facts: Facts) -> list[object]:
        if not isinstance(value, list):
            raise unsupported_property(element)
        return [rule(member, element, facts) for member in value]

    return each


def _reference_value(value: object, element: str) -> str:
    if not isinstance(value, dict):
        raise unsupported_property(element)
    identity = value.get("value")
    if identity is None:
        if element == "ParentRef":
            # Seen on the wire: an explicit empty parent breaks the service instead of clearing the parent.
            raise business("Unexpected Internal Error. (-30000)")
        return ""
    if not isinstance(identity, (str, int)):
        raise unsupported_property(element)
    return str(identity)


def nested(fields: Mapping[str, Rule]) -> Rule:
    """Return the rule of an object whose own properties have rules."""

    def rule(value: object, element: str, facts: Facts) -> Object:
        if not isinstance(value, dict):
            raise unsupported_property(element)
        return {key: kept for key, kept in keep(fields, value, facts).items() if kept is not None}

    return rule


def keep(fields: Mapping[str, Rule], sent: Object, facts: Facts) -> Object:
    """Return what is kept of the properties sent; a property sent as null or empty is kept as None.

    Raises Fault for an unknown property or a value its rule refuses.
    """
    kept: Object = {}
    for key, value in sent.items():
        rule = fields.get(key)
        if rule is None:
            if facts.switches.unknown_property == "fault":
                raise unsupported_property(key)
        elif rule is not read_only:
            # Clients send empty text for what they leave out, dates and references included; it clears the property.
            kept[key] = None if value is None or value == "" else rule(value, key, facts)
    return kept


def require(elements: tuple[str, ...], draft: Object) -> None:
    """Raise fault 2020 for the first required property the draft lacks."""
    for element in elements:
        if draft.get(element) in (None, "", []):
            raise missing(element)
