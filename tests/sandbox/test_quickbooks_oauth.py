import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import jwt
import pytest

from adapters.sandbox import serve
from adapters.sandbox.quickbooks import Limits, QuickBooksSandbox, Switches
from adapters.sandbox.quickbooks.openid import ISSUER

FIRST, SECOND = "9130350000000001", "9130350000000002"
ACCOUNTING = "com.intuit.quickbooks.accounting"
CALLBACK = "https://app.example.com/callback"
BASIC = {"Authorization": aiohttp.encode_basic_auth("sandbox-client", "sandbox-secret")}
TOKENS, REVOKE = "/oauth2/v1/tokens/bearer", "/v2/oauth2/tokens/revoke"
USERINFO = "/v1/openid_connect/userinfo"


class Browser:
    """A person's browser, and the app behind the callback."""

    def __init__(self, sandbox: QuickBooksSandbox, session: aiohttp.ClientSession, base: str) -> None:
        self.sandbox, self.session, self.base = sandbox, session, base

    async def open(self, **changed: str | None) -> tuple[int, str, Any]:
        asked = {
            "client_id": "sandbox-client",
            "response_type": "code",
            "scope": ACCOUNTING,
            "redirect_uri": CALLBACK,
            "state": "s&1",
        } | changed
        query = {name: value for name, value in asked.items() if value is not None}
        async with self.session.get("/connect/oauth2", params=query) as answer:
            return answer.status, await answer.text(), answer.headers

    async def decide(self, decision: str, realm: str = FIRST, **changed: str | None) -> dict[str, str]:
        """Submit the page's own form and return what the callback gets."""
        status, page, _ = await self.open(**changed)
        assert status == 200
        form = {name: unescape(value) for name, value in re.findall(r'name=(\w+) value="([^"]*)"', page)}
        form |= {"realmId": realm, "decision": decision}
        async with self.session.post("/connect/oauth2", data=form, allow_redirects=False) as answer:
            assert answer.status == 302
            location = urlsplit(answer.headers["Location"])
        assert f"{location.scheme}://{location.netloc}{location.path}" == form["redirect_uri"]
        return {name: values[0] for name, values in parse_qs(location.query).items()}

    async def exchange(self, code: str, redirect_uri: str = CALLBACK, **headers: str) -> tuple[int, Any]:
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
        async with self.session.post(TOKENS, data=form, headers=BASIC | headers) as answer:
            return answer.status, await answer.json()

    async def refresh(self, refresh_token: str) -> tuple[int, Any]:
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        async with self.session.post(TOKENS, data=form, headers=BASIC) as answer:
            return answer.status, await answer.json()

    async def consent(self, realm: str = FIRST, **changed: str | None) -> dict[str, Any]:
        callback = await self.decide("connect", realm, **changed)
        status, tokens = await self.exchange(callback["code"])
        assert status == 200
        return dict(tokens)

    async def read(self, access_token: str, target: str = "preferences", realm: str = FIRST) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {access_token}", "Accept": "application/json"}
        async with self.session.get(f"/v3/company/{realm}/{target}", headers=headers) as answer:
            return answer.status, await answer.json()

    async def userinfo(self, access_token: str) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {access_token}"}
        async with self.session.get(USERINFO, headers=headers) as answer:
            return answer.status, await answer.json()

    async def revoke(self, **how: Any) -> int:
        async with self.session.post(REVOKE, headers=BASIC, **how) as answer:
            return answer.status


@pytest.fixture
async def browse(clock: Any) -> AsyncIterator[Callable[..., Any]]:
    async with AsyncExitStack() as stack:

        async def build(*, limits: Limits | None = None, **options: Any) -> Browser:
            switches = Switches(**{name: options.pop(name) for name in list(options) if hasattr(Switches, name)})
            sandbox = QuickBooksSandbox(limits=limits or Limits(), switches=switches, clock=clock, **options)
            base = await stack.enter_async_context(serve(sandbox.app()))
            session = await stack.enter_async_context(aiohttp.ClientSession(base))
            return Browser(sandbox, session, base)

        yield build


def error_of(body: Any) -> tuple[str, str]:
    error = body["fault"]["error"][0]
    return error["code"], error["detail"]


async def test_consent_brings_the_app_a_code_its_state_and_the_realm(browse: Any) -> None:
    browser = await browse()
    callback = await browser.decide("connect")
    assert callback == {"code": callback["code"], "state": "s&1", "realmId": FIRST}
    assert len(callback["code"]) <= 512
    status, tokens = await browser.exchange(callback["code"])
    assert status == 200
    assert {"token_type", "access_token", "expires_in", "refresh_token", "x_refresh_token_expires_in"} == set(tokens)
    assert (await browser.read(tokens["access_token"]))[0] == 200
    assert (await browser.refresh(tokens["refresh_token"]))[1]["refresh_token"] == tokens["refresh_token"]


async def test_refused_consent_tells_the_app_so(browse: Any) -> None:
    assert await (await browse()).decide("cancel") == {"error": "access_denied", "state": "s&1"}


async def test_page_can_not_be_framed_and_shows_what_is_asked_for(browse: Any) -> None:
    browser = await browse()
    _, page, headers = await browser.open(scope=f"{ACCOUNTING} openid", state='"><script>')
    assert headers["X-Frame-Options"] == "DENY"
    assert ACCOUNTING in page
    assert "<script>" not in page
    assert "Blue Mesa Logistics LLC" in page


@pytest.mark.parametrize(
    "changed",
    [
        *({name: None} for name in ("client_id", "response_type", "scope", "redirect_uri", "state")),
        {"client_id": "stranger"},
        {"response_type": "token"},
        {"scope": "everything"},
        {"redirect_uri": "http://app.example.com/callback"},
        {"redirect_uri": "https://127.0.0.1/callback"},
        {"redirect_uri": "https://app.example.com/callback?tenant=1"},
        {"redirect_uri": "https://[broken/callback"},
    ],
)
async def test_unfit_request_gets_an_error_page_and_no_redirect(browse: Any, changed: dict[str, str | None]) -> None:
    browser = await browse()
    status, page, headers = await browser.open(**changed)
    assert status == 400
    assert "Location" not in headers
    assert "<form" not in page


async def test_callback_on_localhost_needs_no_encryption(browse: Any) -> None:
    browser = await browse()
    callback = await browser.decide("connect", redirect_uri="http://localhost:8000/callback")
    assert (await browser.exchange(callback["code"], "http://localhost:8000/callback"))[0] == 200


async def test_registered_callback_has_to_match_exactly(browse: Any) -> None:
    browser = await browse(redirect_uris=(CALLBACK,))
    assert (await browser.open(redirect_uri=CALLBACK + "/"))[0] == 400
    assert (await browser.open())[0] == 200


async def test_forged_decision_is_refused_like_a_forged_question(browse: Any) -> None:
    browser = await browse()
    _, page, _ = await browser.open()
    form = dict(re.findall(r'name=(\w+) value="([^"]*)"', page)) | {"decision": "connect"}
    for forged in ({"realmId": "404"}, {"realmId": FIRST, "redirect_uri": "http://evil.example.com"}):
        async with browser.session.post("/connect/oauth2", data=form | forged, allow_redirects=False) as answer:
            assert answer.status == 400


@pytest.mark.parametrize(("position", "alive"), [("refused", 200), ("revokes", 401)])
async def test_code_is_good_once(browse: Any, position: str, alive: int) -> None:
    browser = await browse(reused_code=position)
    callback = await browser.decide("connect")
    _, tokens = await browser.exchange(callback["code"])
    refused = {"error": "invalid_grant", "error_description": "Invalid authorization code"}
    assert await browser.exchange(callback["code"]) == (400, refused)
    assert (await browser.read(tokens["access_token"]))[0] == alive


async def test_code_is_good_for_its_callback_and_its_ten_minutes(browse: Any, clock: Any) -> None:
    browser = await browse()
    code = (await browser.decide("connect"))["code"]
    assert (await browser.exchange(code, "https://app.example.com/other"))[1]["error"] == "invalid_grant"
    assert (await browser.exchange("made-up"))[1]["error"] == "invalid_grant"
    clock.move(minutes=10)
    assert (await browser.exchange(code))[1]["error"] == "invalid_grant"
    code = (await browser.decide("connect"))["code"]
    clock.move(minutes=9)
    assert (await browser.exchange(code))[0] == 200


async def test_new_consent_ends_the_connection_before_it(browse: Any) -> None:
    browser = await browse()
    first = await browser.consent()
    second = await browser.consent()
    assert (await browser.read(first["access_token"]))[0] == 401
    assert (await browser.refresh(first["refresh_token"]))[0] == 400
    assert (await browser.read(second["access_token"]))[0] == 200


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({}, "invalid_request"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": "refresh_token"}, "invalid_request"),
        ({"grant_type": "authorization_code", "code": "c"}, "invalid_request"),
    ],
)
async def test_malformed_grant_is_refused(browse: Any, form: dict[str, str], error: str) -> None:
    browser = await browse()
    async with browser.session.post(TOKENS, data=form, headers=BASIC) as answer:
        assert (answer.status, (await answer.json())["error"]) == (400, error)


async def test_app_may_name_itself_in_the_form(browse: Any) -> None:
    browser = await browse()
    form = {"grant_type": "refresh_token", "refresh_token": "sandbox-refresh", "client_id": "sandbox-client"}
    for secret, status in (("sandbox-secret", 200), ("guess", 401)):
        async with browser.session.post(TOKENS, data=form | {"client_secret": secret}) as answer:
            assert answer.status == status


@pytest.mark.parametrize("header", ["Basic ***", "Basic /w==", "Bearer c2FuZGJveA=="])
async def test_credentials_that_can_not_be_read_are_nobodys(browse: Any, header: str) -> None:
    browser = await browse()
    async with browser.session.post(TOKENS, data={}, headers={"Authorization": header}) as answer:
        assert (answer.status, await answer.json()) == (401, {"error": "invalid_client"})


async def test_hard_limit_comes_with_the_exchange_when_asked_for(browse: Any) -> None:
    browser = await browse()
    code = (await browser.decide("connect"))["code"]
    _, tokens = await browser.exchange(code, **{"x-include-refresh-token-hard-expires-in": "true"})
    assert tokens["x_refresh_token_hard_expires_in"] == Limits().hard_expiry_seconds


@pytest.mark.parametrize("name", ["access_token", "refresh_token"])
@pytest.mark.parametrize("shape", ["json", "data"])
async def test_either_token_revokes_the_connection(browse: Any, name: str, shape: str) -> None:
    browser = await browse()
    tokens = await browser.consent()
    assert await browser.revoke(**{shape: {"token": tokens[name]}}) == 200
    status, body = await browser.read(tokens["access_token"])
    assert (status, error_of(body)) == (401, ("3200", "Token revoked"))
    assert (await browser.refresh(tokens["refresh_token"]))[1]["error"] == "invalid_grant"


async def test_revoking_nothing_known_is_refused(browse: Any) -> None:
    browser = await browse()
    assert await browser.revoke(json={"token": "stranger"}) == 400
    assert await browser.revoke(data=b"{") == 400
    async with browser.session.post(REVOKE, json={"token": "sandbox-refresh"}) as answer:
        assert answer.status == 401


async def test_each_company_has_its_own_connection_and_books(browse: Any) -> None:
    browser = await browse()
    other = browser.sandbox.add_company(SECOND)
    other.create("Customer", {"DisplayName": "Only here"})
    first, second = await browser.consent(FIRST), await browser.consent(SECOND)
    _, found = await browser.read(second["access_token"], "query?query=select * from Customer", SECOND)
    assert [customer["DisplayName"] for customer in found["QueryResponse"]["Customer"]] == ["Only here"]
    _, found = await browser.read(first["access_token"], "query?query=select * from Customer", FIRST)
    assert found["QueryResponse"] == {}
    for token, realm in ((first, SECOND), (second, FIRST), (first, "404")):
        status, body = await browser.read(token["access_token"], realm=realm)
        assert (status, error_of(body)[0]) == (403, "3100")
    await browser.revoke(json={"token": second["refresh_token"]})
    assert (await browser.read(second["access_token"], realm=SECOND))[0] == 401
    assert (await browser.read(first["access_token"]))[0] == 200


async def test_company_without_consent_has_no_tokens(browse: Any) -> None:
    browser = await browse()
    browser.sandbox.add_company(SECOND)
    assert (await browser.read("", realm=SECOND))[0] == 401
    assert (await browser.refresh("x"))[1]["error"] == "invalid_grant"
    browser.sandbox.add_company("7", refresh_token="theirs")
    assert (await browser.refresh("theirs"))[0] == 200


@pytest.mark.parametrize("taken", [FIRST, "seven"])
async def test_realm_id_is_a_number_of_its_own(browse: Any, taken: str) -> None:
    browser = await browse()
    with pytest.raises(ValueError, match=taken):
        browser.sandbox.add_company(taken)


async def test_companies_are_throttled_apart(browse: Any) -> None:
    browser = await browse(limits=Limits(requests_per_minute=1))
    browser.sandbox.add_company(SECOND)
    first, second = await browser.consent(FIRST), await browser.consent(SECOND)
    assert [(await browser.read(first["access_token"]))[0] for _ in range(2)] == [200, 429]
    assert (await browser.read(second["access_token"], realm=SECOND))[0] == 200


async def test_second_company_goes_on_after_a_restart(clock: Any, tmp_path: Path) -> None:
    for expected in (0, 1):
        sandbox = QuickBooksSandbox(clock=clock, directory=tmp_path)
        company = sandbox.add_company(SECOND, refresh_token="theirs")
        assert company.books.count("Customer") == expected
        assert sandbox.company.books.count("Customer") == 0
        if not expected:
            company.create("Customer", {"DisplayName": "Only here"})


@pytest.mark.parametrize("path", ["openid_configuration", "openid_sandbox_configuration/"])
async def test_discovery_names_the_twins_own_address(browse: Any, path: str) -> None:
    browser = await browse()
    async with browser.session.get(f"/.well-known/{path}") as answer:
        document = await answer.json()
    assert document.pop("issuer") == ISSUER
    addresses = {name: value for name, value in document.items() if isinstance(value, str)}
    assert set(addresses) == {
        "authorization_endpoint",
        "token_endpoint",
        "userinfo_endpoint",
        "revocation_endpoint",
        "jwks_uri",
    }
    assert all(address.startswith(f"{browser.base}/") for address in addresses.values())


async def test_person_who_only_signs_in_gets_no_company(browse: Any) -> None:
    browser = await browse()
    kept = await browser.consent()
    callback = await browser.decide("connect", scope="openid profile email")
    assert "realmId" not in callback
    _, tokens = await browser.exchange(callback["code"])
    status, person = await browser.userinfo(tokens["access_token"])
    assert status == 200
    assert set(person) == {"sub", "givenName", "familyName", "email", "emailVerified"}
    status, body = await browser.read(tokens["access_token"])
    assert (status, error_of(body)) == (403, ("3100", "The access token does not have sufficient scope"))
    assert (await browser.read(kept["access_token"]))[0] == 200


async def test_particulars_need_the_scope_and_a_good_token(browse: Any) -> None:
    browser = await browse()
    tokens = await browser.consent()
    assert await browser.userinfo(tokens["access_token"]) == (403, {"error": "insufficient_scope"})
    assert await browser.userinfo("stranger") == (401, {"error": "invalid_token"})


async def test_id_token_is_signed_with_a_published_key(browse: Any, clock: Any) -> None:
    browser = await browse()
    tokens = await browser.consent(scope=f"openid {ACCOUNTING}")
    async with browser.session.get("/op/v1/jwks") as answer:
        keys = jwt.PyJWKSet.from_dict(await answer.json())
    key = keys[jwt.get_unverified_header(tokens["id_token"])["kid"]]
    claims = jwt.decode(
        tokens["id_token"],
        key,
        algorithms=["RS256"],
        audience="sandbox-client",
        issuer=ISSUER,
        options={"verify_exp": False, "verify_iat": False},
    )
    assert (claims["realmid"], claims["iat"]) == (FIRST, int(clock().timestamp()))
    assert claims["sub"] == (await browser.userinfo(tokens["access_token"]))[1]["sub"]
    head, payload, signature = tokens["id_token"].split(".")
    with pytest.raises(jwt.InvalidSignatureError):
        jwt.decode(f"{head}.{payload}.A{signature[1:]}", key, algorithms=["RS256"], audience="sandbox-client")


@pytest.mark.parametrize(("position", "status"), [("429", 429), ("403", 403)])
async def test_calls_beyond_the_months_allowance_follow_the_switch(browse: Any, position: str, status: int) -> None:
    browser = await browse(limits=Limits(metered_per_month=1), metered_block=position)
    tokens = await browser.consent()
    assert [(await browser.read(tokens["access_token"]))[0] for _ in range(2)] == [200, status]
    headers = {"Authorization": f"Bearer {tokens['access_token']}", "Accept": "application/json"}
    items = [
        {"bId": "in", "operation": "create", "Term": {"Name": "Net 9", "DueDays": 9}},
        {"bId": "out", "Query": "select * from Term"},
    ]
    url = f"/v3/company/{FIRST}/batch"
    async with browser.session.post(url, json={"BatchItemRequest": items}, headers=headers) as answer:
        answered = {item["bId"]: item for item in (await answer.json())["BatchItemResponse"]}
    assert "Term" in answered["in"]
    assert answered["out"]["Fault"]["Error"][0]["code"] == "3001"


async def test_allowance_is_shared_by_all_companies(browse: Any) -> None:
    browser = await browse(limits=Limits(metered_per_month=1))
    browser.sandbox.add_company(SECOND)
    first, second = await browser.consent(FIRST), await browser.consent(SECOND)
    assert (await browser.read(first["access_token"]))[0] == 200
    assert (await browser.read(second["access_token"], realm=SECOND))[0] == 429


@pytest.mark.parametrize(("position", "calls"), [("call", 1), ("kind", 3)])
async def test_change_data_is_metered_as_switched(browse: Any, position: str, calls: int) -> None:
    browser = await browse(changes_metered=position)
    tokens = await browser.consent()
    target = "cdc?entities=Invoice,Bill,Payment&changedSince=2026-03-01T00:00:00Z"
    assert (await browser.read(tokens["access_token"], target))[0] == 200
    assert browser.sandbox.meter.totals()["CorePlus"] == calls


async def test_two_exchanges_at_once_give_one_set_of_tokens(browse: Any) -> None:
    browser = await browse()
    code = (await browser.decide("connect"))["code"]
    answers = await asyncio.gather(browser.exchange(code), browser.exchange(code))
    assert sorted(status for status, _ in answers) == [200, 400]


async def test_companies_are_opened_and_acted_in_from_outside(browse: Any) -> None:
    browser = await browse()
    opening = {"realm_id": SECOND, "refresh_token": "theirs"}
    async with browser.session.post("/_sandbox/companies", json=opening) as answer:
        assert (answer.status, await answer.json()) == (200, {"realm_id": SECOND})
    for unfit in (opening, {"realm_id": 7}, {}):
        async with browser.session.post("/_sandbox/companies", json=unfit) as answer:
            assert answer.status == 400
    _, tokens = await browser.refresh("theirs")
    customer = {"kind": "Customer", "body": {"DisplayName": "Only here"}}
    async with browser.session.post(f"/_sandbox/hands/create?realm={SECOND}", json=customer) as answer:
        assert answer.status == 200
    for realm, names in ((SECOND, ["Only here"]), (FIRST, [])):
        async with browser.session.get("/_sandbox/books", params={"realm": realm}) as answer:
            assert [held["DisplayName"] for held in (await answer.json())["Customer"]] == names
    async with browser.session.post(f"/_sandbox/hands/disconnect?realm={SECOND}") as answer:
        assert answer.status == 200
    assert (await browser.read(tokens["access_token"], realm=SECOND))[0] == 401
    assert (await browser.refresh("sandbox-refresh"))[0] == 200
    async with browser.session.get("/_sandbox/books?realm=404") as answer:
        assert answer.status == 404
