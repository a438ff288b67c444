"""What the server alone puts on an object: its id, its version and its times."""

from collections.abc import Iterable
from typing import Final

from adapters.sandbox.quickbooks.books import Change
from adapters.sandbox.quickbooks.faults import stale
from adapters.sandbox.quickbooks.rules import Object

_SERVER_OWNED: Final = ("Id", "SyncToken", "MetaData")


def without_empty(draft: Object) -> Object:
    """Return what is left of a draft without what was cleared and what only the server sets."""
    return {key: value for key, value in draft.items() if value is not None and key not in _SERVER_OWNED}


def first_version(identity: str, now: str, draft: Object) -> Object:
    """Return a draft as a new object."""
    return {**draft, "Id": identity, "SyncToken": "0", "MetaData": {"CreateTime": now, "LastUpdatedTime": now}}


def next_version(old: Object, now: str, draft: Object) -> Object:
    """Return a draft as the version of an object that follows `old`."""
    return {
        **draft,
        "Id": old["Id"],
        "SyncToken": str(int(old["SyncToken"]) + 1),
        "MetaData": {"CreateTime": old["MetaData"]["CreateTime"], "LastUpdatedTime": now},
    }


def touched(changes: Iterable[Change], now: str) -> list[Change]:
    """Return changed objects as their next versions."""
    return [(kind, next_version(changed, now, changed)) for kind, changed in changes]


def check_token(old: Object, sync_token: object) -> None:
    """Raise fault 5010 for a SyncToken that is not the current one."""
    if str(sync_token) != old["SyncToken"]:
        raise stale()
