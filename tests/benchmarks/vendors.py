"""QuickBooks' stand-ins, each in a process of its own, and the measured programs that meet them."""

import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median
from typing import Any, Final

import msgspec

# The twin keeps books and counts requests; the fake costs next to nothing. Neither has a throttle.
STANDINS: Final = {
    "twin": ("adapters.sandbox", "--empty", "--quickbooks-rate", "0", "--until-stdin-closes"),
    "fake": ("tests.benchmarks.fake",),
}


@dataclass(frozen=True)
class Vendor:
    """A stand-in that runs."""

    name: str
    address: dict[str, str]
    tms: dict[str, str]

    def requests(self, of: dict[str, str] | None = None) -> dict[str, Any]:
        """Return a twin's own counts: those of accounting, or of the one at that address."""
        return dict(_controlled(of or self.address, "requests"))

    def slow(self, seconds: float) -> None:
        """Make every answer of the twin take so much longer."""
        _controlled(self.address, "faults", [{"action": "slow", "count": None, "delay": seconds}])


def _controlled(address: dict[str, str], path: str, body: object = None) -> Any:
    data = None if body is None else msgspec.json.encode(body)
    with urllib.request.urlopen(f"{address['api_url']}/_sandbox/{path}", data) as answer:
        return msgspec.json.decode(answer.read())


@contextmanager
def vendor(name: str, latency: float = 0.0) -> Iterator[Vendor]:
    """Yield a fresh stand-in that adds `latency` seconds to each answer."""
    command = [sys.executable, "-m", *STANDINS[name]]
    if name == "fake":
        command += ["--delay", str(latency)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        facts = msgspec.json.decode(process.stdout.readline())
        found = Vendor(name, facts["quickbooks"], facts.get("alvys", {}))
        if name == "twin" and latency:
            found.slow(latency)
        yield found
        process.stdin.close()


def run(module: str, order: dict[str, Any]) -> dict[str, float]:
    """Run a measured program in a process of its own and return what it measured."""
    command = [sys.executable, "-m", f"tests.benchmarks.{module}"]
    done = subprocess.run(command, input=msgspec.json.encode(order) + b"\n", stdout=subprocess.PIPE, check=True)
    return dict(msgspec.json.decode(done.stdout))


def middle(runs: Sequence[dict[str, float]]) -> dict[str, float]:
    """Return the median of each figure of several runs."""
    return {name: median(each[name] for each in runs) for name in runs[0]}
