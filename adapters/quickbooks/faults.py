"""What QuickBooks' faults mean: one table, read by (code, text of the detail).

Messages are titles and change; codes are shared between causes, so the detail decides where it has to. What is not
in the table stops the one document and waits for a person.
"""

import re
from collections.abc import Iterable
from enum import Enum, auto
from http import HTTPStatus
from typing import Any, Final, NamedTuple

import msgspec

from adapters.http import Answer
from adapters.ports import OutcomeUnknown, Rejected, Unavailable, VendorError
from adapters.quickbooks.problems import ShutOut, named

_THROTTLED = 60.0  # seconds; the vendor's limits page asks for a minute of silence
_LONGEST_FAULT = 64 * 1024  # bytes of an answer in which a fault is looked for


class Next(Enum):
    """What to do about a fault."""

    RETRY = auto()  # definitely not done, may work later
    UNKNOWN = auto()  # may have been done: look
    REJECT = auto()  # a person acts on this document
    STOP = auto()  # a person acts on the whole connection


class Row(NamedTuple):
    """How one fault is classed. `meaning` is a problem's code, or for RETRY and UNKNOWN a plain reason."""

    code: str
    detail: str | None  # a regular expression, None for any text
    next: Next
    meaning: str


RETRY, UNKNOWN, REJECT, STOP = Next

# fmt: off
FAULTS: Final[tuple[Row, ...]] = (
    #   code     detail                             next     meaning
    Row("100",   None,                              STOP,    "access_ended"),
    Row("110",   None,                              STOP,    "access_ended"),
    Row("120",   r"unknown error|statusCode: 5",    RETRY,   "authentication is out of order"),
    Row("120",   None,                              STOP,    "access_ended"),
    Row("130",   None,                              RETRY,   "the company is being moved"),
    Row("140",   None,                              RETRY,   "the company is locked"),
    Row("150",   None,                              RETRY,   "the company is under maintenance"),
    Row("500",   None,                              UNKNOWN, "the operation is not supported, or out of order"),
    Row("600",   None,                              UNKNOWN, "the request id was used before"),
    Row("610",   r"deleted this",                   REJECT,  "document_lost"),
    Row("610",   None,                              REJECT,  "reference_inactive"),
    Row("620",   None,                              REJECT,  "document_locked"),
    Row("630",   None,                              UNKNOWN, "the object exists already"),
    Row("800",   None,                              REJECT,  "document_locked"),
    Row("1000",  None,                              UNKNOWN, "the operation failed"),
    Row("1010",  None,                              UNKNOWN, "the creation failed"),
    Row("1020",  None,                              UNKNOWN, "the update failed"),
    Row("2040",  None,                              REJECT,  "text_refused"),
    Row("2050",  None,                              REJECT,  "text_too_long"),
    Row("2220",  None,                              REJECT,  "currency_foreign"),
    Row("2500",  None,                              REJECT,  "reference_inactive"),
    Row("3001",  None,                              RETRY,   "throttled"),
    Row("3100",  r"InternalServerError|statusCode=5", RETRY, "authorization is out of order"),
    Row("3100",  None,                              STOP,    "company_mismatch"),
    Row("3200",  None,                              STOP,    "access_ended"),
    Row("3202",  None,                              STOP,    "access_ended"),
    Row("5010",  None,                              RETRY,   "the document changed meanwhile"),
    Row("5020",  None,                              REJECT,  "plan_lacks_feature"),
    Row("5030",  None,                              REJECT,  "plan_lacks_feature"),
    Row("6000",  r"-30000",                         UNKNOWN, "an internal error of the vendor"),
    Row("6000",  r"period .*closed|books .*closed", REJECT,  "period_closed"),
    Row("6000",  r"\b(paid|payments?)\b",           REJECT,  "document_paid"),
    Row("6020",  None,                              REJECT,  "file_refused"),
    Row("6030",  None,                              REJECT,  "file_too_large"),
    Row("6040",  None,                              REJECT,  "file_refused"),
    Row("6041",  None,                              REJECT,  "file_refused"),
    Row("6050",  None,                              REJECT,  "document_lost"),
    Row("6100",  None,                              REJECT,  "tax_refused"),
    Row("6140",  None,                              REJECT,  "number_taken"),
    Row("6160",  None,                              REJECT,  "tax_refused"),
    Row("6170",  None,                              REJECT,  "tax_refused"),
    Row("6190",  None,                              STOP,    "subscription_ended"),
    Row("6200",  None,                              REJECT,  "period_closed"),
    Row("6210",  r"number has already been used",   REJECT,  "number_taken"),   # one vendor text prints 6210 for 6140
    Row("6210",  None,                              REJECT,  "period_closed"),
    Row("6220",  None,                              REJECT,  "document_paid"),
    Row("6230",  None,                              REJECT,  "tax_refused"),
    Row("6240",  None,                              REJECT,  "party_name_taken"),
    Row("6250",  None,                              REJECT,  "reference_inactive"),
    Row("6400",  None,                              REJECT,  "document_locked"),
    Row("6430",  None,                              REJECT,  "account_type_wrong"),
    Row("6450",  None,                              REJECT,  "document_locked"),
    Row("6470",  None,                              REJECT,  "tax_refused"),
    Row("6480",  None,                              REJECT,  "document_locked"),
    Row("6530",  None,                              REJECT,  "card_number_suspected"),
    Row("6540",  None,                              REJECT,  "document_locked"),
    Row("10000", None,                              UNKNOWN, "a system failure of the vendor"),
    Row("10200", None,                              STOP,    "company_reset"),
)
# fmt: on

_SEVERITY = (REJECT, RETRY, UNKNOWN, STOP)
_MENTIONED = re.compile(rb'"[Ff]ault"')
_WHEN_UNLISTED = Row("", None, REJECT, "accounting_refused")
_SHUT_OUT = Row("", None, STOP, "access_ended")
_PATIENCE: Final = {"3001": _THROTTLED, "140": 300.0, "150": 300.0}


class Fault(NamedTuple):
    """One error as QuickBooks told it."""

    code: str
    message: str
    detail: str

    @property
    def text(self) -> str:
        """The whole of it, for a person."""
        return f"{self.code} {self.message}: {self.detail}" if self.detail else f"{self.code} {self.message}"


class Refused(Rejected):
    """A definite no from QuickBooks itself, with the fault that says so and the HTTP status it came with."""

    def __init__(self, fault: Fault, meaning: str, status: int, trace: str) -> None:
        super().__init__(named(meaning).seen(fault.text), trace)
        self.fault = fault
        self.status = status


def error_in(answer: Answer, trace: str) -> VendorError | None:
    """Return the error an answer stands for, or None if it carries what was asked for.

    Status, then content, decides: a 200 may hold a fault, and a gateway's fault may be XML or HTML.
    """
    faults = faults_in(answer)
    if faults:
        return error_for(faults, writes=answer.writes, status=answer.status, trace=trace)
    if answer.ok:
        return None
    if answer.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return ShutOut(_SHUT_OUT.meaning, f"HTTP {answer.status}")
    return answer.unclear(f"HTTP {answer.status} without a readable fault")


def error_for(faults: Iterable[Fault], *, writes: bool, status: int, trace: str) -> VendorError:
    """Return what to do about `faults`; of several, the one that stops the most."""
    fault, row = max(((fault, _row(fault, status)) for fault in faults), key=lambda pair: _SEVERITY.index(pair[1].next))
    match row.next:
        case Next.RETRY:
            return Unavailable(f"QuickBooks {fault.code}: {row.meaning}", _PATIENCE.get(fault.code))
        case Next.UNKNOWN:
            detail = f"QuickBooks {fault.code}: {row.meaning}"
            return OutcomeUnknown(detail) if writes else Unavailable(detail)
        case Next.REJECT:
            return Refused(fault, row.meaning, status, trace)
        case Next.STOP:
            return ShutOut(row.meaning, fault.text)


def _row(fault: Fault, status: int) -> Row:
    """Return the first row that fits; an unlisted fault behind a closed door is about the door."""
    shut_out = status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}
    fitting = (
        row
        for row in FAULTS
        if row.code == fault.code
        and (row.detail is None or re.search(row.detail, f"{fault.message} {fault.detail}", re.IGNORECASE))
    )
    return next(fitting, _SHUT_OUT if shut_out else _WHEN_UNLISTED)


def faults_in(answer: Answer) -> list[Fault]:
    """Return every fault in an answer: the entity service's JSON, the gateway's JSON, or XML."""
    if answer.body.lstrip()[:1] == b"<":
        return _in_xml(answer.body[:_LONGEST_FAULT].decode("utf-8", "replace"))
    if answer.ok and not _MENTIONED.search(answer.body):
        return []
    try:
        return in_object(msgspec.json.decode(answer.body))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return []


def in_object(data: Any) -> list[Fault]:  # noqa: ANN401 - untyped JSON
    """Return the faults of one JSON object. The entity service writes `Fault.Error`, the gateway `fault.error`."""
    errors = _member(_member(data, "fault"), "error")
    return [
        Fault(
            str(_member(error, "code") or "").lstrip("0"),
            str(_member(error, "message") or ""),
            str(_member(error, "detail") or ""),
        )
        for error in (errors if isinstance(errors, list) else [])
    ]


def _member(data: Any, name: str) -> Any:  # noqa: ANN401 - untyped JSON
    """Return the member of an object whatever the case of its name, or None."""
    members = data.items() if isinstance(data, dict) else ()
    return next((value for key, value in members if key.lower() == name), None)


# A regular expression over a bounded text, not a parser: an XML fault is shallow, and entities stay unexpanded.
_XML_ERROR = re.compile(r"<Error\b([^>]*)>(.*?)</Error>", re.DOTALL | re.IGNORECASE)
_XML_CODE = re.compile(r"\bcode=[\"']0*(\d+)[\"']")
_XML_PART = {part: re.compile(rf"<{part}>([^<]*)</{part}>", re.IGNORECASE) for part in ("Message", "Detail")}


def _in_xml(text: str) -> list[Fault]:
    return [
        Fault(_first(_XML_CODE, opening), *(_first(pattern, inside) for pattern in _XML_PART.values()))
        for opening, inside in _XML_ERROR.findall(text)
    ]


def _first(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    return found.group(1).strip() if found else ""
