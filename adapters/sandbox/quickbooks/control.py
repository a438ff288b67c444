"""The sandbox's own endpoints, under `/_sandbox/`: look inside, act as a person, make things go wrong."""

from dataclasses import asdict, fields, replace
from typing import TYPE_CHECKING, Final

import msgspec
from aiohttp import web

from adapters.sandbox.quickbooks import hands
from adapters.sandbox.quickbooks.faults import Fault
from adapters.sandbox.quickbooks.journal import decode, encode
from adapters.sandbox.quickbooks.kinds import KINDS
from adapters.sandbox.quickbooks.realm import Realm
from adapters.sandbox.quickbooks.seed import seed_company
from adapters.sandbox.quickbooks.switches import Switches

if TYPE_CHECKING:
    from adapters.sandbox.quickbooks.rules import Object
    from adapters.sandbox.quickbooks.server import QuickBooksSandbox


_CONNECTION_ACTIONS: Final = {
    action.__name__: action
    for action in (Realm.connect, Realm.disconnect, Realm.expire_access_tokens, Realm.reset_company)
}


class _Opening(msgspec.Struct, forbid_unknown_fields=True):
    realm_id: str
    refresh_token: str = ""


class Control:
    """Control endpoints of one sandbox; they ask for no credentials, so the server must stay on loopback.

    They mean the first company unless the parameter `realm` names another.
    """

    def __init__(self, sandbox: "QuickBooksSandbox") -> None:
        self._sandbox = sandbox

    def add_routes(self, app: web.Application) -> None:
        """Serve the control endpoints."""
        app.router.add_post("/_sandbox/hands/{action}", self._act)
        app.router.add_get("/_sandbox/books", self._show_books)
        app.router.add_get("/_sandbox/documents", self._show_documents)
        app.router.add_post("/_sandbox/faults", self._arm)
        app.router.add_delete("/_sandbox/faults", self._disarm)
        app.router.add_get("/_sandbox/requests", self._show_requests)
        app.router.add_post("/_sandbox/switches", self._switch)
        app.router.add_post("/_sandbox/companies", self._open_company)

    def _realm(self, request: web.Request) -> Realm:
        try:
            return self._sandbox.realm(request.query.get("realm", ""))
        except KeyError:
            raise web.HTTPNotFound(text="there is no such company") from None

    async def _open_company(self, request: web.Request) -> web.Response:
        """Open another company with a broker's chart of accounts; with a refresh token the app is connected to it."""
        try:
            wanted = msgspec.convert(await _sent(request), _Opening)
            company = self._sandbox.add_company(wanted.realm_id, refresh_token=wanted.refresh_token)
        except ValueError as error:
            return _answer({"error": str(error)}, status=400)
        seed_company(company)
        return _answer({"realm_id": company.realm_id})

    async def _act(self, request: web.Request) -> web.Response:
        name, realm = request.match_info["action"], self._realm(request)
        arguments = await _sent(request) or {}
        if not isinstance(arguments, dict):
            return _answer({"error": "arguments are one JSON object"}, status=400)
        try:
            result: object
            if name in _CONNECTION_ACTIONS:
                result = _CONNECTION_ACTIONS[name](realm)
            elif name in hands.ACTIONS:
                result = hands.ACTIONS[name](realm.company, **arguments)
            else:
                return _answer({"error": f"no such action: {name}"}, status=404)
        except Fault as fault:
            return _answer({"Fault": fault.as_json()}, status=400)
        except (TypeError, ValueError, KeyError) as error:
            return _answer({"error": f"{type(error).__name__}: {error}"}, status=400)
        return _answer({} if result is None else result)

    async def _show_books(self, request: web.Request) -> web.Response:
        company = self._realm(request).company
        shown: Object = {kind: company.all(kind) for kind, row in KINDS.items() if row.role != "single"}
        shown["preferences"] = company.get("Preferences", "1")
        shown["company_info"] = company.get("CompanyInfo", "1")
        shown["trial_balance"] = company.books.ledger.trial_balance()
        return _answer(shown)

    async def _show_documents(self, request: web.Request) -> web.Response:
        """Every invoice and bill in plain words, for a reader who knows no vendor's fields."""
        company = self._realm(request).company
        return _answer(
            [
                {
                    "kind": kind.lower(),
                    "id": document["Id"],
                    "number": document.get("DocNumber"),
                    "total": document["TotalAmt"],
                    "balance": document["Balance"],
                    "note": document.get("PrivateNote", ""),
                }
                for kind in ("Invoice", "Bill")
                for document in company.all(kind)
            ]
        )

    async def _arm(self, request: web.Request) -> web.Response:
        sent = await _sent(request)
        try:
            self._sandbox.disruptions.arm(sent if isinstance(sent, list) else [sent])
        except msgspec.ValidationError as error:
            return _answer({"error": str(error)}, status=400)
        return _answer({})

    async def _disarm(self, _request: web.Request) -> web.Response:
        self._sandbox.disruptions.clear()
        return _answer({})

    async def _show_requests(self, _request: web.Request) -> web.Response:
        log = self._sandbox.log
        return _answer(
            {
                "by_call": log.by_call,
                "by_status": log.by_status,
                "by_code": log.by_code,
                "meter": self._sandbox.meter.totals(),
                "writes": log.writes,
            },
        )

    async def _switch(self, request: web.Request) -> web.Response:
        company, sent = self._realm(request).company, await _sent(request)
        known = {field.name for field in fields(Switches)}
        if not isinstance(sent, dict) or not sent.keys() <= known:
            return _answer({"error": f"switches are {', '.join(sorted(known))}"}, status=400)
        try:
            company.switches = msgspec.convert(asdict(replace(company.switches, **sent)), Switches)
        except msgspec.ValidationError as error:
            return _answer({"error": str(error)}, status=400)
        return _answer(asdict(company.switches))


async def _sent(request: web.Request) -> object:
    body = await request.read()
    return decode(body) if body.strip() else None


def _answer(content: object, *, status: int = 200) -> web.Response:
    return web.Response(body=encode(content), status=status, content_type="application/json")
