"""How Alvys writes things: JSON with exact decimals, money, instants, and its two shapes of error."""

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from http import HTTPStatus
from typing import Any, Self, TypeAlias

import msgspec
from aiohttp import web

Json: TypeAlias = dict[str, Any]

US_DOLLAR = 840  # ISO 4217 numeric, the currency code of every amount the vendor shows
CENT = Decimal("0.01")

JSON = "application/json"
PROBLEM_JSON = "application/problem+json"
ABOUT_THE_REQUEST = frozenset({400, 404, 409, 412, 413, 415, 422, 428})
"""Refusals described as plain JSON nearly everywhere; the others, about the caller or the server, are problem+json."""

_encoder = msgspec.json.Encoder(decimal_format="number")
_decoder = msgspec.json.Decoder(float_hook=Decimal)

encode = _encoder.encode


def decode(raw: bytes) -> Any:  # noqa: ANN401 - it is whatever the JSON text holds
    """Read JSON, every fraction a Decimal. Raises `msgspec.DecodeError`."""
    return _decoder.decode(raw)


def money(amount: Decimal | int | str) -> Json:
    """Write an amount in US dollars the way the vendor does: a number beside a currency code."""
    return {"Amount": Decimal(amount).quantize(CENT), "Currency": US_DOLLAR}


def write_instant(moment: datetime) -> str:
    """Write an instant in UTC with no, six or seven fractional digits, as observed on the vendor's wire."""
    utc = moment.astimezone(UTC)
    if not utc.microsecond:
        return f"{utc:%Y-%m-%dT%H:%M:%S}+00:00"
    seventh = "" if utc.microsecond % 2 else "0"
    return f"{utc:%Y-%m-%dT%H:%M:%S.%f}{seventh}+00:00"


@lru_cache(maxsize=65_536)  # a search reads those of everything there is
def read_instant(text: str) -> datetime:
    """Read an RFC 3339 instant; one without an offset is UTC. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


class Problem(Exception):  # noqa: N818 - the vendor's documents call it a problem
    """An error answer: ProblemDetails, or ValidationProblemDetails when it carries errors by property."""

    def __init__(  # noqa: PLR0913 - each is one part of the answer
        self,
        status: int,
        detail: str,
        *,
        errors: Mapping[str, list[str]] | None = None,
        headers: Mapping[str, str] | None = None,
        kind: str = "about:blank",
        media: str | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = HTTPStatus(status)
        self.detail = detail
        self.errors = errors
        self.headers = headers
        self.kind = kind
        self.media = media or (JSON if self.status in ABOUT_THE_REQUEST else PROBLEM_JSON)

    @classmethod
    def of(cls, errors: Mapping[str, list[str]]) -> Self:
        """Refuse a request for what is wrong with its properties, all of it at once."""
        return cls(HTTPStatus.BAD_REQUEST, "One or more validation errors occurred.", errors=errors)

    def response(self, path: str) -> web.Response:
        """Write it down."""
        body: Json = {
            "Type": self.kind,
            "Title": self.status.phrase,
            "Status": self.status.value,
            "Detail": self.detail,
            "Instance": path,
        }
        if self.errors is not None:
            body["Errors"] = dict(self.errors)
        return answer(body, self.status, self.media, self.headers)


def answer(
    body: object,
    status: int = HTTPStatus.OK,
    content_type: str = JSON,
    headers: Mapping[str, str] | None = None,
) -> web.Response:
    """Answer with JSON."""
    return web.Response(body=encode(body), status=status, content_type=content_type, charset="utf-8", headers=headers)
