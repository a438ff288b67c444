"""What the QuickBooks twin receives, byte for byte: everything passes through here."""

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from urllib.parse import unquote

import aiohttp
import msgspec
from aiohttp import web

FORMS = ("Invoice", "Bill", "VendorCredit", "Payment")
_MARKER = re.compile(rb"\[loadledger \S+ (\w+ \S+) g\d+ ")


class Wiretap:
    """The documents that were sent, oldest first, by kind and id of the TMS record; and every write there was."""

    def __init__(self) -> None:
        self.sent: dict[str, list[bytes]] = {}
        self.writes: list[str] = []
        self.address = ""

    def _hear(self, path: str, body: bytes) -> None:
        self.writes.append(path)
        for document in _documents(path.rpartition("/")[2], body):
            if found := _MARKER.search(document):
                self.sent.setdefault(unquote(found[1].decode()), []).append(document)


def _documents(path: str, body: bytes) -> Iterator[bytes]:
    """Yield the documents of a request as they stand in it."""
    if path in {form.lower() for form in FORMS}:
        yield body
    elif path == "batch":
        items = msgspec.json.decode(body, type=dict[str, list[dict[str, msgspec.Raw]]])
        for item in items["BatchItemRequest"]:
            yield from (bytes(item[form]) for form in FORMS if form in item)


@asynccontextmanager
async def tapped(address: str) -> AsyncIterator[Wiretap]:
    """Stand between a daemon and the twin at this address."""
    tap = Wiretap()
    async with aiohttp.ClientSession() as session:

        async def passed_on(request: web.Request) -> web.Response:
            body = await request.read()
            if request.method == "POST":
                tap._hear(request.path, body)
            headers = {name: value for name, value in request.headers.items() if name not in {"Host", "Content-Length"}}
            async with session.request(
                request.method, f"{address}{request.raw_path}", data=body, headers=headers
            ) as answer:
                kept = {name: answer.headers[name] for name in ("Content-Type", "intuit_tid") if name in answer.headers}
                return web.Response(body=await answer.read(), status=answer.status, headers=kept)

        app = web.Application(client_max_size=2**24)
        app.router.add_route("*", "/{path:.*}", passed_on)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            host, port = runner.addresses[0][:2]
            tap.address = f"http://{host}:{port}"
            yield tap
        finally:
            await runner.cleanup()
