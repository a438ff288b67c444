"""The kinds of value a setting has, and what is said of a value that is not of its kind."""

import re
from datetime import UTC, date, datetime, tzinfo
from ipaddress import ip_address
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator, Field, InstanceOf, PlainSerializer, SecretStr
from pydantic_core import PydanticCustomError


def unfit(what: str, fix: str, *, key: str = "") -> PydanticCustomError:
    """Return the error of a value, as `key` + `what`, with the fix; both may be shown to anyone.

    `key` is named where a whole section is looked at.
    """
    return PydanticCustomError("unfit", "{what}", {"what": what, "fix": fix, "key": key})


_DURATION: Final = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)?\s*", re.ASCII)
_SECONDS_PER: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def _seconds(value: object) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    written = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if written is None:
        raise unfit("is not a duration", "Write seconds, as 90, or a number with its unit, as 90s, 5m or 1h.")
    return float(written[1]) * _SECONDS_PER[written[2] or "s"]


def _day(value: object) -> date:
    try:
        if isinstance(value, date) and not isinstance(value, datetime):
            return value
        return date.fromisoformat(value if isinstance(value, str) else "")
    except ValueError:
        raise unfit("is not a date", "Write year, month and day, as 2026-01-31.") from None


def _zone(value: object) -> tzinfo:
    if isinstance(value, tzinfo):
        return value
    try:
        return UTC if value == "UTC" else ZoneInfo(value if isinstance(value, str) else "")
    except (ValueError, OSError, ZoneInfoNotFoundError):
        raise unfit("is not a time zone this machine knows", "Write its name, as America/Chicago, or UTC.") from None


def _not_a_flag(value: object) -> object:
    """Keep true and false from counting as 1 and 0."""
    if isinstance(value, bool):
        raise unfit("is not a whole number", "Write a number.")
    return value


def loopback(host: str) -> bool:
    """Return whether only this machine can reach `host`, as far as its name or address tells."""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _url(value: str) -> str:
    """Refuse an address that would send secrets in the clear, or that is none."""
    scheme, host, port = _parts(value)
    if scheme not in {"http", "https"} or not host or port == 0:
        raise unfit("is not a web address", "Write scheme and host, and the path if there is one: https://host/path.")
    if scheme == "http" and not loopback(host):
        raise unfit("would send secrets unencrypted", "Write https; http is for this machine's own addresses only.")
    return value


def _listen(value: str) -> str:
    _, host, port = _parts(f"//{value}")
    if not host or port is None or "/" in value:
        raise unfit("is not host:port", "Write both, as 127.0.0.1:8321 or [::1]:8321; port 0 takes a free one.")
    return value


def _parts(address: str) -> tuple[str, str | None, int | None]:
    """Return scheme, host and port; no host if anything stands there that has no place in an address of ours."""
    odd = not address.isascii() or not address.isprintable() or set("@?# ") & set(address)
    try:
        url = urlsplit(address)
        port = url.port
    except ValueError:
        return "", None, None
    return url.scheme, None if odd else url.hostname, port


def split(listen: str) -> tuple[str, int]:
    """Return host, without brackets, and port of an address that `Listen` took."""
    _, host, port = _parts(f"//{listen}")
    return host or "", port or 0


def _charges(value: dict[str, str]) -> dict[str, str]:
    seen: dict[str, str] = {}
    for charge, target in value.items():
        if not charge.strip() or not target.strip():
            raise unfit("has a blank name", 'Write a charge and what it is booked on, both in words: "Detention".')
        first = seen.setdefault(" ".join(charge.split()).casefold(), charge)
        if first != charge:
            same = "neither upper and lower case nor the width of spaces tells them apart."
            raise unfit(f"names {first!r} and {charge!r}", f"Keep one of them: {same}")
    return value


_YEAR: Final = 366 * 86400

Pause = Annotated[float, BeforeValidator(_seconds), Field(ge=0, le=_YEAR, allow_inf_nan=False)]
Seconds = Annotated[Pause, Field(gt=0)]
Count = Annotated[int, BeforeValidator(_not_a_flag), Field(gt=0)]
Days = Annotated[int, BeforeValidator(_not_a_flag), Field(ge=0)]
Day = Annotated[date, BeforeValidator(_day)]
Zone = Annotated[InstanceOf[tzinfo], BeforeValidator(_zone), PlainSerializer(str, when_used="json")]
Text = Annotated[str, Field(min_length=1)]
Label = Annotated[str, Field(min_length=1, max_length=30)]
Suffix = Annotated[str, Field(pattern=r"^[!-9;-~]{1,20}$")]  # visible ASCII, without the colon QuickBooks refuses
Secret = Annotated[SecretStr, Field(min_length=1)]
Url = Annotated[str, AfterValidator(_url)]
Listen = Annotated[str, AfterValidator(_listen)]
Charges = Annotated[dict[str, str], AfterValidator(_charges)]
ChargesByTable = dict[Literal["revenue", "expense", "liability"], Charges]
