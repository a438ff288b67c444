"""`python -m tests.simulation.crashes`: the daemon dies at every point of a path, is started again, and all is judged.

A path is one thing that the daemon does: an export, an update, a void, a payment told, a party made, access renewed.
It is run once to see its points: before each step that follows one which left a trace, in the file or on the wire, and
before each statement of the database. Then it is run again for each of them. Between two such steps the daemon holds
nothing that outlives it, so every other step dies the same death as one of these.
"""

import sys
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import product
from typing import Any, Final, NamedTuple
from unittest.mock import patch

import click
from typing_extensions import override

from tests.simulation.loop import Life
from tests.simulation.network import Address
from tests.simulation.paths import PATHS, Path
from tests.simulation.run import Report, run_seed
from tests.simulation.script import Script

_SEED: Final = 1
_LONGEST: Final = 900.0  # seconds; with doubt and all, no path takes longer
_AFTERWARDS: Final = 3.0  # seconds in which the last of it is done


class Point(NamedTuple):
    """Where a life ends, counted from the beginning of the path, or of the next life: before a step or a statement."""

    step: int | None = None
    statement: int | None = None


class Traces:
    """The steps of a stretch of a life that left a trace, and how many steps and statements it has."""

    def __init__(self) -> None:
        self._life: Life | None = None
        self._began = (0, 0)
        self._left: set[int] = set()
        self._steps = self._statements = 0

    def begin(self, life: Life) -> None:
        """Count with this life from here on."""
        self._life, self._began = life, (life.steps, life.statements)
        self._left.clear()

    def end(self) -> None:
        """Count no further."""
        if self._life is not None:
            self._steps = self._life.steps - self._began[0]
            self._statements = self._life.statements - self._began[1]
        self._life = None

    def leave(self, life: Life | None) -> None:
        """Note that a life leaves a trace now."""
        if life is not None and life is self._life:
            self._left.add(life.steps - self._began[0])

    def points(self, *, every: bool) -> list[Point]:
        """Return the points seen; `every` step, or each that follows one which left a trace."""
        steps = range(1, self._steps + 1)
        wanted = [step for step in steps if every or step - 1 in self._left]
        statements = [Point(statement=number) for number in range(1, self._statements + 1)]
        return [*(Point(step=step) for step in wanted), *statements]


class Crash(Script):
    """A world in which the daemon dies at `points`: the first on the path, the next on the way back, and so on."""

    def __init__(self, *given: Any, path: Path, points: Sequence[Point], traces: Traces) -> None:
        super().__init__(*given, story=self._crash)
        self._path = path
        self._points = points
        self._traces = traces

    async def _crash(self, _: Script) -> None:
        await self._path.before(self)
        for position, point in enumerate((*self._points, Point())):
            if position == 0:
                self._path.begin(self)
            else:
                self.restart()
            life = self.daemon.life
            if life is None:
                return
            self._traces.begin(life)
            life.die_after(point.step, statements=point.statement)
            await self._over(life)
            self._traces.end()
            if life.alive:
                return  # it came through

    async def _over(self, life: Life) -> None:
        """Wait until a life is over, or the path is, and a little longer."""
        await self.until(lambda: not life.alive or self._path.wrong(self) is None, _LONGEST)
        if life.alive:
            await self.until(lambda: not life.alive, _AFTERWARDS)

    @override
    async def _mend(self) -> None:
        await super()._mend()
        if (wrong := self._path.wrong(self)) is not None:
            self.judge.facts.breach("P2", f"the {self._path.name} did not come to its end: {wrong}")

    @override
    def _asked(self, address: Address, connection: int, data: bytes) -> None:
        super()._asked(address, connection, data)
        self._traces.leave(self.daemon.life)


def died(path: Path, *points: Point) -> tuple[Report, Traces]:
    """Run a path in which the daemon dies at each of the points; return what came of it and what the last life left."""
    traces = Traces()
    statement = Life.statement

    def traced(life: Life) -> None:
        statement(life)
        traces.leave(life)

    with patch.object(Life, "statement", traced):
        world = partial(Crash, path=path, points=points, traces=traces)
        return run_seed(_SEED, plan=path.plan, world=world), traces


def points(path: Path, *before: Point, every: bool = False) -> list[Point]:
    """Return the points of a path, or, after deaths `before`, those of the way back."""
    report, traces = died(path, *before)
    return [] if report.violations else traces.points(every=every)


def singles(path: Path, *, stride: int = 1, every: bool = False) -> Iterator[tuple[Point, ...]]:
    """Yield every point of a path, or every so many."""
    for point in points(path, every=every)[::stride]:
        yield (point,)


def pairs(path: Path, *, stride: int = 1) -> Iterator[tuple[Point, ...]]:
    """Yield every point of a path with every point of the way back from there, or every so many."""
    for first in points(path)[::stride]:
        yield from product((first,), points(path, first)[::stride])


@click.command()
@click.option("--pairs", "twice", is_flag=True, help="Die on the way back too, on the path of the export.")
@click.option("--only", type=click.Choice([path.name for path in PATHS]), help="One path.")
@click.option("--stride", default=1, show_default=True, type=click.IntRange(min=1), help="Take every so many.")
@click.option("--every", is_flag=True, help="Every step, those too before which nothing was left behind.")
def main(*, twice: bool, only: str | None, stride: int, every: bool) -> None:
    """Die everywhere; exit with 1 if any promise was broken."""
    failed = 0
    for path in PATHS:
        if only in {None, path.name} and (not twice or path.name == (only or "export")):
            deaths = pairs(path, stride=stride) if twice else singles(path, stride=stride, every=every)
            failed += _tell(path, deaths)
    sys.exit(1 if failed else 0)


def _tell(path: Path, deaths: Iterator[tuple[Point, ...]]) -> int:
    """Run the deaths of a path and return how many broke a promise."""
    died_at = failed = 0
    for at in deaths:
        died_at += 1
        violations = died(path, *at)[0].violations
        failed += bool(violations)
        for violation in violations[:3]:
            click.echo(f"  {path.name} {at}: {violation[:300]}")
    click.echo(f"{path.name:10} {died_at:6,} deaths, {failed} of them broke a promise")
    return failed


if __name__ == "__main__":
    main()
