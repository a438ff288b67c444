"""Alvys over HTTP: authorized requests, and searches read to their end."""

import re
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

from adapters.alvys.faults import FILE_UNREADABLE, READ_REFUSED, told
from adapters.alvys.settings import Settings
from adapters.alvys.tokens import AGENT, Tokens
from adapters.http import Answer, Http, encode
from adapters.ports import Rejected, Unauthorized, Unavailable
from state.problem import Problem

# What budgets and metrics call the endpoints.
ENDPOINTS: Final = (
    "token",
    "loads/search",
    "invoices/search",
    "customers/search",
    "trips/search",
    "carriers/search",
    "trucks/search",
    "carrier-settlement-statements/search",
    "driver-settlement-statements/search",
    "fuel/search",
    "tolls/search",
    "drivers/search",
    "trips/documents",
    "loads/documents",
    "files",
    "invoices/customer-payments",
    "invoices/carrier-payments",
)

# Endpoints that take fewer requests than the others, as a share of theirs (documented: 5 a minute of 10).
SCARCE: Final[Mapping[str, float]] = {"fuel/search": 0.5}

# The largest pages of searches that take smaller ones than the others (documented).
_LARGEST_PAGES: Final[Mapping[str, int]] = {
    "carrier-settlement-statements/search": 100,
    "driver-settlement-statements/search": 100,
}
_VERSIONED = re.compile(r"/api/p/v[\d.]+$")
_READINGS = 3  # of a set that keeps growing under us, before we come back later
_SHUT_OUT = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})


def period(start: datetime, end: datetime) -> dict[str, str]:
    """Return a range of instants as searches want it; a member spelled otherwise is ignored without a word."""
    return {"Start": start.isoformat(), "End": end.isoformat()}


class _Moved(Exception):  # noqa: N818 - named for what happened
    """The set grew between two of its pages, or lacks one, so that a record may have slipped past."""


class Client:
    """The requests this adapter makes, each named after its path for budgets and metrics."""

    def __init__(self, settings: Settings, http: Http, clock: Callable[[], datetime]) -> None:
        address = settings.api_url.rstrip("/")
        self._address = address if _VERSIONED.search(address) else f"{address}/api/p/v1"
        self._page_size = settings.page_size
        self._http = http
        self._tokens = Tokens(settings, http, clock)

    async def authorize(self) -> None:
        """Make sure there is a token; raises as `post` does."""
        await self._tokens.current()

    async def pages(self, path: str, filters: Mapping[str, object]) -> AsyncIterator[list[object]]:
        """Yield what a search finds, page by page, each as soon as it is here.

        If the total falls between pages, records have moved left across page borders, and the pages before are read
        again as far as they may have; if it rises, all is. So a record may come twice; one that stays in the set
        never stays unseen. Raises Unavailable if the set keeps growing, Rejected if the vendor refuses the search,
        Unauthorized if it refuses us.
        """
        for _ in range(_READINGS):
            try:
                async for items in self._reading(path, filters):
                    yield items
            except _Moved:
                continue
            return
        raise _restless(path)

    async def search(self, path: str, filters: Mapping[str, object]) -> list[object]:
        """Return everything a search finds, as `pages` does, at once."""
        for _ in range(_READINGS):
            try:
                return [item async for items in self._reading(path, filters) for item in items]
            except _Moved:
                continue
        raise _restless(path)

    async def glance(self, path: str, filters: Mapping[str, object]) -> list[object]:
        """Return the first page of a search only."""
        items, _ = await self._page(path, filters, 0)
        return items

    async def get(self, path: str, endpoint: str, *, refusal: Problem = READ_REFUSED) -> Answer:
        """Read what is at a path and return the vendor's yes; raises as `post` does."""
        return await self._authorized("GET", path, endpoint, None, writes=False, refusal=refusal)

    async def fetch(self, address: str) -> bytes:
        """Return the file at an address that the vendor gave out, which is a proof of itself.

        Our token is shown only if it is asked for, and only to the vendor's own host. Raises Rejected if the file can't
        be had there, and what `Http.request` raises.
        """
        answer = await self._http.request("GET", address, endpoint="files", writes=False, headers=AGENT)
        if answer.status == HTTPStatus.UNAUTHORIZED and urlsplit(address)[:2] == urlsplit(self._address)[:2]:
            shown = {**AGENT, "Authorization": f"Bearer {await self._tokens.current()}"}
            answer = await self._http.request("GET", address, endpoint="files", writes=False, headers=shown)
        if answer.status == HTTPStatus.REQUEST_TIMEOUT:
            raise answer.unclear("files: HTTP 408")
        if not answer.ok:
            raise Rejected(FILE_UNREADABLE.seen(told(answer)))
        return answer.body

    async def post(self, path: str, body: bytes, *, writes: bool, refusal: Problem) -> Answer:
        """Post JSON once and return the vendor's yes.

        A refused token is replaced and the request sent again, since nothing was carried out. Raises Unauthorized
        if we are not let in, Rejected with `refusal` for any other definite no, and what `Http.request` raises.
        """
        return await self._authorized("POST", path, path, body, writes=writes, refusal=refusal)

    async def _authorized(  # noqa: PLR0913 - all that tells requests apart
        self, method: str, path: str, endpoint: str, body: bytes | None, *, writes: bool, refusal: Problem
    ) -> Answer:
        async def send(token: str) -> Answer:
            return await self._http.request(
                method,
                f"{self._address}/{path}",
                endpoint=endpoint,
                writes=writes,
                body=body,
                headers={**AGENT, "Authorization": f"Bearer {token}", "Content-Type": "application/json"},
            )

        token = await self._tokens.current()
        answer = await send(token)
        if answer.status == HTTPStatus.UNAUTHORIZED:
            answer = await send(await self._tokens.current(refused=token))
        if answer.status in _SHUT_OUT:
            raise Unauthorized(f"{endpoint}: {told(answer)}")
        if answer.status == HTTPStatus.REQUEST_TIMEOUT:
            raise answer.unclear(f"{endpoint}: HTTP 408")
        if not answer.ok:
            raise Rejected(refusal.seen(f"{endpoint}: {told(answer)}"))
        return answer

    async def _reading(self, path: str, filters: Mapping[str, object]) -> AsyncIterator[list[object]]:
        """Yield the pages of one reading; raise _Moved as soon as they can't all belong to the same set."""
        page, seen = 0, 0
        total: int | None = None
        while total is None or seen < total:
            items, stated = await self._page(path, filters, page)
            yield items
            left = 0 if total is None else _left(total, stated)
            async for shifted in self._shifted(path, filters, page, left, stated):
                yield shifted
            page, seen, total = page + 1, seen + len(items), stated
            if not items and seen < total:
                raise _Moved

    async def _shifted(
        self, path: str, filters: Mapping[str, object], page: int, left: int, total: int
    ) -> AsyncIterator[list[object]]:
        """Yield again, backwards, the pages before `page` that records may have moved to before it was read.

        If so many `left` the set, then at most as many went unseen across the border, and they are the last before
        it. Should more leave meanwhile, the unseen stand as much further to the left.
        """
        while left > 0 and page > 0:
            page -= 1
            items, stated = await self._page(path, filters, page)
            yield items
            left += _left(total, stated) - len(items)
            total = stated

    async def _page(self, path: str, filters: Mapping[str, object], page: int) -> tuple[list[object], int]:
        """Return one page's items and the total the vendor states."""
        query = {**filters, "Page": page, "PageSize": min(self._page_size, _LARGEST_PAGES.get(path, self._page_size))}
        answer = await self.post(path, encode(query), writes=False, refusal=READ_REFUSED)
        match answer.json():
            case {"Items": list() as items, "Total": int() as total}:
                return items, total
        raise answer.unclear(f"{path}: the answer is not a page of results")


def _left(before: int, now: int) -> int:
    """Return how many records left a set between two totals; raise _Moved if any came."""
    if now > before:
        raise _Moved
    return before - now


def _restless(path: str) -> Unavailable:
    return Unavailable(f"{path}: the results changed during each of {_READINGS} readings")
