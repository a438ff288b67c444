"""The query language: one entity, conditions joined by AND, an order and a page."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Final, NoReturn

from adapters.sandbox.quickbooks.clock import parse_stamp
from adapters.sandbox.quickbooks.company import Company
from adapters.sandbox.quickbooks.faults import Fault
from adapters.sandbox.quickbooks.kinds import KINDS, PATHS
from adapters.sandbox.quickbooks.rules import Object
from adapters.sandbox.quickbooks.view import render, with_balances

_PAGE: Final = 100
_LARGEST_PAGE: Final = 1000
_TIMES: Final = frozenset({"MetaData.CreateTime", "MetaData.LastUpdatedTime"})
_ALWAYS_FILTERABLE: Final = _TIMES | {"Id"}
_TOKEN: Final = re.compile(
    r"""\s*(?:(?P<string>'(?:[^'\\]|\\.)*')|(?P<symbol><=|>=|!=|[=<>(),*])|(?P<word>[^\s'=<>(),*]+))""",
)
_KEYWORDS: Final = frozenset({"where", "and", "orderby", "order", "startposition", "maxresults"})
_PUNCTUATION: Final = frozenset("(),*")
_OPERATORS: Final = frozenset({"=", "<", ">", "<=", ">=", "like", "in"})


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison of a property with a value, or with several for IN."""

    path: str
    operator: str
    values: tuple[str, ...]


@dataclass(slots=True)
class Query:
    """A parsed statement."""

    fields: tuple[str, ...] = ("*",)
    kind: str = ""
    conditions: list[Condition] = field(default_factory=list)
    order: list[tuple[str, bool]] = field(default_factory=list)
    """Property and whether it descends."""
    start: int = 1
    size: int = _PAGE

    @property
    def counts(self) -> bool:
        """Whether the statement asks for the number of rows only."""
        return self.fields == ("count(*)",)


def _parse_error(seen: str) -> NoReturn:
    raise Fault("4000", f'Error parsing query : QueryParserError: Encountered " {seen} " where it is not expected.')


def _invalid(text: str) -> NoReturn:
    raise Fault("4001", f"Invalid query : QueryValidationError: {text}")


class _Tokens:
    """The statement's tokens, read from the left; a string keeps its opening quote as a mark."""

    def __init__(self, statement: str) -> None:
        self._tokens: list[str] = []
        position, end = 0, len(statement.rstrip())
        while position < end:
            found = _TOKEN.match(statement, position, end)
            if found is None:
                _parse_error(statement[position : position + 20])
            string = found["string"]
            self._tokens.append("'" + re.sub(r"\\(.)", r"\1", string[1:-1]) if string else found[0].strip())
            position = found.end()
        self._position = 0

    def peek(self) -> str:
        """Return the next token without reading it, in lower case unless it is a string; empty at the end."""
        token = self._tokens[self._position] if self._position < len(self._tokens) else ""
        return token if token.startswith("'") else token.lower()

    def take(self) -> str:
        """Read the next token."""
        if self._position >= len(self._tokens):
            _parse_error("<EOF>")
        self._position += 1
        return self._tokens[self._position - 1]

    def accept(self, *words: str) -> bool:
        """Read these tokens if they are next."""
        ahead = [token.lower() for token in self._tokens[self._position : self._position + len(words)]]
        if ahead != list(words):
            return False
        self._position += len(words)
        return True

    def expect(self, word: str) -> None:
        """Read this token or fail."""
        if not self.accept(word):
            _parse_error(self.peek() or "<EOF>")


def parse(statement: str) -> Query:
    """Return a statement's parts. Raises Fault 4000 for bad syntax and 4001 for a bad page."""
    tokens = _Tokens(statement)
    query = Query()
    tokens.expect("select")
    query.fields = _parse_fields(tokens)
    tokens.expect("from")
    entity = tokens.take()
    query.kind = PATHS.get(entity.lower(), "")
    if not query.kind:
        _invalid(f"Metadata not found for Entity: {entity}")
    if tokens.accept("where"):
        query.conditions.append(_parse_condition(tokens, query.kind))
        while tokens.accept("and"):
            query.conditions.append(_parse_condition(tokens, query.kind))
    if tokens.accept("orderby") or tokens.accept("order", "by"):
        query.order.append(_parse_order(tokens, query.kind))
        while tokens.accept(","):
            query.order.append(_parse_order(tokens, query.kind))
    if tokens.accept("startposition"):
        query.start = _parse_number(tokens)
    if tokens.accept("maxresults"):
        query.size = min(_parse_number(tokens), _LARGEST_PAGE)
    if tokens.peek():
        _parse_error(tokens.peek())
    return query


def _parse_fields(tokens: _Tokens) -> tuple[str, ...]:
    if tokens.accept("count", "(", "*", ")"):
        return ("count(*)",)
    fields = [tokens.take()]
    while tokens.accept(","):
        fields.append(tokens.take())
    return tuple(fields)


def _parse_condition(tokens: _Tokens, kind: str) -> Condition:
    path = _spelled(kind, tokens.take())
    operator = tokens.take().lower()
    if operator not in _OPERATORS:
        _parse_error(operator)
    if operator == "in":
        tokens.expect("(")
        values = [_parse_value(tokens)]
        while tokens.accept(","):
            values.append(_parse_value(tokens))
        tokens.expect(")")
    else:
        values = [_parse_value(tokens)]
    if path == "Id" and operator not in {"=", "in"}:
        _invalid("Property Id supports only = and IN")
    return Condition(path, operator, tuple(values))


def _parse_value(tokens: _Tokens) -> str:
    word = tokens.take()
    if word.startswith("'"):
        return word[1:]
    if word.lower() in _KEYWORDS | _OPERATORS | _PUNCTUATION:
        _parse_error(word)
    return word


def _parse_order(tokens: _Tokens, kind: str) -> tuple[str, bool]:
    path = _spelled(kind, tokens.take())
    if tokens.accept("desc"):
        return path, True
    tokens.accept("asc")
    return path, False


def _parse_number(tokens: _Tokens) -> int:
    token = tokens.take()
    if not token.isdigit():
        _parse_error(token)
    if int(token) < 1:
        _invalid(f"value {token} is too small. Min allowed value is 1")
    return int(token)


def _spelled(kind: str, path: str) -> str:
    """Return a property's proper spelling, whatever its case; `CustomerRef.value` means CustomerRef."""
    path = re.sub(r"(?i)ref\.value$", "Ref", path)
    known = KINDS[kind].fields
    return next(
        (name for name in (*known, *_TIMES, "TotalAmt", "Balance") if name.lower() == path.lower()),
        path,
    )


def run(statement: str, company: Company) -> Object:
    """Return the QueryResponse of a statement. Raises Fault 4000 or 4001."""
    query = parse(statement)
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
            _invalid(f"Property {condition.path} not found for Entity {query.kind}")


def _matching(query: Query, company: Company) -> Iterator[Object]:
    tests = [_test(condition, company) for condition in query.conditions]
    active_only = KINDS[query.kind].role == "name" and not any(
        condition.path in {"Active", "Id"} for condition in query.conditions
    )
    for stored in _candidates(query, company):
        if active_only and not stored["Active"]:
            continue
        row = with_balances(company.books, query.kind, stored)
        if all(test(row) for test in tests):
            yield stored


def _candidates(query: Query, company: Company) -> Iterable[Object]:
    """Return rows by the first index that serves a condition; otherwise all, transactions newest first."""
    books, row = company.books, KINDS[query.kind]
    for condition in query.conditions:
        if condition.operator not in {"=", "in"}:
            continue
        if condition.path == "Id":
            found = (books.find(query.kind, identity) for identity in dict.fromkeys(condition.values))
            return [stored for stored in found if stored is not None]
        if condition.path in row.indexed:
            values = dict.fromkeys(value.casefold() for value in condition.values)
            return [stored for value in values for stored in books.by(query.kind, condition.path, value)]
    return books.live(query.kind) if row.role == "name" else books.newest(query.kind)


def _value(row: Object, path: str) -> object:
    value: object = row
    for step in path.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    return value["value"] if isinstance(value, dict) and "value" in value else value


def _sort_key(value: object) -> tuple[int, Decimal, str]:
    if value is None:
        return (0, Decimal(0), "")
    if isinstance(value, (Decimal, int)):
        return (1, Decimal(value), "")
    text = str(value)
    return (1, Decimal(text), "") if text.isdecimal() else (2, Decimal(0), text.casefold())


_COMPARE: Final[dict[str, Callable[[object, object], bool]]] = {
    "=": lambda held, wanted: held == wanted,
    "<": lambda held, wanted: held < wanted,  # type: ignore[operator]
    ">": lambda held, wanted: held > wanted,  # type: ignore[operator]
    "<=": lambda held, wanted: held <= wanted,  # type: ignore[operator]
    ">=": lambda held, wanted: held >= wanted,  # type: ignore[operator]
}


def _test(condition: Condition, company: Company) -> Callable[[Object], bool]:
    path, operator = condition.path, condition.operator
    values = [company.today().isoformat() if value == "CURRENT_DATE" else value for value in condition.values]
    if operator == "like":
        pattern = ".*".join(re.escape(part) for part in values[0].split("%"))
        matches = re.compile(pattern, re.IGNORECASE | re.DOTALL).fullmatch
        return lambda row: matches(str(_value(row, path) or "")) is not None
    if path in _TIMES:
        values = [_time(path, value) for value in values]
    compare = _COMPARE["=" if operator == "in" else operator]

    def test(row: Object) -> bool:
        held = _value(row, path)
        if held is None:
            return False
        return any(compare(_comparable(held), _like(held, value, path)) for value in values)

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
            _invalid(f"value {value} is not a number for property {path}")
    return value.casefold()


def _time(path: str, value: str) -> str:
    try:
        return parse_stamp(value)
    except ValueError:
        _invalid(f"value {value} is not a time for property {path}")


def _projected(row: Object, fields: tuple[str, ...]) -> Object:
    if "*" in fields:
        return row if "Sku" in fields else {key: held for key, held in row.items() if key != "Sku"}
    wanted = {name.lower() for name in fields} | {"domain", "sparse", "id"}
    return {key: held for key, held in row.items() if key.lower() in wanted}
