"""How the vendor writes time: the Pacific offset, whole seconds in records, milliseconds in answers."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

PACIFIC: Final = timezone(timedelta(hours=-8))
"""The offset all samples of United States companies carry; a fixed one, so that text sorts as time does."""

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """Return the present instant."""
    return datetime.now(UTC)


def stamp(instant: datetime) -> str:
    """Return an instant as MetaData writes it."""
    return instant.astimezone(PACIFIC).isoformat(timespec="seconds")


def answer_time(instant: datetime) -> str:
    """Return an instant as the `time` of an answer writes it."""
    return instant.astimezone(PACIFIC).isoformat(timespec="milliseconds")


def parse_stamp(value: str) -> str:
    """Return any ISO 8601 instant or day in the form MetaData has; without an offset it is Pacific.

    Raises ValueError for anything else.
    """
    instant = datetime.fromisoformat(value)
    return stamp(instant if instant.tzinfo else instant.replace(tzinfo=PACIFIC))
