"""What the daemon needs when nothing happens: processor, memory and requests an hour, and how soon it is ready."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.benchmarks.drain import environment
from tests.benchmarks.twin import processor_seconds
from tests.benchmarks.vendors import Vendor, vendor

_HOUR: Final = 3600.0
_SETTLED: Final = 5.0  # seconds after the start that are not idle yet
_MEBI: Final = 2**20
_NOBODY: Final = {
    "api_url": "http://127.0.0.1:1",
    "token_url": "http://127.0.0.1:1",
    "realm_id": "9341000000000001",
    "client_id": "none",
    "client_secret": "nothing",
}


@contextmanager
def daemon(database: Path, address: Mapping[str, str] = _NOBODY, **more: str) -> Iterator[tuple[int, float]]:
    """Run the daemon as it ships; yield its process id, and the seconds from its start until it listened."""
    settings = environment(database, dict(address)) | {f"LOADLEDGER_{name}": value for name, value in more.items()}
    command = [sys.executable, "-m", "engine.cli", "run", "--announce"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    began = time.perf_counter()
    with subprocess.Popen(command, env=os.environ | settings, **pipes) as process:  # type: ignore[call-overload]
        assert process.stdout.readline()
        yield process.pid, time.perf_counter() - began
        process.send_signal(signal.SIGTERM)


def report(say: Callable[[str], None], *, quick: bool) -> None:
    """Watch an idle daemon before both twins for a while and tell what an hour of it takes."""
    seconds = 5.0 if quick else 305.0  # one round of the slowest loop
    with vendor("twin") as met, tempfile.TemporaryDirectory() as place:
        tms = {f"ALVYS_{name}".upper(): value for name, value in met.tms.items()}
        with daemon(Path(place) / "ledger.db", met.address, **tms) as (pid, ready):
            time.sleep(_SETTLED)
            used, asked = processor_seconds(pid), _asked(met)
            time.sleep(seconds)
            used, asked = processor_seconds(pid) - used, _asked(met) - asked
            held = _held(pid)
    hours = seconds / _HOUR
    say(
        f"\nidle: {used / hours:.0f} s CPU and {asked / hours:.0f} requests an hour (watched for {seconds:.0f} s),"
        f" {held / _MEBI:.0f} MiB, ready after {ready:.2f} s"
    )


def _asked(met: Vendor) -> int:
    return sum(sum(met.requests(of)["by_status"].values()) for of in (met.address, met.tms))


def _held(pid: int) -> int:
    """Return the memory a process holds now, in bytes."""
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))
