"""The admin API as the command line calls it."""

from decimal import Decimal
from typing import Any, Final, Self

import aiohttp
import anyio
import msgspec

_DECODER: Final[msgspec.json.Decoder[Any]] = msgspec.json.Decoder(float_hook=Decimal)
_GLANCE = 0.2  # seconds between two looks
_TIMEOUT = aiohttp.ClientTimeout(total=120)  # a check reads from both vendors, at their pace


class Refused(Exception):  # noqa: N818 - named for what happened
    """The daemon did not do it, or could not be reached; the message is for the person at the terminal."""


class Admin:
    """One daemon's admin API, at `url`, with a person's token. Use as an async context manager."""

    def __init__(self, url: str, token: str | None) -> None:
        self._url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(timeout=_TIMEOUT, headers=self._headers)
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self._session.close()

    async def get(self, path: str, **query: str | int | None) -> Any:  # noqa: ANN401 - the answer's JSON
        """Return what the daemon shows at `path` under /admin/v1; raise Refused."""
        return await self._call("GET", path, params={name: str(value) for name, value in query.items() if value})

    async def post(self, path: str, body: dict[str, Any]) -> Any:  # noqa: ANN401
        """Ask the daemon for an action and return the transaction as it is afterwards; raise Refused."""
        return await self._call("POST", path, data=msgspec.json.encode(body))

    async def ready(self, patience: float) -> None:
        """Return once the daemon says it is ready; raise Refused after `patience` seconds."""
        with anyio.move_on_after(patience):
            while True:
                async with self._session.get(f"{self._url}/readyz") as response:
                    if response.ok:
                        return
                await anyio.sleep(_GLANCE)
        raise Refused(f"the daemon at {self._url} was not ready within {patience:.0f} s")

    async def _call(self, method: str, path: str, **options: Any) -> Any:  # noqa: ANN401
        try:
            async with self._session.request(method, f"{self._url}/admin/v1/{path}", **options) as response:
                answer = _read(await response.read())
                if response.ok:
                    return answer
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Refused(f"no daemon answers at {self._url} ({type(error).__name__}); is it running?") from error
        raise Refused(f"{answer.get('title', response.reason)}: {answer.get('detail', f'HTTP {response.status}')}")


def _read(body: bytes) -> Any:  # noqa: ANN401
    try:
        return _DECODER.decode(body)
    except msgspec.DecodeError:
        return {}
