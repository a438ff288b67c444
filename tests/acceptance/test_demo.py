"""`loadledger demo` as a newcomer runs it, as somebody interrupts it, and as somebody stays to look around."""

import asyncio
import os
import re
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
import pytest_asyncio

pytestmark = pytest.mark.asyncio(loop_scope="module")

ROOT = Path(__file__).parents[2]
PATIENCE = 75.0  # seconds; a small month takes about ten
PROMISED = (
    "party_ambiguous",
    "number_taken",
    "mapping_missing",
    "period_closed",
    "0 missing in the books",
    "0 doubled in the books",
    "0 with another amount or balance",
    "0 planted problems not found",
    "The books agree.",
)
# Compiled once for all: a tree without compiled files makes each start of a process twice as slow.
BYTECODE = {"PYTHONPYCACHEPREFIX": str(Path(tempfile.gettempdir()) / f"loadledger-bytecode-{os.getuid()}")}

_DECODER = msgspec.json.Decoder(float_hook=Decimal)


class Demo:
    """One run of the demo, and what it has printed so far."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.said = ""

    async def until(self, sign: Callable[[str], object]) -> None:
        """Read on until what was said has a sign; fail at the end of it."""
        assert self.process.stdout
        async with asyncio.timeout(PATIENCE):
            while not sign(self.said):
                line = await self.process.stdout.readline()
                assert line, self.said
                self.said += line.decode()

    async def end(self) -> int:
        """Read to the end and return the exit code."""
        async with asyncio.timeout(PATIENCE):
            rest, _ = await self.process.communicate()
        self.said += rest.decode()
        assert self.process.returncode is not None
        return self.process.returncode


@asynccontextmanager
async def module(name: str, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a module of ours with nothing of anybody's configuration; dead at the end."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("LOADLEDGER_", "PYTHON"))}
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", name, *arguments),
        stdin=pipe,
        stdout=pipe,
        stderr=asyncio.subprocess.STDOUT,
        cwd=ROOT,
        env=kept | BYTECODE | {"PYTHONUNBUFFERED": "1"},
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


@asynccontextmanager
async def demo(place: Path, *arguments: str) -> AsyncIterator[Demo]:
    async with module("engine.cli", "demo", "--loads", "12", "--directory", str(place), *arguments) as process:
        yield Demo(process)


async def books(place: Path) -> set[tuple[str, str, Decimal, Decimal]]:
    """Return what is in the books a demo left behind: kind, number, total and balance of every document."""
    options = ("--directory", str(place / "sandbox"), "--until-stdin-closes")
    async with module("adapters.sandbox", *options) as process, aiohttp.ClientSession() as session:
        assert process.stdout
        url = msgspec.json.decode(await process.stdout.readline())["quickbooks"]["api_url"]
        async with session.get(f"{url}/_sandbox/documents") as answer:
            documents = _DECODER.decode(await answer.read())
    found = [(each["kind"], each["number"], each["total"], each["balance"]) for each in documents]
    assert len(set(found)) == len(found)
    return set(found)


def left_behind(place: Path) -> list[int]:
    """Return the processes that still work in a demo's directory."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            told = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes() if entry.name.isdigit() else b""
        except OSError:
            continue
        if str(place).encode() in told:
            found.append(int(entry.name))
    return found


async def gone(place: Path) -> None:
    """Wait until nothing of a demo runs any more."""
    async with asyncio.timeout(10):
        while left_behind(place):  # noqa: ASYNC110 - the kernel knows, and it rings no bell
            await asyncio.sleep(0.05)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[asyncio.Task[tuple[Path, int, str]]]:
    """Run the demo from beginning to end, beside the tests that interrupt theirs."""

    async def whole() -> tuple[Path, int, str]:
        place = tmp_path_factory.mktemp("undisturbed")
        async with demo(place) as run:
            code = await run.end()
        await gone(place)
        return place, code, run.said

    task = asyncio.create_task(whole())
    yield task
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def kept(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Path, Demo]]:
    """Run a demo that stays, beside the others."""
    place = tmp_path_factory.mktemp("kept")
    async with demo(place, "--keep") as run:
        yield place, run


@pytest.mark.usefixtures("kept")
async def test_killed_demo_goes_on_and_ends_with_the_same_books(tmp_path: Path, undisturbed: Any) -> None:
    async with demo(tmp_path) as run:
        await run.until(lambda said: re.search(r"pending +[1-9]\d*  exported +[1-9]", said))
        os.kill(run.process.pid, signal.SIGKILL)
        assert await run.end() == -signal.SIGKILL
    await gone(tmp_path)
    async with demo(tmp_path) as again:
        assert await again.end() == 0, again.said
    assert "Going on with the demo that was interrupted" in again.said
    assert [promise for promise in PROMISED if promise not in again.said] == []
    place, _, _ = await undisturbed
    assert await books(tmp_path) == await books(place)


async def test_demo_ends_by_itself_with_every_problem_named_and_the_books_agreed(undisturbed: Any) -> None:
    _, code, said = await undisturbed
    assert code == 0, said
    assert [promise for promise in PROMISED if promise not in said] == []
    assert said.count("  fix:  ") == 4
    assert "Traceback" not in said
    # Plain lines where there is no terminal: how the states filled up.
    assert re.search(r"pending +[1-9].*\n(.*\n)*.*pending +0", said)


async def test_kept_demo_says_where_everything_runs_and_ends_on_interrupt(kept: tuple[Path, Demo]) -> None:
    place, run = kept
    await run.until(lambda said: "Ctrl-C" in said)
    daemon, alvys, quickbooks, token = (
        re.search(rf"^{name} +(\S+)", run.said, re.MULTILINE)[1]  # type: ignore[index]
        for name in ("Daemon", "Alvys", "QuickBooks", "Token")
    )
    async with aiohttp.ClientSession() as session:
        for address in (f"{daemon}/healthz", f"{daemon}/readyz", f"{daemon}/metrics", f"{alvys}/_sandbox/books"):
            async with session.get(address) as answer:
                assert answer.status == 200, address
        async with session.get(f"{quickbooks}/_sandbox/documents") as answer:
            assert len(await answer.json()) > 4
    async with module("engine.cli", "transactions", "--url", daemon, "--token", token, "list") as listing:
        said, _ = await listing.communicate()
        assert b"period_closed" in said
    run.process.send_signal(signal.SIGINT)
    code = await run.end()
    assert "Traceback" not in run.said
    assert code == 0, run.said[-300:]
    await gone(place)


async def test_second_demo_in_a_directory_is_refused_in_a_sentence(tmp_path: Path) -> None:
    async with demo(tmp_path) as first:
        await first.until(lambda said: "A month of freight" in said)
        async with demo(tmp_path) as second:
            assert await second.end() == 1
        assert "another demo runs in" in second.said
        assert "Traceback" not in second.said
        first.process.kill()
    await gone(tmp_path)
