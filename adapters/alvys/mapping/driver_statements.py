"""What a driver is owed by a settlement statement: one document over the net pay, or one for each sort of line."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from msgspec.structs import replace

from adapters.alvys.mapping.common import after, on_1099, owned_by_id, telling
from adapters.alvys.mapping.driver_lines import SORTS, lines_of, sort_of
from adapters.alvys.mapping.numbers import document_number
from adapters.alvys.mapping.signs import Sides
from adapters.alvys.mapping.statements import statement_day, statement_id, statement_number
from adapters.alvys.record import Odd, Record, odd
from adapters.alvys.settings import Settings
from state.problem import problem
from state.transaction import Content, Kind, Line, Money, Party, Segment, Sourced

SINGLE_SIDES: Final = Sides(Kind.DRIVER_STATEMENT, Kind.DRIVER_STATEMENT_CREDIT)
SEPARATE_SIDES: Final = Sides(Kind.DRIVER_ADDITION, Kind.DRIVER_DEDUCTION)
_W2: Final = "COMPANY"


def single_statement(raw: object, settings: Settings) -> list[Sourced]:
    """Return a statement as one bill over the net pay, or a credit if that is negative."""
    source_id = statement_id(raw)
    return SINGLE_SIDES.sourced(source_id, source_id, lambda: _single(Record(raw, "Statement"), settings))


def separate_statement(raw: object, settings: Settings) -> list[Sourced]:
    """Return what a statement holds beside the trips' own bills: one document for each sort of line.

    One that can't be read is kept under its bare number, since no sort of it can be told.
    """
    number = statement_id(raw)
    try:
        contents = _separate(Record(raw, "Statement"), settings)
    except Odd as error:
        return [Sourced(SEPARATE_SIDES.bill, number, number, problem=error.problem)]
    found = SEPARATE_SIDES.withdrawn(number)[:1]
    for sort, content in contents.items():
        found += _of_sort(f"{number}/{sort}", number, content, settings)
    return found


def sort_ids(raw: object) -> Iterator[str]:
    """Yield what every sort of a statement would be known by."""
    return (f"{statement_id(raw)}/{sort}" for sort in SORTS)


def net_pay(statement: Record) -> Money:
    """Return what a driver is paid, below zero if the driver owes: the net, less a shortfall that it leaves out."""
    totals = statement.part("Totals")
    if totals is None:
        raise odd(f"{statement.path}.Totals is missing")
    net, short = totals.money("NetIncome"), totals.money_if_any("Shortfall")
    return replace(net, minor=net.minor - abs(short.minor)) if short and net.minor >= 0 else net


def driver_of(statement: Record) -> Record:
    """Return the driver a statement is for, who must be named."""
    driver = statement.part("Driver")
    if driver is None or not driver.text("Id") or not driver.text("Name").strip():
        raise Odd(problem("party_missing", f"{statement.path}.Driver is missing or has no id or name"))
    return driver


def on_w2(driver: Record) -> bool:
    """Whether a driver is an employee; those on 1099 own their truck or work on a contract."""
    kind = driver.text("Type").strip().upper()
    if kind != _W2 and not on_1099(driver):
        raise odd(f"{driver.path}.Type is {kind[:40]!r}")
    return kind == _W2


@dataclass(frozen=True)
class _Heading:
    """What all documents of a statement share."""

    number: str
    issued_on: date
    memo: str
    party: Party
    segment: Segment
    settings: Settings

    def document(self, number: str, prefix: str, lines: Sequence[Line], total: Money) -> Content:
        """Return a document over some of the lines."""
        return Content(
            party=self.party,
            number=document_number(prefix, number, self.settings),
            issued_on=self.issued_on,
            due_on=after(self.issued_on, self.settings.carrier_terms_days),
            lines=telling(lines),
            total=total,
            load_number="",
            memo=self.memo,
            segment=self.segment,
        )


def _heading(statement: Record, settings: Settings) -> _Heading:
    driver, number = driver_of(statement), statement_number(statement)
    owned_by_id(driver, driver.text("SubsidiaryId"), settings)
    if settings.rules.by_tax_category:
        on_w2(driver)  # it raises for a driver of whom that is not known
    told = (f"Driver statement {number}", statement.text("PayPeriodTitle").strip())
    return _Heading(
        number=number,
        issued_on=statement_day(statement),
        memo=", ".join(filter(None, told)),
        party=_payee(driver, settings),
        segment=Segment(settings.subsidiary or "", driver.text("FleetName"), "asset"),
        settings=settings,
    )


def _payee(driver: Record, settings: Settings) -> Party:
    """Return the driver, or the company that a driver on 1099 is paid through, if that is wanted and named."""
    company = driver.text("CompanyName")
    if settings.rules.tax_company_vendor and company.strip() and not on_w2(driver):
        return Party(source_id=f"company:{company}", name=company, on_1099=True)
    return Party(source_id=driver.text("Id"), name=driver.text("Name"), on_1099=on_1099(driver))


def _single(statement: Record, settings: Settings) -> Content:
    heading = _heading(statement, settings)
    lines = [told.line for told in lines_of(statement, heading.segment)]
    return heading.document(heading.number, "APS", lines, net_pay(statement))


def _separate(statement: Record, settings: Settings) -> dict[str, Content]:
    """Return a statement's documents by sort."""
    heading = _heading(statement, settings)
    grouped: dict[str, list[Line]] = {}
    for told in lines_of(statement, heading.segment):
        if not told.on_trip:
            grouped.setdefault(sort_of(told.line), []).append(told.line)
    return {
        sort: heading.document(f"{heading.number}-{SORTS[sort].code}", SORTS[sort].prefix, lines, _sum(lines))
        for sort, lines in grouped.items()
    }


def _of_sort(source_id: str, label: str, content: Content, settings: Settings) -> list[Sourced]:
    """Return a sort as an addition to the pay or a deduction from it, or as neither if it comes to nothing."""
    if settings.rules.ignore_zero and not content.total.minor:
        return SEPARATE_SIDES.withdrawn(source_id, label)
    return SEPARATE_SIDES.sourced(source_id, label, lambda: content)


def _sum(lines: Sequence[Line]) -> Money:
    """Return the sum of some lines. Were they of several currencies, the document's own check would tell."""
    return replace(lines[0].amount, minor=sum(line.amount.minor for line in lines))
