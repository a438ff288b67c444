"""Answers to a batch, against a server that says exactly what the test scripts."""

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from adapters.http import encode
from adapters.ports import Order, OutcomeUnknown, Rejected, Unauthorized, Unavailable
from adapters.quickbooks import QuickBooks
from adapters.quickbooks.lines import ChargeLines
from adapters.quickbooks.problems import ShutOut
from state.lifecycle import Effect
from state.outbox import Receipt
from tests.unit.scripted import BOOKED, Script, answer, grant, order, scripted

Scripted = tuple[Script, QuickBooks]


@pytest.fixture
async def script() -> AsyncIterator[Scripted]:
    async with scripted() as pair:
        pair[0].token = [grant("R1")]
        yield pair


def orders() -> list[Order]:
    """Return three invoices, by the names `0`, `1` and `2` in their call, whose markers name them too."""
    made = []
    for n in range(3):
        plain = order()
        body = msgspec.json.decode(plain.body) | {"PrivateNote": note(n)}
        claim = replace(plain.claim, message=replace(plain.claim.message, id=n))
        made.append(replace(plain, claim=claim, request_id=f"request-{n}", body=encode(body)))
    return made


def note(n: int) -> str:
    return f"[loadledger acme customer_invoice inv-{n} g1 0123456789]"


def item(n: int, **changes: Any) -> dict[str, Any]:
    return {"bId": str(n), "Invoice": BOOKED | {"Id": f"{n}", "PrivateNote": note(n)} | changes}


def fault(code: str, detail: str = "") -> dict[str, Any]:
    return {"Fault": {"Error": [{"code": code, "Message": "no", "Detail": detail}], "type": "ValidationFault"}}


def batch(*items: Any) -> Any:
    return answer({"BatchItemResponse": list(items), "time": "2026-03-02T10:11:12-08:00"})


async def outcomes(script: Scripted, said: Any) -> list[Any]:
    vendor, quickbooks = script
    vendor.api = [said]
    found = await quickbooks.exports.send_many(orders())
    return [found[n] for n in range(3)]


async def test_answers_in_any_order_find_their_requests(script: Scripted) -> None:
    found = await outcomes(script, batch(item(2), item(0), item(1)))
    assert [(each.document.id, each.trace) for each in found] == [("0", "tid-7"), ("1", "tid-7"), ("2", "tid-7")]


@pytest.mark.parametrize(
    "odd",
    [
        (),
        (item(1), item(1)),
        ({"bId": "1"},),
        ({"bId": ["1"], "Invoice": BOOKED},),
        ({"bId": "1", "Invoice": None},),
        ({"bId": "1", "Invoice": {"Id": "1"}},),
        ({"bId": "1", "Invoice": {"Id": "1", "TotalAmt": "much"}},),
        ({"bId": "1", "Fault": {}},),
        (item(1, PrivateNote=note(2)),),
        ("nonsense",),
        ({"bId": "1", **fault("10000")},),
    ],
    ids=str,
)
async def test_item_without_a_clear_answer_is_in_doubt_alone(script: Scripted, odd: tuple[Any, ...]) -> None:
    first, second, third = await outcomes(script, batch(item(0), *odd, item(2)))
    assert isinstance(second, OutcomeUnknown)
    assert isinstance(first, Receipt)
    assert isinstance(third, Receipt)


async def test_each_item_is_judged_for_itself(script: Scripted) -> None:
    taxed = item(0, TotalAmt=Decimal("11.37"))
    found = await outcomes(script, batch(taxed, {"bId": "1", **fault("3001")}, {"bId": "2", **fault("6190")}))
    assert [type(each) for each in found] == [Rejected, Unavailable, ShutOut]
    assert found[0].problem.code == "echo_differs"


@pytest.mark.parametrize(
    "odd",
    [
        answer({"BatchItemResponse": None}),
        answer({"BatchItemResponse": {}}),
        answer({"time": "now"}),
        answer({"batchItemResponse": []}),
    ],
    ids=str,
)
async def test_answer_without_items_leaves_each_in_doubt(script: Scripted, odd: Any) -> None:
    assert [type(each) for each in await outcomes(script, odd)] == [OutcomeUnknown] * 3


@pytest.mark.parametrize(
    ("said", "error"),
    [
        (answer(fault("2010"), 400), Rejected),  # none was done: each goes alone
        (answer(fault("1040"), 400), Rejected),
        (answer(fault("5020"), 403), Rejected),
        (answer(fault("6000", "who knows"), 200), OutcomeUnknown),
        (answer(fault("600"), 400), OutcomeUnknown),
        (answer(fault("6190"), 400), Unauthorized),
        (answer([]), OutcomeUnknown),
        ((400, b"<html>bad</html>", "text/html"), OutcomeUnknown),
        ((413, b"<html>large</html>", "text/html"), OutcomeUnknown),
        ((200, b'{"BatchItemResponse":[{"bId":"0","Inv', "application/json"), OutcomeUnknown),
        ((503, b"<html>", "text/html"), OutcomeUnknown),
        ((429, b"", "text/html"), Unavailable),
    ],
    ids=str,
)
async def test_call_that_fails_as_a_whole_says_so_once(script: Scripted, said: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        await outcomes(script, said)


async def test_answer_that_breaks_our_judgement_costs_no_neighbour_its_receipt(
    script: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_lines: object, _asked: dict[str, Any], booked: dict[str, Any]) -> str:
        if booked.get("Id") == "1":
            raise ZeroDivisionError
        return ""

    monkeypatch.setattr(ChargeLines, "lost", broken)
    found = await outcomes(script, batch(item(0), item(1), item(2)))
    assert [type(each) for each in found] == [Receipt, OutcomeUnknown, Receipt]


async def test_single_answer_about_another_document_is_in_doubt(script: Scripted) -> None:
    vendor, quickbooks = script
    vendor.api = [answer({"Invoice": BOOKED | {"PrivateNote": note(2)}})]
    with pytest.raises(OutcomeUnknown, match="another document"):
        await quickbooks.exports.send(orders()[0])


def removal() -> Order:
    plain = order()
    message = replace(plain.claim.message, effect=Effect.VOID)
    return replace(plain, claim=replace(plain.claim, message=message), body=encode({"Id": "145", "SyncToken": "0"}))


@pytest.mark.parametrize(
    "odd", [{}, {"Invoice": None}, {"Invoice": {}}, {"Invoice": {"Id": "146"}}, {"Bill": {"Id": "145"}}], ids=str
)
async def test_answer_to_a_removal_that_does_not_speak_of_the_document_is_in_doubt(script: Scripted, odd: Any) -> None:
    vendor, quickbooks = script
    vendor.api = [answer(odd), batch({"bId": "0", **odd})]
    with pytest.raises(OutcomeUnknown):
        await quickbooks.voids.send(removal())
    [outcome] = (await quickbooks.voids.send_many([removal()])).values()
    assert isinstance(outcome, OutcomeUnknown)


async def test_removal_of_a_document_that_is_gone_has_come_true_alone_and_in_a_batch(script: Scripted) -> None:
    vendor, quickbooks = script
    vendor.api = [answer(fault("610"), 400), batch({"bId": "0", **fault("610")})]
    alone = await quickbooks.voids.send(removal())
    [together] = (await quickbooks.voids.send_many([removal()])).values()
    assert alone == together == Receipt(trace="tid-7")
