"""Answering statements: which rows match, in which order, and the page that was asked for."""

import re
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal, InvalidOperation
from itertools import takewhile
from typing import Final

from adapters.sandbox.quickbooks.books import Books
from adapters.sandbox.quickbooks.clock import parse_stamp
from adapters.sandbox.quickbooks.company import Company
from adapters.sandbox.quickbooks.faults import Fault
from adapters.sandbox.quickbooks.kinds import KINDS
from adapters.sandbox.quickbooks.rules import Object
from adapters.sandbox.quickbooks.statement import TIMES, Condition, Query, invalid, parse
from adapters.sandbox.quickbooks.view import render, with_balances

_ALWAYS_FILTERABLE: Final = TIMES | {"Id"}


def run(statement: str, company: Company) -> Object:
    """Return the QueryResponse of a statement. Raises Fault: 4000 or 4001, or the one for what the plan lacks."""
    query = parse(statement)
    company.check_readable(query.kind)
    _check_filterable(query, company)
    matching: Iterable[Object] = _matching(query, company)
    if query.counts:
        return {"totalCount": sum(1 for _ in matching)}
    if query.order:
        matching = list(matching)
        for path, descending in reversed(query.order):
            matching.sort(key=lambda row: _sort_key(_value(row, path)), reverse=descending)
    rows, seen = [], 0
    for seen, stored in enumerate(matching, start=1):
        if query.start <= seen < query.start + query.size:
            rows.append(_projected(render(company.books, query.kind, stored), query.fields))
        elif seen >= query.start + query.size and not company.switches.query_total_count:
            break
    if not rows:
        return {}
    response: Object = {query.kind: rows, "startPosition": query.start, "maxResults": len(rows)}
    if company.switches.query_total_count:
        response["totalCount"] = seen
    return response


def _check_filterable(query: Query, company: Company) -> None:
    allowed = _ALWAYS_FILTERABLE | KINDS[query.kind].filterable
    if company.switches.private_note_filter == "allowed":
        allowed |= {"PrivateNote"}
    for condition in query.conditions:
        if condition.path not in allowed:
            invalid(f"Property {condition.path} not found for Entity {query.kind}")


def _matching(query: Query, company: Company) -> Iterator[Object]:
    tests = [_test(condition, company) for condition in query.conditions]
    asks_for_inactive = any(condition.path == "Active" for condition in query.conditions)
    for stored in _candidates(query, company):
        if stored.get("Active") is False and not asks_for_inactive:
            continue
        if company.isolation.hides(query.kind, stored["Id"]):
            continue
        row = with_balances(company.books, query.kind, stored)
        if all(test(row) for test in tests):
            yield stored


def _candidates(query: Query, company: Company) -> Iterable[Object]:
    """Return rows by the first index that serves a condition; otherwise all, transactions newest first."""
    books, row = company.books, KINDS[query.kind]
    rows = books.live(query.kind) if "Active" in row.fields else books.newest(query.kind)
    if behind := company.replica.behind(query.kind):
        return _as_they_were(rows, behind)
    for condition in query.conditions:
        if condition.path == "MetaData.LastUpdatedTime" and condition.operator in {">", ">="}:
            return _changed_since(_time(condition.path, condition.values[0]), query.kind, books)
        if condition.operator not in {"=", "in"}:
            continue
        if condition.path == "Id":
            found = (books.find(query.kind, identity) for identity in dict.fromkeys(condition.values))
            return [stored for stored in found if stored is not None]
        if condition.path in row.indexed:
            values = dict.fromkeys(value.casefold() for value in condition.values)
            return [stored for value in values for stored in books.by(query.kind, condition.path, value)]
    return rows


def _as_they_were(rows: Iterable[Object], behind: dict[str, Object | None]) -> list[Object]:
    """Return rows as a copy of the books shows them; where it lacks the latest change, no index helps."""
    there = [behind.pop(stored["Id"], stored) for stored in rows]
    return [stored for stored in (*there, *behind.values()) if stored is not None]


def _changed_since(since: str, kind: str, books: Books) -> Iterable[Object]:
    return takewhile(lambda stored: bool(stored["MetaData"]["LastUpdatedTime"] >= since), books.latest(kind))


def _value(row: Object, path: str) -> object:
    return next(_values(row, path.split(".")), None)


def _values(value: object, steps: list[str]) -> Iterator[object]:
    """Yield what a path leads to, in each member where it passes through a list; a reference stands for its id."""
    if isinstance(value, list):
        for member in value:
            yield from _values(member, steps)
    elif not steps:
        yield value["value"] if isinstance(value, dict) and "value" in value else value
    elif isinstance(value, dict):
        yield from _values(value.get(steps[0]), steps[1:])


def _sort_key(value: object) -> tuple[int, Decimal, str]:
    if value is None:
        return (0, Decimal(0), "")
    if isinstance(value, (Decimal, int)):
        return (1, Decimal(value), "")
    text = str(value)
    return (1, Decimal(text), "") if text.isdecimal() else (2, Decimal(0), text.casefold())


_STEPS: Final = {"AttachableRef.EntityRef.Type": ["AttachableRef", "EntityRef", "type"]}
"""Paths that are not spelled as the properties are."""
_COMPARE: Final[dict[str, Callable[[object, object], bool]]] = {
    "=": lambda held, wanted: held == wanted,
    "<": lambda held, wanted: held < wanted,  # type: ignore[operator]
    ">": lambda held, wanted: held > wanted,  # type: ignore[operator]
    "<=": lambda held, wanted: held <= wanted,  # type: ignore[operator]
    ">=": lambda held, wanted: held >= wanted,  # type: ignore[operator]
    "!=": lambda held, wanted: held != wanted,
}


def _test(condition: Condition, company: Company) -> Callable[[Object], bool]:
    path, operator = condition.path, condition.operator
    values = [company.today().isoformat() if value == "CURRENT_DATE" else value for value in condition.values]
    if operator == "like":
        pattern = ".*".join(re.escape(part) for part in values[0].split("%"))
        matches = re.compile(pattern, re.IGNORECASE | re.DOTALL).fullmatch
        return lambda row: matches(str(_value(row, path) or "")) is not None
    if path in TIMES:
        values = [_time(path, value) for value in values]
    if operator == "!=" and company.switches.not_equal == "refused":
        raise Fault("4000", f'Error parsing query : QueryParserError: Encountered " {operator} ".')
    compare, steps = _COMPARE["=" if operator == "in" else operator], _STEPS.get(path, path.split("."))

    def test(row: Object) -> bool:
        found = (held for held in _values(row, steps) if held is not None)
        return any(compare(_comparable(held), _like(held, value, path)) for held in found for value in values)

    return test


def _comparable(held: object) -> object:
    return held if isinstance(held, (bool, Decimal)) else str(held).casefold()


def _like(held: object, value: str, path: str) -> object:
    """Return a statement's value in the type of what it is compared with."""
    if isinstance(held, bool):
        return value.lower() == "true"
    if isinstance(held, Decimal):
        try:
            return Decimal(value)
        except InvalidOperation:
            invalid(f"value {value} is not a number for property {path}")
    return value.casefold()


def _time(path: str, value: str) -> str:
    try:
        return parse_stamp(value)
    except ValueError:
        invalid(f"value {value} is not a time for property {path}")


def _projected(row: Object, fields: tuple[str, ...]) -> Object:
    if "*" in fields:
        return row if "Sku" in fields else {key: held for key, held in row.items() if key != "Sku"}
    wanted = {name.lower() for name in fields} | {"domain", "sparse", "id"}
    return {key: held for key, held in row.items() if key.lower() in wanted}
