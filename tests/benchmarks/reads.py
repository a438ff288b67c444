"""Metered reads for each exported document, by what they are for: freight through the whole daemon, simulated."""

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Final

from typing_extensions import override

from tests.simulation.plan import Plan
from tests.simulation.run import run_seed
from tests.simulation.world import World

_DAY: Final = 86_400.0
_SEED: Final = 1
_EXPORTED: Final = "exported"
FULL: Final = (20, 200, 2_000)
QUICK: Final = (200,)
"""Loads a day. A load is an invoice and, mostly, a bill."""


def report(say: Callable[[str], None], *, quick: bool) -> None:
    """Simulate and tell, rate by rate."""
    say("\nreads: metered reads per exported document, whole daemon as configured by default, virtual time")
    days = 0.1 if quick else 1.0
    for loads in QUICK if quick else FULL:
        exported, reads = _simulated(loads, days)
        purposes = ", ".join(f"{purpose} {count / exported:.3f}" for purpose, count in reads.most_common())
        every = reads.total()
        say(
            f"  {exported / days:6,.0f} documents a day: {every / exported:.3f} ({purposes}); {every / days:,.0f} a day"
        )


def _simulated(loads: int, days: float) -> tuple[int, Counter[str]]:
    """Let a time pass, then as much again; return the documents exported in the second, and its reads by purpose."""
    looks: list[Counter[str]] = []

    class Watched(World):
        def _look(self) -> None:
            [[exported]] = self.daemon.look("SELECT count(*) FROM transactions WHERE document_id IS NOT NULL")
            reads = self.daemon.look("SELECT purpose, sum(count) FROM reads GROUP BY purpose")
            looks.append(Counter({_EXPORTED: exported, **dict(map(tuple, reads))}))

        @override
        async def happen(self) -> None:
            asyncio.get_running_loop().call_later(days * _DAY, self._look)
            await super().happen()
            self._look()

    done = run_seed(_SEED, plan=Plan(loads=round(2 * loads * days), span=2 * days * _DAY), world=Watched)
    assert not done.violations, done.violations
    found = looks[1] - looks[0]
    return found.pop(_EXPORTED), found
