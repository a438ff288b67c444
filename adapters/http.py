"""One request to a vendor: budget, timeout, trace, and what a missing answer means."""

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from http import HTTPStatus
from typing import Any, TypeVar

import aiohttp
import msgspec

from adapters.ports import OutcomeUnknown, Unavailable, VendorError

Shape = TypeVar("Shape")

_LARGEST_ANSWER = 64 * 2**20  # bytes; a thousand documents of a thousand lines stay well below
_PATIENCE = 60.0  # seconds to stay away after a throttle that does not say how long

_DECODER = msgspec.json.Decoder(float_hook=Decimal)
_ENCODER = msgspec.json.Encoder(decimal_format="number")
# JSON nested too deep and numbers beyond any exponent are as unreadable as text that isn't JSON at all.
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ArithmeticError)


def encode(value: object) -> bytes:
    """Return `value` as JSON, decimals as exact JSON numbers."""
    return _ENCODER.encode(value)


@dataclass(frozen=True, slots=True)
class Call:
    """What one finished request looked like, for metrics and logs: no names, no ids, no payload."""

    endpoint: str
    writes: bool
    status: int | None  # None: no answer arrived
    seconds: float
    purpose: str = ""  # what a read is for, where the vendor counts reads; writes and token calls have none


@dataclass(frozen=True, slots=True)
class Answer:
    """A vendor's answer: any status below 500 but 429, body unread by anyone yet."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    writes: bool

    @property
    def ok(self) -> bool:
        """Whether the status says the request was carried out."""
        return HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES

    def json(self) -> Any:  # noqa: ANN401 - untyped JSON, numbers exact
        """Return the body as plain objects with Decimal numbers; the unclear error if it isn't JSON."""
        try:
            return _DECODER.decode(self.body)
        except _UNREADABLE as error:
            raise self.unclear(f"the answer is not JSON: {error}") from error

    def decode(self, shape: type[Shape]) -> Shape:
        """Return the body as `shape`; the unclear error if it doesn't fit."""
        try:
            return msgspec.json.decode(self.body, type=shape)
        except _UNREADABLE as error:
            raise self.unclear(f"the answer does not have the expected shape: {error}") from error

    def unclear(self, detail: str) -> VendorError:
        """Return the error for an answer that can't be understood: a write may have happened, a read did not matter."""
        return unclear(detail, writes=self.writes)


def unclear(detail: str, *, writes: bool) -> VendorError:
    """Return OutcomeUnknown for a write and Unavailable for a read that ended without a usable answer."""
    return OutcomeUnknown(detail) if writes else Unavailable(detail)


class Http:
    """The one way out to a vendor.

    `admit` waits for the request budget of an endpoint, `observe` sees each finished call. `timeout` is the total
    for one request, in seconds.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        *,
        admit: Callable[[str], Awaitable[None]],
        observe: Callable[[Call], None],
        timeout: float,
    ) -> None:
        self._session = session
        self._admit = admit
        self._observe = observe
        self._timeout = aiohttp.ClientTimeout(total=timeout)

    async def request(  # noqa: PLR0913 - one function, so that every request has the same care
        self,
        method: str,
        url: str,
        *,
        endpoint: str,
        writes: bool,
        purpose: str = "",
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send one request, once, and return its answer.

        `endpoint` is the budget's and the metrics' name for it, `writes` whether it can change the vendor's books,
        `purpose` what a metered read is for.
        Raises Unavailable if it definitely was not carried out (refused connection, 429, any failed read) and
        OutcomeUnknown if a write may have been (timeout, lost connection, 5xx).
        """
        await self._admit(endpoint)
        started = time.monotonic()
        status: int | None = None
        try:
            async with self._session.request(
                method,
                url,
                data=body,
                headers=headers,
                params=params,
                timeout=self._timeout,
                allow_redirects=False,
            ) as response:
                status = response.status
                content = await _bounded(response)
        except aiohttp.ClientConnectorError as error:
            raise Unavailable(f"{endpoint}: no connection ({type(error).__name__})") from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise unclear(f"{endpoint}: no whole answer ({type(error).__name__})", writes=writes) from error
        finally:
            self._observe(Call(endpoint, writes, status, time.monotonic() - started, purpose))
        return _judged(Answer(status, response.headers, content, writes), endpoint)


async def _bounded(response: aiohttp.ClientResponse) -> bytes:
    """Read the body, but never more than memory should hold."""
    chunks = bytearray()
    async for chunk in response.content.iter_any():
        chunks += chunk
        if len(chunks) > _LARGEST_ANSWER:
            raise aiohttp.ClientPayloadError("the answer is too large")
    return bytes(chunks)


def _judged(answer: Answer, endpoint: str) -> Answer:
    """Return the answer if the vendor's service itself gave it; raise for throttles and broken gateways."""
    if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
        raise Unavailable(f"{endpoint}: throttled", _seconds(answer.headers.get("Retry-After")))
    if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR or answer.status in _REDIRECTS:
        raise answer.unclear(f"{endpoint}: HTTP {answer.status}")
    return answer


_REDIRECTS = range(HTTPStatus.MULTIPLE_CHOICES, HTTPStatus.BAD_REQUEST)


def _seconds(retry_after: str | None) -> float:
    """Return how long to stay away; the date form is rare enough to be treated as unstated."""
    return float(retry_after) if retry_after and retry_after.isascii() and retry_after.isdigit() else _PATIENCE
