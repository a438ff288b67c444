"""Every request the product's own Alvys client makes, and every answer to it, against the published description."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime

import aiohttp
import pytest

from adapters.alvys import Alvys, Settings
from adapters.http import Http
from adapters.ports import Census, Roster
from adapters.sandbox import serve
from adapters.sandbox.alvys import (
    SUBSIDIARY,
    TOKEN_PATH,
    TRANSPORT,
    AlvysSandbox,
    Limits,
    Month,
    generate,
    generate_full,
)
from state.lifecycle import Effect, State
from state.outbox import Claim, Message, PaymentReport, Phase
from state.transaction import Kind, Sourced, Transaction, TransactionId
from tests.sandbox.alvys_description import Recorder, needs_description

USUAL, FULL = generate(date(2026, 10, 1), 1), generate_full(date(2026, 10, 1), 1)
SINCE, NOW = datetime(2026, 9, 1, tzinfo=UTC), datetime(2026, 11, 2, 9, tzinfo=UTC)


@asynccontextmanager
async def client_of(
    month: Month, subsidiary: str = SUBSIDIARY, recorder: Recorder | None = None
) -> AsyncIterator[Alvys]:
    async def admit(endpoint: str) -> None:
        return None

    twin = AlvysSandbox(month=month, limits=Limits(requests=0), clock=lambda: NOW)
    app = recorder.watch(twin.app()) if recorder else twin.app()
    async with serve(app) as address, aiohttp.ClientSession() as session:
        settings = Settings(
            api_url=address,
            token_url=f"{address}{TOKEN_PATH}",
            client_id=twin.client_id,
            client_secret=twin.client_secret,
            first_date=date(2026, 9, 1),
            subsidiary=subsidiary,
        )
        yield Alvys(settings, Http(session, admit=admit, observe=lambda _: None, timeout=5), lambda: NOW)


async def everything(tms: Alvys) -> list[Sourced]:
    return [
        each
        for source in tms.sources
        async for found in source.changes(SINCE, NOW)
        if not isinstance(found, Census | Roster)
        for each in found
    ]


def claim_of(sourced: Sourced) -> Claim:
    assert sourced.content is not None
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
        report=PaymentReport(sourced.content.total, date(2026, 11, 1), method="Check"),
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
    return Claim(message, transaction, due=sourced.content.total.minor)


@needs_description
@pytest.mark.parametrize("month", [USUAL, FULL], ids=["usual", "full"])
async def test_requests_of_the_client_agree_with_the_description(month: Month) -> None:
    recorder = Recorder()
    async with client_of(month, recorder=recorder) as tms:
        await tms.check()
        found = await everything(tms)
        for kind in (Kind.CUSTOMER_INVOICE, Kind.CARRIER_BILL):
            paid = next(
                each
                for each in found
                if each.kind is kind and each.content is not None and each.content.total.minor > 0
            )
            order = await tms.payments.prepare(claim_of(paid), "r-1")
            await tms.payments.look_up([order])
            await tms.payments.send(order)
            await tms.payments.look_up([order])
    assert recorder.wrong_requests == []
    assert recorder.wrong_answers == []
    assert recorder.seen >= {
        "POST loads/search",
        "POST trips/search",
        "POST invoices/search",
        "POST customers/search",
        "POST carriers/search",
        "POST invoices/customer-payments",
        "POST invoices/carrier-payments",
    }


async def test_each_subsidiary_is_read_by_its_own_client() -> None:
    billed: dict[str, set[str]] = {}
    for subsidiary in (SUBSIDIARY, TRANSPORT):
        async with client_of(FULL, subsidiary) as tms:
            found = await everything(tms)
            billed[subsidiary] = {each.source_id for each in found if each.content is not None}
    assert billed[SUBSIDIARY]
    assert billed[TRANSPORT]
    assert not billed[SUBSIDIARY] & billed[TRANSPORT]


@needs_description
async def test_recorder_sees_a_request_that_is_not_described() -> None:
    recorder = Recorder()
    async with serve(recorder.watch(AlvysSandbox().app())) as url, aiohttp.ClientSession(url) as session:
        for path, body in (("loads/search", {"Page": 0, "Size": 1}), ("nothing", {})):
            async with session.post(f"/api/p/v1/{path}", json=body):
                pass
        async with session.get("/api/p/v1/loads?number=1", headers={"Content-Type": "application/json"}):
            pass
    told = "\n".join(recorder.wrong_requests)
    for wrong in ("Size is unknown", "PageSize is missing", "no such operation", "number is no parameter"):
        assert wrong in told
