"""What carriers' and drivers' settlement statements have in common: their number, their day, their words."""

import re
from collections.abc import Mapping
from datetime import date

from adapters.alvys.mapping.common import dated, identity
from adapters.alvys.record import Record, odd

_NO_LETTER = re.compile(r"[^a-z]")


def statement_id(raw: object) -> str:
    """Return what a statement is known by: its number, or without one a fingerprint of all it holds."""
    number = raw.get("Number") if isinstance(raw, Mapping) else None
    if isinstance(number, int) and not isinstance(number, bool):
        return str(number)
    return identity(raw)


def statement_number(statement: Record) -> str:
    """Return the number of a statement, which must have one."""
    number = statement.whole("Number")
    if number is None:
        raise odd(f"{statement.path}.Number is missing")
    return str(number)


def statement_day(statement: Record) -> date:
    """Return the day a statement is booked on. Its days are those of UTC, by which the vendor finds it, too."""
    return dated(statement.utc_day("StatementDate"), statement)


def word(text: str) -> str:
    """Return a word of the vendor's as we compare it: "E-Checks" and "ECheck" are one."""
    return _NO_LETTER.sub("", text.casefold()).removesuffix("s")
