"""The sandbox as the process that demos, tests and people start."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest

from adapters.sandbox import quickbooks
from adapters.sandbox.__main__ import throttle
from adapters.sandbox.alvys import AUDIENCE

ROOT = Path(__file__).parents[2]
SECONDS = 30


@asynccontextmanager
async def sandbox(*options: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, dict[str, Any]]]:
    """Start the process and read its line; it is dead when the context ends."""
    pipe = asyncio.subprocess.PIPE
    async with asyncio.timeout(SECONDS):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "adapters.sandbox", *options, stdin=pipe, stdout=pipe, stderr=pipe, cwd=ROOT
        )
        assert process.stdout
        try:
            line = await process.stdout.readline()
            yield process, msgspec.json.decode(line) if line else {}
        finally:
            if process.returncode is None:
                process.kill()
            await process.communicate()


async def pay(facts: dict[str, Any], reference: str, token: str = "") -> tuple[str, str]:
    """Pay a dollar on a load, and return the payment's id and the token used."""
    twin = facts["alvys"]
    credentials = {name: twin[name] for name in ("client_id", "client_secret")}
    request = {
        "LoadNumber": facts["planted"]["number_taken"],
        "Amount": {"Amount": 1},
        "PaymentDate": "2026-11-01T00:00:00Z",
        "ReferenceNumber": reference,
    }
    async with aiohttp.ClientSession() as session:
        if not token:
            asked = credentials | {"audience": AUDIENCE, "grant_type": "client_credentials"}
            async with session.post(twin["token_url"], json=asked) as answer:
                token = (await answer.json())["access_token"]
        url = f"{twin['api_url']}/api/p/v1/invoices/customer-payments"
        async with session.post(url, json=request, headers={"Authorization": f"Bearer {token}"}) as answer:
            assert answer.status == 200
            return (await answer.json())["Id"], token


async def refresh(facts: dict[str, Any]) -> int:
    """Refresh the QuickBooks token, read the company with it, and return the status."""
    twin = facts["quickbooks"]
    who = {"Authorization": aiohttp.encode_basic_auth(twin["client_id"], twin["client_secret"])}
    form = {"grant_type": "refresh_token", "refresh_token": twin["refresh_token"]}
    async with aiohttp.ClientSession() as session:
        async with session.post(twin["token_url"], data=form, headers=who) as answer:
            token = (await answer.json())["access_token"]
        url = f"{twin['api_url']}/v3/company/{twin['realm_id']}/companyinfo/{twin['realm_id']}"
        async with session.get(url, headers={"Authorization": f"Bearer {token}"}) as answer:
            return answer.status


async def test_both_twins_answer_where_the_line_says_until_stdin_closes() -> None:
    async with sandbox("--until-stdin-closes", "--seed", "2", "--loads", "20") as (process, facts):
        assert await refresh(facts) == 200
        assert (await pay(facts, "r-1"))[0]
        assert sorted(facts["planted"]) == ["mapping_missing", "name_ambiguous", "number_taken", "period_closed"]
        assert facts["subsidiary"] == "Blue Mesa Logistics LLC"
        assert process.returncode is None
        assert process.stdin
        process.stdin.close()
        assert await process.wait() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_signal_ends_the_sandbox_quietly(number: signal.Signals) -> None:
    async with sandbox("--empty") as (process, facts):
        assert facts["planted"] == {}
        process.send_signal(number)
        out, err = await process.communicate()
        assert (process.returncode, out, err) == (0, b"", b"")


async def test_killed_sandbox_comes_back_with_what_it_knew(tmp_path: Path) -> None:
    options = ("--directory", str(tmp_path), "--loads", "12")
    async with sandbox(*options) as (process, before):
        first, token = await pay(before, "r-1")
        process.kill()
        await process.wait()
    async with sandbox(*options, "--seed", "9") as (_, after):
        assert after["planted"] == before["planted"]
        assert await pay(after, "r-1", token) == (first, token)
        assert await refresh(after) == 200


async def test_full_month_outlives_its_process_too(tmp_path: Path) -> None:
    options = ("--directory", str(tmp_path), "--full")
    async with sandbox(*options) as (_, first):
        before = await books_of(first)
        assert before[0]["driver_statements"]
        assert first["notable"]["summary_open"]
    async with sandbox(*options) as (_, second):
        assert await books_of(second) == before
        assert second["notable"] == first["notable"]


async def books_of(facts: dict[str, Any]) -> list[Any]:
    """Read both twins' books, without the times at which a company file was set up."""
    books = []
    async with aiohttp.ClientSession() as session:
        for vendor in ("alvys", "quickbooks"):
            async with session.get(f"{facts[vendor]['api_url']}/_sandbox/books") as answer:
                books.append(await answer.json())
    for things in books[1].values():
        for each in things if isinstance(things, list) else [things]:
            each.pop("MetaData", None)
    return books


async def test_directory_goes_on_as_it_was_whatever_is_asked_for(tmp_path: Path) -> None:
    options = ("--directory", str(tmp_path), "--loads", "12")
    async with sandbox(*options) as (_, first):
        await pay(first, "r-1")
        before = await books_of(first)
    async with sandbox(*options, "--empty") as (_, second):
        assert await books_of(second) == before
        assert second["planted"] == first["planted"]


async def test_seeding_cut_short_starts_over(tmp_path: Path) -> None:
    options = ("--directory", str(tmp_path), "--loads", "12")
    async with sandbox(*options) as (_, first):
        before = await books_of(first)
        await pay(first, "r-1")
    (tmp_path / "scenario.json").unlink()
    async with sandbox(*options) as (_, second):
        assert await books_of(second) == before


async def test_address_that_is_not_loopback_is_refused_with_a_message() -> None:
    async with sandbox("--host", "0.0.0.0", "--empty") as (process, facts):
        assert facts == {}
        _, err = await process.communicate()
        assert process.returncode == 1
        assert b"loopback" in err


def test_throttle_keeps_the_documented_proportions() -> None:
    assert throttle(500) == quickbooks.Limits()
    fast = throttle(5000)
    assert (fast.requests_per_minute, fast.requests_per_second, fast.batches_per_minute) == (5000, 100, 400)
    unlimited = throttle(0)
    assert (unlimited.requests_per_minute, unlimited.requests_per_second) == (None, None)
    assert unlimited.access_token_seconds == quickbooks.Limits().access_token_seconds
