"""The sandbox's own endpoints: look at everything, do what people do, make requests go wrong."""

from collections import Counter
from dataclasses import asdict, dataclass, replace

import msgspec
from aiohttp import web

from adapters.sandbox.alvys.books import Books
from adapters.sandbox.alvys.faults import Fault, Faults
from adapters.sandbox.alvys.hands import ACTIONS
from adapters.sandbox.alvys.switches import Switches
from adapters.sandbox.alvys.tokens import Tokens
from adapters.sandbox.alvys.wire import Json, Problem, answer, decode


@dataclass(frozen=True)
class Control:
    """Handlers of the paths under `/_sandbox`, over the parts of a running sandbox."""

    books: Books
    tokens: Tokens
    faults: Faults
    requests: Counter[str]
    statuses: Counter[int]

    def add_to(self, router: web.UrlDispatcher) -> None:
        """Add the control paths to a router."""
        router.add_get("/_sandbox/books", self._books)
        router.add_get("/_sandbox/requests", self._requests)
        router.add_post("/_sandbox/faults", self._arm)
        router.add_delete("/_sandbox/faults", self._disarm)
        router.add_post("/_sandbox/hands/{action}", self._act)
        router.add_post("/_sandbox/switches", self._switch)

    async def _books(self, _: web.Request) -> web.Response:
        return answer(self.books.snapshot())

    async def _requests(self, _: web.Request) -> web.Response:
        counts = {
            "total": self.requests.total(),
            "by_endpoint": self.requests,
            "by_status": {str(status): count for status, count in self.statuses.items()},
        }
        return answer(counts)

    async def _arm(self, request: web.Request) -> web.Response:
        """Arm one fault or a list of them; each is an object with the fields of `Fault`."""
        try:
            asked = decode(await request.read())
            rules = [msgspec.convert(rule, Fault) for rule in (asked if isinstance(asked, list) else [asked])]
        except (msgspec.DecodeError, msgspec.ValidationError) as wrong:
            return Problem(400, f"not a fault: {wrong}").response(request.path)
        self.faults.arm(*rules)
        return answer({"armed": len(self.faults)})

    async def _disarm(self, _: web.Request) -> web.Response:
        self.faults.disarm()
        return answer({"armed": 0})

    async def _switch(self, request: web.Request) -> web.Response:
        """Turn switches, each named with its position; the others stay. Answers with all of them."""
        try:
            turned = decode(await request.read() or b"{}")
            switches = msgspec.convert(asdict(replace(self.books.switches, **turned)), Switches)
        except (msgspec.DecodeError, msgspec.ValidationError, TypeError) as wrong:
            return Problem(400, f"not a switch: {wrong}").response(request.path)
        self.books.switches = switches
        return answer(asdict(switches))

    async def _act(self, request: web.Request) -> web.Response:
        """Do what a person does; the JSON object of the body holds the action's arguments by name."""
        name = request.match_info["action"]
        try:
            arguments = decode(await request.read() or b"{}")
            return answer(self._do(name, arguments))
        except Problem as problem:
            return problem.response(request.path)
        except (msgspec.DecodeError, TypeError, ValueError) as wrong:
            return Problem(400, f"{name}: {wrong}").response(request.path)

    def _do(self, name: str, arguments: Json) -> Json:
        if name == "revoke_tokens":
            self.tokens.revoke()
            return {}
        if name not in ACTIONS:
            raise Problem(404, f"no such action; there are {', '.join(sorted(ACTIONS))}, revoke_tokens")
        return ACTIONS[name](self.books, **arguments)
