"""`python -m tests.simulation`: many seeds, and what came of them."""

import os
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from functools import partial
from itertools import count, islice, takewhile
from typing import Final

import click
from typing_extensions import override

from tests.simulation.run import Report, run_seed

_PROGRESS: Final = 30.0  # seconds between two lines that say how far it is


@click.command()
@click.option("--seeds", default=100, show_default=True, type=click.IntRange(min=1), help="How many.")
@click.option("--total", type=click.IntRange(min=1), help="As many seeds as give so many transactions, instead.")
@click.option("--start", default=1, show_default=True, help="The first one.")
@click.option("--transactions", default=100, show_default=True, type=click.IntRange(min=1), help="In each, about.")
@click.option("--replay", type=int, help="Run this seed alone, and print its trace hash.")
@click.option("--repeat", default=1, show_default=True, type=click.IntRange(min=1), help="Runs of each seed.")
@click.option("--jobs", default=1, show_default=True, type=click.IntRange(min=1), help="Processes at once.")
def main(
    *, seeds: int, total: int | None, start: int, transactions: int, replay: int | None, repeat: int, jobs: int
) -> None:
    """Run seeds; exit with 1 if any promise was broken in any of them."""
    tally, told = Tally(repeat), time.perf_counter()
    wanted: Iterable[int] = range(start, start + seeds)
    if total is not None:
        wanted = takewhile(lambda _: tally.transactions < total, count(start))
    if replay is not None:
        wanted = [replay]
    for report in _reports(wanted, transactions=transactions, repeat=repeat, jobs=jobs):
        tally.take(report)
        _tell(report, transactions, verbose=replay is not None)
        if time.perf_counter() - told > _PROGRESS:
            told = time.perf_counter()
            click.echo(f"{tally}")
    click.echo(f"{tally}")
    click.echo("explained failures: " + ", ".join(f"{code} {number:,}" for code, number in tally.codes.most_common()))
    sys.exit(1 if tally.broken else 0)


class Tally:
    """What came of all seeds so far. Each was run `repeat` times, and is counted once, but for the rates."""

    def __init__(self, repeat: int) -> None:
        self._repeat = repeat
        self._began = time.perf_counter()
        self._processor = 0.0
        self._counted: Counter[str] = Counter()
        self.transactions = self.broken = 0
        self.codes: Counter[str] = Counter()

    def take(self, report: Report) -> None:
        """Add a seed."""
        self.transactions += report.transactions
        self.broken += bool(report.violations)
        self.codes += report.codes
        self._processor += report.processor
        self._counted.update(seeds=1, lives=report.lives, moves=report.moves)

    @override
    def __str__(self) -> str:
        took = time.perf_counter() - self._began
        made, counted = self.transactions, self._counted
        return (
            f"{made:,} transactions in {counted['seeds']:,} seeds, {counted['lives']:,} lives of the daemon,"
            f" {counted['moves']:,} moves, {took:,.0f} s: {made * self._repeat / took:,.0f} transactions/s,"
            f" {made / self._processor:,.0f} a second of one core; {self.broken:,} seeds with broken promises"
        )


def _reports(wanted: Iterable[int], *, transactions: int, repeat: int, jobs: int) -> Iterator[Report]:
    """Yield what comes of seeds: one after the other, or in so many processes and as they end."""
    work = partial(run, transactions=transactions, repeat=repeat)
    if jobs == 1:
        yield from map(work, wanted)
        return
    seeds = iter(wanted)
    with ProcessPoolExecutor(jobs) as pool:
        waiting: set[Future[Report]] = set()
        while waiting := waiting | {pool.submit(work, seed) for seed in islice(seeds, 2 * jobs - len(waiting))}:
            done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            yield from (future.result() for future in done)


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
