"""What a document points at, known by what we call it; its id in QuickBooks may have to be found, or made, first."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from adapters.quickbooks.shapes import Account
from state.transaction import Party


@dataclass(frozen=True, slots=True)
class NewParty:
    """A customer or a vendor, by the entity: linked, else found by its name, else created.

    `told_at` says when the TMS told how to reach it, None if it does not tell that here.
    """

    party: Party
    entity: str
    told_at: datetime | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class NewItem:
    """The item between a charge and its income account: linked, else found by its name, else created."""

    charge: str
    account: Account = field(hash=False)


@dataclass(frozen=True, slots=True)
class Awaited:
    """Another document of ours, which has to be in the books before this one can go there."""

    entity: str
    number: str


New = NewParty | NewItem | Awaited


@dataclass(frozen=True, slots=True)
class Pointer:
    """What a field of a document points at: `called` so by the configuration or the TMS, with its id if that is known.

    `new` says what else there is to know, or to do, before the id may be used.
    """

    called: str
    id: str = ""
    new: New | None = None


def pointers(value: Any) -> Iterator[Pointer]:  # noqa: ANN401 - untyped JSON
    """Yield every pointer in a JSON value, at whatever depth."""
    if isinstance(value, Pointer):
        yield value
    elif isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from pointers(each)


def replaced(value: Any, said: Callable[[Pointer], str]) -> Any:  # noqa: ANN401 - untyped JSON
    """Return a JSON value with a text in the place of each pointer."""
    if isinstance(value, Pointer):
        return said(value)
    if isinstance(value, dict):
        return {name: replaced(each, said) for name, each in value.items()}
    return [replaced(each, said) for each in value] if isinstance(value, list) else value
