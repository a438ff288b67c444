"""Change data capture: what changed since an instant, by kind."""

from datetime import datetime, timedelta
from itertools import islice, takewhile
from typing import Final

from adapters.sandbox.quickbooks.clock import PACIFIC, parse_stamp, stamp
from adapters.sandbox.quickbooks.company import Company
from adapters.sandbox.quickbooks.faults import Fault, missing
from adapters.sandbox.quickbooks.kinds import KINDS, PATHS
from adapters.sandbox.quickbooks.rules import Object
from adapters.sandbox.quickbooks.view import render

_LARGEST: Final = 1000
"""Objects in one answer; there is no next page."""
_COVERED: Final = frozenset(kind for kind, row in KINDS.items() if row.captured)


def changes(entities: str, changed_since: str, company: Company, look_back_days: int) -> Object:
    """Return the CDCResponse entry: a group for each kind in the order asked, `{}` for one without change.

    Within a group objects come by time of change, deleted ones last; past 1,000 objects the answer just ends.
    Raises Fault.
    """
    if not entities or not changed_since:
        raise missing("changedSince" if entities else "entities")
    since = _since(changed_since, company, look_back_days)
    left = _LARGEST
    groups: list[Object] = []
    for entity in entities.split(","):
        kind = PATHS.get(entity.strip().lower())
        if kind not in _COVERED:
            raise Fault("2000", f"Invalid or unsupported object name : {entity}")
        company.check_readable(kind)
        rows = _changed(kind, since, company, left)
        left -= len(rows)
        groups.append(
            {kind: rows, "startPosition": 1, "maxResults": len(rows), "totalCount": len(rows)} if rows else {},
        )
    return {"QueryResponse": groups}


def _since(changed_since: str, company: Company, look_back_days: int) -> str:
    # A plus sign that was not percent-encoded arrives as a space, and the vendor does not guess.
    try:
        instant = datetime.fromisoformat(parse_stamp(changed_since))
    except ValueError:
        raise Fault("4001", f"Invalid query : changedSince {changed_since} is not a time") from None
    if instant < company.clock().astimezone(PACIFIC) - timedelta(days=look_back_days):
        raise Fault(company.switches.changes_too_old_code, f"changedSince is more than {look_back_days} days ago")
    return stamp(instant)


def _changed(kind: str, since: str, company: Company, limit: int) -> list[Object]:
    """Return at most `limit` rows, the ones that changed longest ago first."""
    books = company.books
    live = list(takewhile(lambda stored: bool(stored["MetaData"]["LastUpdatedTime"] >= since), books.latest(kind)))
    live.reverse()
    rows = [render(books, kind, stored) for stored in live[:limit]]
    deleted = ((identity, time) for identity, time in books.tombstones[kind].items() if time >= since)
    rows.extend(
        {"domain": "QBO", "status": "Deleted", "Id": identity, "MetaData": {"LastUpdatedTime": time}}
        for identity, time in islice(deleted, limit - len(rows))
    )
    return rows
