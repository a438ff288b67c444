"""A month of everything, company by company: `python -m tests.month --loads 1500 --seed 1`.

Each company's daemon bills it by itself, then people correct what they got wrong. Exit code 1 if anything in the books
differs from what the TMS's data come to.
"""

import sys
from collections import Counter
from typing import Final

import click

from adapters.sandbox.alvys import SUBSIDIARY, TRANSPORT, Month
from tests.month.choices import EVERYTHING, FIRST_DAY, SEPARATE, Choices
from tests.month.doings import months_end
from tests.month.drafts import FORMS
from tests.month.office import Office
from tests.month.run import Report, run
from tests.month.story import told

_MONTHS: Final = {
    "by statement": EVERYTHING,
    "trip by trip": SEPARATE,
    "to whoever hauls": Choices(export={"pay_subsidiary_carrier": True}),
}
_SHOWN: Final = 20  # differences of one month


@click.command()
@click.option("--loads", default=1500, show_default=True, type=click.IntRange(min=40))
@click.option("--seed", default=1, show_default=True)
def main(loads: int, seed: int) -> None:
    """Bill a month for both companies in each of the ways that exclude each other."""
    month = told(FIRST_DAY, seed, loads)
    found = [
        _shown(month, f"{company}, {name}", choices.of(company), seed)
        for company in (SUBSIDIARY, TRANSPORT)
        for name, choices in _MONTHS.items()
    ]
    documents = sum((report.documents for report in found), Counter[str]())
    differences = sum(len(report.differences) for report in found)
    unmet = sorted(FORMS.keys() - documents.keys())
    click.echo(f"{documents.total():,} documents in all by {len(documents)} routes, {differences} differences")
    if unmet:
        click.echo(f"the month is too small: no {', no '.join(unmet)}")
    sys.exit(1 if differences or unmet else 0)


def _shown(month: Month, name: str, choices: Choices, seed: int) -> Report:
    report = run(month, choices, correcting, seed=seed)
    click.echo(f"{name}: {report.documents.total():,} documents, {report.hours:.0f} hours in {report.processor:.0f} s")
    for route, count in sorted(report.documents.items()):
        click.echo(f"  {route:26}{count:>7,}")
    for code, count in sorted(report.refusals.items()):
        click.echo(f"  refused, {code:17}{count:>7,}")
    for difference in report.differences[:_SHOWN]:
        click.echo(f"  {difference}")
    click.echo(f"  {len(report.differences)} differences")
    return report


async def correcting(office: Office) -> None:
    """Let people do what they do at a month's end."""
    months_end(office.tms.books, office.choices)


if __name__ == "__main__":
    main()
