import asyncio
import io
import logging
import warnings
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import msgspec
import pytest
import structlog
from typing_extensions import override

from engine import logs
from engine.web.auth import new_token

SECRET = "correct-horse/battery+staple="


class Terminal(io.StringIO):
    @override
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level, raising = root.handlers[:], root.level, logging.raiseExceptions
    yield
    root.handlers[:], root.level, logging.raiseExceptions = handlers, level, raising
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


@pytest.fixture
def secrets() -> set[str]:
    return {SECRET}


@pytest.fixture
def lines(secrets: set[str]) -> Callable[[], list[dict[str, Any]]]:
    stream = io.StringIO()
    logs.configure("info", secrets, stream)
    return lambda: [msgspec.json.decode(line) for line in stream.getvalue().splitlines()]


Lines = Callable[[], list[dict[str, Any]]]


def test_an_event_is_one_line_of_json(lines: Lines) -> None:
    structlog.get_logger("engine.relay").info("transaction.moved", transaction=7, total=Decimal("12.50"), note="a\nb")
    [line] = lines()
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "transaction.moved",
        "level": "info",
        "logger": "engine.relay",
        "transaction": 7,
        "total": "12.50",
        "note": "a\nb",
    }


def test_what_is_below_the_level_is_not_written(lines: Lines) -> None:
    structlog.get_logger().debug("detail.seen")
    logging.getLogger("aiohttp").debug("detail")
    assert lines() == []


def test_an_unknown_level_is_refused() -> None:
    with pytest.raises(KeyError):
        logs.configure("loud", set(), io.StringIO())


def test_the_standard_library_is_heard_the_same_way(lines: Lines) -> None:
    logging.getLogger("aiohttp.server").warning("Error handling request from %s", "127.0.0.1")
    [line] = lines()
    assert (line["event"], line["logger"]) == ("Error handling request from 127.0.0.1", "aiohttp.server")


def test_warnings_are_heard_too(lines: Lines) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=True)
        warnings.warn("old ways", DeprecationWarning, stacklevel=1)
        logging.captureWarnings(capture=False)
    [line] = lines()
    assert "old ways" in line["event"]


def test_a_terminal_gets_lines_for_people() -> None:
    terminal = Terminal()
    logs.configure("info", {SECRET}, terminal)
    structlog.get_logger().info("daemon.started", port=8321, detail=f"with {SECRET}")
    try:
        int(SECRET)
    except ValueError:
        structlog.get_logger().exception("loop.broke")
    told = terminal.getvalue()
    assert "daemon.started" in told
    assert "ValueError" in told
    assert not told.startswith("{")
    assert SECRET not in told


@pytest.mark.parametrize(
    "name",
    [
        "token",
        "access_token",
        "refresh_token",
        "client_secret",
        "Authorization",
        "password",
        "x-signature",
        "intuit-signature",
        "Set-Cookie",
        "api_key",
        "credentials",
    ],
)
def test_a_value_is_masked_by_the_name_it_has(lines: Lines, name: str) -> None:
    structlog.get_logger().info("vendor.answered", **{name: "abc123"}, nested={"deep": [{name: ["abc123"]}]})
    [line] = lines()
    assert line[name] == logs.MASK
    assert line["nested"] == {"deep": [{name: logs.MASK}]}


def test_numbers_and_flags_are_no_secrets(lines: Lines) -> None:
    structlog.get_logger().info("token.refreshed", token_seconds=3600, token_rotated=True, tokens=None, big=2**70)
    [line] = lines()
    assert (line["token_seconds"], line["token_rotated"], line["tokens"]) == (3600, True, None)
    assert line["big"] == str(2**70)


@pytest.mark.parametrize(
    "written",
    [SECRET, repr(SECRET), "correct-horse%2Fbattery%2Bstaple%3D", f"prefix{SECRET}suffix"],
    ids=["as it is", "printed", "in a form", "inside"],
)
def test_a_known_secret_is_masked_however_it_is_written(lines: Lines, written: str) -> None:
    structlog.get_logger().info(f"odd.{written}", detail=written, deep=[{"a": (written,)}], **{written: 1})
    logging.getLogger("x").error("failed with %s", written)
    told = msgspec.json.encode(lines()).decode()
    assert "battery" not in told
    assert told.count(logs.MASK) == 5


def test_a_secret_added_later_is_masked_too(lines: Lines, secrets: set[str]) -> None:
    secrets.add("rotated-value-2")
    structlog.get_logger().info("token.refreshed", detail="now rotated-value-2")
    assert lines()[0]["detail"] == f"now {logs.MASK}"


def test_a_longer_secret_leaves_no_rest_behind(lines: Lines, secrets: set[str]) -> None:
    secrets |= {"battery", f"{SECRET}-and-more"}
    structlog.get_logger().info("a.b", detail=f"{SECRET}-and-more")
    assert lines()[0]["detail"] == logs.MASK


def test_a_short_or_empty_secret_does_not_eat_the_log(lines: Lines, secrets: set[str]) -> None:
    secrets |= {"", "a"}
    structlog.get_logger().info("daemon.started")
    assert lines()[0]["event"] == "daemon.started"


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer eyJhbGciOi.J9-_x",
        "Basic aGFsbG86d2VsdA==",
        "grant_type=refresh_token&refresh_token=eyJhbGciOi&x=1",
        "{'access_token': 'eyJhbGciOi', 'expires_in': 3600}",
        '{"client_secret": "eyJhbGciOi"}',
        pytest.param(f"no such token {new_token()[0]}", id="a token of ours"),
    ],
)
def test_secrets_inside_text_are_masked_though_nobody_knows_them(lines: Lines, text: str) -> None:
    structlog.get_logger().info("vendor.failed", detail=text)
    detail = lines()[0]["detail"]
    assert logs.MASK in detail
    assert not any(secret in detail for secret in ("eyJhbGciOi", "aGFsbG86d2VsdA", "ll_"))


def test_a_text_without_secrets_stays_as_it_is(lines: Lines) -> None:
    text = "HTTP 401: the token expired; basic rate limit, no signature; x=1"
    structlog.get_logger().info("vendor.failed", detail=text)
    assert lines()[0]["detail"] == text


def test_a_traceback_shows_the_way_but_no_secret_and_no_local_variable(lines: Lines) -> None:
    def fail() -> None:
        hidden = "local-" + "value"
        raise ValueError(f"refused: {SECRET}") from KeyError(f"refresh_token={len(hidden)}abcdef")

    try:
        fail()
    except ValueError:
        structlog.get_logger().exception("loop.broke")
        logging.getLogger("asyncio").exception("Task exception was never retrieved")
    for line in lines():
        assert "Traceback (most recent call last)" in line["exception"]
        assert "ValueError: refused: [masked]" in line["exception"]
        assert "local-value" not in line["exception"]
        assert "11abcdef" not in line["exception"]
        assert "battery" not in msgspec.json.encode(line).decode()


def test_text_no_encoding_can_hold_is_written_all_the_same(lines: Lines) -> None:
    structlog.get_logger().info("vendor.answered", detail="cut \ud800 here", raw=b"\xff", where=ValueError("x"))
    [line] = lines()
    assert line["detail"] == "cut \\ud800 here"
    assert line["raw"] == "b'\\xff'"


async def test_what_is_bound_to_a_task_is_told_with_each_event(lines: Lines) -> None:
    async def work() -> None:
        structlog.contextvars.bind_contextvars(loop="relay")
        structlog.get_logger().info("pass.ended")

    await asyncio.create_task(work())
    assert lines()[0]["loop"] == "relay"
