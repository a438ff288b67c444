"""Stores with a past: as many finished transactions as wanted, written by SQL at once instead of one by one."""

import asyncio
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from state.rows import write
from state.store import Store
from tests.benchmarks.freight import sourced

# A file that is lost with the benchmark needs no journal.
_HASTE: Final = ("PRAGMA journal_mode = OFF", "PRAGMA synchronous = OFF", "PRAGMA cache_size = -400000")
_COPIES: Final = """
WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < :count)
"""
_PAST: Final = (
    """
    INSERT INTO transactions (kind, document_type, source_id, label, state, version, generation, revision, content,
                              digest, party, number, currency, total, paid, document_id, document_number,
                              document_version, created_at, updated_at)
    {copies}
    SELECT 'customer_invoice', 'invoice', printf('past-%08d', n), 'L' || n, 'paid', 3, 1, 1, :content,
           hex(randomblob(32)), 'Shipper', 'PAST-' || n, 'USD', 135005, 135005, printf('p%08d', n), 'PAST-' || n,
           '1', n, n FROM numbers
    """,
    """
    INSERT INTO attempts (message_id, transaction_id, effect, number, epoch, request_id, body_digest, started_at,
                          ended_at, outcome, detail, trace)
    {copies}
    SELECT n, n, 'export', 1, 1, hex(randomblob(16)), hex(randomblob(32)), n, n, 'delivered', 'accounting said yes',
           hex(randomblob(12)) FROM numbers
    """,
    """
    INSERT INTO history (transaction_id, at, trigger, from_state, to_state, version, actor, reason)
    {copies}
    SELECT n, n, 'recorded', NULL, 'pending', 1, 'intake', 'seen in the TMS' FROM numbers
    """,
    """
    INSERT INTO history (transaction_id, at, trigger, from_state, to_state, version, actor, reason)
    {copies}
    SELECT n, n, 'export_confirmed', 'pending', 'exported', 2, 'relay', 'accounting said yes' FROM numbers
    """,
    """
    INSERT INTO history (transaction_id, at, trigger, from_state, to_state, version, actor, reason)
    {copies}
    SELECT n, n, 'payment_completed', 'exported', 'paid', 3, 'payments', 'paid in full' FROM numbers
    """,
)


async def opened(path: Path) -> Store:
    """Open the store at `path` as the daemon of the benchmarks' legal entity would."""
    return await Store.open(
        path,
        entity="blue-mesa",
        company="9341000000000001",
        clock=lambda: datetime.now(UTC),
        quiet=timedelta(0),
        owner={"pid": 0},
    )


def written(path: Path, finished: int) -> Path:
    """Make a store that holds `finished` paid transactions with all their traces, and return its path."""

    async def made() -> None:
        await (await opened(path)).close()

    asyncio.run(made())
    content = write(sourced(1).content)
    with sqlite3.connect(path) as connection:
        for pragma in _HASTE:
            connection.execute(pragma)
        for statement in _PAST:
            connection.execute(statement.format(copies=_COPIES), {"count": finished, "content": content})
    connection.close()
    return path
