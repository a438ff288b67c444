"""A month of one company, from its beginning to its report."""

import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypedDict

from typing_extensions import Unpack

from adapters.sandbox import alvys, quickbooks
from tests.month.choices import Choices
from tests.month.figures import Document, Refusal, cents
from tests.month.office import Office
from tests.simulation.run import MEMORY, simulated

Doing = Callable[[Office], Awaitable[None]]


class There(TypedDict, total=False):
    """What may be otherwise before a month begins: chance, the company file, and what is in doubt about the TMS."""

    seed: int
    prepare: Callable[[quickbooks.Company], None]
    switches: alvys.Switches


@dataclass
class Report:
    """What came of a month: documents and refusals by route or reason, and what differs from what should be."""

    documents: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    looks: list[list[str]] = field(default_factory=list)
    """What differed at each look: after the month itself, and after each thing that people did."""
    told: int = 0
    """Payments that the TMS was told of; each of ours was there before."""
    posted: dict[str, int] = field(default_factory=dict)
    amounts: Counter[str] = field(default_factory=Counter)
    """What the documents of each route come to after the month itself, in cents."""
    processor: float = 0.0
    hours: float = 0.0

    @property
    def differences(self) -> list[str]:
        """What differed at any look."""
        return [each for look in self.looks for each in look]


def run(
    month: alvys.Month, choices: Choices, *doings: Doing, before: Doing | None = None, **there: Unpack[There]
) -> Report:
    """Let a company's daemon bill a month, let people do what they do after it, and compare after each of that.

    `before` looks at what is about to be sent, while nothing leaves; afterwards `Office.sent` has what was.
    """
    began = time.process_time()
    report = Report()
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as directory:
        office = Office(month, choices, Path(directory), **there)
        with simulated(office.loop, office.heard):
            office.loop.run_until_complete(_unfold(office, doings, before, report))
        report.hours = office.loop.time() / 3600
    report.processor = time.process_time() - began
    return report


async def _unfold(office: Office, doings: Sequence[Doing], before: Doing | None, report: Report) -> None:
    async with office.open():
        if before is not None:
            await office.hold()
            await office.rest()
            await before(office)
            await office.ask("POST", "resume", {"reason": "looked at"})
        await office.rest()
        report.looks.append(office.differences())
        for key, document in office.books().held.items():
            report.amounts[key.route] += cents(document.total)
        for doing in doings:
            await doing(office)
            await office.rest()
            report.looks.append(office.differences())
    for key, outcome in office.wanted().items():
        if isinstance(outcome, Document):
            report.documents[key.route] += 1
        elif isinstance(outcome, Refusal):
            report.refusals[" or ".join(sorted(outcome.codes))] += 1
    report.posted = office.books().ledger
    report.told = len(list(office.tms.books.all("customer_payments")))
