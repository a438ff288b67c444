from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from typing import Any, NamedTuple, Protocol

from adapters.sandbox.quickbooks.entries import postings
from adapters.sandbox.quickbooks.journal import Journal
from adapters.sandbox.quickbooks.kinds import KINDS
from adapters.sandbox.quickbooks.ledger import Ledger
from adapters.sandbox.quickbooks.rules import Facts, Object

Change = tuple[str, Object]
"""A kind and the object as it stands from now on."""
Removal = tuple[str, str, str]
"""A kind, an id, and the time it was deleted."""


class Transition(NamedTuple):
    """What became of one object: None before for a new one, None after for a deleted one."""

    kind: str
    old: Object | None
    new: Object | None


class Books:
    """One company's objects by kind and id, their indexes, tombstones and ledger.

    Objects in the books are never altered in place: a change is a new object under the same id, committed together with
    whatever else changes at that moment. With a journal, a commit is one line of it.
    """

    def __init__(self, journal: Journal | None = None) -> None:
        self._journal = journal
        self.watchers: list[Callable[[list[Transition]], None]] = []
        """Hear of every commit once it is made."""
        self._last_ids: defaultdict[str, int] = defaultdict(int)
        self.was_wiped = False
        self._empty()

    def wipe(self) -> None:
        """Empty the books, keeping the id sequences: an id is never used twice."""
        if self._journal is not None:
            self._journal.append({"books": {"wiped": True}})
        self.was_wiped = True
        self._empty()

    def _empty(self) -> None:
        self.ledger = Ledger()
        self.home = "USD"
        self._standard: dict[tuple[str, str | None, str], str | None] = {}
        self._objects: dict[str, dict[str, Object]] = {kind: {} for kind in KINDS}
        self._recent: dict[str, dict[str, None]] = {kind: {} for kind in KINDS}
        self._index: dict[tuple[str, str], defaultdict[str, dict[str, None]]] = {
            (kind, field): defaultdict(dict) for kind, row in KINDS.items() for field in row.indexed
        }
        self.tombstones: dict[str, dict[str, str]] = {kind: {} for kind in KINDS}
        self.retired_numbers: dict[str, dict[str, str]] = {kind: {} for kind in KINDS}

    def next_id(self, kind: str) -> str:
        """Return the id a new object of this kind takes."""
        return str(self._last_ids[KINDS[kind].sequence] + 1)

    def skip_to(self, kind: str, identity: str) -> None:
        """Let ids of a kind go on after this one."""
        sequence = KINDS[kind].sequence
        if identity.isdecimal():
            self._last_ids[sequence] = max(self._last_ids[sequence], int(identity))

    def find(self, kind: str, identity: str) -> Object | None:
        """Return the live object as stored, or None."""
        return self._objects[kind].get(identity)

    def live(self, kind: str) -> Iterator[Object]:
        """Yield a kind's live objects in order of creation."""
        yield from self._objects[kind].values()

    def count(self, kind: str) -> int:
        """Return how many live objects of a kind there are."""
        return len(self._objects[kind])

    def newest(self, kind: str) -> Iterator[Object]:
        """Yield a kind's live objects, the last created first."""
        yield from reversed(self._objects[kind].values())

    def latest(self, kind: str) -> Iterator[Object]:
        """Yield a kind's live objects, the last changed first."""
        objects = self._objects[kind]
        yield from (objects[identity] for identity in reversed(self._recent[kind]))

    def by(self, kind: str, field: str, value: str) -> list[Object]:
        """Return the live objects whose indexed property, text or a reference, has this value, whatever its case."""
        objects = self._objects[kind]
        return [objects[identity] for identity in self._index[kind, field].get(value.casefold(), ())]

    def account(self, account_type: str, subtype: str | None = None, currency: str = "") -> str | None:
        """Return the id of the first account of a type in a currency, by default the home currency; or None."""
        key = (account_type, subtype, currency or self.home)
        if key not in self._standard:
            self._standard[key] = next(
                (
                    str(account["Id"])
                    for account in self._objects["Account"].values()
                    if account["AccountType"] == account_type
                    and subtype in (None, account["AccountSubType"])
                    and account["CurrencyRef"]["value"] == key[2]
                ),
                None,
            )
        return self._standard[key]

    def commit(self, changes: Iterable[Change] = (), removals: Iterable[Removal] = ()) -> None:
        """Make changes and removals true together, in the journal first."""
        changes, removals = list(changes), list(removals)
        if self._journal is not None:
            self._journal.append({"books": {"changes": changes, "removals": removals}})
        transitions = self._transitions(changes, removals)
        self._apply(changes, removals)
        for watch in self.watchers:
            watch(transitions)

    def _transitions(self, changes: list[Change], removals: list[Removal]) -> list[Transition]:
        changed = [Transition(kind, self.find(kind, current["Id"]), current) for kind, current in changes]
        return changed + [Transition(kind, self.find(kind, identity), None) for kind, identity, _ in removals]

    def replay(self, record: dict[str, Any]) -> None:
        """Apply what an earlier process committed."""
        if record.get("wiped"):
            self.was_wiped = True
            self._empty()
        else:
            self._apply(record["changes"], record["removals"])

    def _apply(self, changes: Iterable[Change], removals: Iterable[Removal]) -> None:
        # Removals come first, so that what is posted anew does not find what is going.
        for kind, identity, time in removals:
            self._remove(kind, identity, time)
        for kind, current in changes:
            self._put(kind, current)

    def _put(self, kind: str, current: Object) -> None:
        identity = current["Id"]
        objects, recent = self._objects[kind], self._recent[kind]
        old = objects.get(identity)
        if old is not None:
            recent.pop(identity)
        else:
            self.skip_to(kind, identity)
        objects[identity] = current
        recent[identity] = None
        self._reindex(kind, identity, old, current)
        if kind == "Account":
            self._standard.clear()
        elif kind == "Preferences":
            self.home = current["CurrencyPrefs"]["HomeCurrency"]["value"]
        self.ledger.post(kind, identity, postings(kind, current, self))

    def _remove(self, kind: str, identity: str, time: str) -> None:
        old = self._objects[kind].pop(identity)
        self._recent[kind].pop(identity)
        self._reindex(kind, identity, old, {})
        self.ledger.post(kind, identity, ())
        if kind == "Account":
            self._standard.clear()
        self.tombstones[kind][identity] = time
        if "DocNumber" in old:
            self.retired_numbers[kind][old["DocNumber"].casefold()] = identity

    def _reindex(self, kind: str, identity: str, old: Object | None, current: Object) -> None:
        for field in KINDS[kind].indexed:
            before = _indexed(old.get(field) if old else None)
            after = _indexed(current.get(field))
            if before == after:
                continue
            entries = self._index[kind, field]
            if before is not None:
                del entries[before.casefold()][identity]
            if after is not None:
                entries[after.casefold()][identity] = None


def _indexed(held: object) -> str | None:
    value = held["value"] if isinstance(held, dict) else held
    return None if value is None else str(value)


class Bookkeeping(Facts, Protocol):
    """What completing a document needs of the company beyond facts."""

    books: Books

    def standard_account(self, account_type: str, subtype: str, currency: str = "") -> str:
        """Return the id of the company's first account of a type, opening it when there is none."""

    def tax_payable(self, agency: str) -> str:
        """Open the account that holds what is owed to a tax agency, and return its id."""

    def today(self) -> date:
        """Return the server's date."""
