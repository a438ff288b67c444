"""A tenant of the Alvys twin, with an adapter that reads it over real HTTP."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

import aiohttp

from adapters.alvys import Alvys, Settings
from adapters.http import Call, Http
from adapters.ports import Census, Order, Roster
from adapters.sandbox import serve
from adapters.sandbox.alvys import (
    SUBSIDIARY,
    SUBSIDIARY_IDS,
    TOKEN_PATH,
    AlvysSandbox,
    Limits,
    Month,
    Switches,
    generate,
)
from state.lifecycle import Effect, State
from state.outbox import Claim, Message, PaymentReport, Phase, Tellings
from state.transaction import Content, Kind, Money, Sourced, Transaction, TransactionId

MONTH = generate(date(2026, 10, 1), 1)
SINCE, NOW = datetime(2026, 9, 1, tzinfo=UTC), datetime(2026, 11, 2, 9, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Tenant:
    """The twin, an adapter that reads it, and the calls between them."""

    twin: AlvysSandbox
    tms: Alvys
    clock: Clock
    calls: list[Call]

    async def taken(self, since: datetime = SINCE) -> list[Sourced]:
        """Return what was read and is not withdrawn, each once."""
        found = {(each.kind, each.source_id): each for each in await self.read(since) if not each.withdrawn}
        return list(found.values())

    async def read(self, since: datetime = SINCE) -> list[Sourced]:
        return [
            each
            for source in self.tms.sources
            async for found in source.changes(since, self.clock.now)
            if not isinstance(found, Census | Roster)
            for each in found
        ]

    async def order(self, sourced: Sourced, amount: Money, told: Tellings = Tellings()) -> Order:  # noqa: B008 - frozen
        return await self.tms.payments.prepare(claim(sourced, amount, told), "request")


@asynccontextmanager
async def tenant(
    limits: Limits = Limits(requests=0),  # noqa: B008 - frozen
    month: Month = MONTH,
    switches: Switches = Switches(),  # noqa: B008 - frozen
    **settings: object,
) -> AsyncIterator[Tenant]:
    async def admit(endpoint: str) -> None:
        return None

    clock, calls = Clock(), list[Call]()
    twin = AlvysSandbox(month=month, limits=limits, switches=switches, clock=clock)
    async with serve(twin.app()) as address, aiohttp.ClientSession() as session:
        http = Http(session, admit=admit, observe=calls.append, timeout=5)
        chosen = Settings(
            api_url=address,
            token_url=f"{address}{TOKEN_PATH}",
            client_id=twin.client_id,
            client_secret=twin.client_secret,
            first_date=date(2026, 9, 1),
            subsidiary=SUBSIDIARY,
            subsidiary_id=SUBSIDIARY_IDS[SUBSIDIARY],
        )
        yield Tenant(twin, Alvys(replace(chosen, **settings), http, clock), clock, calls)  # type: ignore[arg-type]


def contents(found: list[Sourced], kind: Kind) -> dict[str, Content]:
    return {each.source_id: each.content for each in found if each.kind is kind and each.content}


def claim(sourced: Sourced, amount: Money, told: Tellings) -> Claim:
    message = Message(
        id=1,
        effect=Effect.REPORT_PAYMENT,
        phase=Phase.WAITING,
        revision=1,
        generation=1,
        round=0,
        attempts=0,
        reads=0,
        tries=0,
        due_at=NOW,
        report=PaymentReport(amount, date(2026, 11, 1), method="Check"),
    )
    transaction = Transaction(
        id=TransactionId(1),
        kind=sourced.kind,
        source_id=sourced.source_id,
        label=sourced.label,
        state=State.PAID,
        version=1,
        generation=1,
        revision=1,
        content=sourced.content,
        digest=sourced.digest(),
        total=None,
        paid=None,
        document=None,
        problem=None,
        in_flight=False,
        created_at=NOW,
        updated_at=NOW,
    )
    return Claim(message, transaction, told=told, due=told.total + amount.minor)
