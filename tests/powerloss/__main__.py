"""Cut the power as often as you like: `python -m tests.powerloss --images 20000 --seed 1`."""

import asyncio
import multiprocessing
import sys
import tempfile
import time
from pathlib import Path

import click

from tests.powerloss.cuts import PER_DAY, Cuts, Loss
from tests.powerloss.disk import the_disk


def day(task: tuple[int, int]) -> list[Loss]:
    """Judge so many images of the day that a seed makes."""
    seed, images = task
    with tempfile.TemporaryDirectory() as folder, the_disk().mounted():
        return asyncio.run(Cuts(the_disk(), Path(folder)).day(seed, images))


@click.command()
@click.option("--images", default=2000, show_default=True, type=click.IntRange(min=1))
@click.option("--seed", default=1, show_default=True, help="Of the first day; the next day has the next seed.")
@click.option("--processes", default=2, show_default=True, type=click.IntRange(min=1))
def main(images: int, seed: int, processes: int) -> None:
    """Record days at the store, cut the power at random, and judge what is left; exit code 1 if anything is lost."""
    started = time.monotonic()
    tasks = [(seed + number, min(PER_DAY, images - at)) for number, at in enumerate(range(0, images, PER_DAY))]
    losses: list[Loss] = []
    with (
        multiprocessing.Pool(processes, maxtasksperchild=1) as pool,
        click.progressbar(pool.imap(day, tasks), length=len(tasks), label="days") as days,
    ):
        for found in days:
            losses += found
    for loss in losses[:20]:
        click.echo(loss)
    elapsed = time.monotonic() - started
    summary = f"{images} images of {len(tasks)} days, {len({loss[:2] for loss in losses})} with a loss"
    click.echo(f"{summary}; {images / elapsed:.0f} images/s, {elapsed:.0f} s")
    sys.exit(bool(losses))


if __name__ == "__main__":
    main()
