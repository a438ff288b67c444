"""What is in documents, served at addresses that are good for a while."""

import hmac
from base64 import b64decode
from collections.abc import Callable
from datetime import timedelta
from typing import Final

from aiohttp import web

from adapters.sandbox.alvys.books import Books
from adapters.sandbox.alvys.wire import Json, write_instant

FILES_PATH: Final = "/files/"


def shown(books: Books, attachment: Json, origin: str) -> Json:
    """Return an attachment with an address made for this answer, at the scheme, host and port it was asked for at."""
    seconds = books.switches.file_address_seconds
    if seconds is None:
        return attachment
    expires = books.clock() + timedelta(seconds=seconds)
    until = int(expires.timestamp())
    address = f"{origin}{FILES_PATH}{attachment['id']}?until={until}&sign={_signature(attachment['id'], until)}"
    return attachment | {"DownloadUrl": address, "ExpiresAt": write_instant(expires.replace(microsecond=0))}


class Files:
    """Serves what the addresses name. `check` raises a `Problem` for a request without a good access token."""

    def __init__(self, books: Books, check: Callable[[web.Request], None]) -> None:
        self._books = books
        self._check = check

    def add_to(self, router: web.UrlDispatcher) -> None:
        """Add the path of the addresses to a router."""
        router.add_get(f"{FILES_PATH}{{id}}", self._serve)

    async def _serve(self, request: web.Request) -> web.Response:
        switch = self._books.switches.file_bearer
        if switch == "wanted":
            self._check(request)
        if switch == "refused" and "Authorization" in request.headers:
            return _refused(400, "InvalidAuthenticationInfo")
        key, until, sign = request.match_info["id"], request.query.get("until", ""), request.query.get("sign", "")
        if not until.isdecimal() or not hmac.compare_digest(sign.encode(), _signature(key, int(until)).encode()):
            return _refused(403, "AuthenticationFailed")
        if int(until) < self._books.clock().timestamp():
            return _refused(403, "AuthenticationFailed")
        content = self._books.get("contents", key)
        if content is None:
            return _refused(404, "BlobNotFound")
        return web.Response(body=b64decode(content["Content"]), content_type=content["Media"])


def _refused(status: int, code: str) -> web.Response:
    """Refuse the way stores of files do: in XML."""
    return web.Response(status=status, text=f"<Error><Code>{code}</Code></Error>", content_type="application/xml")


def _signature(key: str, until: int) -> str:
    return hmac.new(FILES_PATH.encode(), f"{key} {until}".encode(), "sha256").hexdigest()
