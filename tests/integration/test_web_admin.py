from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from rich.console import Console
from structlog.testing import capture_logs

from adapters.ports import Finding, Place, Standing
from engine.metrics import Metrics
from engine.readiness import Readiness
from engine.screen import show_detail, show_page
from engine.web.app import make_app
from engine.web.auth import Role, Token, digest, new_token
from engine.web.server import serving
from state.lifecycle import Effect, State, Trigger
from state.messages import Ended, Ending
from state.moves import Cause
from state.outbox import Claim, Delivered, InDoubt, Outcome, Receipt, Refused, Remark
from state.problem import problem
from state.store import Filter, Store
from state.transaction import Charge, Content, Document, Kind, Line, Money, Party, Sourced, TransactionId

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SEEN = Cause("intake", "seen in the TMS")
OPERATOR, VIEWER = new_token()[0], new_token()[0]
TOKENS = (Token("olga", Role.OPERATOR, digest(OPERATOR)), Token("vera", Role.VIEWER, digest(VIEWER)))
FINDINGS = (Finding("closing date", Standing.FAIL, "books closed up to 2026-09-30", "Move the closing date."),)
PLACE = Place("revenue", "", "", "", "", "gap", Standing.FAIL, "no key answers", "Set one.")
REASON = {"reason": "the books were reopened"}
ONE = "/admin/v1/transactions/1"


class Daemon:
    """The HTTP surface over a real store, as somebody with a token sees it."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.metrics = Metrics()
        self.now = NOON
        self.woken = 0

    @asynccontextmanager
    async def served(self, *tokens: Token) -> AsyncIterator[None]:
        app = make_app(self.store, self.metrics, Readiness(lambda: NOON), tokens, self._wake, self, lambda: self.now)
        async with serving(app, "127.0.0.1", 0) as port, aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:
            self.session = session
            yield

    async def check(self) -> Sequence[Finding]:
        return FINDINGS

    async def mapping(self, used: Collection[Charge]) -> Sequence[Place]:
        return [replace(PLACE, charge=each.name, load_type=each.load_type) for each in used]

    async def starting_mapping(self, used: Collection[Charge]) -> str:
        return f"[mapping] # {len(used)}"

    def _wake(self) -> None:
        self.woken += 1

    async def ask(self, method: str, path: str, token: str | None = OPERATOR, **options: Any) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with self.session.request(method, path, headers=headers, **options) as answer:
            return answer.status, await answer.json(content_type=None)

    async def get(self, path: str, **query: Any) -> tuple[int, Any]:
        return await self.ask("GET", path, VIEWER, params=query)

    async def act(self, action: str, body: Any = REASON) -> tuple[int, Any]:
        return await self.ask("POST", f"{ONE}/{action}", json=body)

    async def record(self, source_id: str, **varied: Any) -> None:
        await self.store.record(sourced(source_id, **varied), SEEN)

    async def end(self, outcome: Outcome) -> None:
        """Send what waits for accounting, with this outcome."""
        for claim in await self.store.claim(["accounting"], 100):
            [announced] = await self.store.announce_all([(claim, f"r{claim.message.id}", b"{}")])
            assert isinstance(announced, Claim)
            ending = Ending(announced, outcome, Trigger.EXPORT_CONFIRMED, Trigger.EXPORT_REJECTED)
            [ended] = await self.store.finish_all([ending])
            assert isinstance(ended, Ended)


def sourced(source_id: str, *, kind: Kind = Kind.CUSTOMER_INVOICE, party: str = "Acme Freight") -> Sourced:
    lines = (
        Line("Load", "Linehaul", Money.of(Decimal("1200.00"))),
        Line("Accessorial", "Detention", Money.of(Decimal("34.50")), "2 h at the dock"),
    )
    content = Content(
        party=Party("c1", party),
        number=f"N{source_id}",
        issued_on=date(2026, 2, 1),
        due_on=date(2026, 3, 3),
        lines=lines,
        total=Money.of(Decimal("1234.50")),
        load_number=source_id,
    )
    return Sourced(kind, source_id, f"L{source_id}", content)


EXPORTED = Delivered(Receipt(Document("77", "N1", "0"), trace="t-1"))
REFUSED = Refused(problem("lines_missing", "none at all"), trace="t-2")


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = await Store.open(
        tmp_path / "ledger.db", entity="blue", company="1", clock=lambda: NOON, quiet=timedelta(0), owner={}
    )
    yield store
    await store.close()


@pytest.fixture
async def daemon(store: Store) -> AsyncIterator[Daemon]:
    daemon = Daemon(store)
    async with daemon.served(*TOKENS):
        yield daemon


# -- who may come in ------------------------------------------------------------------------------------------


def test_a_new_token_is_random_and_known_by_its_hash_only() -> None:
    secret, known = new_token()
    assert secret.startswith("ll_")
    assert len(secret) >= len("ll_") + 256 // 6
    assert known == digest(secret)
    assert known.startswith("sha256:")
    assert new_token()[0] != secret
    assert known not in repr(Token("olga", Role.OPERATOR, known))


async def test_without_any_configured_token_nobody_comes_in_and_the_answer_says_how(store: Store) -> None:
    daemon = Daemon(store)
    async with daemon.served():
        status, told = await daemon.ask("GET", "/admin/v1/summary")
    assert (status, told["type"]) == (403, "urn:loadledger:problem:no-tokens")
    assert "loadledger token" in told["detail"]


@pytest.mark.parametrize("path", ["/admin/v1/summary", "/%61dmin/v1/summary", "/admin/v1/nothing", "/admin/"])
@pytest.mark.parametrize(
    "sent",
    [{}, {"Authorization": "Bearer ll_unknown"}, {"Authorization": f"Basic {OPERATOR}"}, {"Authorization": "Bearer"}],
)
async def test_whoever_shows_no_known_token_is_asked_for_one(daemon: Daemon, path: str, sent: dict[str, str]) -> None:
    async with daemon.session.get(path, headers=sent) as answer:
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


async def test_the_scheme_is_read_in_any_case(daemon: Daemon) -> None:
    async with daemon.session.get("/admin/v1/summary", headers={"Authorization": f"bearer {VIEWER}"}) as answer:
        assert answer.status == 200


@pytest.mark.parametrize("action", ["retry", "revert", "reexport", "force", "unheard_of"])
async def test_a_viewer_may_look_and_not_act(daemon: Daemon, action: str) -> None:
    await daemon.record("1")
    status, told = await daemon.ask("POST", f"{ONE}/{action}", VIEWER, json=REASON)
    assert (status, told["type"]) == (403, "urn:loadledger:problem:not-permitted")
    assert (await daemon.store.find(TransactionId(1))).version == 1
    assert (await daemon.get(ONE))[0] == 200


async def test_a_refused_token_is_logged_without_the_token(daemon: Daemon) -> None:
    with capture_logs() as logged:
        await daemon.ask("GET", "/admin/v1/summary", "ll_guess")
    [line] = logged
    assert (line["event"], line["peer"]) == ("auth.refused", "127.0.0.1")
    assert "guess" not in str(logged)


async def test_too_many_refused_tokens_are_told_to_stay_away_for_a_minute(daemon: Daemon) -> None:
    with capture_logs() as logged:
        statuses = [(await daemon.ask("GET", "/admin/v1/summary", "ll_guess"))[0] for _ in range(12)]
    assert statuses == [401] * 10 + [429] * 2
    assert len(logged) == 10
    async with daemon.session.get("/admin/v1/summary") as answer:
        assert answer.headers["Retry-After"] == "60"
    daemon.now += timedelta(seconds=61)
    assert (await daemon.ask("GET", "/admin/v1/summary", "ll_guess"))[0] == 401


async def test_a_good_token_opens_however_many_were_refused_before(daemon: Daemon) -> None:
    for _ in range(12):
        await daemon.ask("GET", "/admin/v1/summary", "ll_guess")
    assert (await daemon.get("/admin/v1/summary"))[0] == 200


# -- what can be seen -----------------------------------------------------------------------------------------


async def test_a_list_shows_money_exactly_and_instants_in_utc(daemon: Daemon) -> None:
    await daemon.record("1")
    await daemon.end(REFUSED)
    status, page = await daemon.get("/admin/v1/transactions")
    assert status == 200
    assert page == {
        "transactions": [
            {
                "id": 1,
                "kind": "customer_invoice",
                "source_id": "1",
                "label": "L1",
                "number": "N1",
                "party": "Acme Freight",
                "state": "error",
                "version": 2,
                "revision": 1,
                "generation": 1,
                "total": {"amount": "1234.50", "currency": "USD"},
                "paid": {"amount": "0.00", "currency": "USD"},
                "document": None,
                "renumbered": False,
                "problem": {
                    "code": "lines_missing",
                    "cause": problem("lines_missing").cause,
                    "fix": problem("lines_missing").fix,
                    "detail": "none at all",
                },
                "in_flight": False,
                "held": False,
                "created_at": "2026-03-01T12:00:00Z",
                "updated_at": "2026-03-01T12:00:00Z",
            }
        ],
        "next": None,
    }


async def test_document_that_accounting_numbered_itself_is_marked(daemon: Daemon) -> None:
    await daemon.record("1")
    await daemon.end(Delivered(Receipt(Document("d1", "1042", "0"), remarks=(Remark("number_replaced", "1042"),))))
    _, page = await daemon.get("/admin/v1/transactions")
    [row] = page["transactions"]
    assert (row["number"], row["document"]["number"], row["renumbered"]) == ("N1", "1042", True)
    _, detail = await daemon.get("/admin/v1/transactions/1")
    assert detail["history"][-1]["reason"] == "accounting said yes; number_replaced: 1042"
    printed = StringIO()
    terminal = Console(file=printed, width=200)
    show_page(terminal, page)
    show_detail(terminal, detail)
    assert "N1 (1042 in accounting)" in printed.getvalue()
    assert "renumbered: in the TMS it is N1" in printed.getvalue()


async def test_pages_follow_each_other_without_gap_or_overlap(daemon: Daemon) -> None:
    for number in range(1, 6):
        await daemon.record(str(number))
    pages: list[list[int]] = []
    query: dict[str, Any] = {"limit": 2}
    while "before" not in query or query["before"] is not None:
        _, page = await daemon.get("/admin/v1/transactions", **query)
        pages.append([each["id"] for each in page["transactions"]])
        query["before"] = page["next"]
    assert pages == [[5, 4], [3, 2], [1]]


async def test_a_page_that_ends_with_the_last_transaction_has_no_next(daemon: Daemon) -> None:
    await daemon.record("1")
    await daemon.record("2")
    _, page = await daemon.get("/admin/v1/transactions", limit=2)
    assert (len(page["transactions"]), page["next"]) == (2, None)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"state": "error"}, [1]),
        ({"state": "pending"}, [3, 2]),
        ({"kind": "carrier_bill"}, [2]),
        ({"problem": "lines_missing"}, [1]),
        ({"problem": "period_closed"}, []),
        ({"search": " zebra "}, [3]),
        ({"search": "l2"}, [2]),
        ({"state": "pending", "kind": "customer_invoice"}, [3]),
    ],
)
async def test_a_list_shows_what_it_is_asked_for(daemon: Daemon, query: dict[str, str], found: list[int]) -> None:
    await daemon.record("1")
    await daemon.end(REFUSED)
    await daemon.record("2", kind=Kind.CARRIER_BILL)
    await daemon.record("3", party="Zebra Foods")
    status, page = await daemon.get("/admin/v1/transactions", **query)
    assert (status, [each["id"] for each in page["transactions"]]) == (200, found)


async def test_everything_wrong_with_a_query_is_told_at_once(daemon: Daemon) -> None:
    path = "/admin/v1/transactions?state=lost&limit=201&before=0&search=a&search=b&colour=red&problem=&kind=invoice"
    async with daemon.session.get(path, headers={"Authorization": f"Bearer {VIEWER}"}) as answer:
        told = await answer.json(content_type=None)
        assert answer.headers["Content-Type"].startswith("application/problem+json")
    assert (told["status"], told["type"]) == (400, "urn:loadledger:problem:invalid-request")
    wrong = {"state", "limit", "before", "search", "colour", "problem", "kind"}
    assert {field["field"] for field in told["errors"]} == wrong
    assert all(name in told["detail"] for name in wrong)


@pytest.mark.parametrize("before", [str(2**63), "9" * 5000, "-1", "1.5", "x"])
async def test_a_cursor_that_is_none_is_refused(daemon: Daemon, before: str) -> None:
    status, told = await daemon.get("/admin/v1/transactions", before=before)
    assert (status, told["errors"][0]["field"]) == (400, "before")


async def test_one_transaction_is_shown_with_all_that_happened_to_it(daemon: Daemon) -> None:
    await daemon.record("1")
    await daemon.end(REFUSED)
    status, shown = await daemon.get(ONE)
    assert status == 200
    assert shown["transaction"]["id"] == 1
    assert (shown["issued_on"], shown["due_on"]) == ("2026-02-01", "2026-03-03")
    assert shown["lines"][1] == {
        "category": "Accessorial",
        "name": "Detention",
        "description": "2 h at the dock",
        "amount": {"amount": "34.50", "currency": "USD"},
    }
    told = [(line["trigger"], line["source"], line["dest"], line["actor"], line["reason"]) for line in shown["history"]]
    assert told == [
        ("recorded", None, "pending", "intake", "seen in the TMS"),
        ("export_rejected", "pending", "error", "relay", "lines_missing"),
    ]
    [attempt] = shown["attempts"]
    assert (attempt["effect"], attempt["outcome"], attempt["trace"]) == ("export", "refused", "t-2")
    assert attempt["started_at"] == "2026-03-01T12:00:00Z"
    [standing] = shown["standings"]
    assert (standing["effect"], standing["phase"], standing["attempts"]) == ("export", "dead", 1)
    assert shown["allowed"] == {"actions": ["retry", "revert"], "force": ["pending", "exported", "reverted", "paid"]}


async def test_a_record_that_could_not_be_read_is_shown_without_money(daemon: Daemon) -> None:
    unread = Sourced(Kind.CARRIER_BILL, "9", "L9", problem=problem("shape_unknown", "no Trips"))
    await daemon.store.record(unread, SEEN)
    status, shown = await daemon.get(ONE)
    assert (status, shown["transaction"]["total"], shown["lines"]) == (200, None, [])
    _, summary = await daemon.get("/admin/v1/summary")
    assert (summary["transactions"][0]["total"], summary["transactions"][0]["problem"]) == (None, "shape_unknown")


@pytest.mark.parametrize("wanted", ["2", "999999999999999999"])
async def test_an_unknown_transaction_is_not_found(daemon: Daemon, wanted: str) -> None:
    for status, told in (
        await daemon.get(f"/admin/v1/transactions/{wanted}"),
        await daemon.ask("POST", f"/admin/v1/transactions/{wanted}/retry", json=REASON),
    ):
        assert (status, told["type"]) == (404, "urn:loadledger:problem:unknown-transaction")


@pytest.mark.parametrize("wanted", ["0", "x", "-1", "1e3", "9" * 30])
async def test_an_id_that_is_none_leads_nowhere(daemon: Daemon, wanted: str) -> None:
    status, told = await daemon.get(f"/admin/v1/transactions/{wanted}")
    assert (status, told["type"]) == (404, "urn:loadledger:problem:not-found")


async def test_the_summary_counts_and_adds_by_kind_state_and_problem(daemon: Daemon) -> None:
    await daemon.record("1")
    await daemon.record("2")
    await daemon.end(REFUSED)
    await daemon.record("3")
    status, summary = await daemon.get("/admin/v1/summary")
    assert status == 200
    groups = {group["state"]: group for group in summary["transactions"]}
    assert groups["error"]["problem"] == "lines_missing"
    assert groups["error"]["transactions"] == 2
    assert groups["error"]["total"] == {"amount": "2469.00", "currency": "USD"}
    assert groups["pending"]["transactions"] == 1
    queues = {queue["phase"]: queue for queue in summary["messages"]}
    assert queues["waiting"] == {
        "effect": "export",
        "phase": "waiting",
        "messages": 1,
        "oldest": "2026-03-01T12:00:00Z",
    }
    assert queues["dead"]["messages"] == 2


# -- what can be done -----------------------------------------------------------------------------------------


async def test_retry_sends_a_refused_transaction_again_in_the_callers_name(daemon: Daemon) -> None:
    await daemon.record("1")
    await daemon.end(REFUSED)
    with capture_logs() as logged:
        status, after = await daemon.act("retry", {"reason": "  the lines\nare there now "})
    assert (status, after["state"], after["problem"]) == (200, "pending", None)
    last = (await daemon.store.history(TransactionId(1)))[-1]
    assert (last.trigger, last.actor, last.reason) == ("retry_requested", "olga", "the lines are there now")
    assert daemon.woken == 1
    acted = {"actor": "olga", "action": "retry", "transaction": 1, "state": "pending"}
    assert [line for line in logged if line["event"] == "admin.acted"] == [
        {"event": "admin.acted", "log_level": "info", **acted}
    ]
    assert b'transitions_total{trigger="retry_requested"} 1.0' in daemon.metrics.text()


async def test_revert_asks_for_a_void_of_what_accounting_holds(daemon: Daemon) -> None:
    await daemon.record("1")
    await daemon.end(EXPORTED)
    status, after = await daemon.act("revert")
    assert (status, after["state"], after["document"]["id"]) == (200, "exported", "77")
    [standing] = await daemon.store.standings(TransactionId(1))
    assert (standing.effect, standing.phase) == ("void", "waiting")
    assert daemon.woken == 1


async def test_retry_revives_a_refused_void_though_the_state_is_no_error(daemon: Daemon) -> None:
    await daemon.record("1")
    await daemon.end(EXPORTED)
    await daemon.act("revert")
    [void] = await daemon.store.claim(["accounting"], 10)
    await daemon.store.finish_all([Ending(void, REFUSED, Trigger.VOID_CONFIRMED, None)])
    assert (await daemon.get(ONE))[1]["allowed"]["actions"] == ["retry", "revert"]
    status, after = await daemon.act("retry")
    assert (status, after["state"]) == (200, "exported")
    assert [standing.phase for standing in await daemon.store.standings(TransactionId(1))] == ["waiting"]
    assert (await daemon.get(ONE))[1]["allowed"]["actions"] == ["revert"]


async def test_reexport_makes_a_new_document_of_what_was_reverted(daemon: Daemon) -> None:
    await daemon.record("1")
    await daemon.act("revert")
    status, after = await daemon.act("reexport")
    assert (status, after["state"], after["generation"]) == (200, "pending", 2)


async def test_force_moves_from_the_expected_state_to_the_one_asked_for(daemon: Daemon) -> None:
    await daemon.record("1")
    await daemon.end(REFUSED)
    status, after = await daemon.act("force", {"expected": "error", "destination": "paid", **REASON})
    assert (status, after["state"]) == (200, "paid")
    last = (await daemon.store.history(TransactionId(1)))[-1]
    assert (last.trigger, last.actor, last.source, last.dest) == ("forced", "olga", "error", "paid")


async def test_force_from_another_state_than_expected_is_stale(daemon: Daemon) -> None:
    await daemon.record("1")
    status, told = await daemon.act("force", {"expected": "error", "destination": "paid", **REASON})
    assert (status, told["type"]) == (409, "urn:loadledger:problem:stale-transaction")
    assert (await daemon.store.find(TransactionId(1))).state is State.PENDING
    assert daemon.woken == 0


@pytest.mark.parametrize("action", ["retry", "reexport"])
async def test_an_illegal_move_is_refused_with_what_is_allowed(daemon: Daemon, action: str) -> None:
    await daemon.record("1")
    with capture_logs() as logged:
        status, told = await daemon.act(action)
    assert (status, told["type"]) == (409, "urn:loadledger:problem:illegal-move")
    assert told["allowed"] == {"actions": ["revert"], "force": ["error", "exported", "reverted"]}
    assert logged == []
    assert daemon.woken == 0


async def test_a_move_nobody_may_force_is_refused_with_what_is_allowed(daemon: Daemon) -> None:
    await daemon.record("1")
    status, told = await daemon.act("force", {"expected": "pending", "destination": "paid", **REASON})
    assert (status, told["type"]) == (409, "urn:loadledger:problem:not-forceable")
    assert told["allowed"]["force"] == ["error", "exported", "reverted"]


async def test_nothing_is_forced_while_an_outcome_is_in_doubt(daemon: Daemon) -> None:
    await daemon.record("1")
    await daemon.end(InDoubt(NOON, "cut"))
    status, told = await daemon.act("force", {"expected": "pending", "destination": "exported", **REASON})
    assert (status, told["type"]) == (409, "urn:loadledger:problem:not-forceable")
    assert told["allowed"]["force"] == []


@pytest.mark.parametrize(
    ("action", "body", "wrong"),
    [
        ("retry", b"", {"body"}),
        ("retry", b"{", {"body"}),
        ("retry", b"[]", {"body"}),
        ("retry", b"{}", {"reason"}),
        ("retry", b'{"reason": 12345}', {"reason"}),
        ("retry", b'{"reason": "  ab  "}', {"reason"}),
        ("retry", b'{"reason": "%s"}' % (b"a" * 501), {"reason"}),
        ("retry", b'{"reason": "red \\u001b[31m alert"}', {"reason"}),
        ("retry", b'{"reason": "long enough", "force": true}', {"force"}),
        ("retry", b'\xff{"reason": "long enough"}', {"body"}),
        ("force", b'{"expected": "lost", "reason": "x", "also": 1}', {"expected", "destination", "reason", "also"}),
    ],
)
async def test_a_body_that_is_wrong_is_refused_naming_every_field(
    daemon: Daemon, action: str, body: bytes, wrong: set[str]
) -> None:
    await daemon.record("1")
    await daemon.end(REFUSED)
    status, told = await daemon.ask("POST", f"{ONE}/{action}", data=body)
    assert (status, told["type"]) == (400, "urn:loadledger:problem:invalid-request")
    assert {field["field"] for field in told["errors"]} == wrong
    assert (await daemon.store.find(TransactionId(1))).state is State.ERROR


async def test_a_reason_may_be_as_long_as_500_characters_and_in_any_script(daemon: Daemon) -> None:
    await daemon.record("1")
    status, _ = await daemon.act("revert", {"reason": "ж" * 500})
    assert status == 200


async def test_a_method_the_path_does_not_know_is_refused_with_those_it_does(daemon: Daemon) -> None:
    headers = {"Authorization": f"Bearer {OPERATOR}"}
    async with daemon.session.delete(ONE, headers=headers) as answer:
        assert answer.status == 405
        assert "GET" in answer.headers["Allow"]
        assert (await answer.json(content_type=None))["type"] == "urn:loadledger:problem:method-not-allowed"


async def test_a_closed_store_is_told_as_such(tmp_path: Path) -> None:
    store = await Store.open(
        tmp_path / "ledger.db", entity="blue", company="1", clock=lambda: NOON, quiet=timedelta(0), owner={}
    )
    await store.close()
    closed = Daemon(store)
    async with closed.served(*TOKENS):
        status, told = await closed.get("/admin/v1/summary")
    assert (status, told["type"]) == (503, "urn:loadledger:problem:store-unusable")


async def test_a_bug_is_answered_without_its_details_and_logged_with_them(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken() -> None:
        raise RuntimeError("inside")

    monkeypatch.setattr(daemon.store, "counts", broken)
    with capture_logs() as logged:
        status, told = await daemon.get("/admin/v1/summary")
    assert (status, told["type"]) == (500, "urn:loadledger:problem:internal-error")
    assert "inside" not in str(told)
    assert [line["event"] for line in logged] == ["http.failed"]


async def test_answers_are_kept_by_no_one_and_guessed_at_by_no_browser(daemon: Daemon) -> None:
    for path in ("/admin/v1/summary", "/healthz", "/nothing"):
        async with daemon.session.get(path) as answer:
            assert answer.headers["Cache-Control"] == "no-store"
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert "Python" not in answer.headers["Server"]


async def test_check_shows_each_finding_with_its_fix(daemon: Daemon) -> None:
    async with daemon.served(*TOKENS):
        status, answer = await daemon.get("/admin/v1/check")
    assert (status, answer["findings"]) == (
        200,
        [
            {
                "subject": "closing date",
                "standing": "fail",
                "detail": "books closed up to 2026-09-30",
                "fix": "Move the closing date.",
            }
        ],
    )


async def test_mapping_is_held_against_the_charges_that_transactions_have_had(daemon: Daemon) -> None:
    for source_id in ("1", "2"):
        await daemon.record(source_id)
    async with daemon.served(*TOKENS):
        status, answer = await daemon.get("/admin/v1/mapping")
        _, start = await daemon.get("/admin/v1/mapping/start")
    assert status == 200
    assert {(each["charge"], each["standing"], each["fix"]) for each in answer["places"]} == {
        ("Detention", "fail", "Set one."),
        ("Linehaul", "fail", "Set one."),
    }
    assert start == {"toml": "[mapping] # 2"}


# -- backups --------------------------------------------------------------------------------------------------


def files(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir()}


async def test_a_backup_is_written_where_the_operator_says_and_logged_with_the_name(
    daemon: Daemon, tmp_path: Path
) -> None:
    await daemon.record("1")
    to = tmp_path / "copy.db"
    with capture_logs() as logged:
        status, told = await daemon.ask("POST", "/admin/v1/backup", json={"file": str(to)})

    assert (status, told["file"]) == (200, str(to))
    assert told["bytes"] > 4096
    assert {"actor": "olga", "action": "backup", "file": str(to)}.items() <= logged[-1].items()
    again = await Store.open(to, entity="blue", company="1", clock=lambda: NOON, quiet=timedelta(0), owner={})
    assert [each.source_id for each in await again.page(Filter())] == ["1"]
    await again.close()


async def test_a_backup_that_can_not_be_made_says_why(daemon: Daemon, tmp_path: Path) -> None:
    status, told = await daemon.ask("POST", "/admin/v1/backup", json={"file": str(tmp_path / "ledger.db-journal")})
    assert (status, told["type"]) == (409, "urn:loadledger:problem:backup-failed")
    assert "could be taken for a part of the database itself" in told["detail"]


@pytest.mark.parametrize("file", [None, "", "/a\0b", "/" + "a" * 5000])
async def test_a_backup_to_nowhere_is_refused(daemon: Daemon, file: str | None) -> None:
    status, told = await daemon.ask("POST", "/admin/v1/backup", json={"file": file})
    assert (status, told["errors"][0]["field"]) == (400, "file")


async def test_a_viewer_makes_no_backup(daemon: Daemon, tmp_path: Path) -> None:
    before = files(tmp_path)
    status, _ = await daemon.ask("POST", "/admin/v1/backup", VIEWER, json={"file": str(tmp_path / "copy.db")})
    assert (status, files(tmp_path)) == (403, before)


# -- pauses -------------------------------------------------------------------------------------------------------


async def test_a_pause_tells_what_is_paused_and_by_whom(daemon: Daemon) -> None:
    status, told = await daemon.ask("POST", "/admin/v1/pause", json=REASON | {"effects": ["export", "void"]})
    assert status == 200
    assert {(each["effect"], each["actor"], each["reason"]) for each in told["pauses"]} == {
        ("export", "olga", REASON["reason"]),
        ("void", "olga", REASON["reason"]),
    }
    assert (await daemon.get("/admin/v1/pauses"))[1] == told
    _, left = await daemon.ask("POST", "/admin/v1/resume", json=REASON | {"effects": ["void"]})
    assert [each["effect"] for each in left["pauses"]] == ["export"]


async def test_all_is_paused_unless_something_is_named(daemon: Daemon) -> None:
    _, told = await daemon.ask("POST", "/admin/v1/pause", json=REASON)
    assert {each["effect"] for each in told["pauses"]} == set(Effect)
    assert (await daemon.ask("POST", "/admin/v1/resume", json=REASON))[1] == {"pauses": []}


@pytest.mark.parametrize("wrong", [{}, REASON | {"effects": []}, REASON | {"effects": ["fly"]}])
@pytest.mark.parametrize("action", ["pause", "resume"])
async def test_a_pause_needs_a_reason_and_known_effects(daemon: Daemon, action: str, wrong: dict[str, Any]) -> None:
    assert (await daemon.ask("POST", f"/admin/v1/{action}", json=wrong))[0] == 400


async def test_a_viewer_pauses_nothing(daemon: Daemon) -> None:
    assert (await daemon.ask("POST", "/admin/v1/pause", VIEWER, json=REASON))[0] == 403
    assert (await daemon.get("/admin/v1/pauses"))[1] == {"pauses": []}


# -- releases -----------------------------------------------------------------------------------------------------


@pytest.fixture
async def holding(tmp_path: Path) -> AsyncIterator[Daemon]:
    """Return a daemon whose new documents wait for their release."""
    store = await Store.open(
        tmp_path / "holding.db",
        entity="blue",
        company="1",
        clock=lambda: NOON,
        quiet=timedelta(0),
        owner={},
        auto=False,
    )
    daemon = Daemon(store)
    async with daemon.served(*TOKENS):
        yield daemon
    await store.close()


async def test_one_is_released_by_its_id_and_only_once(holding: Daemon) -> None:
    await holding.record("1")
    assert (await holding.get(ONE))[1]["allowed"]["actions"] == ["revert", "release"]
    assert (await holding.ask("POST", f"{ONE}/release", json=REASON))[0] == 200
    status, told = await holding.ask("POST", f"{ONE}/release", json=REASON)
    assert (status, told["type"]) == (409, "urn:loadledger:problem:not-held")


async def test_many_are_released_at_once(holding: Daemon) -> None:
    for number in ("1", "2", "3"):
        await holding.record(number)
    listed = (await holding.get("/admin/v1/transactions?unreleased=true"))[1]["transactions"]
    assert len(listed) == 3
    assert (await holding.ask("POST", "/admin/v1/release", json=REASON | {"kind": "carrier_bill"}))[1] == {
        "released": []
    }
    assert (await holding.ask("POST", "/admin/v1/release", json=REASON))[1] == {"released": [1, 2, 3]}
    assert (await holding.get("/admin/v1/transactions?unreleased=true"))[1]["transactions"] == []
