"""The sandbox as a process: `python -m adapters.sandbox` serves both twins until it is told to stop."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from threading import Thread

import click
import msgspec

from adapters.sandbox import alvys, quickbooks, serve
from adapters.sandbox.scenario import COMPANIES, Plot, Scenario, stage


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Loopback address to listen on.")
@click.option("--quickbooks-port", default=0, help="Port of the QuickBooks twin; 0 picks a free one.")
@click.option("--alvys-port", default=0, help="Port of the Alvys twin; 0 picks a free one.")
@click.option("--month", default="2026-10", show_default=True, type=click.DateTime(["%Y-%m"]), help="Month of freight.")
@click.option("--seed", default=1, show_default=True, help="The same seed makes the same month.")
@click.option("--loads", default=60, show_default=True, type=click.IntRange(min=4), help="Loads in the month.")
@click.option(
    "--directory", type=click.Path(file_okay=False, path_type=Path), help="Keep the books here; go on with them."
)
@click.option("--empty", is_flag=True, help="No month: an empty tenant and a company without documents.")
@click.option(
    "--company",
    default="broker",
    show_default=True,
    type=click.Choice(list(COMPANIES)),
    help="What the company holds; any but the broker's comes without a month.",
)
@click.option("--full", is_flag=True, help="A month of everything: settlements, summary invoices, fuel, tolls.")
@click.option("--until-stdin-closes", is_flag=True, help="Stop at the end of standard input.")
@click.option("--alvys-rate", default=10, show_default=True, help="Requests a minute to each endpoint; 0 is no limit.")
@click.option(
    "--alvys-webhook-pace",
    default=1.0,
    show_default=True,
    type=click.FloatRange(min=0),
    help="Length of a retry's wait.",
)
@click.option("--quickbooks-rate", default=500, show_default=True, help="Requests a minute; 0 is no limit.")
def main(  # noqa: PLR0913 - one for each option
    *,
    host: str,
    quickbooks_port: int,
    alvys_port: int,
    month: datetime,
    seed: int,
    loads: int,
    directory: Path | None,
    empty: bool,
    company: str,
    full: bool,
    until_stdin_closes: bool,
    alvys_rate: int,
    alvys_webhook_pace: float,
    quickbooks_rate: int,
) -> None:
    """Serve both vendors' twins on loopback and print one line of JSON with their addresses once they are ready."""
    try:
        scenario = stage(
            Plot(month.date(), seed, 0 if empty or company != "broker" else loads, full=full, company=company),
            directory,
            alvys_limits=alvys.Limits(requests=alvys_rate),
            alvys_delivery=alvys.Delivery(time_factor=alvys_webhook_pace),
            quickbooks_limits=throttle(quickbooks_rate),
        )
        asyncio.run(run(scenario, host, (quickbooks_port, alvys_port), until_stdin_closes=until_stdin_closes))
    except (OSError, ValueError) as unfit:
        raise click.ClickException(str(unfit)) from unfit


def throttle(requests_per_minute: int) -> quickbooks.Limits:
    """Return the QuickBooks limits with the documented proportions at another rate; at 0 without any."""
    documented = quickbooks.Limits()
    if not requests_per_minute:
        return replace(
            documented,
            requests_per_minute=None,
            requests_per_second=None,
            batches_per_minute=None,
            reports_per_minute=None,
        )
    share = requests_per_minute / (documented.requests_per_minute or requests_per_minute)
    return replace(
        documented,
        requests_per_minute=requests_per_minute,
        requests_per_second=max(1, round((documented.requests_per_second or 0) * share)),
        batches_per_minute=max(1, round((documented.batches_per_minute or 0) * share)),
        reports_per_minute=max(1, round((documented.reports_per_minute or 0) * share)),
    )


async def run(scenario: Scenario, host: str, ports: tuple[int, int], *, until_stdin_closes: bool) -> None:
    """Serve a scenario until a signal to stop, or the end of standard input if asked to watch it."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if until_stdin_closes:
        Thread(target=watch_stdin, args=[lambda: loop.call_soon_threadsafe(stop.set)], daemon=True).start()
    async with AsyncExitStack() as servers:
        quickbooks_url = await servers.enter_async_context(serve(scenario.quickbooks.app(), host, ports[0]))
        alvys_url = await servers.enter_async_context(serve(scenario.alvys.app(), host, ports[1]))
        announcement = announce(scenario, quickbooks_url, alvys_url)
        sys.stdout.write(msgspec.json.encode(announcement).decode() + "\n")
        sys.stdout.flush()
        await stop.wait()


def announce(scenario: Scenario, quickbooks_url: str, alvys_url: str) -> dict[str, object]:
    """Return what a client needs to reach both twins, and what was planted for it to find."""
    return {
        "quickbooks": {
            "api_url": quickbooks_url,
            "token_url": f"{quickbooks_url}/oauth2/v1/tokens/bearer",
            "realm_id": scenario.quickbooks.realm_id,
            "client_id": scenario.quickbooks.client_id,
            "client_secret": scenario.quickbooks.client_secret,
            "refresh_token": scenario.quickbooks.refresh_token,
        },
        "alvys": {
            "api_url": alvys_url,
            "token_url": f"{alvys_url}{alvys.TOKEN_PATH}",
            "client_id": scenario.alvys.client_id,
            "client_secret": scenario.alvys.client_secret,
        },
        "quickbooks_connect": {
            "authorize_url": f"{quickbooks_url}/connect/oauth2",
            "discovery_url": f"{quickbooks_url}/.well-known/openid_configuration",
        },
        "planted": scenario.facts.planted,
        "notable": scenario.facts.notable,
        "subsidiary": scenario.facts.subsidiary,
        "subsidiary_id": scenario.facts.subsidiary_id,
    }


def watch_stdin(at_end: Callable[[], object]) -> None:
    """Read standard input to its end; a parent that dies closes it, however it dies."""
    while os.read(0, 4096):
        pass
    with suppress(RuntimeError):  # the loop has ended before the input did
        at_end()


if __name__ == "__main__":
    main()
