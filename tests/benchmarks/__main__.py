"""How fast and how frugal it is: `python -m tests.benchmarks`. Figures and ratios; nothing passes or fails."""

from collections.abc import Callable
from typing import Final

import click

from tests.benchmarks import engine, flat, idle, reads

PARTS: Final[dict[str, Callable[..., None]]] = {
    "engine": engine.report,
    "flat": flat.report,
    "reads": reads.report,
    "idle": idle.report,
}


@click.command()
@click.argument("parts", nargs=-1, type=click.Choice(list(PARTS)))
@click.option("--quick", is_flag=True, help="Small counts, once: to see that it works.")
def main(parts: tuple[str, ...], *, quick: bool) -> None:
    """Measure PARTS, all unless named, and print what was found."""
    for part in parts or PARTS:
        PARTS[part](click.echo, quick=quick)


if __name__ == "__main__":
    main()
