"""The stretch of time a report covers, from its dates or from the name of a span such as `last month`."""

import re
from datetime import date, timedelta
from typing import Final, NamedTuple

from adapters.sandbox.quickbooks.faults import Fault
from adapters.sandbox.quickbooks.rules import Facts, day

_MACRO: Final = re.compile(r"(this|last) (?:calendar |fiscal )?(month|quarter|year)(-to-date)?")
_MONTHS: Final = {"month": 1, "quarter": 3, "year": 12}
DEFAULT_MACRO: Final = "this calendar year-to-date"


class Period(NamedTuple):
    """From the first day to the last, both of them included; `macro` is the span's name if it was asked for by name."""

    start: date
    end: date
    macro: str = ""


def period(parameters: dict[str, str], today: date, facts: Facts) -> Period:
    """Return what a report covers; explicit dates win over a named span. Raises Fault."""
    start, end = parameters.get("start_date"), parameters.get("end_date")
    if not start and not end:
        return _named(parameters.get("date_macro") or DEFAULT_MACRO, today)
    last = _date(end, "end_date", facts) if end else today
    first = _date(start, "start_date", facts) if start else last.replace(month=1, day=1)
    if first > last:
        raise Fault("2190", f"Invalid Date Range : {first} is after {last}", element="start_date")
    return Period(first, last)


def report_day(parameters: dict[str, str], today: date, facts: Facts) -> date:
    """Return the day as of which a report is drawn up. Raises Fault."""
    given = parameters.get("report_date")
    if given:
        return _date(given, "report_date", facts)
    return _named(parameters["date_macro"], today).end if parameters.get("date_macro") else today


def _date(given: str, element: str, facts: Facts) -> date:
    return date.fromisoformat(str(day(given, element, facts)))


def _named(macro: str, today: date) -> Period:
    name = macro.lower()
    if name in {"today", "yesterday"}:
        there = today if name == "today" else today - timedelta(days=1)
        return Period(there, there, name)
    if name == "all":
        return Period(date.min, today, name)
    found = _MACRO.fullmatch(name)
    if found is None:
        raise Fault("2170", f"Invalid Enumeration : {macro}", element="date_macro")
    which, unit, to_date = found.groups()
    months = _MONTHS[unit]
    start = _shifted(today.replace(day=1), -((today.month - 1) % months))
    if which == "last":
        return Period(_shifted(start, -months), start - timedelta(days=1), name)
    return Period(start, today if to_date else _shifted(start, months) - timedelta(days=1), name)


def _shifted(first_of_month: date, months: int) -> date:
    year, month = divmod(first_of_month.year * 12 + first_of_month.month - 1 + months, 12)
    return date(year, month + 1, 1)
