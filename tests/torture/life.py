"""One life of the daemon: from its birth to its end, however it comes."""

import asyncio
import os
import secrets
import signal
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from signal import pidfd_send_signal
from typing import Any, Protocol, Self

import aiohttp
import msgspec

from tests.integration.stage import child, first_line
from tests.integration.twins import PATIENCE, Json, decode
from tests.torture.figures import Start

_TICKS = os.sysconf("SC_CLK_TCK")
_COMPLAINTS = ("Traceback", ".broke", "http.failed", "was never retrieved", "Unclosed", "ResourceWarning")


class Herald:
    """The service manager's end of the notification socket, in the abstract namespace."""

    def __init__(self) -> None:
        name = f"loadledger-torture-{secrets.token_hex(8)}"
        self.address = f"@{name}"
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.bind(f"\0{name}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._socket.close()

    def forget(self) -> None:
        """Drop what earlier lives have left unread."""
        with suppress(BlockingIOError):
            while self._socket.recv(64):
                pass

    async def hear(self, word: str) -> None:
        """Return once somebody says this."""
        while await asyncio.get_running_loop().sock_recv(self._socket, 64) != word.encode():
            pass


class Process(Protocol):
    """What a life needs of a process."""

    def send_signal(self, signal: int) -> None: ...

    async def wait(self) -> int:
        """Return the exit code once it has ended."""

    async def announced(self) -> str:
        """Return the address it announces once it listens."""


class Executed:
    """A daemon started as a service manager does."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.send_signal = process.send_signal
        self.wait = process.wait

    async def announced(self) -> str:
        return str((await first_line(self._process))["url"])

    def worked(self) -> float:
        """Return the seconds of processor time it has used."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS


class Forked:
    """A daemon that a warm process has forked."""

    def __init__(self, pid: int, warm: asyncio.subprocess.Process) -> None:
        self._handle = os.pidfd_open(pid)  # means this process and never a later one of the same number
        self._warm = warm
        self._url: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._ended = asyncio.create_task(self._listen())

    async def _listen(self) -> int:
        """Read what is said of it until it has ended."""
        while "code" not in (told := await first_line(self._warm)):
            self._url.set_result(told["url"])
        self._url.cancel()
        os.close(self._handle)
        return int(told["code"])

    def send_signal(self, signal: int) -> None:
        if not self._ended.done():
            pidfd_send_signal(self._handle, signal)

    async def wait(self) -> int:
        return await asyncio.shield(self._ended)

    async def announced(self) -> str:
        return await self._url


class Life:
    """A running daemon; `url`, and how many seconds it took, are known once it is ready."""

    url: str
    took: float

    def __init__(self, process: Process, herald: Herald, born: float, log: Path) -> None:
        self.log = log
        self._process = process
        self._born = born
        self._herald = herald

    async def ready(self) -> Start | None:
        """Wait until it says so, and return what that took if it began with exec."""
        async with asyncio.timeout(PATIENCE):
            heard = asyncio.create_task(self._herald.hear("READY=1"))
            ended = asyncio.create_task(self._process.wait())
            await asyncio.wait((heard, ended), return_when=asyncio.FIRST_COMPLETED)
            self.took = time.monotonic() - self._born
            heard.cancel()
            assert not ended.done(), f"it ended by itself with {ended.result()}"
            ended.cancel()
            start = Start(self.took, self._process.worked()) if isinstance(self._process, Executed) else None
            self.url = await self._process.announced()
        return start

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    async def end(self, number: signal.Signals) -> int:
        """Send a signal it cannot outlive, and return the exit code."""
        self.send(number)
        return await self.ended()

    async def ended(self) -> int:
        async with asyncio.timeout(PATIENCE):
            return await self._process.wait()

    def said(self, *signs: str) -> list[str]:
        """Return the lines of its log that hold one of these."""
        return [line for line in self.log.read_text().splitlines() if any(sign in line for sign in signs)]

    def complaints(self) -> list[str]:
        """Return what its log holds of bugs."""
        return self.said(*_COMPLAINTS)


@asynccontextmanager
async def executed(environment: dict[str, str], herald: Herald, log: Path) -> AsyncIterator[Life]:
    """Start the daemon as a service manager does; a living one is killed at the end."""
    herald.forget()
    born = time.monotonic()
    command = ["engine.cli", "run", "--announce", "--die-with-parent"]
    async with child(command, environment | {"NOTIFY_SOCKET": herald.address}, log) as process:
        yield Life(Executed(process), herald, born, log)


@asynccontextmanager
async def forked(
    warm: asyncio.subprocess.Process, environment: dict[str, str], herald: Herald, log: Path
) -> AsyncIterator[Life]:
    """Have a daemon forked; a living one is killed at the end."""
    herald.forget()
    order = {"environment": environment | {"NOTIFY_SOCKET": herald.address}, "log": str(log)}
    born = time.monotonic()
    assert warm.stdin
    warm.stdin.write(msgspec.json.encode(order) + b"\n")
    process = Forked((await first_line(warm))["pid"], warm)
    try:
        yield Life(process, herald, born, log)
    finally:
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGKILL)
        await process.wait()


class Console:
    """What a person at the daemon's console can do, while it lives."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self._url = url

    async def ask(self, method: str, path: str, body: Json | None = None) -> tuple[int, Any]:
        async with self._session.request(method, f"{self._url}/admin/v1/{path}", json=body) as answer:
            return answer.status, decode(await answer.read())
