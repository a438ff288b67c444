"""The entity service: one authenticated call on the company, from its path to its answer."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Final

import msgspec

from adapters.sandbox.quickbooks.changes import changes
from adapters.sandbox.quickbooks.clock import answer_time
from adapters.sandbox.quickbooks.company import Company
from adapters.sandbox.quickbooks.disruption import Disruptions
from adapters.sandbox.quickbooks.faults import Fault, missing, not_found
from adapters.sandbox.quickbooks.journal import decode
from adapters.sandbox.quickbooks.kinds import KINDS, PATHS
from adapters.sandbox.quickbooks.operations import BatchItem, batch_items, write
from adapters.sandbox.quickbooks.query import run
from adapters.sandbox.quickbooks.repeats import Repeats
from adapters.sandbox.quickbooks.rules import Object
from adapters.sandbox.quickbooks.switches import Limits
from adapters.sandbox.quickbooks.traffic import Log, Meter

_LONGEST_REQUEST_ID: Final = 50
_LONGEST_BATCH_REQUEST_ID: Final = 36
_THROTTLED_ITEM: Final = Fault("3001", "The request limit was reached.  Try again later")


class UnknownPath(Exception):  # noqa: N818 - an answer, not an error
    """The path names nothing the service has: HTTP 404."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request, as far as the service looks at it."""

    method: str
    target: str
    """The path below the company, such as `invoice/145`."""
    parameters: dict[str, str]
    body: bytes

    @property
    def subject(self) -> str:
        """The kind, or `query`, `batch`, `cdc`; as sent when it is neither."""
        first = self.target.partition("/")[0].lower()
        return PATHS.get(first, first)

    @property
    def is_batch(self) -> bool:
        """Whether it carries several items."""
        return self.subject == "batch"

    @property
    def writes(self) -> bool:
        """Whether it can change the books."""
        return self.method == "POST" and self.subject != "query"


class EntityService:
    """What answers once the gateway let a call pass."""

    def __init__(  # noqa: PLR0913 - what the service is composed of
        self,
        company: Company,
        *,
        limits: Limits,
        repeats: Repeats,
        meter: Meter,
        log: Log,
        disruptions: Disruptions,
        random: Random,
    ) -> None:
        self._company = company
        self._limits = limits
        self._repeats = repeats
        self._meter = meter
        self._log = log
        self._disruptions = disruptions
        self._random = random

    def answer(self, call: Call) -> tuple[int, Object]:
        """Return the HTTP status and the payload, with its `time`. Raises UnknownPath."""
        try:
            status, payload = self._answer_once(call)
        except Fault as fault:
            self._log.by_code[fault.code] += 1
            status, payload = fault.status, {"Fault": fault.as_json()}
        return status, {**payload, "time": answer_time(self._company.clock())}

    def _answer_once(self, call: Call) -> tuple[int, Object]:
        """Carry the call out, or repeat the first answer to its request id."""
        if self._company.books.was_wiped:
            raise Fault("10200", "Company Reset : the company's data has been wiped.")
        request_id = call.parameters.get("requestid", "") if call.writes else ""
        _check_request_id(call, request_id)
        switches = self._company.switches
        remembered = bool(request_id) and (switches.request_id_in_batch or not call.is_batch)
        if remembered:
            repeated = self._repeats.recall(request_id, call.target, call.body, switches)
            if repeated is not None:
                self._note_write(call.subject, _operation(call), request_id, *repeated, repeated=True)
                return repeated
        try:
            status, payload = 200, self._carry_out(call)
        except Fault as fault:
            status, payload = fault.status, {"Fault": fault.as_json()}
            self._log.by_code[fault.code] += 1
        if remembered:
            self._repeats.remember(request_id, call.target, call.body, status, payload)
        if call.writes and (not call.is_batch or "Fault" in payload):
            self._note_write(call.subject, _operation(call), request_id, status, payload)
        return status, payload

    def _carry_out(self, call: Call) -> Object:
        subject, _, identity = call.target.partition("/")
        if identity and (call.method != "GET" or "/" in identity or subject.lower() not in PATHS):
            raise UnknownPath
        match call.subject, call.method:
            case "query", "GET" | "POST":
                return {"QueryResponse": self._metered_read(lambda: run(_statement(call), self._company))}
            case "cdc", "GET":
                kinds = len(call.parameters.get("entities", "").split(","))
                calls = kinds if self._company.switches.changes_metered == "kind" else 1
                return {"CDCResponse": [self._metered_read(lambda: self._changes(call), calls)]}
            case "batch", "POST":
                return {"BatchItemResponse": self._batch(call)}
            case kind, "GET" if kind in KINDS:
                return self._metered_read(lambda: self._read(kind, identity))
            case kind, "POST" if kind in KINDS:
                return self._write(kind, call)
        raise UnknownPath

    def _read(self, kind: str, identity: str) -> Object:
        if KINDS[kind].role == "single":
            if identity not in {"", "1", self._company.realm_id}:
                raise not_found()
            identity = "1"
        if not identity:
            raise UnknownPath
        if not identity.isdigit():
            raise Fault("2030", f"Invalid ID : Id should be a valid number. Supplied value:{identity}", element="Id")
        found = self._company.get(kind, identity)
        if found is None:
            raise not_found()
        if self._company.switches.new_answer_fields:
            found["AnnouncedByNobody"] = {"value": "1"}
        return {kind: found}

    def _write(self, kind: str, call: Call) -> Object:
        operation = _operation(call)
        options = frozenset(call.parameters.get("include", "").lower().split(","))
        answered = write(kind, operation, options, _parsed(call.body), self._company)
        self._meter.count("Core", self._company.clock())
        if self._company.switches.new_answer_fields:
            answered[kind]["AnnouncedByNobody"] = {"value": "1"}
        return answered

    def _changes(self, call: Call) -> Object:
        since, entities = call.parameters.get("changedSince", ""), call.parameters.get("entities", "")
        return changes(entities, since, self._company, self._limits.look_back_days)

    def _batch(self, call: Call) -> list[Object]:
        request_id = call.parameters.get("requestid", "")
        items = batch_items(_parsed(call.body), self._random, has_request_id=bool(request_id))
        answers = []
        for item in items:
            status, answer = self._batch_answer(item)
            if not item.reads:
                self._note_write(item.kind, item.operation, request_id, status, answer)
            answers.append({"bId": item.identity, **answer})
        return answers

    def _batch_answer(self, item: BatchItem) -> tuple[int, Object]:
        try:
            if self._disruptions.choose("POST", "batch", item.kind, items=True):
                raise _THROTTLED_ITEM
            if item.reads and self._meter.is_blocked(self._company.clock()):
                raise _THROTTLED_ITEM
            answered = item.perform(self._company)
        except Fault as fault:
            self._log.by_code[fault.code] += 1
            return fault.status, {"Fault": fault.as_json()}
        self._meter.count("CorePlus" if item.reads else "Core", self._company.clock())
        return 200, answered

    def _metered_read(self, read: Callable[[], Object], calls: int = 1) -> Object:
        answered = read()
        self._meter.count("CorePlus", self._company.clock(), calls)
        return answered

    def _note_write(  # noqa: PLR0913 - the columns of the log
        self,
        subject: str,
        operation: str,
        request_id: str,
        status: int,
        payload: Object,
        *,
        repeated: bool = False,
    ) -> None:
        """Log one write; a batch is logged item by item, unless it was refused or repeated as a whole."""
        written = payload.get(subject)
        self._log.writes.append(
            {
                "time": answer_time(self._company.clock()),
                "kind": subject,
                "operation": operation,
                "requestid": request_id,
                "status": status,
                "repeated": repeated,
                "id": written.get("Id") if isinstance(written, dict) else None,
                "number": written.get("DocNumber") if isinstance(written, dict) else None,
                "code": payload["Fault"]["Error"][0]["code"] if "Fault" in payload else None,
            },
        )


def _operation(call: Call) -> str:
    return call.parameters.get("operation", "").lower()


def _check_request_id(call: Call, request_id: str) -> None:
    limit = _LONGEST_BATCH_REQUEST_ID if call.is_batch else _LONGEST_REQUEST_ID
    if len(request_id) > limit:
        raise Fault("2130", f"Invalid Request Id Format : at most {limit} characters", element="requestid")


def _statement(call: Call) -> str:
    statement = call.body.decode("utf-8", "replace") if call.method == "POST" else call.parameters.get("query", "")
    if not statement.strip():
        raise missing("query")
    return statement


def _parsed(body: bytes) -> object:
    try:
        return decode(body)
    except UnicodeDecodeError:
        raise Fault("10000", "System Failure Error: the payload is not valid UTF-8") from None
    except msgspec.DecodeError as error:
        raise Fault("2010", f"Request has invalid or unsupported property : {error}") from None
