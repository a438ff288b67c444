import os
import socket
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest

from engine.notify import keep_alive, notify


@pytest.fixture
def manager() -> Iterator[socket.socket]:
    """The service manager's end of the channel."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.settimeout(5)
        yield channel


def test_state_reaches_the_socket_of_the_service_manager(
    manager: socket.socket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manager.bind(str(tmp_path / "notify"))
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))

    notify("READY=1")

    assert manager.recv(100) == b"READY=1"


def test_abstract_socket_is_reached_too(manager: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"loadledger-test-{os.getpid()}"
    manager.bind(f"\0{name}")
    monkeypatch.setenv("NOTIFY_SOCKET", f"@{name}")

    notify("STOPPING=1")

    assert manager.recv(100) == b"STOPPING=1"


def test_nothing_is_sent_where_nobody_listens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*given: object) -> None:
        raise AssertionError("a socket was made")

    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    with monkeypatch.context() as without_sockets:
        without_sockets.setattr(socket, "socket", refuse)
        notify("READY=1")

    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "gone"))
    notify("READY=1")


async def test_watchdog_is_pinged_more_often_than_it_asks(
    manager: socket.socket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rests: list[float] = []

    async def rest(seconds: float) -> None:
        rests.append(seconds)
        if len(rests) == 3:
            monkeypatch.setenv("NOTIFY_SOCKET", "")
            raise TimeoutError

    manager.bind(str(tmp_path / "notify"))
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    monkeypatch.setenv("WATCHDOG_USEC", "30000000")
    monkeypatch.setattr(anyio, "sleep", rest)

    with pytest.raises(TimeoutError):
        await keep_alive()

    assert rests == [10, 10, 10]
    assert [manager.recv(100) for _ in rests] == [b"WATCHDOG=1"] * 3


async def test_without_a_watchdog_there_is_nothing_to_keep_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WATCHDOG_USEC", raising=False)

    with anyio.fail_after(5):
        await keep_alive()
