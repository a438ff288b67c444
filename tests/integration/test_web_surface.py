import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import anyio
import anyio.lowlevel
import pytest
from aiohttp import web
from structlog.testing import capture_logs

from engine.metrics import Metrics
from engine.readiness import Readiness
from engine.web.app import make_app
from engine.web.connections import Limits, guarded
from engine.web.server import run, serving
from state.store import Store
from tests.unit.fakes import Unlooked

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
# Long enough never to pass within a test, and so short that the one under test ends it at once.
LONG, SHORT = 60.0, 0.15
PATIENT = Limits(connections=64, head=LONG, body=LONG, answer=LONG, rest=LONG, farewell=1.0)
LARGE = 50_000_000  # bytes: more than any system keeps on its way
GET = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def store(tmp_path: Path, clock: Clock) -> AsyncIterator[Store]:
    store = await _opened(tmp_path, clock)
    yield store
    await store.close()


async def _opened(place: Path, clock: Clock) -> Store:
    return await Store.open(place / "ledger.db", entity="blue", company="1", clock=clock, quiet=timedelta(0), owner={})


@pytest.fixture
def readiness(clock: Clock) -> Readiness:
    return Readiness(clock)


@pytest.fixture
async def session(store: Store, readiness: Readiness, clock: Clock) -> AsyncIterator[aiohttp.ClientSession]:
    async with _session(store, readiness, clock) as session:
        yield session


@asynccontextmanager
async def _session(store: Store, readiness: Readiness, clock: Clock) -> AsyncIterator[aiohttp.ClientSession]:
    app = make_app(store, Metrics(), readiness, (), lambda: None, Unlooked(), clock)
    async with serving(app, "127.0.0.1", 0) as port, aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:
        yield session


async def _checks(session: aiohttp.ClientSession) -> tuple[int, dict[str, bool]]:
    async with session.get("/readyz") as answer:
        told = await answer.json()
        assert told["ready"] == (answer.status == 200)
        assert all(check["detail"] for check in told["checks"])
        return answer.status, {check["name"]: check["ok"] for check in told["checks"]}


# -- alive, ready, numbers ------------------------------------------------------------------------------------


async def test_alive_is_answered_to_anyone(session: aiohttp.ClientSession) -> None:
    async with session.get("/healthz") as answer:
        assert (answer.status, await answer.text()) == (200, "ok\n")


async def test_ready_waits_for_the_start_and_for_each_loop(
    session: aiohttp.ClientSession, readiness: Readiness
) -> None:
    readiness.watch("relay", 5)
    assert await _checks(session) == (503, {"started": False, "loop relay": False, "store": True})
    readiness.started = True
    assert await _checks(session) == (503, {"started": True, "loop relay": False, "store": True})
    readiness.passed("relay")
    assert await _checks(session) == (200, {"started": True, "loop relay": True, "store": True})


async def test_a_loop_that_missed_three_intervals_is_not_ready(
    session: aiohttp.ClientSession, readiness: Readiness, clock: Clock
) -> None:
    readiness.started = True
    readiness.watch("relay", 5)
    readiness.passed("relay")
    clock.now += timedelta(seconds=15)
    assert (await _checks(session))[0] == 200
    clock.now += timedelta(microseconds=1)
    assert await _checks(session) == (503, {"started": True, "loop relay": False, "store": True})
    readiness.passed("relay")
    assert (await _checks(session))[0] == 200


async def test_a_loop_that_said_it_rests_longer_is_waited_for(
    session: aiohttp.ClientSession, readiness: Readiness, clock: Clock
) -> None:
    readiness.started = True
    readiness.watch("relay", 5)
    readiness.passed("relay", rest=100)
    clock.now += timedelta(seconds=300)
    assert (await _checks(session))[0] == 200
    clock.now += timedelta(seconds=1)
    assert (await _checks(session))[0] == 503


async def test_a_store_that_is_closed_is_not_ready_and_the_daemon_is_alive(
    tmp_path: Path, readiness: Readiness, clock: Clock
) -> None:
    store = await _opened(tmp_path, clock)
    await store.close()
    readiness.started = True
    async with _session(store, readiness, clock) as session:
        assert await _checks(session) == (503, {"started": True, "store": False})
        async with session.get("/healthz") as answer:
            assert answer.status == 200


async def test_a_store_that_hangs_is_not_ready(
    session: aiohttp.ClientSession, store: Store, readiness: Readiness, monkeypatch: pytest.MonkeyPatch
) -> None:
    readiness.started = True
    monkeypatch.setattr("engine.web.health._PATIENCE", SHORT)
    monkeypatch.setattr(store, "answers", asyncio.Event().wait)
    assert await _checks(session) == (503, {"started": True, "store": False})


async def test_metrics_are_answered_in_the_exposition_format(session: aiohttp.ClientSession) -> None:
    async with session.get("/metrics") as answer:
        assert answer.headers["Content-Type"].startswith("text/plain; version=")
        assert "loadledger_store_answered 1.0" in await answer.text()


async def test_metrics_are_answered_without_a_store_and_say_so(
    tmp_path: Path, readiness: Readiness, clock: Clock
) -> None:
    store = await _opened(tmp_path, clock)
    await store.close()
    async with _session(store, readiness, clock) as session:
        with capture_logs() as logged:
            async with session.get("/metrics") as answer:
                assert answer.status == 200
                assert "loadledger_store_answered 0.0" in await answer.text()
    assert [line["event"] for line in logged] == ["metrics.stale"]


# -- connections ----------------------------------------------------------------------------------------------


class Client:
    """A client that speaks as slowly as it likes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def say(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def answer(self) -> bytes:
        """The status line and the head of the next answer, with its body."""
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = next(line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
        return head + await self._reader.readexactly(int(length.partition(b":")[2]))

    async def closed(self) -> bytes:
        """What still came before the server closed the connection."""
        with anyio.fail_after(5):
            try:
                return await self._reader.read()
            except ConnectionError:
                return b""


@asynccontextmanager
async def connecting(app: web.Application, limits: Limits) -> AsyncIterator[Callable[[], "asyncio.Future[Client]"]]:
    """Serve and yield how to connect; every connection ends with the test."""
    opened: list[asyncio.StreamWriter] = []

    async def connect(port: int) -> Client:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        opened.append(writer)
        return Client(reader, writer)

    try:
        async with serving(app, "127.0.0.1", 0, limits) as port:
            yield lambda: asyncio.ensure_future(connect(port))
    finally:
        for writer in opened:
            writer.close()


def _limited(**limits: float) -> Limits:
    return Limits(**{**{name: getattr(PATIENT, name) for name in Limits.__slots__}, **limits})


@pytest.fixture
def app(store: Store, readiness: Readiness, clock: Clock) -> web.Application:
    return make_app(store, Metrics(), readiness, (), lambda: None, Unlooked(), clock)


async def test_a_client_that_says_nothing_is_cut_off(app: web.Application) -> None:
    async with connecting(app, _limited(head=SHORT)) as connect:
        client = await connect()
        assert await client.closed() == b""


async def test_a_head_that_trickles_in_is_cut_off(app: web.Application) -> None:
    async with connecting(app, _limited(head=SHORT)) as connect:
        client = await connect()

        await client.say(b"GET /healthz HTTP/1.1\r\n")
        with pytest.raises(ConnectionError):
            await _trickle(client)


async def _trickle(client: Client) -> None:
    for _ in range(60):  # fewer than the headers a request may have
        await client.say(b"X-More: 1\r\n")
        await anyio.sleep(SHORT / 10)


async def test_a_body_that_does_not_arrive_is_cut_off_and_no_one_acts_on_it(app: web.Application) -> None:
    async with connecting(app, _limited(body=SHORT)) as connect:
        with capture_logs() as logged:
            client = await connect()
            await client.say(b"POST /admin/v1/transactions/1/retry HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{")
            assert await client.closed() == b""
    assert logged == []


async def test_the_second_request_of_a_connection_is_watched_like_the_first(app: web.Application) -> None:
    async with connecting(app, _limited(head=SHORT)) as connect:
        client = await connect()
        await client.say(GET)
        assert b"200 OK" in await client.answer()
        await client.say(GET[:20])
        assert await client.closed() == b""


async def test_a_connection_at_rest_is_closed_after_a_while_and_not_before(app: web.Application) -> None:
    async with connecting(app, _limited(head=SHORT, body=SHORT, rest=4 * SHORT)) as connect:
        client = await connect()
        await client.say(GET)
        await client.answer()
        started = asyncio.get_running_loop().time()
        assert await client.closed() == b""
        assert asyncio.get_running_loop().time() - started > 2 * SHORT


async def test_an_answer_that_takes_too_long_frees_its_connection() -> None:
    app = web.Application(middlewares=[guarded])
    app.add_routes([web.get("/", _never)])
    async with connecting(app, _limited(answer=SHORT, farewell=0.1)) as connect:
        client = await connect()
        await client.say(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert await client.closed() == b""


async def _never(_: web.Request) -> web.Response:
    await asyncio.Event().wait()
    return web.Response()


async def test_an_answer_nobody_takes_frees_its_connection() -> None:
    app = _generous()
    async with serving(app, "127.0.0.1", 0, _limited(connections=1, rest=SHORT)) as port:
        with socket.create_connection(("127.0.0.1", port)) as idler:
            idler.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            with anyio.fail_after(5):
                while not await _welcome(port):  # the only connection is the idler's, which reads nothing
                    pass


def _generous() -> web.Application:
    async def large(_: web.Request) -> web.Response:
        return web.Response(body=b"x" * LARGE)

    app = web.Application(middlewares=[guarded])
    app.add_routes([web.get("/", large)])
    return app


async def _welcome(port: int) -> bool:
    try:
        async with aiohttp.request("GET", f"http://127.0.0.1:{port}/nothing") as answer:
            return answer.status == 404
    except aiohttp.ClientConnectionError:
        return False


async def test_more_connections_than_there_is_room_for_are_refused_at_once(app: web.Application) -> None:
    async with connecting(app, _limited(connections=2)) as connect:
        first, second = await connect(), await connect()
        for client in (first, second):
            await client.say(GET)
            assert b"200 OK" in await client.answer()
        third = await connect()
        assert await third.closed() == b""
        await first.say(GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        await first.closed()
        fourth = await connect()
        await fourth.say(GET)
        assert b"200 OK" in await fourth.answer()


async def test_requests_sent_in_one_go_are_all_answered(app: web.Application) -> None:
    async with connecting(app, PATIENT) as connect:
        client = await connect()
        await client.say(GET * 3)
        for _ in range(3):
            assert b"200 OK" in await client.answer()


@pytest.mark.parametrize("framing", [b"Content-Length: 65537\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n10001\r\n"])
async def test_a_body_above_64_kib_is_refused(app: web.Application, framing: bytes) -> None:
    async with connecting(app, PATIENT) as connect:
        client = await connect()
        await client.say(b"POST /healthz HTTP/1.1\r\nHost: x\r\n" + framing + b"x" * 65537)
        assert b" 413 " in (await client.answer()).partition(b"\r\n")[0]


async def test_what_is_no_http_is_refused_and_closed(app: web.Application) -> None:
    async with connecting(app, PATIENT) as connect:
        client = await connect()
        await client.say(b"\x16\x03\x01 hello\r\n\r\n")
        assert b" 400 " in (await client.closed()).partition(b"\r\n")[0]


# -- starting and stopping ------------------------------------------------------------------------------------


async def test_a_task_group_learns_the_port_and_ends_the_server(app: web.Application) -> None:
    async with anyio.create_task_group() as tasks:
        port = await tasks.start(run, app, "127.0.0.1", 0)
        async with aiohttp.request("GET", f"http://127.0.0.1:{port}/healthz") as answer:
            assert answer.status == 200
        tasks.cancel_scope.cancel()
    with pytest.raises(aiohttp.ClientConnectionError):
        async with aiohttp.request("GET", f"http://127.0.0.1:{port}/healthz"):
            pass


async def test_a_request_under_way_is_answered_before_the_server_stops() -> None:
    entered, leave = asyncio.Event(), asyncio.Event()

    async def slow(_: web.Request) -> web.Response:
        entered.set()
        await leave.wait()
        return web.Response(text="done")

    app = web.Application(middlewares=[guarded])
    app.add_routes([web.get("/", slow)])
    async with anyio.create_task_group() as tasks, connecting(app, _limited(farewell=5)) as connect:
        client = await connect()
        await client.say(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        await entered.wait()
        told: list[bytes] = []

        async def hear() -> None:
            told.append(await client.answer())

        tasks.start_soon(hear)
        asyncio.get_running_loop().call_soon(leave.set)
    assert told[0].endswith(b"done")


async def test_a_client_at_rest_does_not_delay_the_end(app: web.Application) -> None:
    with anyio.fail_after(5):
        async with connecting(app, PATIENT) as connect:
            client = await connect()
            await client.say(GET)
            await client.answer()
            silent = await connect()
        assert await client.closed() == b""
        assert await silent.closed() == b""


async def test_an_answer_nobody_takes_does_not_outlive_the_server() -> None:
    async with serving(_generous(), "127.0.0.1", 0, _limited(farewell=SHORT)) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
    taken = await Client(reader, writer).closed()
    writer.close()
    assert len(taken) < LARGE


async def test_an_address_in_use_is_an_error_of_the_system(app: web.Application) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="address already in use"):
        async with serving(app, "127.0.0.1", taken.getsockname()[1]):
            pass
