"""The properties of search requests: what JSON each takes, and the test it makes of an object."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, time
from typing import Any, TypeAlias

from adapters.sandbox.alvys.switches import Switches
from adapters.sandbox.alvys.wire import Json, read_instant

Test: TypeAlias = Callable[[Json], bool]
Most: TypeAlias = Callable[[Switches], int | None]

END = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Filter:
    """One property of a search request."""

    takes: type
    test: Callable[[Any], Test]
    most: Most = lambda _: None  # values in one request
    closed: bool = False  # a range that needs its End too


def at_most(count: int) -> Most:
    """Allow so many values, as the vendor documents."""
    return lambda _: count


def one_of(field: str, most: Most = lambda _: None) -> Filter:
    """Match objects whose field is among the values given."""

    def test(wanted: list[str]) -> Test:
        values = frozenset(wanted)
        return lambda thing: thing.get(field) in values

    return Filter(list, test, most)


def of_a_load(field: str, most: Most = lambda _: None) -> Filter:
    """Match invoices with a load whose field is among the values given."""

    def test(wanted: list[str]) -> Test:
        values = frozenset(wanted)
        return lambda invoice: not values.isdisjoint([load.get(field) for load in invoice["Loads"]])

    return Filter(list, test, most)


def equal(field: str, takes: type = str) -> Filter:
    """Match objects whose field is the value given."""
    return Filter(takes, lambda wanted: lambda thing: bool(thing.get(field) == wanted))


def inside(part: str, field: str) -> Filter:
    """Match objects whose field within a part, if they have the part, is the value given, in whatever case."""

    def test(wanted: str) -> Test:
        return lambda thing: str((thing.get(part) or {}).get(field)).casefold() == wanted.casefold()

    return Filter(str, test)


def fuel_card() -> Filter:
    """Match fuel bought with a card: its number leads the transaction's own, the only trace of it the API shows."""
    return Filter(str, lambda wanted: lambda thing: bool(thing["TransactionId"].startswith(f"{wanted}-")))


def within(field: str) -> Filter:
    """Match objects whose instant lies in a range, both ends included; one without a Start filters by nothing."""

    def test(wanted: Json) -> Test:
        if wanted.get("Start") is None:
            return lambda _: True
        first = read_instant(wanted["Start"])
        last = read_instant(wanted["End"]) if wanted.get("End") else END
        return lambda thing: bool(thing.get(field)) and first <= read_instant(thing[field]) <= last

    return Filter(dict, test)


def within_days(field: str) -> Filter:
    """Match objects dated within a closed range, whose ends are whole days in UTC (documented for statements)."""

    def test(wanted: Json) -> Test:
        first, last = (read_instant(wanted[end]).astimezone(UTC).date() for end in ("Start", "End"))
        begin, end = datetime.combine(first, time.min, UTC), datetime.combine(last, time.max, UTC)
        return lambda thing: begin <= read_instant(thing[field]) <= end

    return Filter(dict, test, closed=True)


def wrong_value(name: str, rule: Filter, value: object, switches: Switches) -> str | None:
    """Return what is wrong with the value a request gives for a property, or None."""
    if not isinstance(value, rule.takes) or not _readable(value):
        return f"The JSON value could not be converted to the type of {name}."
    if isinstance(value, list):
        most = rule.most(switches)
        return f"{name} takes at most {most} values." if most is not None and len(value) > most else None
    return _wrong_range(rule, value, switches) if isinstance(value, dict) else None


def _wrong_range(rule: Filter, value: Json, switches: Switches) -> str | None:
    if not value.get("Start") and (rule.closed or switches.misspelt_range == "refused"):
        return "The Start field is required."
    if not rule.closed:
        return None
    if not value.get("End"):
        return "The End field is required: the range must be closed."
    return None if read_instant(value["Start"]) <= read_instant(value["End"]) else "The End is before the Start."


def _readable(value: object) -> bool:
    if isinstance(value, list):
        return all(isinstance(each, str) for each in value)
    if isinstance(value, dict):
        try:
            for end in ("Start", "End"):
                read_instant(value.get(end) or "0001-01-01")
        except (TypeError, ValueError):
            return False
    return True
