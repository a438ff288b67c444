"""Who owes what and since when: receivables and payables by how long they are past due."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final, NamedTuple

from adapters.sandbox.quickbooks.company import Company
from adapters.sandbox.quickbooks.faults import Fault
from adapters.sandbox.quickbooks.layout import amount, cell, column, document, line, section, summary
from adapters.sandbox.quickbooks.ledger import PAYABLE, RECEIVABLE
from adapters.sandbox.quickbooks.period import report_day
from adapters.sandbox.quickbooks.rules import ZERO, Object
from adapters.sandbox.quickbooks.settlement import kind_of_link
from adapters.sandbox.quickbooks.view import label

_PERIOD_DAYS: Final = 30
_PERIODS: Final = 4
_MOST_PERIODS: Final = 12
_SPOKEN: Final = {
    "CreditMemo": "Credit Memo",
    "VendorCredit": "Vendor Credit",
    "JournalEntry": "Journal Entry",
    "Purchase": "Expense",
}
_PAID_BY: Final = {"Check": "Bill Payment (Check)", "CreditCard": "Bill Payment (Credit Card)"}


@dataclass(frozen=True, slots=True)
class Side:
    """What tells receivables from payables."""

    account_type: str
    party: str
    sign: int
    """1 where a debit is money we get."""
    summary: str
    detail: str


SIDES: Final = (
    Side(RECEIVABLE, "Customer", 1, "AgedReceivables", "AgedReceivableDetail"),
    Side(PAYABLE, "Vendor", -1, "AgedPayables", "AgedPayableDetail"),
)


class OpenEntry(NamedTuple):
    """What is open of one document on a day, in the home currency; negative for a credit of the party."""

    kind: str
    document: Object
    party: str
    amount: Decimal
    balance: Decimal

    @property
    def due(self) -> str:
        """The day it falls due; what has no term of its own counts from its date."""
        return str(self.document.get("DueDate") or self.document["TxnDate"])


def open_entries(side: Side, day: str, company: Company) -> list[OpenEntry]:
    """Return every document open on a day, going by payments dated until then; their sum is what the ledger says."""
    books = company.books
    accounts = {account["Id"] for account in books.live("Account") if account["AccountType"] == side.account_type}
    amounts: defaultdict[tuple[str, str, str], Decimal] = defaultdict(lambda: ZERO)
    documents: dict[tuple[str, str], Object] = {}
    for key, postings in books.ledger.entries():
        held = books.find(*key)
        if held is None or held["TxnDate"] > day:
            continue
        documents[key] = held
        for posting in postings:
            if posting.account in accounts and posting.party:
                amounts[(*key, posting.party)] += side.sign * posting.amount
    balances = amounts.copy()
    payment_kind = "Payment" if side.party == "Customer" else "BillPayment"
    for payment in books.live(payment_kind):
        if payment["TxnDate"] > day:
            continue
        documents[payment_kind, payment["Id"]] = payment
        party = payment[f"{side.party}Ref"]["value"]
        for target, worth in _applied(payment):
            charge = (*target, party)
            if charge in amounts:
                moved = worth if amounts[charge] > 0 else -worth
                balances[charge] -= moved
                balances[payment_kind, payment["Id"], party] += moved
    return [
        OpenEntry(kind, documents[kind, identity], party, amounts[kind, identity, party], balance)
        for (kind, identity, party), balance in balances.items()
        if balance
    ]


def _applied(payment: Object) -> list[tuple[tuple[str, str], Decimal]]:
    """Return what a payment settles and its worth at home, which for a foreign payment the books have noted."""
    targets = [(kind_of_link(held["LinkedTxn"][0]), held["LinkedTxn"][0]["TxnId"]) for held in payment["Line"]]
    if "_relieved" in payment:
        return [(target, abs(payment["_relieved"][" ".join(target)])) for target in dict.fromkeys(targets)]
    return [(target, held["Amount"]) for target, held in zip(targets, payment["Line"], strict=True)]


class _Scale:
    """The periods a report sorts into: the first is not due yet, the last has no end."""

    def __init__(self, parameters: dict[str, str]) -> None:
        self._days = _whole(parameters, "aging_period", _PERIOD_DAYS, 365)
        self._periods = _whole(parameters, "num_periods", _PERIODS, _MOST_PERIODS)

    @property
    def size(self) -> int:
        return self._periods + 1

    def place(self, entry: OpenEntry, day: date) -> int:
        late = (day - date.fromisoformat(entry.due)).days
        return 0 if late <= 0 else min((late - 1) // self._days + 1, self._periods)

    def bounds(self, place: int) -> tuple[int, int]:
        return (place - 1) * self._days + 1, place * self._days

    def titles(self) -> list[str]:
        spans = [f"{first} - {last}" for first, last in map(self.bounds, range(1, self._periods))]
        return ["Current", *spans, f"{self.bounds(self._periods)[0]} and over"]

    def headings(self) -> list[str]:
        spans = [f"{first} - {last} days past due" for first, last in map(self.bounds, range(1, self._periods))]
        return ["Current", *spans, f"{self.bounds(self._periods)[0]} or more days past due"]


def _whole(parameters: dict[str, str], name: str, default: int, most: int) -> int:
    given = parameters.get(name, str(default))
    if not given.isdecimal() or not 1 <= int(given) <= most:
        raise Fault("2080", f"Invalid Number : Supplied value:{given}", element=name)
    return int(given)


def _chosen(side: Side, parameters: dict[str, str], company: Company) -> tuple[date, list[OpenEntry]]:
    day = report_day(parameters, company.today(), company)
    asked = parameters.get(side.party.lower())
    wanted = set(asked.split(",")) if asked else None
    entries = open_entries(side, day.isoformat(), company)
    return day, [entry for entry in entries if wanted is None or entry.party in wanted]


def aged_summary(side: Side, parameters: dict[str, str], company: Company) -> Object:
    """Return what each party owes by period. Raises Fault."""
    scale = _Scale(parameters)
    day, entries = _chosen(side, parameters, company)
    sums: defaultdict[str, list[Decimal]] = defaultdict(lambda: [ZERO] * scale.size)
    for entry in entries:
        sums[entry.party][scale.place(entry, day)] += entry.balance
    rows = [
        {"ColData": [cell(name, party), *(amount(each) if each else cell("") for each in sums[party]), amount(total)]}
        for name, party, total in sorted(
            (_name(side, party, company), party, sum(held, ZERO)) for party, held in sums.items()
        )
    ]
    if rows:
        totals = [sum(column, ZERO) for column in zip(*sums.values(), strict=True)]
        rows.append(summary("GrandTotal", cell("TOTAL"), *map(amount, totals), amount(sum(totals, ZERO))))
    columns = [
        column("", side.party, side.party.lower()),
        *(column(title, "Money", str(place)) for place, title in enumerate(scale.titles())),
        column("Total", "Money", "total"),
    ]
    return _document(side.summary, side, day, parameters, company, columns=columns, rows=rows)


def aged_detail(side: Side, parameters: dict[str, str], company: Company) -> Object:
    """Return every open document by period, the longest past due first. Raises Fault."""
    scale = _Scale(parameters)
    day, entries = _chosen(side, parameters, company)
    blank = [cell("")] * 4
    rows: list[Object] = []
    for place, heading in reversed(list(enumerate(scale.headings()))):
        held = sorted((entry for entry in entries if scale.place(entry, day) == place), key=lambda entry: entry.due)
        if held:
            lines = [_detail(side, entry, company) for entry in held]
            rows.append(section(heading, lines, cell(f"Total for {heading}"), *blank, *_sums(held)))
    if rows:
        rows.append(summary("GrandTotal", cell("TOTAL"), *blank, *_sums(entries)))
    name = "cust_name" if side.party == "Customer" else "vend_name"
    columns = [
        column(title, key, key)
        for title, key in (
            ("Date", "tx_date"),
            ("Transaction Type", "txn_type"),
            ("Num", "doc_num"),
            (side.party, name),
            ("Due Date", "due_date"),
            ("Amount", "subt_amount"),
            ("Open Balance", "subt_open_bal"),
        )
    ]
    return _document(side.detail, side, day, parameters, company, columns=columns, rows=rows)


def _sums(entries: list[OpenEntry]) -> tuple[Object, Object]:
    return (
        amount(sum((entry.amount for entry in entries), ZERO)),
        amount(sum((entry.balance for entry in entries), ZERO)),
    )


def _detail(side: Side, entry: OpenEntry, company: Company) -> Object:
    held = entry.document
    spoken = _PAID_BY[held["PayType"]] if entry.kind == "BillPayment" else _SPOKEN.get(entry.kind, entry.kind)
    return line(
        cell(held["TxnDate"]),
        cell(spoken, held["Id"]),
        cell(held.get("DocNumber") or held.get("PaymentRefNum") or ""),
        cell(_name(side, entry.party, company), entry.party),
        cell(entry.due),
        amount(entry.amount),
        amount(entry.balance),
    )


def _name(side: Side, party: str, company: Company) -> str:
    return label(company.find(side.party, party) or {})


def _document(  # noqa: PLR0913 - what both reports have in common
    name: str,
    side: Side,
    day: date,
    parameters: dict[str, str],
    company: Company,
    *,
    columns: list[Object],
    rows: list[Object],
) -> Object:
    asked = parameters.get(side.party.lower())
    more = [("EndPeriod", day.isoformat()), *([(side.party, asked)] if asked else [])]
    options = {"report_date": day.isoformat()}
    return document(name, company, columns=columns, rows=rows, options=options, more=more)
