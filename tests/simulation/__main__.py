"""`python -m tests.simulation`: many seeds, and what came of them."""

import os
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import click

from tests.simulation.run import Report, run_seed


@click.command()
@click.option("--seeds", default=100, show_default=True, type=click.IntRange(min=1), help="How many.")
@click.option("--start", default=1, show_default=True, help="The first one.")
@click.option("--transactions", default=100, show_default=True, type=click.IntRange(min=1), help="In each, about.")
@click.option("--replay", type=int, help="Run this seed alone, and print its trace hash.")
@click.option("--repeat", default=1, show_default=True, type=click.IntRange(min=1), help="Runs of each seed.")
@click.option("--jobs", default=1, show_default=True, type=click.IntRange(min=1), help="Processes at once.")
def main(*, seeds: int, start: int, transactions: int, replay: int | None, repeat: int, jobs: int) -> None:
    """Run seeds; exit with 1 if any promise was broken in any of them."""
    wanted = [replay] if replay is not None else range(start, start + seeds)
    began, reports = time.perf_counter(), list[Report]()
    with ProcessPoolExecutor(jobs) as pool:
        work = partial(run, transactions=transactions, repeat=repeat)
        for report in pool.map(work, wanted) if jobs > 1 else map(work, wanted):
            reports.append(report)
            _tell(report, transactions, verbose=replay is not None)
    took = time.perf_counter() - began
    total = sum(report.transactions for report in reports)
    failed = sum(bool(report.violations) for report in reports)
    click.echo(
        f"{total:,} transactions in {len(reports):,} seeds, {sum(report.lives for report in reports):,} lives of the"
        f" daemon, {sum(report.moves for report in reports):,} moves, {took:.1f} s: {total / took:,.0f} transactions/s,"
        f" {total / sum(report.processor for report in reports):,.0f} a second of one core"
    )
    codes = sum((report.codes for report in reports), Counter[str]())
    click.echo("explained failures: " + ", ".join(f"{code} {count:,}" for code, count in codes.most_common()))
    click.echo(f"{failed:,} seeds with broken promises")
    sys.exit(1 if failed else 0)


def run(seed: int, *, transactions: int, repeat: int) -> Report:
    """Run a seed so many times; it breaks a promise of its own if the traces differ."""
    report, *others = (run_seed(seed, transactions=transactions) for _ in range(repeat))
    differing = {other.trace_hash for other in others} - {report.trace_hash}
    report.violations.extend(f"replayed, its trace is {trace}" for trace in sorted(differing))
    return report


def _tell(report: Report, transactions: int, *, verbose: bool) -> None:
    if verbose:
        click.echo(f"seed {report.seed}: trace {report.trace_hash}, {report.seconds:,.0f} virtual seconds, {report}")
    if report.violations:
        click.echo(f"seed {report.seed} broke {len(report.violations)} promises, trace {report.trace_hash}:")
        for violation in report.violations[:10]:
            click.echo(f"  {violation[:600]}")
        click.echo(f"  python -m tests.simulation --replay {report.seed} --transactions {transactions}")


if __name__ == "__main__":
    if os.environ.get("PYTHONHASHSEED") != "0":  # sets of texts are gone through in the order of their hashes
        os.execve(
            sys.executable,
            [sys.executable, "-m", "tests.simulation", *sys.argv[1:]],
            {**os.environ, "PYTHONHASHSEED": "0"},
        )
    main()
