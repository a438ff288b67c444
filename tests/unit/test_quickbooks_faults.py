from collections import Counter
from typing import Any

import pytest

from adapters.http import Answer, encode
from adapters.ports import OutcomeUnknown, Rejected, Unauthorized, Unavailable, VendorError
from adapters.quickbooks.faults import FAULTS, Fault, Next, error_in, faults_in
from adapters.quickbooks.problems import CATALOGUE, named


def answer(body: bytes | dict[str, Any], status: int = 400, *, writes: bool = True) -> Answer:
    return Answer(status, {}, body if isinstance(body, bytes) else encode(body), writes)


def entity_fault(*errors: tuple[str, str, str]) -> dict[str, Any]:
    listed = [{"code": code, "Message": message, "Detail": detail, "element": ""} for code, message, detail in errors]
    return {"Fault": {"Error": listed, "type": "ValidationFault"}, "time": "2026-03-02T10:11:12.345-08:00"}


def error(code: str, detail: str = "", status: int = 400, *, writes: bool = True) -> VendorError:
    found = error_in(answer(entity_fault((code, "A title", detail)), status, writes=writes), "tid-1")
    assert found is not None
    return found


XML = b"""<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<IntuitResponse xmlns="http://schema.intuit.com/finance/v3" time="2026-03-02T10:11:12.345-08:00">
<Fault type="AuthenticationFault"><Error code="003200"><Message>message=AuthenticationFailed</Message>
<Detail>Token expired</Detail></Error></Fault></IntuitResponse>"""

GATEWAY = {
    "warnings": None,
    "fault": {
        "error": [{"message": "message=ThrottleExceeded", "detail": "The request limit", "code": "003001"}],
        "type": "SERVICE",
    },
    "time": 1536096004238,
}


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (entity_fault(("6140", "Duplicate", "taken")), Fault("6140", "Duplicate", "taken")),
        (GATEWAY, Fault("3001", "message=ThrottleExceeded", "The request limit")),
        (XML, Fault("3200", "message=AuthenticationFailed", "Token expired")),
    ],
    ids=["entity service", "gateway", "xml"],
)
def test_fault_is_read_from_every_shape(body: Any, fault: Fault) -> None:
    assert faults_in(answer(body)) == [fault]


@pytest.mark.parametrize(
    "body", [b"<html>502</html>", b"", b"[]", b'{"Fault":', b'{"Fault":null}', b'{"fault":{"error":7}}', b"\xff\xfe"]
)
def test_answer_without_a_readable_fault_proves_nothing_about_a_write(body: bytes) -> None:
    assert isinstance(error_in(answer(body), ""), OutcomeUnknown)
    assert isinstance(error_in(answer(body, writes=False), ""), Unavailable)


@pytest.mark.parametrize("status", [401, 403])
def test_closed_door_without_a_readable_fault_stops_the_connection(status: int) -> None:
    assert isinstance(error_in(answer(b"<html>no</html>", status), ""), Unauthorized)


def test_answer_that_holds_what_was_asked_for_is_no_error() -> None:
    assert error_in(answer({"Invoice": {"PrivateNote": 'the "Fault" was ours'}}, 200), "") is None


def test_fault_inside_a_success_is_an_error() -> None:
    assert isinstance(
        error_in(answer(entity_fault(("6190", "Invalid Company Status", "ended")), 200), ""), Unauthorized
    )


@pytest.mark.parametrize(
    ("code", "detail", "kind"),
    [
        ("3001", "", Unavailable),
        ("5010", "working on this at the same time", Unavailable),
        ("120", "Unknown Error during Authentication, statusCode: 500", Unavailable),
        ("120", "You do not have access", Unauthorized),
        ("3100", "", Unauthorized),
        ("3200", "", Unauthorized),
        ("10200", "", Unauthorized),
        ("10000", "System Failure Error", OutcomeUnknown),
        ("600", "", OutcomeUnknown),
        ("6000", "Unexpected Internal Error. (-30000)", OutcomeUnknown),
    ],
)
def test_fault_says_what_to_do_next(code: str, detail: str, kind: type[VendorError]) -> None:
    assert isinstance(error(code, detail), kind)


@pytest.mark.parametrize(
    ("code", "detail", "problem"),
    [
        ("6140", "", "number_taken"),
        ("6210", "The account period has closed", "period_closed"),
        ("6210", "This number has already been used.", "number_taken"),
        ("6200", "", "period_closed"),
        ("610", "Another user has deleted this transaction.", "document_lost"),
        ("610", "Something you're trying to use has been made inactive.", "reference_inactive"),
        ("2500", "", "reference_inactive"),
        ("6430", "", "account_type_wrong"),
        ("5020", "", "plan_lacks_feature"),
        ("6240", "", "party_name_taken"),
        ("6000", "This transaction has payments applied.", "document_paid"),
        ("6000", "You must set a transaction amount.", "accounting_refused"),
        ("98765", "Never seen", "accounting_refused"),
    ],
)
def test_refusal_gets_the_problem_a_person_can_end(code: str, detail: str, problem: str) -> None:
    refusal = error(code, detail)
    assert isinstance(refusal, Rejected)
    assert (refusal.problem.code, refusal.trace) == (problem, "tid-1")
    assert code in refusal.problem.detail
    assert detail in refusal.problem.detail


def test_unknown_outcome_of_a_read_is_only_a_delay() -> None:
    assert type(error("10000", writes=False)) is Unavailable


def test_throttle_asks_for_a_minute_of_silence() -> None:
    throttled = error("3001", status=200)
    assert isinstance(throttled, Unavailable)
    assert throttled.retry_after == 60


def test_of_several_faults_the_gravest_decides() -> None:
    several = entity_fault(("6140", "Duplicate", ""), ("10000", "System failure", ""))
    assert isinstance(error_in(answer(several), ""), OutcomeUnknown)


def test_no_row_of_the_table_is_out_of_reach() -> None:
    for code, rows in Counter(row.code for row in FAULTS).items():
        details = [row.detail for row in FAULTS if row.code == code]
        assert details[-1] is None or code == "6000"
        assert details.count(None) <= 1
        assert len(set(details)) == rows


def test_every_refusal_has_a_problem_with_cause_and_fix() -> None:
    for row in FAULTS:
        if row.next in {Next.REJECT, Next.STOP}:
            assert named(row.meaning).code == row.meaning
    for problem in CATALOGUE.values():
        assert problem.cause.endswith(".")
        assert problem.fix.endswith(".")
