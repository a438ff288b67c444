"""One story in two sets of books: a month of freight in the TMS, and the company file it will meet in accounting."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from shutil import rmtree
from typing import Any, Final

import msgspec

from adapters.sandbox import alvys, quickbooks

BYSTANDER = "Desert Rose Nursery"
"""A customer the TMS knows nothing of; a person invoiced it by hand."""

KNOWN_CUSTOMERS = 3
KNOWN_CARRIERS = 4
"""How many of the TMS' parties, from the first on, accounting already has under the same name."""


@dataclass(frozen=True)
class Facts:
    """What a reader of the two books should know: the TMS' subsidiary by name and id, and load numbers.

    They are those of the planted problems, and of loads that are unusual without being one.
    """

    subsidiary: str = alvys.SUBSIDIARY
    subsidiary_id: str = alvys.SUBSIDIARY_IDS[alvys.SUBSIDIARY]
    planted: dict[str, str] = field(default_factory=dict)
    notable: dict[str, str] = field(default_factory=dict)


COMPANIES: Final[Mapping[str, Callable[[quickbooks.Company], None]]] = {
    "broker": quickbooks.seed_company,
    "sample": quickbooks.seed_sample_company,
    "empty": lambda _company: None,
}
"""What a company file holds at first: a freight broker's lists, the vendor's kind of sample, or nothing of its own."""


@dataclass(frozen=True)
class Plot:
    """What to tell: which month, drawn from which seed, and how many loads; none leaves the TMS empty.

    A full month has a second subsidiary, summary invoices, fuel, tolls and settlement statements beside the usual.
    `company` is one of COMPANIES; a month needs the broker's.
    """

    first_day: date
    seed: int = 1
    loads: int = 60
    full: bool = False
    company: str = "broker"

    def month(self) -> alvys.Month | None:
        """Make up the month."""
        make = alvys.generate_full if self.full else alvys.generate
        return make(self.first_day, self.seed, self.loads) if self.loads else None


@dataclass(frozen=True)
class Scenario:
    """Both twins over books that agree with each other, except where a problem was planted."""

    quickbooks: quickbooks.QuickBooksSandbox
    alvys: alvys.AlvysSandbox
    facts: Facts


def stage(
    plot: Plot,
    directory: Path | None = None,
    *,
    alvys_limits: alvys.Limits = alvys.Limits(),  # noqa: B008 - frozen
    alvys_delivery: alvys.Delivery = alvys.Delivery(),  # noqa: B008 - frozen
    quickbooks_limits: quickbooks.Limits = quickbooks.Limits(),  # noqa: B008 - frozen
) -> Scenario:
    """Make both twins; the books a directory holds go on as they were, whatever the plot says.

    A directory whose seeding was cut short is seeded again from the start. Raises OSError if it cannot be written.
    """
    program = directory / "scenario.json" if directory else None
    month: alvys.Month | None = None
    told = program is not None and program.exists()
    if program and told:
        facts = msgspec.json.decode(program.read_bytes(), type=Facts)
    else:
        _clear(directory)
        month = plot.month()
        facts = Facts(planted=month.planted, notable=month.notable) if month else Facts()
    scenario = Scenario(
        quickbooks.QuickBooksSandbox(limits=quickbooks_limits, directory=_part(directory, "quickbooks")),
        alvys.AlvysSandbox(
            limits=alvys_limits, delivery=alvys_delivery, directory=_part(directory, "alvys"), month=month
        ),
        facts,
    )
    if not told:
        COMPANIES[plot.company](scenario.quickbooks.company)
        if month:
            meet(scenario.quickbooks.company, month)
    if program and not told:
        _write(program, msgspec.json.encode(facts))
    return scenario


def meet(company: quickbooks.Company, month: alvys.Month) -> None:
    """Put into a company file what the month will meet there: known parties, and the cause of each planted problem."""
    for customer in month.customers[:KNOWN_CUSTOMERS]:
        company.create("Customer", {"DisplayName": customer["Name"]})
    for carrier in month.carriers[:KNOWN_CARRIERS]:
        company.create("Vendor", {"DisplayName": carrier["ExternalName"] or carrier["Name"]})
    ambiguous = month.load(month.planted["name_ambiguous"])["CustomerName"]
    for spelling in (ambiguous, f"{ambiguous.upper()}."):
        company.create("Customer", {"DisplayName": spelling})
    company.set_preferences({"SalesFormsPrefs": {"CustomTxnNumbers": True}})
    _invoice_by_hand(company, month.planted["number_taken"], month.first_day + timedelta(days=2))
    company.set_preferences(
        {"AccountingInfoPrefs": {"BookCloseDate": (month.first_day - timedelta(days=1)).isoformat()}}
    )


def _invoice_by_hand(company: quickbooks.Company, number: str, day: date) -> None:
    """Invoice another customer under a number that a load is going to bear."""
    customer = company.create("Customer", {"DisplayName": BYSTANDER})
    item = next(item for item in company.all("Item") if item["Name"] == "Linehaul")
    line: dict[str, Any] = {
        "Amount": 1250,
        "DetailType": "SalesItemLineDetail",
        "SalesItemLineDetail": {"ItemRef": {"value": item["Id"]}},
    }
    company.create(
        "Invoice",
        {"CustomerRef": {"value": customer["Id"]}, "DocNumber": number, "TxnDate": day.isoformat(), "Line": [line]},
    )


def _clear(directory: Path | None) -> None:
    """Throw away what a start that was cut short left behind."""
    if directory is None:
        return
    for name in ("quickbooks", "alvys"):
        rmtree(directory / name, ignore_errors=True)


def _part(directory: Path | None, name: str) -> Path | None:
    return directory / name if directory else None


def _write(path: Path, content: bytes) -> None:
    """Write a file that is there whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".new")
    draft.write_bytes(content)
    draft.replace(path)
