"""The memory of `requestid`: what the service does when one comes again, in each way it is said to."""

from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, NamedTuple

from adapters.sandbox.quickbooks.clock import Clock
from adapters.sandbox.quickbooks.faults import Fault
from adapters.sandbox.quickbooks.journal import Journal
from adapters.sandbox.quickbooks.rules import Object
from adapters.sandbox.quickbooks.switches import Switches


class _First(NamedTuple):
    """What the first call with an id was and how it was answered."""

    time: datetime
    fingerprint: str
    status: int
    payload: Object


class Repeats:
    """The request ids of one company."""

    def __init__(self, clock: Clock, journal: Journal | None = None) -> None:
        self._clock = clock
        self._journal = journal
        self._firsts: dict[str, _First] = {}

    def recall(self, request_id: str, call: str, body: bytes, switches: Switches) -> tuple[int, Object] | None:
        """Return the first answer when it is to be repeated, None when the call is to be carried out.

        Raises Fault 600 where the switches say that a repeat is refused.
        """
        first = self._firsts.get(request_id)
        if first is None or switches.request_id == "ignore":
            return None
        if self._clock() - first.time > timedelta(seconds=switches.request_id_retention_seconds):
            return None
        refused_first = first.status >= 400  # noqa: PLR2004 - the first HTTP status that is a refusal
        if refused_first and switches.request_id_after_fault == "execute":
            return None
        mismatch = first.fingerprint != _fingerprint(call, body) and switches.request_id_mismatch == "fault600"
        if mismatch or switches.request_id == "fault600":
            raise Fault("600", "Duplicate Request ID")
        return first.status, first.payload

    def remember(self, request_id: str, call: str, body: bytes, status: int, payload: Object) -> None:
        """Keep the answer to the first call with an id; the latest one counts."""
        first = _First(self._clock(), _fingerprint(call, body), status, payload)
        self._firsts[request_id] = first
        if self._journal is not None:
            self._journal.append({"request": {"id": request_id, **first._asdict()}})

    def replay(self, record: dict[str, Any]) -> None:
        """Take over what an earlier process remembered."""
        time = datetime.fromisoformat(record["time"])
        self._firsts[record["id"]] = _First(time, record["fingerprint"], record["status"], record["payload"])


def _fingerprint(call: str, body: bytes) -> str:
    return sha256(call.encode() + b"\n" + body).hexdigest()
