"""Merging two entries of a list, as people do with duplicates: one stays, the other's transactions become its own."""

from collections.abc import Iterator
from typing import Final

from adapters.sandbox.quickbooks.books import Books, Change
from adapters.sandbox.quickbooks.faults import business
from adapters.sandbox.quickbooks.kinds import KINDS, PARTIES, REFERENCES
from adapters.sandbox.quickbooks.rules import Object

MERGED: Final = "_merged"
"""On what stays: the id of the last one it was merged with; shown to nobody."""
_ALIKE: Final = ("AccountType", "Type", "CurrencyRef")


def check_mergeable(kind: str, kept: Object, gone: Object) -> None:
    """Refuse to merge what is not of one list, type and currency."""
    if KINDS[kind].role != "name" or kept["Id"] == gone["Id"]:
        raise business("Only two entries of one list can be merged.")
    if kept.get("ParentRef", {}).get("value") == gone["Id"]:
        raise business("An entry can't be merged into one below it.")
    if any(kept.get(field) != gone.get(field) for field in _ALIKE):
        raise business("Only entries of the same type and currency can be merged.")


def repointed(kind: str, kept: str, gone: str, books: Books) -> Iterator[Change]:
    """Yield every object that refers to `gone`, referring to `kept` instead."""

    def replace(holder: str, key: str, value: object) -> object:
        if isinstance(value, list):
            return [replace(holder, key, held) for held in value]
        if not isinstance(value, dict):
            return value
        if value.get("value") == gone and _points_to(holder, key, value) == kind:
            return {**value, "value": kept}
        return {inner: replace(holder, inner, held) for inner, held in value.items()}

    posted = {written for written, entry in books.ledger.entries() if any(side.account == gone for side in entry)}
    # Lists come first: what documents post can depend on them.
    for holder in sorted(KINDS, key=lambda name: KINDS[name].sequence == "transaction"):
        for stored in books.live(holder):
            reposted = kind == "Account" and (holder, stored["Id"]) in posted
            if not reposted and not _mentions(stored, gone):
                continue
            changed: Object = {key: replace(holder, key, held) for key, held in stored.items()}
            if gone in stored.get("_items", {}) and kind in PARTIES and changed != stored:
                changed["_items"] = _joined(changed["_items"], kept, gone)
            if (reposted or changed != stored) and not (holder == kind and stored["Id"] == gone):
                yield holder, changed


def _mentions(value: object, identity: str) -> bool:
    """Say whether an id stands anywhere in an object, cheaply, since most objects are not affected."""
    if isinstance(value, dict):
        return any(_mentions(held, identity) for held in value.values()) or identity in value
    if isinstance(value, list):
        return any(_mentions(held, identity) for held in value)
    return value == identity


def _points_to(holder: str, key: str, reference: Object) -> str | None:
    return holder if key == "ParentRef" else REFERENCES.get(key, reference.get("type"))


_SUMS: Final = ("Amount", "Balance", "HomeAmount", "HomeBalance")


def _joined(items: Object, kept: str, gone: str) -> Object:
    """Return open items in which one party has taken over the other's."""
    left = {party: item for party, item in items.items() if party != gone}
    mine, theirs = left.get(kept), items[gone]
    left[kept] = {**theirs, **{key: theirs[key] + mine[key] for key in _SUMS}} if mine else theirs
    return left
