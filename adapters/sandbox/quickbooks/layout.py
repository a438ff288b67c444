"""The shape of a report: a header, columns, and rows that nest into sections with totals."""

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Final

from adapters.sandbox.quickbooks.clock import stamp
from adapters.sandbox.quickbooks.company import Company
from adapters.sandbox.quickbooks.period import Period
from adapters.sandbox.quickbooks.rules import Object

Row = Object
_DAY_ONE: Final = date.min


def amount(value: Decimal) -> Object:
    """Return a cell with an amount of money."""
    return {"value": f"{value:.2f}"}


def cell(value: str, identity: str = "") -> Object:
    """Return a cell with text, and the id of what it names."""
    return {"value": value, "id": identity} if identity else {"value": value}


def line(*cells: Object) -> Row:
    """Return a row of figures."""
    return {"ColData": list(cells), "type": "Data"}


def section(title: str, rows: list[Row], *totals: Object, group: str = "") -> Row:
    """Return rows under a heading, with a last line of totals."""
    return {
        "Header": {"ColData": [cell(title), cell("")]},
        "Rows": {"Row": rows},
        "Summary": {"ColData": list(totals)},
        "type": "Section",
        **({"group": group} if group else {}),
    }


def summary(group: str, *cells: Object) -> Row:
    """Return a total that stands alone."""
    return {"Summary": {"ColData": list(cells)}, "type": "Section", "group": group}


def column(title: str, kind: str, key: str) -> Object:
    """Return the description of a column."""
    return {"ColTitle": title, "ColType": kind, "MetaData": [{"Name": "ColKey", "Value": key}]}


def document(  # noqa: PLR0913 - the parts of a report
    name: str,
    company: Company,
    *,
    columns: list[Object],
    rows: list[Row],
    covers: Period | None = None,
    options: Mapping[str, str] | None = None,
    more: Iterable[tuple[str, str]] = (),
) -> Object:
    """Return a whole report; `options` are those of its header besides the one that says whether it is empty."""
    header: Object = {"Time": stamp(company.clock()), "ReportName": name, **dict(more)}
    if covers is not None:
        header |= {"DateMacro": covers.macro} if covers.macro else {}
        header |= {"StartPeriod": covers.start.isoformat()} if covers.start != _DAY_ONE else {}
        header |= {"EndPeriod": covers.end.isoformat(), "ReportBasis": "Accrual", "SummarizeColumnsBy": "Total"}
    home = company.preference("CurrencyPrefs", "HomeCurrency")
    header["Currency"] = home["value"] if isinstance(home, dict) else "USD"
    told = {**(options or {}), "NoReportData": str(not rows).lower()}
    header["Option"] = [{"Name": option, "Value": value} for option, value in told.items()]
    return {"Header": header, "Columns": {"Column": columns}, "Rows": {"Row": rows} if rows else {}}
