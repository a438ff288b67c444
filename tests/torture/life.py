"""One life of the daemon: from exec to its end, however it comes."""

import asyncio
import secrets
import signal
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Self

from tests.integration.stage import child, first_line
from tests.integration.twins import PATIENCE

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
        """Drop what the lives before have left unread."""
        with suppress(BlockingIOError):
            while self._socket.recv(64):
                pass

    async def hear(self, word: str) -> None:
        """Return once somebody says this."""
        while await asyncio.get_running_loop().sock_recv(self._socket, 64) != word.encode():
            pass


class Life:
    """A running daemon. `ready_after` is the time in seconds it took, once it is ready."""

    url: str

    def __init__(self, process: asyncio.subprocess.Process, herald: Herald, born: float, log: Path) -> None:
        self.log = log
        self.ready_after: float | None = None
        self.process = process
        self._born = born
        self._herald = herald

    async def ready(self) -> None:
        """Wait until it says so."""
        async with asyncio.timeout(PATIENCE):
            heard = asyncio.create_task(self._herald.hear("READY=1"))
            ended = asyncio.create_task(self.process.wait())
            await asyncio.wait((heard, ended), return_when=asyncio.FIRST_COMPLETED)
            took = time.monotonic() - self._born
            heard.cancel()
            ended.cancel()
        assert self.process.returncode is None, f"it ended by itself with {self.process.returncode}"
        self.ready_after = took
        self.url = (await first_line(self.process))["url"]

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    async def end(self, number: signal.Signals) -> int:
        """Send a signal it cannot outlive, and return the exit code."""
        self.send(number)
        return await self.ended()

    async def ended(self) -> int:
        async with asyncio.timeout(PATIENCE):
            return await self.process.wait()

    def said(self, *signs: str) -> list[str]:
        """Return the lines of its log that hold one of these."""
        return [line for line in self.log.read_text().splitlines() if any(sign in line for sign in signs)]

    def complaints(self) -> list[str]:
        """Return what its log holds of bugs."""
        return self.said(*_COMPLAINTS)


@asynccontextmanager
async def life(environment: dict[str, str], herald: Herald, log: Path) -> AsyncIterator[Life]:
    """Start the daemon as a service manager does."""
    herald.forget()
    born = time.monotonic()
    command = ["engine.cli", "run", "--announce", "--die-with-parent"]
    async with child(command, environment | {"NOTIFY_SOCKET": herald.address}, log) as process:
        yield Life(process, herald, born, log)
