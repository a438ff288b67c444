"""One seed, from its beginning to its report."""

import gc
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import structlog

from tests.simulation.daemon import Death
from tests.simulation.loop import Loop
from tests.simulation.plan import Plan, drawn
from tests.simulation.world import World

MEMORY: Final = Path("/dev/shm")  # a disk that forgets is as good: nobody cuts the power here


@dataclass(frozen=True)
class Report:
    """What came of a seed. `violations` are the promises found broken."""

    seed: int
    violations: list[str]
    trace_hash: str
    transactions: int
    documents: int
    lives: int
    moves: int
    seconds: float  # virtual
    processor: float = field(compare=False)  # seconds of one core
    codes: Counter[str]


def run_seed(
    seed: int,
    *,
    transactions: int = 100,
    plan: Plan | None = None,
    deaths: Sequence[Death] = (),
    patch: Callable[[], AbstractContextManager[Any]] | None = None,
    world: Callable[[int, Plan, Path], World] = World,
) -> Report:
    """Run one seed and return its report.

    `plan` stands for the drawn one, `deaths` are those of the first lives, `patch` changes the product meanwhile, and
    `world` makes the world.
    """
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as directory:
        there = world(seed, plan or drawn(seed, transactions), Path(directory))
        there.daemon.deaths += deaths
        with (patch or nullcontext)(), simulated(there.loop, there.judge.logged):
            try:
                there.loop.run_until_complete(there.unfold())
            except Exception as error:  # noqa: BLE001 - a world that cannot go on is a finding too
                there.judge.facts.breach("P8", f"the world ended: {error!r}")
            return _report(seed, there)


@contextmanager
def simulated(loop: Loop, logged: Callable[[dict[str, Any]], None]) -> Iterator[None]:
    """Run a loop inside: without garbage collection, the daemon's log going to `logged`; it ends with it."""
    with _alone():
        with _hearing(logged):
            yield
        with _hearing(lambda _: None), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what killed lives held open was never closed
            loop.close()


def _report(seed: int, world: World) -> Report:
    for life, complaint in world.loop.complaints:
        if life is not None and life is world.daemon.life:
            world.judge.facts.breach("P8", complaint)
    return Report(
        seed,
        list(world.judge.facts.broken),
        world.loop.trace.hexdigest(),
        (world.daemon.look("SELECT count(*) FROM transactions") or [(0,)])[0][0],
        len(world.judge.books.documents),
        world.daemon.lives,
        world.judge.store.moves,
        world.loop.time(),
        time.process_time() - world.made,
        world.judge.codes,
    )


@contextmanager
def _alone() -> Iterator[None]:
    """Collect no garbage while a world runs, for that would come at another moment each time."""
    enabled = gc.isenabled()
    gc.disable()
    gc.freeze()  # what was there before need not be gone through when the world is thrown away
    try:
        yield
    finally:
        gc.unfreeze()
        if enabled:
            gc.enable()


@contextmanager
def _hearing(logged: Callable[[dict[str, Any]], None]) -> Iterator[None]:
    """Give the daemon's log to the judge instead of anybody else."""

    def hear(_logger: Any, _method: str, event: Any) -> Any:
        logged(event)
        raise structlog.DropEvent

    before = structlog.get_config()
    structlog.configure(processors=[hear], cache_logger_on_first_use=False)
    try:
        yield
    finally:
        structlog.configure(**before)
