"""Both twins in a process of their own, as the sandbox serves them, with tokens that live for seconds only."""

import asyncio
from dataclasses import replace
from datetime import datetime

import click

from adapters.sandbox import alvys
from adapters.sandbox.__main__ import run, throttle
from adapters.sandbox.scenario import Plot, stage

_ACCESS = 2  # seconds an access token is good
_ROTATION = 1  # seconds after which a refresh gives another refresh token


@click.command()
@click.option("--month", required=True, type=click.DateTime(["%Y-%m"]))
@click.option("--seed", required=True, type=int)
@click.option("--loads", required=True, type=int)
def main(month: datetime, seed: int, loads: int) -> None:
    limits = replace(throttle(0), access_token_seconds=_ACCESS, refresh_rotation_seconds=_ROTATION)
    scenario = stage(Plot(month.date(), seed, loads), alvys_limits=alvys.Limits(requests=0), quickbooks_limits=limits)
    asyncio.run(run(scenario, "127.0.0.1", (0, 0), until_stdin_closes=True))


if __name__ == "__main__":
    main()
