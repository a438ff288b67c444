"""The sandbox's own endpoints, under `/_sandbox/`: look inside, act as a person, make things go wrong."""

from dataclasses import asdict, fields, replace
from typing import TYPE_CHECKING

import msgspec
from aiohttp import web

from adapters.sandbox.quickbooks import hands
from adapters.sandbox.quickbooks.faults import Fault
from adapters.sandbox.quickbooks.journal import decode, encode
from adapters.sandbox.quickbooks.kinds import KINDS
from adapters.sandbox.quickbooks.switches import Switches

if TYPE_CHECKING:
    from adapters.sandbox.quickbooks.rules import Object
    from adapters.sandbox.quickbooks.server import QuickBooksSandbox


class Control:
    """Control endpoints of one sandbox; they ask for no credentials, so the server must stay on loopback."""

    def __init__(self, sandbox: "QuickBooksSandbox") -> None:
        self._sandbox = sandbox
        self._connection_actions = {
            action.__name__: action
            for action in (
                sandbox.connect,
                sandbox.disconnect,
                sandbox.expire_access_tokens,
                sandbox.reset_company,
            )
        }

    def add_routes(self, app: web.Application) -> None:
        """Serve the control endpoints."""
        app.router.add_post("/_sandbox/hands/{action}", self._act)
        app.router.add_get("/_sandbox/books", self._show_books)
        app.router.add_get("/_sandbox/documents", self._show_documents)
        app.router.add_post("/_sandbox/faults", self._arm)
        app.router.add_delete("/_sandbox/faults", self._disarm)
        app.router.add_get("/_sandbox/requests", self._show_requests)
        app.router.add_post("/_sandbox/switches", self._switch)

    async def _act(self, request: web.Request) -> web.Response:
        name, arguments = request.match_info["action"], await _sent(request) or {}
        if not isinstance(arguments, dict):
            return _answer({"error": "arguments are one JSON object"}, status=400)
        try:
            result: object
            if name in self._connection_actions:
                result = self._connection_actions[name]()
            elif name in hands.ACTIONS:
                result = hands.ACTIONS[name](self._sandbox.company, **arguments)
            else:
                return _answer({"error": f"no such action: {name}"}, status=404)
        except Fault as fault:
            return _answer({"Fault": fault.as_json()}, status=400)
        except (TypeError, ValueError, KeyError) as error:
            return _answer({"error": f"{type(error).__name__}: {error}"}, status=400)
        return _answer({} if result is None else result)

    async def _show_books(self, _request: web.Request) -> web.Response:
        company = self._sandbox.company
        shown: Object = {kind: company.all(kind) for kind, row in KINDS.items() if row.role != "single"}
        shown["preferences"] = company.get("Preferences", "1")
        shown["company_info"] = company.get("CompanyInfo", "1")
        shown["trial_balance"] = company.books.ledger.trial_balance()
        return _answer(shown)

    async def _show_documents(self, _request: web.Request) -> web.Response:
        """Every invoice and bill in plain words, for a reader who knows no vendor's fields."""
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
                for document in self._sandbox.company.all(kind)
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
        company, sent = self._sandbox.company, await _sent(request)
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
