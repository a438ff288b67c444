"""`python -m adapters.sandbox.quickbooks.stress`: random work on a company's books, audited as it goes."""

from itertools import islice
from random import Random
from time import perf_counter

import click

from adapters.sandbox.quickbooks.audit import discrepancies
from adapters.sandbox.quickbooks.chance import Work
from adapters.sandbox.quickbooks.company import Company
from adapters.sandbox.quickbooks.random_work import work_once
from adapters.sandbox.quickbooks.sample import seed_sample_company
from adapters.sandbox.quickbooks.switches import Switches


def stress(operations: int, seed: int, *, every: int = 10_000, parties: int = 100) -> tuple[Work, list[str]]:
    """Carry out random operations and return the work done and the first discrepancies.

    The books are audited at the end and every so many operations; nothing more is done once they disagree.
    """
    company = Company(switches=Switches(journal_party_lines="many"))
    seed_sample_company(company, currencies=("CAD", "EUR"))
    work = Work(company, Random(seed), parties)  # noqa: S311 - chooses work, guards nothing
    for number in range(1, operations + 1):
        work_once(work)
        if number % every == 0 or number == operations:
            found = list(islice(discrepancies(company), 20))
            if found:
                return work, found
    return work, []


@click.command()
@click.option("--operations", default=100_000, show_default=True, type=click.IntRange(min=1), help="How many to do.")
@click.option("--seed", default=1, show_default=True, help="The same seed does the same work.")
@click.option("--every", default=10_000, show_default=True, type=click.IntRange(min=1), help="Audit after so many.")
def main(operations: int, seed: int, every: int) -> None:
    """Do random work on a company's books; exit with 1 if they ever disagree with their documents."""
    started = perf_counter()
    work, found = stress(operations, seed, every=every)
    done, took = sum(work.done.values()), perf_counter() - started
    refused = sum(work.refused.values())
    click.echo(
        f"{done:,} operations with seed {seed} in {took:.1f} s, {done / took:,.0f} a second; {refused:,} refused"
    )
    click.echo(", ".join(f"{name} {count:,}" for name, count in work.done.most_common()))
    click.echo("refused: " + ", ".join(f"{code} {count:,}" for code, count in work.refused.most_common()))
    for discrepancy in found:
        click.echo(discrepancy, err=True)
    click.echo("the books disagree" if found else "the books agree: the trial balance is zero, and open items match")
    raise SystemExit(1 if found else 0)


if __name__ == "__main__":
    main()
