"""The entity service: one authenticated call on the company, from its path to its answer."""

from random import Random
from typing import Final

from adapters.sandbox.quickbooks.attachments import CONTENT, attachable_of, content_of, uploads
from adapters.sandbox.quickbooks.call import Call, Raw, UnknownPath, check_request_id, operation, parsed, statement
from adapters.sandbox.quickbooks.changes import changes
from adapters.sandbox.quickbooks.clock import answer_time
from adapters.sandbox.quickbooks.company import Company
from adapters.sandbox.quickbooks.currencies import rate_on
from adapters.sandbox.quickbooks.disruption import Disruptions
from adapters.sandbox.quickbooks.faults import Fault, not_found
from adapters.sandbox.quickbooks.kinds import KINDS
from adapters.sandbox.quickbooks.mailing import pdf
from adapters.sandbox.quickbooks.operations import BatchItem, batch_items, write
from adapters.sandbox.quickbooks.presentation import Presenter, is_good_link
from adapters.sandbox.quickbooks.query import run
from adapters.sandbox.quickbooks.repeats import Repeats
from adapters.sandbox.quickbooks.reports import REPORTS, report
from adapters.sandbox.quickbooks.rules import Object
from adapters.sandbox.quickbooks.switches import Limits
from adapters.sandbox.quickbooks.taxservice import make_tax_code
from adapters.sandbox.quickbooks.traffic import Log, Meter

_THROTTLED_ITEM: Final = Fault("3001", "The request limit was reached.  Try again later")


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

    def answer(self, call: Call) -> tuple[int, Object | Raw]:
        """Return the HTTP status and the payload, an object with its `time`. Raises UnknownPath."""
        status: int
        payload: Object | Raw
        try:
            status, payload = self._answer_once(call)
        except Fault as fault:
            self._log.by_code[fault.code] += 1
            status, payload = fault.status, {"Fault": fault.as_json()}
        if isinstance(payload, Raw) or (call.subject == "reports" and "Fault" not in payload):
            return status, payload  # a report has its time in its header
        return status, {**payload, "time": answer_time(self._company.clock())}

    def _answer_once(self, call: Call) -> tuple[int, Object | Raw]:
        """Carry the call out, or repeat the first answer to its request id."""
        if self._company.books.was_wiped:
            raise Fault("10200", "Company Reset : the company's data has been wiped.")
        request_id = call.parameters.get("requestid", "") if call.writes else ""
        check_request_id(call, request_id)
        switches = self._company.switches
        remembered = bool(request_id) and (switches.request_id_in_batch or not call.is_batch)
        if remembered:
            repeated = self._repeats.recall(request_id, call.target, call.body, switches)
            if repeated is not None:
                self._note_write(call.subject, operation(call), request_id, *repeated, repeated=True)
                return repeated
        if not call.writes:
            taken = self._take_out(call)
            self._meter.count("CorePlus", self._company.clock(), self._calls(call))
            return 200, taken
        try:
            status, payload = 200, self._put_in(call)
        except Fault as fault:
            status, payload = fault.status, {"Fault": fault.as_json()}
            self._log.by_code[fault.code] += 1
        if remembered:
            self._repeats.remember(request_id, call.target, call.body, status, payload)
        if call.writes and (not call.is_batch or "Fault" in payload):
            self._note_write(call.subject, operation(call), request_id, status, payload)
        return status, payload

    def _take_out(self, call: Call) -> Object | Raw:  # noqa: PLR0911 - one for each thing there is to read
        """Answer a call that takes data out."""
        match call.method, *call.parts:
            case "GET" | "POST", "query":
                return {"QueryResponse": self._present(call, run(statement(call), self._company))}
            case "GET", "cdc":
                return {"CDCResponse": [self._changes(call)]}
            case "GET", "download", identity:
                return self._download(call, identity)
            case "GET", "reports", name if name in REPORTS:
                return report(name, call.parameters, self._company)
            case "GET", "exchangerate":
                return self._present(call, {"ExchangeRate": self._rate(call)})
            case "GET", _, identity, "pdf" if call.subject in KINDS and KINDS[call.subject].mailed_to:
                return Raw(pdf(call.subject, self._read(call.subject, identity)), "application/pdf")
            case "GET", _, identity if call.subject in KINDS:
                return self._present(call, {call.subject: self._read(call.subject, identity)})
            case "GET", _ if call.subject in KINDS and KINDS[call.subject].role == "single":
                return self._present(call, {call.subject: self._read(call.subject, "1")})
        raise UnknownPath

    def _calls(self, call: Call) -> int:
        """Return how many calls a read is metered as."""
        by_kind = call.subject == "cdc" and self._company.switches.changes_metered == "kind"
        return len(call.parameters.get("entities", "").split(",")) if by_kind else 1

    def _put_in(self, call: Call) -> Object:
        """Carry out a call that can change the books."""
        match call.parts:
            case ["batch"]:
                return {"BatchItemResponse": self._batch(call)}
            case ["upload"]:
                return {"AttachableResponse": self._upload(call)}
            case ["taxservice", "taxcode"]:
                answered = make_tax_code(parsed(call.body), self._company)
            case [_, identity, "send"] if call.subject in KINDS and KINDS[call.subject].mailed_to:
                sent = self._company.send(call.subject, identity, call.parameters.get("sendTo", ""))
                answered = self._present(call, {call.subject: sent})
            case [_] if call.subject in KINDS:
                written = write(call.subject, operation(call), call.options, parsed(call.body), self._company)
                answered = self._present(call, written)
            case _:
                raise UnknownPath
        self._meter.count("Core", self._company.clock())
        return answered

    def _present(self, call: Call, payload: Object) -> Object:
        return Presenter(self._company, call.options, call.origin).present(payload)

    def _read(self, kind: str, identity: str) -> Object:
        if KINDS[kind].role == "single":
            if identity not in {"1", self._company.realm_id}:
                raise not_found()
            identity = "1"
        elif not identity.isdigit() and kind != "TaxCode":
            raise Fault("2030", f"Invalid ID : Id should be a valid number. Supplied value:{identity}", element="Id")
        self._company.check_readable(kind)
        found = self._company.get(kind, identity)
        if found is None:
            raise not_found()
        return found

    def _rate(self, call: Call) -> Object:
        """Return the company's rate for a currency on a day; without one kept, 1."""
        currency = call.parameters.get("sourcecurrencycode", "").upper()
        if currency not in self._company.currencies():
            raise Fault("2220", f"Invalid Currency Type : {currency}", element="sourcecurrencycode")
        day = call.parameters.get("asofdate", self._company.today().isoformat())
        rate = rate_on(currency, day, self._company.books)
        named = {"SourceCurrencyCode": currency, "TargetCurrencyCode": self._company.books.home}
        return {"domain": "QBO", "sparse": False, "SyncToken": "0", "AsOfDate": day, "Rate": rate, **named}

    def _download(self, call: Call, identity: str) -> Raw:
        stored = self._company.find("Attachable", identity)
        if stored is None or CONTENT not in stored:
            raise not_found()
        link = Presenter(self._company, call.options, call.origin).file_link(identity)
        return Raw(link.encode(), "text/plain")

    def _upload(self, call: Call) -> list[Object]:
        """Store each file of an upload by itself: one that is refused does not keep the others out."""
        if len(call.body) > self._limits.upload_bytes:
            raise Fault("6030", f"Upload size exceeds the allowed limit : {self._limits.upload_bytes:,} bytes")
        answers: list[Object] = []
        for upload in uploads(call.body, call.content_type):
            try:
                stored = {"Attachable": self._company.attach(attachable_of(upload))}
                answers.append(self._present(call, stored))
            except Fault as fault:
                self._log.by_code[fault.code] += 1
                answers.append({"Fault": fault.as_json()})
                continue
            self._meter.count("Core", self._company.clock())
        return answers

    def file(self, identity: str, link: dict[str, str]) -> Raw | None:
        """Return an attachable's file to whoever has a good link to it, else None."""
        stored = self._company.find("Attachable", identity)
        if stored is None or CONTENT not in stored or not is_good_link(self._company, identity, link):
            return None
        return Raw(content_of(stored), stored["ContentType"])

    def _changes(self, call: Call) -> Object:
        since, entities = call.parameters.get("changedSince", ""), call.parameters.get("entities", "")
        changed = changes(entities, since, self._company, self._limits.look_back_days)
        return {"QueryResponse": [self._present(call, group) for group in changed["QueryResponse"]]}

    def _batch(self, call: Call) -> list[Object]:
        request_id = call.parameters.get("requestid", "")
        items = batch_items(parsed(call.body), self._random, has_request_id=bool(request_id))
        answers = []
        with self._company.isolation.batch():
            for item in items:
                status, answer = self._batch_answer(item, call)
                self._company.isolation.end_item()
                if not item.reads:
                    self._note_write(item.kind, item.operation, request_id, status, answer)
                answers.append({"bId": item.identity, **answer})
        return answers

    def _batch_answer(self, item: BatchItem, call: Call) -> tuple[int, Object]:
        try:
            if self._disruptions.choose("POST", "batch", item.kind, items=True):
                raise _THROTTLED_ITEM
            if item.reads and self._meter.is_blocked(self._company.clock()):
                raise _THROTTLED_ITEM
            answered = item.perform(self._company)
            shown = answered.get("QueryResponse", answered)
            Presenter(self._company, call.options | item.options, call.origin).present(shown)
        except Fault as fault:
            self._log.by_code[fault.code] += 1
            return fault.status, {"Fault": fault.as_json()}
        self._meter.count("CorePlus" if item.reads else "Core", self._company.clock())
        return 200, answered

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
