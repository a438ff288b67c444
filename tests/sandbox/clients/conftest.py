"""The vendor's clients in use, pointed at the twin: nothing of theirs is changed but the host."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from anyio.from_thread import start_blocking_portal
from intuitlib.client import AuthClient
from intuitlib.config import DISCOVERY_URL
from intuitlib.enums import Scopes
from quickbooks import QuickBooks

from adapters.sandbox import serve
from adapters.sandbox.quickbooks import Limits, QuickBooksSandbox, seed_company

CALLBACK = "http://localhost:8000/callback"
UNLIMITED = Limits(requests_per_minute=None, requests_per_second=None, batches_per_minute=None, reports_per_minute=None)


@dataclass(frozen=True)
class Twin:
    """The twin at its address, and the clients of one app."""

    sandbox: QuickBooksSandbox
    base: str
    sessions: list[Any]

    def auth(self, **known: str) -> Any:
        """An AuthClient as an app makes it at its start."""
        client = AuthClient("sandbox-client", "sandbox-secret", CALLBACK, "sandbox", **known)
        self.sessions.append(client)
        return client

    def quickbooks(self, auth: Any, realm_id: str = "", **options: Any) -> Any:
        """A QuickBooks client of a company."""
        company = realm_id or self.sandbox.realm_id
        options |= {"auth_client": auth, "refresh_token": auth.refresh_token, "company_id": company}
        client = QuickBooks(minorversion=75, **options)
        client.sandbox_api_url_v3 = f"{self.base}/v3"
        self.sessions.append(client.session)
        return client

    def consent(self, auth: Any, scopes: list[Any] | None = None, decision: str = "connect") -> dict[str, str]:
        """What the callback gets once a person has opened the client's page and pressed a button."""
        page = auth.get(auth.get_authorization_url(scopes or [Scopes.ACCOUNTING]))
        assert page.status_code == 200
        form = {name: unescape(value) for name, value in re.findall(r'name=(\w+) value="([^"]*)"', page.text)}
        form |= {"realmId": self.sandbox.realm_id, "decision": decision}
        answer = auth.post(f"{self.base}/connect/oauth2", data=form, allow_redirects=False)
        assert answer.status_code == 302
        return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["Location"]).query).items()}


@pytest.fixture(scope="module")
def stage() -> Iterator[Callable[..., Twin]]:
    """Serves twins from a thread of their own, since the clients block."""
    with pytest.MonkeyPatch.context() as patch, start_blocking_portal() as portal:
        open_servers: list[Any] = []
        sessions: list[Any] = []
        # Their OAuth library refuses plain HTTP unless told that it is a test.
        patch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")

        def build(**options: Any) -> Twin:
            sandbox = QuickBooksSandbox(limits=options.pop("limits", UNLIMITED), **options)
            seed_company(sandbox.company)
            server = portal.wrap_async_context_manager(serve(sandbox.app()))
            base = server.__enter__()
            open_servers.append(server)
            patch.setitem(DISCOVERY_URL, "sandbox", f"{base}/.well-known/openid_sandbox_configuration/")
            return Twin(sandbox, base, sessions)

        yield build
        for session in sessions:
            session.close()
        for server in open_servers:
            server.__exit__(None, None, None)


@pytest.fixture(scope="module")
def twin(stage: Callable[..., Twin]) -> Twin:
    """A twin that the tests of a module share."""
    return stage()


@pytest.fixture(scope="module")
def qb(twin: Twin) -> Any:
    """A client that has signed in with the refresh token it kept."""
    return twin.quickbooks(twin.auth(refresh_token=twin.sandbox.refresh_token))
