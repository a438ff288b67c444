"""The page where a person lets the app into a company, and the codes it hands out."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from html import escape
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlencode, urlsplit

from aiohttp import web

from adapters.sandbox.quickbooks.clock import Clock
from adapters.sandbox.quickbooks.tokens import ACCOUNTING, OPENID, Connections, InvalidGrant

SCOPES: Final = frozenset(
    {
        ACCOUNTING,
        OPENID,
        "com.intuit.quickbooks.payment",
        "profile",
        "email",
        "phone",
        "address",
        "app-foundations.custom-field-definitions",
        "app-foundations.custom-field-definitions.read",
        "project-management.project",
        "indirect-tax.tax-calculation.quickbooks",
    }
)
"""What an app may ask for; there is no reading scope without writing."""
_ASKED: Final = ("client_id", "response_type", "scope", "redirect_uri", "state")
_HEADERS: Final = {
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}


class UsedCode(InvalidGrant):
    """A code that comes a second time."""

    def __init__(self, realm_id: str) -> None:
        super().__init__()
        self.realm_id = realm_id


@dataclass(slots=True)
class Consent:
    """What a person agreed to, waiting for the app to fetch its tokens."""

    realm_id: str
    scope: str
    redirect_uri: str
    until: datetime
    used: bool = False


class Codes:
    """The authorization codes: each good once, for a short time, with the redirect URI it was asked for."""

    def __init__(self, clock: Clock, seconds: int, seed: int) -> None:
        self._clock = clock
        self._life = timedelta(seconds=seconds)
        self._seed = seed
        self._consents: dict[str, Consent] = {}

    def issue(self, realm_id: str, scope: str, redirect_uri: str) -> str:
        """Return the code for one consent."""
        place = len(self._consents) + 1
        code = f"code-{place}-{hashlib.sha256(f'{self._seed}:code:{place}'.encode()).hexdigest()}"
        self._consents[code] = Consent(realm_id, scope, redirect_uri, self._clock() + self._life)
        return code

    def redeem(self, code: str, redirect_uri: str) -> Consent:
        """Return what a code stands for and use it up. Raises InvalidGrant, UsedCode for one used before."""
        consent = self._consents.get(code)
        if consent is None:
            raise InvalidGrant
        if consent.used:
            raise UsedCode(consent.realm_id)
        if consent.redirect_uri != redirect_uri or self._clock() >= consent.until:
            raise InvalidGrant
        consent.used = True
        return consent


class ConsentPage:
    """The authorization endpoint: a page with a button to connect and one to cancel, and the way back to the app.

    `companies` are the names of the companies the person administers, by realm. Without `registered` redirect URIs any
    that keeps the vendor's rules is taken for registered.
    """

    PATH: Final = "/connect/oauth2"

    def __init__(
        self,
        client_id: str,
        registered: frozenset[str],
        *,
        companies: Callable[[], Mapping[str, str]],
        codes: Codes,
    ) -> None:
        self._client_id = client_id
        self._registered = registered
        self._companies = companies
        self._codes = codes

    def add_routes(self, app: web.Application) -> None:
        """Serve the page and take what the person decides."""
        app.router.add_get(self.PATH, self._ask)
        app.router.add_post(self.PATH, self._decide)

    async def _ask(self, request: web.Request) -> web.Response:
        asked = {name: request.query.get(name, "") for name in _ASKED}
        problem = self._problem(asked)
        return _page(_refusal(problem), status=400) if problem else _page(_question(asked, self._companies()))

    async def _decide(self, request: web.Request) -> web.Response:
        form = await request.post()
        asked = {name: str(form.get(name, "")) for name in _ASKED}
        realm_id = str(form.get("realmId", ""))
        problem = self._problem(asked)
        if not problem and realm_id not in self._companies():
            problem = "There is no such company."
        if problem:
            return _page(_refusal(problem), status=400)
        if form.get("decision") != "connect":
            return _back(asked, error="access_denied")
        if ACCOUNTING not in asked["scope"].split():
            code = self._codes.issue(Connections.SIGN_IN, asked["scope"], asked["redirect_uri"])
            return _back(asked, code=code)
        return _back(asked, code=self._codes.issue(realm_id, asked["scope"], asked["redirect_uri"]), realmId=realm_id)

    def _problem(self, asked: Mapping[str, str]) -> str:
        """Return why this request gets an error page instead of a question; empty when it is fine."""
        missing = next((name for name in _ASKED if not asked[name]), None)
        if missing:
            return f"The {missing} query parameter is missing."
        if asked["client_id"] != self._client_id:
            return "The client_id query parameter value is not valid."
        uri = asked["redirect_uri"]
        if uri not in self._registered if self._registered else not keeps_redirect_rules(uri):
            return "The redirect_uri query parameter value is not valid. It has to match the one in the app's keys."
        if asked["response_type"] != "code":
            return "The response_type query parameter value is not valid. It has to be code."
        if not SCOPES.issuperset(asked["scope"].split()):
            return "The scope query parameter value is not valid."
        return ""


def keeps_redirect_rules(uri: str) -> bool:
    """Say whether an app may register a redirect URI: https (or localhost), a host name, no query and no fragment."""
    try:
        parts = urlsplit(uri)
        host = parts.hostname or ""
    except ValueError:
        return False
    if parts.query or parts.fragment or not host or "?" in uri:
        return False
    return (parts.scheme == "https" and not _is_address(host)) or (parts.scheme == "http" and host == "localhost")


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _back(asked: Mapping[str, str], **answer: str) -> web.Response:
    query = urlencode(answer | {"state": asked["state"]})
    return web.Response(status=302, headers=_HEADERS | {"Location": f"{asked['redirect_uri']}?{query}"})


def _page(body: str, status: int = 200) -> web.Response:
    text = f"<!doctype html><html lang=en><title>Connect to QuickBooks (sandbox)</title><main>{body}</main></html>"
    return web.Response(text=text, status=status, content_type="text/html", headers=_HEADERS)


def _refusal(problem: str) -> str:
    return f"<h1>Sorry, but the app didn't connect</h1><p>{escape(problem)}</p>"


def _question(asked: Mapping[str, str], companies: Mapping[str, str]) -> str:
    hidden = "".join(f'<input type=hidden name={name} value="{escape(asked[name])}">' for name in _ASKED)
    options = "".join(
        f'<option value="{escape(realm_id)}">{escape(name)}</option>' for realm_id, name in companies.items()
    )
    scopes = "".join(f"<li>{escape(scope)}</li>" for scope in asked["scope"].split())
    return (
        "<h1>Let the app connect to a company?</h1>"
        f"<form method=post action={ConsentPage.PATH}>{hidden}"
        f"<label>Company <select name=realmId>{options}</select></label><p>It asks for</p><ul>{scopes}</ul>"
        "<button name=decision value=connect>Connect</button> <button name=decision value=cancel>No, thanks</button>"
        "</form>"
    )
