import asyncio
from typing import Any

import jwt
import pytest
from intuitlib.enums import Scopes
from intuitlib.exceptions import AuthClientError
from quickbooks.exceptions import AuthorizationException, QuickbooksException
from quickbooks.objects import CompanyInfo

from adapters.sandbox.quickbooks import Switches


def read_company(twin: Any, auth: Any, realm_id: str = "") -> Any:
    realm_id = realm_id or twin.sandbox.realm_id
    return CompanyInfo.get(realm_id, qb=twin.quickbooks(auth, realm_id))


@pytest.fixture
def own(stage: Any) -> Any:
    """A twin for one test alone."""
    return stage()


def test_app_is_let_in_and_reads_the_company(own: Any) -> None:
    auth = own.auth()
    callback = own.consent(auth)
    assert callback["state"] == auth.state_token
    auth.get_bearer_token(callback["code"], realm_id=callback["realmId"])
    assert (auth.expires_in, auth.x_refresh_token_expires_in) == (3600, 8_726_400)
    assert read_company(own, auth, callback["realmId"]).CompanyName == "Blue Mesa Logistics LLC"


def test_app_that_is_turned_away_gets_no_code(own: Any) -> None:
    assert own.consent(own.auth(), decision="cancel")["error"] == "access_denied"


def test_code_is_refused_the_second_time(own: Any) -> None:
    auth = own.auth()
    code = own.consent(auth)["code"]
    auth.get_bearer_token(code)
    with pytest.raises(AuthClientError) as refused:
        auth.get_bearer_token(code)
    assert refused.value.status_code == 400
    assert b"invalid_grant" in refused.value.content
    assert refused.value.intuit_tid


def test_refreshed_client_goes_on(own: Any) -> None:
    auth = own.auth(refresh_token=own.sandbox.refresh_token)
    auth.refresh()
    first = auth.access_token
    auth.refresh()
    assert auth.access_token != first
    assert read_company(own, auth).CompanyName


def test_expired_access_is_told_as_such(own: Any) -> None:
    auth = own.auth(refresh_token=own.sandbox.refresh_token)
    client = own.quickbooks(auth)
    own.sandbox.expire_access_tokens()
    with pytest.raises(AuthorizationException) as refused:
        CompanyInfo.get(own.sandbox.realm_id, qb=client)
    assert refused.value.error_code == 401
    auth.refresh()
    assert read_company(own, auth).CompanyName


@pytest.mark.parametrize("which", ["refresh_token", "access_token"])
def test_revoked_client_is_shut_out(own: Any, which: str) -> None:
    auth = own.auth(refresh_token=own.sandbox.refresh_token)
    auth.refresh()
    assert auth.revoke(getattr(auth, which)) is True
    with pytest.raises(AuthorizationException, match="authentication failed"):
        read_company(own, auth)
    with pytest.raises(AuthClientError):
        auth.refresh()


def test_company_of_another_realm_stays_closed(own: Any) -> None:
    own.sandbox.add_company("9130350000000002")
    auth = own.auth(refresh_token=own.sandbox.refresh_token)
    with pytest.raises(QuickbooksException, match="3100"):
        read_company(own, auth, "9130350000000002")


def test_person_is_known_after_signing_in(own: Any) -> None:
    auth = own.auth()
    auth.get_bearer_token(own.consent(auth, [Scopes.OPENID, Scopes.EMAIL, Scopes.PROFILE])["code"])
    assert auth.get_user_info().json()["email"] == "avery.clark@example.com"
    # The client keeps an id token only if signature, issuer, audience and time are right.
    assert jwt.decode(auth.id_token, options={"verify_signature": False})["aud"] == ["sandbox-client"]


def test_lost_race_for_a_refresh_is_refused_where_the_vendor_is_strict(stage: Any) -> None:
    twin = stage(switches=Switches(refresh_overlap="strict"))
    clients = [twin.auth(refresh_token=twin.sandbox.refresh_token) for _ in range(2)]

    async def race() -> list[Any]:
        refreshes = (asyncio.to_thread(each.refresh) for each in clients)
        return await asyncio.gather(*refreshes, return_exceptions=True)

    lost = [outcome for outcome in asyncio.run(race()) if outcome is not None]
    assert [type(outcome) for outcome in lost] == [AuthClientError]
