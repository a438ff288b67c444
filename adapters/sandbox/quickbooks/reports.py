"""The reports: what the ledger says, in the vendor's shape."""

from calendar import month_name
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Final, NamedTuple

from adapters.sandbox.quickbooks.aging import SIDES, aged_detail, aged_summary
from adapters.sandbox.quickbooks.company import Company
from adapters.sandbox.quickbooks.faults import Fault
from adapters.sandbox.quickbooks.layout import Row, amount, cell, column, document, line, section, summary
from adapters.sandbox.quickbooks.period import period
from adapters.sandbox.quickbooks.rules import ZERO, Object
from adapters.sandbox.quickbooks.view import label

_RETAINED: Final = ("Equity", "RetainedEarnings")
_GAAP: Final = {"AccountingStandard": "GAAP"}


class _Part(NamedTuple):
    """A section of a report: the accounts of one type, or sections of its own."""

    title: str
    group: str
    holds: str | tuple["_Part", ...]
    sign: int = 1
    """-1 where a credit is shown as a positive figure."""


class _Result(NamedTuple):
    """A line between sections: what the accounts of some types earned."""

    title: str
    group: str
    of: tuple[str, ...]


_OPERATING: Final = ("Income", "Cost of Goods Sold", "Expense")
_OTHER: Final = ("Other Income", "Other Expense")
_EARNING: Final = (*_OPERATING, *_OTHER)
"""The account types that begin each fiscal year at zero."""

_CURRENT_ASSETS: Final = (
    _Part("Bank Accounts", "BankAccounts", "Bank"),
    _Part("Accounts Receivable", "AR", "Accounts Receivable"),
    _Part("Other Current Assets", "OtherCurrentAssets", "Other Current Asset"),
)
_ASSETS: Final = (
    _Part("Current Assets", "CurrentAssets", _CURRENT_ASSETS),
    _Part("Fixed Assets", "FixedAssets", "Fixed Asset"),
    _Part("Other Assets", "OtherAssets", "Other Asset"),
)
_CURRENT_LIABILITIES: Final = (
    _Part("Accounts Payable", "AP", "Accounts Payable", -1),
    _Part("Credit Cards", "CreditCards", "Credit Card", -1),
    _Part("Other Current Liabilities", "OtherCurrentLiabilities", "Other Current Liability", -1),
)
_LIABILITIES: Final = (
    _Part("Current Liabilities", "CurrentLiabilities", _CURRENT_LIABILITIES),
    _Part("Long-Term Liabilities", "LongTermLiabilities", "Long Term Liability", -1),
)
_CLAIMS: Final = (_Part("Liabilities", "Liabilities", _LIABILITIES), _Part("Equity", "Equity", "Equity", -1))
_BALANCE_SHEET: Final = (
    _Part("ASSETS", "TotalAssets", _ASSETS),
    _Part("LIABILITIES AND EQUITY", "TotalLiabilitiesAndEquity", _CLAIMS),
)
_PROFIT_AND_LOSS: Final[tuple[_Part | _Result, ...]] = (
    _Part("Income", "Income", "Income", -1),
    _Part("Cost of Goods Sold", "COGS", "Cost of Goods Sold"),
    _Result("Gross Profit", "GrossProfit", _OPERATING[:2]),
    _Part("Expenses", "Expenses", "Expense"),
    _Result("Net Operating Income", "NetOperatingIncome", _OPERATING),
    _Part("Other Income", "OtherIncome", "Other Income", -1),
    _Part("Other Expenses", "OtherExpenses", "Other Expense"),
    _Result("Net Other Income", "NetOtherIncome", _OTHER),
    _Result("Net Income", "NetIncome", _EARNING),
)


class _Figure(NamedTuple):
    """What one account shows: debits less credits."""

    identity: str
    name: str
    balance: Decimal


class _Figures:
    """Sums of the ledger by account type, without the accounts that come to nothing."""

    def __init__(self, company: Company) -> None:
        self._company = company
        self._by_type: defaultdict[str, list[_Figure]] = defaultdict(list)

    def add(self, identity: str, balance: Decimal) -> None:
        """Take in what an account comes to."""
        account = self._company.find("Account", identity) or {}
        if balance:
            self._by_type[account["AccountType"]].append(_Figure(identity, label(account), balance))

    def put(self, account_type: str, figure: _Figure) -> None:
        """Take in a figure that no account holds, or add it to the account's own."""
        held = self._by_type[account_type]
        own = next((each for each in held if each.identity == figure.identity), None)
        if own is not None:
            held.remove(own)
        total = figure.balance + (own.balance if own else ZERO)
        if total:
            held.append(figure._replace(balance=total))

    def of(self, account_type: str) -> list[_Figure]:
        """Return the figures of a type by the accounts' names."""
        return sorted(self._by_type[account_type], key=lambda figure: figure.name)

    def total(self, types: Iterable[str]) -> Decimal:
        """Return what the accounts of some types come to."""
        return sum((figure.balance for each in types for figure in self._by_type[each]), ZERO)


def _sums(company: Company, start: date, end: date) -> Mapping[str, Decimal]:
    """Return what documents of a period posted, by account."""
    first, last = start.isoformat(), end.isoformat()
    sums: defaultdict[str, Decimal] = defaultdict(lambda: ZERO)
    for key, postings in company.books.ledger.entries():
        held = company.books.find(*key)
        if held is not None and first <= held["TxnDate"] <= last:
            for posting in postings:
                sums[posting.account] += posting.amount
    return sums


def _movements(company: Company, start: date, end: date) -> _Figures:
    figures = _Figures(company)
    for identity, balance in _sums(company, start, end).items():
        figures.add(identity, balance)
    return figures


def _position(company: Company, end: date) -> _Figures:
    """Return every account's standing on a day; what earlier fiscal years earned has become retained earnings."""
    year = _fiscal_year(company, end)
    this_year, figures, earlier = _sums(company, year, end), _Figures(company), ZERO
    for identity, balance in _sums(company, date.min, end).items():
        account = company.find("Account", identity) or {}
        if account["AccountType"] in _EARNING:
            figures.add(identity, this_year.get(identity, ZERO))
            earlier += balance - this_year.get(identity, ZERO)
        else:
            figures.add(identity, balance)
    retained = company.books.account(*_RETAINED) or ""
    account = company.find("Account", retained) or {"Name": "Retained Earnings"}
    figures.put(_RETAINED[0], _Figure(retained, label(account), earlier))
    return figures


def _fiscal_year(company: Company, day: date) -> date:
    info = company.find("CompanyInfo", "1") or {}
    month = list(month_name).index(info["FiscalYearStartMonth"])
    return date(day.year if day.month >= month else day.year - 1, month, 1)


def trial_balance(parameters: dict[str, str], company: Company) -> Object:
    """Return every account's balance on the last day of the period, on its side. Raises Fault."""
    covers = period(parameters, company.today(), company)
    figures = _position(company, covers.end)
    shown = [figure for kind in (*_types(_BALANCE_SHEET), *_EARNING) for figure in figures.of(kind)]
    rows: list[Row] = [
        {"ColData": [cell(figure.name, figure.identity), *_on_its_side(figure.balance)]} for figure in shown
    ]
    if rows:
        debits = sum((figure.balance for figure in shown if figure.balance > 0), ZERO)
        credits_ = sum((-figure.balance for figure in shown if figure.balance < 0), ZERO)
        rows.append(summary("GrandTotal", cell("TOTAL"), amount(debits), amount(credits_)))
    columns = [
        column("", "Account", "account"),
        column("Debit", "Money", "debit_amt"),
        column("Credit", "Money", "credit_amt"),
    ]
    return document("TrialBalance", company, columns=columns, rows=rows, covers=covers)


def _on_its_side(balance: Decimal) -> tuple[Object, Object]:
    return (amount(balance), cell("")) if balance > 0 else (cell(""), amount(-balance))


def _types(parts: tuple[_Part, ...]) -> Iterable[str]:
    for part in parts:
        if isinstance(part.holds, str):
            yield part.holds
        else:
            yield from _types(part.holds)


def balance_sheet(parameters: dict[str, str], company: Company) -> Object:
    """Return assets, liabilities and equity on the last day of the period. Raises Fault."""
    covers = period(parameters, company.today(), company)
    figures = _position(company, covers.end)
    figures.put("Equity", _Figure("", "Net Income", figures.total(_EARNING)))
    rows = [row for part in _BALANCE_SHEET for row in _sections(part, figures)]
    columns = [column("", "Account", "account"), column("Total", "Money", "total")]
    return document("BalanceSheet", company, columns=columns, rows=rows, covers=covers, options=_GAAP)


def profit_and_loss(parameters: dict[str, str], company: Company) -> Object:
    """Return what the period earned and cost. Raises Fault."""
    covers = period(parameters, company.today(), company)
    figures = _movements(company, covers.start, covers.end)
    rows: list[Row] = []
    for part in _PROFIT_AND_LOSS:
        if isinstance(part, _Part):
            rows.extend(_sections(part, figures))
        elif part.of != _OTHER or figures.total(_OTHER):
            rows.append(summary(part.group, cell(part.title), amount(-figures.total(part.of) + ZERO)))
    if not any("Rows" in row for row in rows):
        rows = []
    columns = [column("", "Account", "account"), column("Total", "Money", "total")]
    return document("ProfitAndLoss", company, columns=columns, rows=rows, covers=covers, options=_GAAP)


def _sections(part: _Part, figures: _Figures) -> list[Row]:
    """Return a part as a section, or nothing if it has no figures."""
    if isinstance(part.holds, str):
        held = figures.of(part.holds)
        rows = [line(cell(each.name, each.identity), amount(part.sign * each.balance)) for each in held]
    else:
        rows = [row for inner in part.holds for row in _sections(inner, figures)]
    if not rows:
        return []
    title = f"TOTAL {part.title}" if part.title.isupper() else f"Total {part.title}"
    return [section(part.title, rows, cell(title), amount(_total(part, figures)), group=part.group)]


def _total(part: _Part, figures: _Figures) -> Decimal:
    if isinstance(part.holds, str):
        return part.sign * figures.total((part.holds,)) + ZERO
    return sum((_total(inner, figures) for inner in part.holds), ZERO)


Report = Callable[[dict[str, str], Company], Object]

REPORTS: Final[dict[str, Report]] = {
    "TrialBalance": trial_balance,
    "BalanceSheet": balance_sheet,
    "ProfitAndLoss": profit_and_loss,
    **{side.summary: partial(aged_summary, side) for side in SIDES},
    **{side.detail: partial(aged_detail, side) for side in SIDES},
}
"""Every report by the name in its path."""


def report(name: str, parameters: dict[str, str], company: Company) -> Object:
    """Return a report. Raises KeyError for one that does not exist, Fault for parameters that make no sense."""
    draw_up = REPORTS[name]
    if parameters.get("accounting_method", "Accrual").lower() != "accrual":
        raise Fault("5030", "Feature Not Supported : only the accrual method is kept.")
    if parameters.get("summarize_column_by", "Total").lower() != "total":
        raise Fault("5030", "Feature Not Supported : columns are summarized by Total only.")
    return draw_up(parameters, company)
