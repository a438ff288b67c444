"""What leaves the daemon: nothing before its intent is on disk, nothing again before its time, nothing to strangers."""

import re
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qs, urlsplit

import msgspec

from tests.simulation.facts import Facts, Json, marked

_DOCUMENTS: Final = ("invoice", "bill")
_GRANT: Final = re.compile(rb'"access_token":"([^"]+)".*"refresh_token":"([^"]+)"')
_PARTIES: Final = ("customer", "vendor")
_REFUSED_UNREAD: Final = (b"HTTP/1.1 401", b"HTTP/1.1 429")


class Request(NamedTuple):
    """One whole request as it was written."""

    method: str
    path: str
    access: str
    parameters: dict[str, list[str]]
    body: bytes


class WireWatch:
    """Hears what the daemon writes to accounting. `look` reads its database, `now` is the loop's time."""

    def __init__(
        self, facts: Facts, look: Callable[..., list[Any]], now: Callable[[], float], *, realm: str, quiet: float
    ) -> None:
        self._facts = facts
        self._look = look
        self._now = now
        self._root = f"/v3/company/{realm}/"
        self._quiet = quiet
        self._partial: dict[int, bytes] = {}
        self._granted: dict[str, str] = {}
        self._under_way: dict[int, str] = {}
        self._sent: dict[str, float] = {}
        self.writes = 0

    def asked(self, connection: int, data: bytes) -> None:
        """Take in bytes of a request."""
        data = self._partial.pop(connection, b"") + data
        request = parsed(data)
        if request is None:
            self._partial[connection] = data
        else:
            self._requested(connection, request)

    def answered(self, connection: int, data: bytes) -> None:
        """Take in bytes of an answer: one that refuses a request unread has no effect to be feared."""
        if granted := _GRANT.search(data):
            self._granted[granted[1].decode()] = granted[2].decode()
        request_id = self._under_way.pop(connection, None)
        if request_id is not None and data.startswith(_REFUSED_UNREAD):
            self._sent.pop(request_id, None)

    def _requested(self, connection: int, request: Request) -> None:
        if request.path.startswith("/oauth2/"):
            return
        if not request.path.startswith(self._root):
            self._facts.breach("P9", f"a request for another company: {request.path}")
            return
        self._opened(request.access)
        if request.method != "POST":
            return
        request_id = request.parameters.get("requestid", [""])[0]
        subject = request.path.removeprefix(self._root)
        documents = list(_documents(subject, request.body))
        self._again(request_id)
        self._under_way[connection] = request_id
        if subject in _PARTIES and not self._look(
            "SELECT 1 FROM creations WHERE request_id = ? AND phase = 'sent'", request_id
        ):
            self._facts.breach("P4", f"the creation of a {subject} left before its intent was on disk")
        self.writes += len(documents)
        for document in documents:
            self._announced(document)

    def _again(self, request_id: str) -> None:
        """Check that a repeated request waited its quiet period, and the two look-ups, out."""
        before, now = self._sent.get(request_id), self._now()
        if not request_id:
            self._facts.breach("P7", "a write has no request id")
        if before is not None and now - before < self._quiet:
            self._facts.breach("P7", f"request {request_id} was sent again after {now - before:.3f} s")
        self._sent[request_id] = now

    def _opened(self, access: str) -> None:
        """Check that the refresh token that came with this access is on disk before the access is used."""
        refresh = self._granted.pop(access, None)
        if refresh and not self._look("SELECT 1 FROM secrets WHERE instr(value, ?)", refresh):
            self._facts.breach("P4", "access was used before the refresh token that came with it was on disk")

    def _announced(self, document: Json) -> None:
        """Check that the row that announces a document's write is committed."""
        subject, identity = marked(document), document.get("Id")
        rows = self._look(
            "SELECT m.phase, m.body FROM messages m JOIN transactions t ON t.id = m.transaction_id"
            " WHERE m.lane = 'accounting' AND m.phase = 'sent' AND m.phase IN ('sent', 'in_doubt')"
            " AND (t.kind = ? AND t.source_id = ? OR t.document_id = ?)",
            *(subject or ("", "")),
            identity,
        )
        if not rows:
            self._facts.breach("P4", f"a write of {subject or identity} left before its intent was on disk")


def _documents(path: str, body: bytes) -> Iterator[Json]:
    """Yield the documents that a write would make or change."""
    if path in _DOCUMENTS:
        yield msgspec.json.decode(body)
    elif path == "batch":
        for item in msgspec.json.decode(body)["BatchItemRequest"]:
            yield next(value for name, value in item.items() if name.lower() in _DOCUMENTS)


def parsed(data: bytes) -> Request | None:
    """Return a request, or None while it is not whole."""
    head, found, body = data.partition(b"\r\n\r\n")
    if not found:
        return None
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    if len(body) < int(headers.get("content-length", 0)):
        return None
    parts = urlsplit(target)
    access = headers.get("authorization", "").removeprefix("Bearer ")
    return Request(method, parts.path, access, parse_qs(parts.query), body)
