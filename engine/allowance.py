"""What accounting lets us do: requests by the minute, and metered reads by the month."""

from typing import NamedTuple

from engine.config import Config
from engine.limits import Budget
from engine.reads import Reads
from state.instants import Clock
from state.store import Store

BATCH = "batch"
"""The endpoint that has a limit of its own."""


class Allowance(NamedTuple):
    """The budgets of one company.

    `requests` spaces the calls; `reads` counts those that are metered.
    """

    requests: Budget
    reads: Reads


async def allowance(config: Config, store: Store, clock: Clock) -> Allowance:
    """Return what the company's limits leave us, earlier runs counted in."""
    section = config.quickbooks
    scarcer = {BATCH: section.batches_per_minute}
    reads = Reads(store, section.reads_per_month, clock)
    await reads.load()
    return Allowance(Budget(section.requests_per_minute, section.requests_per_second, scarcer), reads)
