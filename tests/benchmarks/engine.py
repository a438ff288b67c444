"""The engine against what others would write: alike documents, the same vendor and machine, in turns."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

from tests.benchmarks.vendors import Vendor, middle, run, vendor

_MEBI: Final = 2**20


class Size(NamedTuple):
    """How many documents each program is given: enough to be measured, few enough not to be waited for."""

    engine: int
    loop: int
    batches: int
    bare: int
    runs: int


FULL: Final = Size(10_000, 200, 1_500, 6_000, 3)
QUICK: Final = Size(600, 20, 90, 600, 1)
_MANY: Final = 100_000


def report(say: Callable[[str], None], *, quick: bool) -> None:
    """Measure and tell, vendor by vendor and latency by latency."""
    size = QUICK if quick else FULL
    for name in ("twin", "fake"):
        for latency in (0.0, 0.05):
            _compared(say, name, latency, size)
    _remembered(say, QUICK.engine if quick else _MANY)


def _compared(say: Callable[[str], None], name: str, latency: float, size: Size) -> None:
    """Tell of all programs before one vendor, their runs taken in turns."""
    say(f"\nengine: {name}, {latency * 1000:.0f} ms added to each answer, median of {size.runs}")
    runs: dict[str, list[dict[str, float]]] = {"engine": [], "loop": [], "batches": [], "bare": []}
    for _ in range(size.runs):
        for program, measured in runs.items():
            with vendor(name, latency) as met:
                measured.append(_measured(program, met, getattr(size, program)))
    found = {program: middle(measured) for program, measured in runs.items()}
    engine = found["engine"]["documents"] / found["engine"]["wall"]
    titles = {
        "engine": "LoadLedger, durable",
        "loop": "python-quickbooks, one by one",
        "batches": "python-quickbooks, batches of 30",
        "bare": "aiohttp, 10 x batches of 30, nothing kept",
    }
    for program, figures in found.items():
        rate, own = figures["documents"] / figures["wall"], figures["documents"] / figures["cpu"]
        ratio = "" if program == "engine" else f"  LoadLedger is {engine / rate:.1f} x as fast"
        say(f"  {titles[program]:42} {rate:8,.0f} documents/s  {own:8,.0f} per s of own CPU{ratio}")
    figures = found["engine"]
    per_thousand = 1000 * figures["cpu"] / figures["documents"]
    say(f"  LoadLedger: {per_thousand:.3f} s CPU per 1,000 documents, peak {figures['peak'] / _MEBI:.0f} MiB")
    if name == "twin":
        say(
            f"  LoadLedger, as the twin counts: {figures['requests']:.4f} requests"
            f" and {figures['reads']:.4f} metered reads per document"
        )


def _measured(program: str, met: Vendor, documents: int) -> dict[str, float]:
    order: dict[str, Any] = {"address": met.address, "documents": documents, "peer": program}
    if program != "engine":
        return run("peers", order)
    with tempfile.TemporaryDirectory() as place:
        figures = run("drain", order | {"database": str(Path(place) / "ledger.db")})
    if met.name == "twin":
        counted = met.requests()
        every = documents + figures["before"]
        figures["requests"] = sum(counted["by_call"].values()) / every
        figures["reads"] = counted["meter"]["CorePlus"] / every
    return figures


def _remembered(say: Callable[[str], None], documents: int) -> None:
    """Tell what the process needs while very many documents wait."""
    with vendor("fake") as met:
        figures = _measured("engine", met, documents)
    say(
        f"\nmemory: {documents:,} documents waiting: {figures['peak'] / _MEBI:.0f} MiB at most, of which"
        f" {figures['start'] / _MEBI:.0f} MiB before the first; {documents / figures['wall']:,.0f} documents/s"
    )
