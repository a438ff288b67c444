"""The lines of a driver's statement, by what they are to us."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from msgspec.structs import replace

from adapters.alvys.mapping.common import numbered
from adapters.alvys.mapping.statements import word
from adapters.alvys.record import Record
from state.transaction import Line, Segment


@dataclass(frozen=True)
class Sort:
    """One sort of lines, which is a document of its own if a statement is not a single one; both are of its number."""

    code: str
    prefix: str


# By category; escrow goes in and out, which are two sorts.
# fmt: off
SORTS: Final[Mapping[str, Sort]] = {
    "deduction":         Sort("DED", "ADT"),
    "escrow_deposit":    Sort("ESC", "ADT"),
    "fuel":              Sort("FUEL", "AFL"),
    "toll":              Sort("TOLL", "ATL"),
    "reimbursement":     Sort("REI", "APS"),
    "credit":            Sort("CRE", "APS"),
    "bonus":             Sort("BON", "APS"),
    "escrow_withdrawal": Sort("ESW", "APS"),
    "accessorial":       Sort("ACC", "APS"),
    "echeck":            Sort("ECK", "AEK"),
    "driver_pay":        Sort("PAY", "APS"),
    "other":             Sort("OTH", "APS"),
}
# What the vendor calls the lines. What is not here is pay if it belongs to a trip, and else "other".
_CALLED: Final[Mapping[str, tuple[str, ...]]] = {
    "accessorial":   ("Accessorial",),
    "bonus":         ("Bonus", "Bonuses"),
    "credit":        ("Credit",),
    "deduction":     ("Deduction",),
    "echeck":        ("E-Check",),
    "escrow":        ("Escrow", "Escrow Deposit", "Escrow Withdrawal"),
    "fuel":          ("Fuel",),
    "reimbursement": ("Reimbursement",),
    "toll":          ("Toll",),
    "driver_pay":    ("Daily Pay", "Daily Per Diem", "Driver Payment", "Empty Miles", "Line Haul", "Loaded Miles",
                      "Mileage Per Diem", "Minimum Pay", "Per Customer Stop", "Per Day", "Per Hour", "Per Load",
                      "Per Mile", "Per Stop", "Per Trip", "Service Fee", "Statement Per Diem", "Total Miles",
                      "% of Fuel Surcharge", "% of Line Haul", "% of Line Haul Deduction", "% of Trip Value",
                      "% of Trip Value Deduction"),
}
# fmt: on
_CATEGORIES: Final = {word(name): category for category, names in _CALLED.items() for name in names}
_ON_TRIPS: Final = frozenset({"driver_pay", "accessorial", "echeck", "echeck_fee"})
_PART: Final = re.compile(r"\s*\(part \d+\)$", re.IGNORECASE)


class Told(NamedTuple):
    """A line, and whether the driver's bill for a trip has it, where there are such bills."""

    line: Line
    on_trip: bool


def lines_of(statement: Record, segment: Segment) -> Iterator[Told]:
    """Yield the lines of a statement; raises Odd for one that can't be read.

    The halves of a deduction that was split keep the name of the whole, so that both are booked alike.
    """
    for item in statement.parts("LineItems"):
        title = item.text("Title").strip() or item.text("Category")
        where = numbered(item, (("Load", "LoadNumber"), ("trip", "TripNumber")))
        on_trip = bool(item.text("TripNumber").strip())
        unknown = "driver_pay" if on_trip else "other"
        category = _CATEGORIES.get(word(item.text("Category")), unknown)
        description = " - ".join(filter(None, (title, where)))
        line = Line(category, _PART.sub("", title), item.money("Amount"), description, segment)
        for each in _parts(item, line) if category == "echeck" else (line,):
            yield Told(each, on_trip and category in _ON_TRIPS)


def sort_of(line: Line) -> str:
    """Return which of SORTS a line belongs to."""
    if line.category == "escrow":
        return "escrow_withdrawal" if line.amount.minor > 0 else "escrow_deposit"
    return "echeck" if line.category == "echeck_fee" else line.category


def _parts(item: Record, whole: Line) -> list[Line]:
    """Return an e-check and its fee as two lines, if it says what each of them is."""
    parts = [
        replace(
            whole,
            category="echeck_fee" if "fee" in part.text("Description").casefold() else "echeck",
            amount=part.money("Amount"),
            description=f"{whole.description} ({part.text('Description')})",
        )
        for part in item.parts("SubLines")
    ]
    return parts if parts and sum(part.amount.minor for part in parts) == whole.amount.minor else [whole]
