"""Tokens and answers, against a server that says exactly what the test scripts."""

import dataclasses
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import anyio
import msgspec
import pytest
from msgspec.structs import replace
from structlog.testing import capture_logs

from adapters.http import encode
from adapters.ports import Changes, Order, OutcomeUnknown, Rejected, Standing, Unauthorized, Unavailable
from adapters.quickbooks import QuickBooks, Settings
from adapters.quickbooks.client import quoted
from state.transaction import Content, Line, Money, Party
from tests.unit.scripted import BOOKED, LOST, NOW, Script, answer, grant, order, scripted

Scripted = tuple[Script, QuickBooks]


@pytest.fixture
async def script() -> AsyncIterator[Scripted]:
    async with scripted() as pair:
        yield pair


async def test_new_refresh_token_is_kept_before_the_access_it_came_with_is_used(script: Scripted) -> None:
    vendor, quickbooks = script
    vendor.token = [grant("R1")]
    vendor.vault.broken = True
    for _ in range(3):
        with pytest.raises(OSError, match="disk"):
            await quickbooks.tokens.access()
    vendor.vault.broken = False
    assert await quickbooks.tokens.access() == "A"
    assert [asked["refresh_token"] for asked in vendor.asked] == ["R0"]  # a full disk is no reason to ask again
    assert vendor.vault.tokens == ["R1"]
    assert msgspec.json.decode(vendor.vault.kept[-1])["previous"] == "R0"


async def test_token_that_could_not_be_kept_for_long_is_not_lost(script: Scripted) -> None:
    vendor, quickbooks = script
    vendor.token = [grant("R1"), grant("R2")]
    vendor.vault.broken = True
    with pytest.raises(OSError, match="disk"):
        await quickbooks.tokens.access()
    vendor.vault.broken = False
    vendor.now += timedelta(hours=2)
    await quickbooks.tokens.access()
    assert [asked["refresh_token"] for asked in vendor.asked] == ["R0", "R1"]
    assert vendor.vault.tokens == ["R2"]


async def test_configured_token_is_used_only_while_the_vault_is_empty(script: Scripted) -> None:
    vendor, quickbooks = script
    vendor.vault.kept = ['{"value":"R9","seed":"x"}']
    vendor.token = [grant("R9")]
    await quickbooks.tokens.access()
    assert vendor.asked == [{"grant_type": "refresh_token", "refresh_token": "R9"}]
    assert vendor.headers[0]["x-include-refresh-token-hard-expires-in"] == "true"
    assert vendor.headers[0]["Authorization"] == "Basic aWQ6c2VjcmV0"


async def test_new_consent_is_remembered_as_new_however_long_the_old_chain_lives(script: Scripted) -> None:
    vendor, quickbooks = script
    vendor.vault.kept = ['{"value":"R9","seed":"the old consent"}']
    vendor.token = [grant("R9"), answer({"error": "invalid_grant"}, 400), grant("R1")]
    await quickbooks.tokens.access()
    vendor.now += timedelta(hours=2)
    await quickbooks.tokens.access()
    assert [asked["refresh_token"] for asked in vendor.asked] == ["R9", "R9", "R0"]


async def test_access_is_renewed_five_minutes_before_it_ends(script: Scripted) -> None:
    vendor, quickbooks = script
    vendor.token = [grant("R1", "A1"), grant("R1", "A2")]
    assert await quickbooks.tokens.access() == "A1"
    vendor.now += timedelta(minutes=54)
    assert await quickbooks.tokens.access() == "A1"
    vendor.now += timedelta(minutes=2)
    assert await quickbooks.tokens.access() == "A2"
    assert quickbooks.tokens.seconds_to_expiry == 8640000
    assert quickbooks.tokens.seconds_to_end == 100


async def test_access_of_a_short_life_is_renewed_after_half_of_it(script: Scripted) -> None:
    vendor, quickbooks = script
    vendor.token = [grant("R1", "A1", 120), grant("R1", "A2", 120)]
    assert await quickbooks.tokens.access() == "A1"
    vendor.now += timedelta(seconds=59)
    assert await quickbooks.tokens.access() == "A1"
    vendor.now += timedelta(seconds=1)
    assert await quickbooks.tokens.access() == "A2"


async def test_first_start_without_a_refresh_token_says_which_key_to_set_and_asks_nobody(script: Scripted) -> None:
    vendor, _ = script
    unset = vendor.adapter(dataclasses.replace(vendor.settings, refresh_token=""))
    with pytest.raises(Unauthorized, match=r"No refresh token is configured.* set quickbooks\.refresh_token"):
        await unset.tokens.access()
    assert vendor.asked == []


async def test_dead_chain_is_not_asked_about_with_an_empty_token(script: Scripted) -> None:
    vendor, _ = script
    unset = vendor.adapter(dataclasses.replace(vendor.settings, refresh_token=""))
    vendor.vault.kept = ['{"value":"R9","seed":"the old consent"}']
    vendor.token = [answer({"error": "invalid_grant"}, 400)]
    with pytest.raises(Unauthorized, match="Reconnect QuickBooks"):
        await unset.tokens.access()
    assert [asked["refresh_token"] for asked in vendor.asked] == ["R9"]


async def test_lost_answer_is_asked_for_again_with_the_same_token_after_a_pause(script: Scripted) -> None:
    vendor, quickbooks = script
    vendor.token = [LOST, grant("R1")]
    with pytest.raises(Unavailable) as lost:
        await quickbooks.tokens.access()
    vendor.now += timedelta(seconds=4)
    with pytest.raises(Unavailable, match="under way") as early:
        await quickbooks.tokens.access()
    assert (lost.value.retry_after, early.value.retry_after) == (10, 6)
    vendor.now += timedelta(seconds=6)
    assert await quickbooks.tokens.access() == "A"
    assert [asked["refresh_token"] for asked in vendor.asked] == ["R0", "R0"]


async def test_token_that_was_replaced_is_never_offered_again(script: Scripted) -> None:
    vendor, quickbooks = script
    vendor.token = [grant("R1", life=600), grant("R2", life=600), answer({"error": "invalid_grant"}, 400)]
    for _ in range(2):
        await quickbooks.tokens.access()
        vendor.now += timedelta(hours=1)
    for _ in range(2):
        with pytest.raises(Unauthorized):
            await quickbooks.tokens.access()
    assert [asked["refresh_token"] for asked in vendor.asked] == ["R0", "R1", "R2"]


@pytest.mark.parametrize(
    "broken", [LOST, (200, b"{", "application/json"), (503, b"<html>", "text/html")], ids=["lost", "cut", "html"]
)
async def test_token_endpoint_out_of_order_never_leaves_a_write_in_doubt(script: Scripted, broken: Any) -> None:
    vendor, quickbooks = script
    vendor.token = [broken]
    for _ in range(2):
        with pytest.raises(Unavailable):
            await quickbooks.exports.send(order())
    assert len(vendor.asked) == 1


@pytest.mark.parametrize(("status", "error"), [(400, "invalid_grant"), (401, "invalid_client")])
async def test_definite_no_is_remembered_and_not_asked_again(script: Scripted, status: int, error: str) -> None:
    vendor, quickbooks = script
    vendor.token = [answer({"error": error}, status)]
    for _ in range(2):
        with pytest.raises(Unauthorized, match=error):
            await quickbooks.tokens.access()
    assert len(vendor.asked) == 1


async def test_no_of_a_proxy_is_not_taken_for_the_vendors(script: Scripted) -> None:
    vendor, quickbooks = script
    vendor.token = [(403, b"<html>blocked</html>", "text/html"), grant("R1")]
    with pytest.raises(Unavailable):
        await quickbooks.tokens.access()
    assert await quickbooks.tokens.access() == "A"


async def test_cancelled_caller_does_not_lose_a_rotated_token(script: Scripted) -> None:
    vendor, quickbooks = script
    vendor.token = [grant("R1")]
    vendor.pause.clear()
    async with anyio.create_task_group() as callers:
        callers.start_soon(quickbooks.changes, NOW)
        await vendor.arrived.wait()
        callers.cancel_scope.cancel()
        vendor.pause.set()
    assert vendor.vault.tokens == ["R1"]


async def test_second_unauthorized_answer_ends_the_call(script: Scripted) -> None:
    vendor, quickbooks = script
    vendor.token = [grant("R1", "A1"), grant("R1", "A2")]
    fault = {"fault": {"error": [{"code": "003200", "message": "AuthenticationFailed", "detail": "no"}]}}
    vendor.api = [answer(fault, 401), answer(fault, 401)]
    with pytest.raises(Unauthorized):
        await quickbooks.exports.send(order())
    assert [sent["Authorization"] for sent in vendor.headers if "Bearer" in sent["Authorization"]] == [
        "Bearer A1",
        "Bearer A2",
    ]


async def test_answer_that_echoes_our_money_is_a_receipt_with_its_trace(script: Scripted) -> None:
    vendor, quickbooks = script
    vendor.token, vendor.api = [grant("R1")], [answer({"Invoice": BOOKED, "time": "2026-03-02T10:11:12-08:00"})]
    receipt = await quickbooks.exports.send(order())
    assert receipt.document is not None
    assert (receipt.document.id, receipt.document.number, receipt.trace) == ("145", "LD-1", "tid-7")


@pytest.mark.parametrize(
    "other",
    [{"TotalAmt": Decimal("11.37")}, {"Line": [*BOOKED["Line"], {"DetailType": "DiscountLineDetail"}]}],  # type: ignore[misc]
    ids=["tax", "line"],
)
async def test_document_booked_with_other_money_waits_for_a_person(script: Scripted, other: dict[str, Any]) -> None:
    vendor, quickbooks = script
    vendor.token, vendor.api = [grant("R1")], [answer({"Invoice": BOOKED | other})]
    with pytest.raises(Rejected) as raised:
        await quickbooks.exports.send(order())
    assert raised.value.problem.code == "echo_differs"
    assert "Invoice 145" in raised.value.problem.detail


def update(**changes: Any) -> Order:
    body = msgspec.json.decode(order().body) | {"Id": "145", "SyncToken": "0"} | changes
    return replace(order(), body=encode(body))


def unsupported(field: str) -> tuple[int, bytes, str]:
    told = {"code": "2010", "Message": "Request has invalid or unsupported property"}
    detail = f"Property Name:{field} specified is unsupported or invalid"
    return answer({"Fault": {"Error": [told | {"Detail": detail}], "type": "ValidationFault"}}, 400)


async def test_field_of_a_line_that_is_not_taken_back_is_left_out_next_time(script: Scripted) -> None:
    vendor, quickbooks = script
    line = {"DetailType": "SalesItemLineDetail", "Amount": 10, "SalesItemLineDetail": {"Novelty": "new"}}
    vendor.token, vendor.api = [grant("R1")], [unsupported("Novelty")]
    with pytest.raises(Unavailable, match="Novelty") as raised:
        await quickbooks.exports.send(update(Line=[line]))
    assert raised.value.retry_after == 0


@pytest.mark.parametrize("field", ["Amount", "ItemRef", "DueDate", "Elsewhere"])
async def test_refused_field_that_is_ours_or_was_not_sent_waits_for_a_person(script: Scripted, field: str) -> None:
    vendor, quickbooks = script
    line = {"DetailType": "SalesItemLineDetail", "Amount": 10, "SalesItemLineDetail": {"ItemRef": {"value": "1"}}}
    vendor.token, vendor.api = [grant("R1")], [unsupported(field)]
    with pytest.raises(Rejected) as raised:
        await quickbooks.exports.send(update(Line=[line], DueDate="2026-04-01"))
    assert raised.value.problem.code == "accounting_refused"


@pytest.mark.parametrize(
    "odd",
    [
        (200, b"<html>hello</html>", "text/html"),
        (200, b"", "application/json"),
        answer([]),
        answer({"Invoice": None}),
        answer({"Invoice": {"Id": "145"}}),
        answer({"Invoice": {"TotalAmt": 10}}),
        answer({"Invoice": {"Id": "145", "TotalAmt": "much"}}),
        (302, b"", "text/html"),
        (404, b"<html>", "text/html"),
    ],
    ids=str,
)
async def test_odd_answer_to_a_write_is_in_doubt(script: Scripted, odd: Any) -> None:
    vendor, quickbooks = script
    vendor.token, vendor.api = [grant("R1")], [odd]
    with pytest.raises(OutcomeUnknown):
        await quickbooks.exports.send(order())


async def test_page_of_a_gateway_is_no_change_data(script: Scripted) -> None:
    vendor, quickbooks = script
    vendor.token, vendor.api = [grant("R1")], [(200, b"<html>hello</html>", "text/html")]
    with pytest.raises(Unavailable):
        await quickbooks.changes(NOW)


async def test_no_changes_are_no_observations(script: Scripted) -> None:
    vendor, quickbooks = script
    vendor.token, vendor.api = [grant("R1")], [answer({"CDCResponse": [{"QueryResponse": [{}] * 5}]})]
    assert await quickbooks.changes(NOW) == Changes([], NOW)


async def test_deletions_from_before_the_feeds_reach_are_said_to_be_missed_each_time(script: Scripted) -> None:
    vendor, quickbooks = script
    nothing, no_rows = answer({"CDCResponse": [{"QueryResponse": [{}] * 5}]}), answer({"QueryResponse": {}})
    vendor.token, vendor.api = [grant("R1")], [nothing, *[nothing, *[no_rows] * 5] * 2]
    with capture_logs() as logs:
        for days in (29, 30, 30):
            await quickbooks.changes(NOW - timedelta(days=days))
    missed = {
        "event": "quickbooks.deletions_out_of_reach",
        "log_level": "warning",
        "since": "2026-01-31T12:00:00+00:00",
        "reach": "2026-02-01T12:00:00+00:00",
    }
    assert logs == [missed, missed]
    assert vendor.api == []


async def test_fault_inside_change_data_is_a_fault(script: Scripted) -> None:
    vendor, quickbooks = script
    fault = {"Fault": {"Error": [{"code": "10000", "Message": "System failure", "Detail": ""}]}}
    vendor.token, vendor.api = [grant("R1")], [answer({"CDCResponse": [{"QueryResponse": [{}, fault]}]})]
    with pytest.raises(Unavailable):
        await quickbooks.changes(NOW)


async def test_document_of_a_changed_payment_is_read_if_it_did_not_come_along(script: Scripted) -> None:
    vendor, quickbooks = script
    line = {"Amount": 10, "LinkedTxn": [{"TxnId": "145", "TxnType": "Invoice"}]}
    groups = [{}, {}, {"Payment": [{"Id": "1", "TxnDate": "2026-03-01", "Line": [line]}]}, {}]
    found = {"QueryResponse": {"Invoice": [BOOKED]}}
    vendor.token, vendor.api = [grant("R1")], [answer({"CDCResponse": [{"QueryResponse": groups}]}), answer(found)]
    [seen] = (await quickbooks.changes(NOW)).observations
    assert (seen.document.id, [paid.payment_id for paid in seen.settlements]) == ("145", ["1"])


async def test_unreadable_payment_does_not_hide_the_others(script: Scripted) -> None:
    vendor, quickbooks = script
    paid = {"TxnDate": "2026-03-01", "Line": [{"Amount": 10, "LinkedTxn": [{"TxnId": "145", "TxnType": "Invoice"}]}]}
    groups = [{"Invoice": [BOOKED]}, {}, {"Payment": [paid | {"Id": "1"}, paid | {"Id": "2", "TxnDate": "soon"}]}, {}]
    body = {"CDCResponse": [{"QueryResponse": groups}], "time": "2026-03-02T04:00:30-08:00"}
    vendor.token, vendor.api = [grant("R1")], [answer(body)]
    changes = await quickbooks.changes(NOW)
    [seen] = changes.observations
    assert [(paid.payment_id, paid.amount.minor, paid.paid_on) for paid in seen.settlements] == [
        ("1", 1000, date(2026, 3, 1))
    ]
    assert changes.until == datetime(2026, 3, 2, 12, 0, 30, tzinfo=UTC)


COMPANY = {"CompanyName": "Blue Mesa", "NameValue": [{"Name": "SubscriptionStatus", "Value": "PAID"}]}
NULLS = {
    "AccountingInfoPrefs": {"ClassTrackingPerTxn": None, "TrackDepartments": None},
    "SalesFormsPrefs": {"CustomTxnNumbers": None},
    "VendorAndPurchasesPrefs": {"EnableBills": None},
    "CurrencyPrefs": {"HomeCurrency": None},
    "OtherPrefs": {"NameValue": None},
}


def company(**sku: str) -> dict[str, Any]:
    pairs = [{"Name": name, "Value": value} for name, value in sku.items()]
    return {"CompanyInfo": COMPANY | {"NameValue": pairs}}


@pytest.mark.parametrize("preferences", [{}, NULLS, dict.fromkeys(NULLS)], ids=["missing", "null", "null sections"])
async def test_flags_that_quickbooks_does_not_state_are_said_to_be_unknown(script: Scripted, preferences: Any) -> None:
    vendor, quickbooks = script
    nothing = answer({"QueryResponse": {}})
    vendor.token = [grant("R1")]
    vendor.api = [answer(company()), answer({"Preferences": preferences}), nothing]
    found = {finding.subject: (finding.standing, finding.detail) for finding in await quickbooks.check()}
    said = "unknown, taken as {}: QuickBooks does not say"
    assert found["custom transaction numbers"] == (Standing.WARN, said.format("off"))
    assert found["bills"] == (Standing.WARN, said.format("enabled"))
    assert found["duplicate bill numbers"] == (Standing.WARN, said.format("taken"))
    assert found["home currency"] == (Standing.WARN, said.format("USD"))
    assert found["class tracking"] == found["location tracking"] == (Standing.PASS, "unknown, taken as off")


@pytest.mark.parametrize("preferences", [{}, NULLS, dict.fromkeys(NULLS)], ids=["missing", "null", "null sections"])
async def test_unstated_preferences_hold_up_no_export_and_send_no_number(script: Scripted, preferences: Any) -> None:
    vendor, quickbooks = script
    vendor.token, vendor.api = [grant("R1")], [answer({"Preferences": preferences})]
    long = "1" * 22  # would be refused, were it sent
    charges = (Line("linehaul", "Linehaul", Money(1050)),)
    content = Content(Party("c-1", "Acme"), long, NOW.date(), None, charges, Money(1050), long)
    claim = order().claim
    with pytest.raises(Rejected) as raised:
        await quickbooks.exports.prepare(
            replace(claim, transaction=replace(claim.transaction, content=content)), "request-1"
        )
    assert raised.value.problem.code == "mapping_missing"  # the first thing asked after the preferences


@pytest.mark.parametrize("sku", ["QuickBooks Online Simple Start", "Simple-Start", "SimpleStart", "SIMPLE_START"])
async def test_plan_without_bills_is_recognised_however_it_is_written(script: Scripted, sku: str) -> None:
    vendor, quickbooks = script
    nothing = answer({"QueryResponse": {}})
    vendor.token = [grant("R1")]
    vendor.api = [answer(company(OfferingSku=sku)), answer({"Preferences": {}}), nothing]
    [plan] = [finding for finding in await quickbooks.check() if finding.subject == "plan"]
    assert plan.standing is Standing.WARN
    assert "bills and vendor credits are left" in plan.detail


@pytest.mark.parametrize(("value", "literal"), [("O'Brien", r"'O\'Brien'"), ("a\\b", r"'a\\b'"), ("", "''")])
def test_value_in_a_query_is_quoted(value: str, literal: str) -> None:
    assert quoted(value) == literal


def test_settings_do_not_show_secrets() -> None:
    settings = Settings("u", "t", "id", "hush", "1", "hush-hush", "acme")
    assert "hush" not in repr(settings)
