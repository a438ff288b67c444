"""What readers of vendors remember between runs: cursors, links, secrets, and what was seen of documents."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from msgspec.structs import asdict

from state.commit import Work
from state.creation import Creation
from state.database import Database
from state.instants import from_micros, to_micros
from state.outbox import Observation, Phase
from state.rows import creation_from, observation_from, write
from state.transaction import TransactionId
from state.trouble import StoreError


class Told(NamedTuple):
    """One payment as applied now, and what the TMS was told of it, in minor units."""

    payment_id: str
    amount: int
    told: int


def applied(work: Work, transaction_id: TransactionId) -> dict[str, Told]:
    """Return, by payment, what is applied to a transaction and what the TMS was told of it."""
    return {row["payment_id"]: Told(*row) for row in work.rows("settlements", transaction_id=transaction_id)}


class Memory:
    """The store's smaller tables, through the same writer. Each call is one commit."""

    def __init__(self, database: Database, epoch: int) -> None:
        self._database = database
        self._links: dict[tuple[str, str], str] = {}  # as in the file, which has no other owner
        self._epoch = epoch

    async def cursor(self, name: str) -> datetime | None:
        """Return how far the reader `name` has come."""
        row = await self._database.run(lambda work: work.row("cursor", name=name))
        return from_micros(row["value"]) if row else None

    async def advance(self, name: str, to: datetime) -> None:
        """Remember that the reader `name` has taken in everything before `to`."""
        await self._database.run(lambda work: work.run("advance", name=name, value=to_micros(to)))

    async def observe(self, observations: Sequence[Observation], cursor: str, to: datetime) -> None:
        """Keep what was seen of documents of ours, and how far the reader has come, in one commit."""

        def unit(work: Work) -> None:
            for seen in observations:
                key = {"document_type": seen.document_type, "document_id": seen.document.id}
                if seen.origin or work.row("find_by_document", **key):
                    kind, source_id = (seen.origin.kind, seen.origin.source_id) if seen.origin else (None, None)
                    values = {"kind": kind, "source_id": source_id, "body": write(seen), "now": work.micros}
                    work.run("observe", **key, **values)
            work.run("advance", name=cursor, value=to_micros(to))

        await self._database.run(unit)

    async def observations(self) -> list[Observation]:
        """Return what was seen and not yet acted on, oldest first."""
        return [observation_from(row) for row in await self._database.run(lambda work: work.rows("observations"))]

    async def count_observations(self) -> int:
        """Return how many documents were seen and not yet acted on."""
        rows = await self._database.run(lambda work: work.rows("count_observations"))
        return int(rows[0]["observations"])

    async def forget(self, seen: Observation) -> None:
        """Drop an observation that was acted on, unless a newer one took its place."""
        key = {"document_type": seen.document_type, "document_id": seen.document.id}
        await self._database.run(lambda work: work.run("forget_observation", **key, body=write(seen)))

    async def settlements(self, transaction_id: TransactionId) -> dict[str, Told]:
        """Return, by payment, what is applied to a transaction and what the TMS was told of it."""
        return await self._database.run(lambda work: applied(work, transaction_id))

    async def linked(self, kind: str, key: str) -> str | None:
        """Return the accounting id remembered for (kind, key), or None."""
        if (kind, key) not in self._links:
            row = await self._database.run(lambda work: work.row("linked", kind=kind, key=key))
            if row is None:
                return None
            self._links[kind, key] = row["target"]
        return self._links[kind, key]

    async def link(self, kind: str, key: str, target: str, *, name: str = "") -> None:
        """Remember the accounting id of (kind, key); a creation of `name` has ended."""

        def unit(work: Work) -> None:
            work.run("link", kind=kind, key=key, target=target)
            work.run("end_creation", kind=kind, name=name)

        self._links.pop((kind, key), None)  # a commit that fails leaves it to be read again
        await self._database.run(unit, owed=True)
        self._links[kind, key] = target

    async def creation(self, kind: str, name: str) -> Creation | None:
        """Return how far the creation of a party of this name has come, None if there never was one."""
        row = await self._database.run(lambda work: work.row("creation", kind=kind, name=name))
        return creation_from(row) if row else None

    async def record(self, kind: str, name: str, creation: Creation) -> None:
        """Keep how far a creation has come; StoreError if another owner took the store."""
        values = asdict(creation) | {"due_at": to_micros(creation.due_at)}

        def unit(work: Work) -> None:
            if not work.run("record_creation", kind=kind, name=name, epoch=self._epoch, **values):
                raise StoreError("the store has another owner")

        await self._database.run(unit, owed=creation.phase is not Phase.SENT)

    async def secret(self, name: str) -> str | None:
        """Return the newest value kept under `name`, or None."""
        row = await self._database.run(lambda work: work.row("secret", name=name))
        return row["value"] if row else None

    async def keep(self, name: str, value: str) -> None:
        """Keep a new value under `name`; the one before stays in the file until the next."""

        def unit(work: Work) -> None:
            work.run("keep_secret", name=name, value=value, now=work.micros)

        await self._database.run(unit, owed=True)  # whoever gave it out takes the one before no longer

    async def reads(self, *, since: int) -> dict[int, int]:
        """Return the metered reads of each hour from `since` on; hours count from 1970 UTC."""
        rows = await self._database.run(lambda work: work.rows("reads", since=since))
        return {row["hour"]: row["count"] for row in rows}

    async def count_reads(self, counts: Mapping[tuple[int, str], int]) -> None:
        """Add metered reads, by hour and by what they were for."""

        def unit(work: Work) -> None:
            for (hour, purpose), count in counts.items():
                work.run("count_reads", hour=hour, purpose=purpose, count=count)

        await self._database.run(unit)
