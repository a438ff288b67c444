"""How fast the QuickBooks twin is: `python -m tests.benchmarks.twin`.

The twin runs in a process of its own, this one sends invoices over HTTP. Prints invoices created a second of wall
clock, and of the twin's own processor time: the second is what one core can do, whatever the client costs.
"""

import asyncio
import itertools
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import click
import msgspec

_TICKS = os.sysconf("SC_CLK_TCK")


@contextmanager
def twin() -> Iterator[tuple[dict[str, Any], int]]:
    """Yield the address of a twin without request limits, and its process id."""
    command = [sys.executable, "-m", "adapters.sandbox", "--empty", "--quickbooks-rate", "0", "--until-stdin-closes"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        yield msgspec.json.decode(process.stdout.readline())["quickbooks"], process.pid
        process.stdin.close()


def processor_seconds(pid: int) -> float:
    """Return the processor time a process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


async def create(address: dict[str, Any], invoices: int, clients: int) -> None:
    """Create the invoices, several clients at once."""
    basic = {"Authorization": aiohttp.encode_basic_auth(address["client_id"], address["client_secret"])}
    grant = {"grant_type": "refresh_token", "refresh_token": address["refresh_token"]}
    async with aiohttp.ClientSession(headers={"Accept": "application/json"}) as session:
        async with session.post(address["token_url"], data=grant, headers=basic) as response:
            token = (await response.json())["access_token"]
        session.headers["Authorization"] = f"Bearer {token}"
        company = f"{address['api_url']}/v3/company/{address['realm_id']}"
        async with session.post(f"{company}/customer", json={"DisplayName": "Bench"}) as response:
            customer = (await response.json())["Customer"]["Id"]
        numbers = iter(range(invoices))

        async def work() -> None:
            for number in numbers:
                body = {
                    "CustomerRef": {"value": customer},
                    "DocNumber": f"B{number}",
                    "Line": [
                        {
                            "Amount": 100.25,
                            "DetailType": "SalesItemLineDetail",
                            "SalesItemLineDetail": {"ItemRef": {"value": "1"}},
                        }
                    ],
                }
                async with session.post(f"{company}/invoice?requestid=r{number}", json=body) as response:
                    assert response.ok, await response.text()
                    await response.read()

        await asyncio.gather(*itertools.starmap(work, [()] * clients))


@click.command()
@click.option("--invoices", default=5000, show_default=True, type=click.IntRange(1, 100_000))
@click.option("--clients", default=8, show_default=True, type=click.IntRange(1, 64))
def main(invoices: int, clients: int) -> None:
    """Measure once and print."""
    with twin() as (address, pid):
        used, started = processor_seconds(pid), time.perf_counter()
        asyncio.run(create(address, invoices, clients))
        wall, used = time.perf_counter() - started, processor_seconds(pid) - used
    click.echo(
        f"{invoices} invoices: {invoices / wall:,.0f}/s of wall clock, {invoices / used:,.0f}/s of one core's time"
    )


if __name__ == "__main__":
    main()
