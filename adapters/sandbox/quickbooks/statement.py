"""The query language: one entity, conditions joined by AND, an order and a page."""

import re
from dataclasses import dataclass, field
from typing import Final, NoReturn

from adapters.sandbox.quickbooks.faults import Fault
from adapters.sandbox.quickbooks.kinds import KINDS, PATHS

_PAGE: Final = 100
_LARGEST_PAGE: Final = 1000
TIMES: Final = frozenset({"MetaData.CreateTime", "MetaData.LastUpdatedTime"})
_TOKEN: Final = re.compile(
    r"""\s*(?:(?P<string>'(?:[^'\\]|\\.)*')|(?P<symbol><=|>=|!=|[=<>(),*])|(?P<word>[^\s'=<>(),*]+))""",
)
_KEYWORDS: Final = frozenset({"where", "and", "orderby", "order", "startposition", "maxresults"})
_PUNCTUATION: Final = frozenset("(),*")
_OPERATORS: Final = frozenset({"=", "!=", "<", ">", "<=", ">=", "like", "in"})


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


def invalid(text: str) -> NoReturn:
    """Raise fault 4001, for a statement that reads well and asks for what cannot be."""
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
        invalid(f"Metadata not found for Entity: {entity}")
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
    if path == "Id" and operator not in {"=", "!=", "in"}:
        invalid("Property Id supports only = and IN")
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
        invalid(f"value {token} is too small. Min allowed value is 1")
    return int(token)


def _spelled(kind: str, path: str) -> str:
    """Return a property's proper spelling, whatever its case; `CustomerRef.value` means CustomerRef."""
    path = re.sub(r"(?i)ref\.value$", "Ref", path)
    known = (*KINDS[kind].fields, *KINDS[kind].filterable, *TIMES, "TotalAmt", "Balance")
    return next(
        (name for name in known if name.lower() == path.lower()),
        path,
    )
