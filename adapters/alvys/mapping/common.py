"""What the routes share: identities, dates, addresses, lines, and how an odd record is told."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from datetime import date, timedelta
from typing import Final

import msgspec

from adapters.alvys.record import Odd, Record, glimpse, odd
from adapters.alvys.settings import Settings
from state.problem import problem
from state.transaction import Address, Content, Line, Sourced

_ON_1099: Final = frozenset({"OWNER_OPERATOR", "CONTRACTOR"})


def sourced(withdrawn: Sourced, content: Callable[[], Content]) -> Sourced:
    """Return the record under the identity it would be withdrawn by, with its content or the reason why not."""
    named = (withdrawn.kind, withdrawn.source_id, withdrawn.label)
    try:
        return Sourced(*named, content=content())
    except Odd as error:
        return Sourced(*named, problem=error.problem)


def withdrawn(found: Sourced) -> Sourced:
    """Return a record as one the TMS no longer stands by."""
    return Sourced(found.kind, found.source_id, found.label, withdrawn=True)


def unless_zero(found: Sourced, settings: Settings) -> Sourced:
    """Return a record as it is, or withdrawn if it comes to zero and such are left alone.

    One that was never taken stays away then, and comes once it is about something; one that was is taken back.
    """
    nothing = found.content is not None and found.content.total.minor == 0
    return withdrawn(found) if nothing and settings.rules.ignore_zero else found


def known(record: Record, owner: str, settings: Settings) -> None:
    """Raise for a record that could be taken for another one, or land in another entity's books."""
    if not record.text("Id").strip():
        raise odd(f"{record.path}.Id is missing")
    if settings.subsidiary is not None and not owner:
        raise odd(f"{record.path} names no subsidiary")


def known_by_id(record: Record, owner: str, settings: Settings) -> None:
    """Do the same for a record that names its subsidiary by id only."""
    known(record, owner, settings)
    owned_by_id(record, owner, settings)


def owned_by_id(record: Record, owner: str, settings: Settings) -> None:
    """Raise for a record that names no subsidiary by its id, or if ours can't be told from it."""
    if settings.subsidiary is None:
        return
    if not owner:
        raise odd(f"{record.path} names no subsidiary")
    if settings.subsidiary_id is None:
        raise Odd(problem("subsidiary_unknown", f"{record.path} belongs to {owner}"))


def dated(day: date | None, record: Record) -> date:
    """Return the date a record is booked on; raise if there is none."""
    if day is None:
        raise Odd(problem("date_missing", f"{record.path} has no date to book it on"))
    return day


def after(issued_on: date, days: int | None) -> date | None:
    """Return the due date that terms of so many days give; the vendor allows 0 to 365."""
    try:
        return None if days is None else issued_on + timedelta(days=days)
    except OverflowError as error:
        raise odd("the payment terms are not a number of days") from error


def numbered(record: Record, words: Iterable[tuple[str, str]]) -> str:
    """Return what numbers a record has, each after the word for it."""
    return ", ".join(f"{word} {record.text(field)}" for word, field in words if record.text(field).strip())


def telling(lines: Iterable[Line]) -> tuple[Line, ...]:
    """Return the lines that say something: the vendor lists many of zero. A document of zeros keeps them."""
    every = tuple(lines)
    return tuple(line for line in every if line.amount.minor) or every


def first_text(*places: tuple[Record | None, str]) -> str | None:
    """Return the first text found in the first list that holds one."""
    return next((text for record, name in places if record for text in record.texts(name)), None)


def on_1099(driver: Record) -> bool:
    """Whether what a driver is paid is reported on form 1099: those who own their truck or work on a contract."""
    return driver.text("Type").strip().upper() in _ON_1099


def address(record: Record | None) -> Address | None:
    """Return a postal address, or None if there is none."""
    fields: Sequence[str] = ("Street", "City", "State", "ZipCode")
    return None if record is None else Address(*(record.text(field) for field in fields))


def identity(raw: object, *fields: str) -> str:
    """Return the record's own id; without one, a fingerprint of all it holds, so that it can be kept anyway."""
    found = next((text for field in fields if (text := glimpse(raw, field))), None)
    return found or hashlib.sha256(msgspec.json.encode(raw, order="deterministic")).hexdigest()[:16]
