"""`python -m tests.torture --kills 10000`: kill the real daemon again and again, and judge the books."""

import asyncio
import itertools
import sys
import tempfile
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import click

from tests.torture.figures import Figures
from tests.torture.plan import Plan
from tests.torture.trial import trial

_LIVES = 150  # in one world; then another one begins
_BREATH = 30.0  # seconds between two lines of progress


class Manner(NamedTuple):
    """How a torture goes: how many worlds at once, whether daemons are forked, and whether stores are set back."""

    worlds: int
    warm: bool
    set_back: bool


async def torture(kills: int, seed: int, place: Path, figures: Figures, manner: Manner) -> None:
    """Kill until there were so many kills, in several worlds at once. Raises what the first failing one raises."""
    seeds = itertools.count(seed)
    reporting = asyncio.create_task(_report(figures))
    try:
        async with asyncio.TaskGroup() as tasks:
            for _ in range(manner.worlds):
                tasks.create_task(_one_after_another(kills, seeds, place, figures, manner))
    finally:
        reporting.cancel()


async def _one_after_another(kills: int, seeds: Iterator[int], place: Path, figures: Figures, manner: Manner) -> None:
    while (left := kills - figures.kills) > 0:
        seed = next(seeds)
        plan = Plan.drawn(seed, set_back=manner.set_back)
        async with trial(place / f"world-{seed}", plan, figures, warm=manner.warm) as world:
            try:
                await world.torture(min(_LIVES, left))
            except AssertionError as error:
                error.add_note(f"its store, logs and both books are in {world.place}; --seed {seed} does the like")
                raise


async def _report(figures: Figures) -> None:
    while True:
        await asyncio.sleep(_BREATH)
        click.echo(figures.line())


@click.command()
@click.option("--kills", default=1000, show_default=True, type=click.IntRange(min=1), help="SIGKILLs in all.")
@click.option("--seed", default=1, show_default=True, help="The first world's; the next ones count on.")
@click.option("--worlds", default=2, show_default=True, type=click.IntRange(min=1), help="Worlds at once.")
@click.option("--warm", is_flag=True, help="Fork nine of ten daemons from a process that has done its imports.")
@click.option("--set-back", is_flag=True, help="Bring older copies of the store back now and then.")
@click.option("--directory", type=click.Path(file_okay=False, path_type=Path), help="For stores, logs and evidence.")
def main(kills: int, seed: int, worlds: int, directory: Path | None, *, warm: bool, set_back: bool) -> None:
    """Kill the daemon again and again while people work on both sides; exit with 1 if the books ever disagree."""
    figures, place = Figures(), directory or Path(tempfile.mkdtemp(prefix="loadledger-torture-"))
    failed = False
    try:
        asyncio.run(torture(kills, seed, place, figures, Manner(worlds, warm, set_back)))
    except* AssertionError as errors:
        failed = True
        click.echo("".join(traceback.format_exception(errors)), err=True)
    finally:
        click.echo("\n".join(figures.table()))
    click.echo("the books are wrong" if failed else "0 duplicates, 0 lost, 0 wrong cents, 0 unexplained")
    sys.exit(failed)


if __name__ == "__main__":
    main()
