"""One Alvys record, read field by field: what doesn't fit is told with its place, never guessed at."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal, Inexact, localcontext
from typing import Final, TypeVar

from state.problem import Problem, problem
from state.transaction import InexactMoney, Money

# ISO 4217 numbers of the currencies a carrier in North America meets; 840 is also what no currency means.
CURRENCIES: Final = {840: "USD", 124: "CAD", 484: "MXN", 978: "EUR"}
HOME: Final = 840

Value = TypeVar("Value")

_NAMES: Final = {dict: "an object", list: "a list", str: "text", bool: "a flag", int: "a number", Decimal: "a number"}
_UNSET_YEAR = 1  # the vendor's platform writes an unset instant as the first day of year 1 (unconfirmed)


class Odd(Exception):  # noqa: N818 - named for what the record is
    """A field does not have the shape it must have; `problem` says which, and never what it holds."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.detail)
        self.problem = problem


def odd(detail: str) -> Odd:
    """Return the error for a shape we do not know."""
    return Odd(problem("shape_unknown", detail))


class Record:
    """A JSON object and the path that leads to it. Every read raises Odd for a value of another type."""

    __slots__ = ("path", "raw")

    def __init__(self, raw: object, path: str) -> None:
        if not isinstance(raw, Mapping):
            raise odd(f"{path} is {_kind(raw)}, not an object")
        self.raw = raw
        self.path = path

    def text(self, name: str) -> str:
        """Return a text as it stands, blank if there is none."""
        value = self.raw.get(name)
        return "" if value is None else self._typed(name, value, str)

    def texts(self, name: str) -> list[str]:
        """Return a list of texts without the blank ones."""
        values = self._list(name)
        return [text for text in (self._typed(name, value, str) for value in values) if text.strip()]

    def whole(self, name: str) -> int | None:
        """Return a whole number, or None if there is none."""
        value = self.raw.get(name)
        return None if value is None else self._typed(name, value, int)

    def flag_if_any(self, name: str) -> bool | None:
        """Return a flag, or None if there is none."""
        value = self.raw.get(name)
        if value is None or isinstance(value, bool):
            return value
        raise odd(f"{self.path}.{name} is {_kind(value)}, not a flag")

    def part(self, name: str) -> "Record | None":
        """Return a nested object, or None if there is none."""
        value = self.raw.get(name)
        return None if value is None else Record(value, f"{self.path}.{name}")

    def parts(self, name: str, *, by: Sequence[str] = ()) -> list["Record"]:
        """Return a list of nested objects, empty if there is none, as it stands or ordered by these of their texts."""
        parts = [Record(value, f"{self.path}.{name}[{place}]") for place, value in enumerate(self._list(name))]
        return sorted(parts, key=lambda part: glimpses(part.raw, by))

    def instant(self, name: str) -> datetime | None:
        """Return an RFC 3339 instant, or None if there is none.

        Fractions of any length are cut, never rounded into the next day. Without an offset it is UTC, as the
        vendor's page on timestamps has them.
        """
        text = self.text(name)
        if not text:
            return None
        try:
            instant = datetime.fromisoformat(text)
        except ValueError as error:
            raise self._no_instant(name) from error
        if instant.year == _UNSET_YEAR:
            return None
        if "T" not in text.upper():
            raise self._no_instant(name)
        return instant if instant.tzinfo else instant.replace(tzinfo=UTC)

    def day(self, name: str, zone: tzinfo) -> date | None:
        """Return the calendar date, in `zone`, of an instant, or None if there is none."""
        instant = self.instant(name)
        try:
            return None if instant is None else instant.astimezone(zone).date()
        except OverflowError as error:
            raise self._no_instant(name) from error

    def utc_day(self, name: str) -> date | None:
        """Return a calendar date as it is written, or that of an instant in UTC, or None if there is none."""
        text = self.text(name)
        try:
            day = date.fromisoformat(text)
        except ValueError:
            return self.day(name, UTC)
        return None if day.year == _UNSET_YEAR else day

    def money(self, name: str) -> Money:
        """Return an amount that must be there."""
        value = self.money_if_any(name)
        if value is None:
            raise odd(f"{self.path}.{name} is missing")
        return value

    def money_if_any(self, name: str) -> Money | None:
        """Return an amount, or None if there is none; the vendor documents any money as nullable."""
        part = self.part(name)
        if part is None:
            return None
        code = part.whole("Currency")
        currency = CURRENCIES.get(HOME if code is None else code, str(code))
        amount = part.number("Amount")
        try:
            with localcontext() as exact:
                exact.traps[Inexact] = True
                return Money.of(amount, currency)
        except (InexactMoney, ArithmeticError) as error:
            raise Odd(problem("amount_inexact", f"{part.path}.Amount is {str(amount)[:40]}")) from error

    def number(self, name: str) -> Decimal:
        """Return a number that must be there; text that looks like one is not."""
        value = self.raw.get(name)
        if isinstance(value, bool) or not isinstance(value, int | Decimal):
            raise odd(f"{self.path}.{name} is {_kind(value)}, not a number")
        return Decimal(value)

    def _no_instant(self, name: str) -> Odd:
        return odd(f"{self.path}.{name} is not an instant")

    def _list(self, name: str) -> list[object]:
        value = self.raw.get(name)
        return [] if value is None else self._typed(name, value, list)

    def _typed(self, name: str, value: object, kind: type[Value]) -> Value:
        if not isinstance(value, kind) or isinstance(value, bool):
            raise odd(f"{self.path}.{name} is {_kind(value)}, not {_NAMES[kind]}")
        return value


def glimpse(raw: object, name: str) -> str:
    """Return a text wherever there is one, blank otherwise; for what must be known of a record that may be odd."""
    value = raw.get(name) if isinstance(raw, Mapping) else None
    return value if isinstance(value, str) and value.strip() else ""


def glimpses(raw: object, names: Iterable[str]) -> list[str]:
    """Return several texts in this way, to order what may be odd by."""
    return [glimpse(raw, name) for name in names]


def _kind(value: object) -> str:
    return "missing" if value is None else _NAMES.get(type(value), "of another type")
