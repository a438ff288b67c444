import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from math import isnan
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from adapters.http import Call
from engine.metrics import CONTENT_TYPE, Metrics
from state.lifecycle import Effect, State, Trigger
from state.messages import Ending
from state.moves import FORCED, Cause, Recorded
from state.outbox import Delivered, InDoubt, Observation, Postponed, Receipt, Refused
from state.problem import Problem, problem
from state.store import Store
from state.transaction import Content, Document, DocumentType, Kind, Line, Money, Origin, Party, Sourced
from state.trouble import StoreError

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
CAUSE = Cause("test", "because")


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = await Store.open(
        tmp_path / "ledger.db", entity="blue", company="1", clock=lambda: NOON, quiet=timedelta(0), owner={}
    )
    yield store
    await store.close()


def invoice(source_id: str, amount: str, currency: str = "USD") -> Sourced:
    total = Money.of(Decimal(amount), currency)
    content = Content(
        party=Party("c1", "Acme Freight"),
        number=source_id,
        issued_on=date(2026, 2, 1),
        due_on=None,
        lines=(Line("Load", "Linehaul", total),),
        total=total,
        load_number=source_id,
    )
    return Sourced(Kind.CUSTOMER_INVOICE, source_id, source_id, content)


def samples(metrics: Metrics) -> dict[str, float]:
    """Every series as it would be written in a query, labels in alphabetical order."""
    return dict(_samples(metrics))


def _samples(metrics: Metrics) -> Iterator[tuple[str, float]]:
    for family in text_string_to_metric_families(metrics.text().decode()):
        for sample in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
            yield f"{sample.name.removeprefix('loadledger_')}{{{labels}}}", sample.value


def busy() -> Metrics:
    """Metrics with every family in use."""
    metrics = Metrics("USD", "1.2.3", ["period_closed"])
    metrics.watch_loop("relay")
    metrics.watch_skips(lambda: {"not_ours": 0})
    metrics.watch_reads(lambda: 1, lambda: 2.0, 3)
    metrics.observe_call("accounting", endpoints=["query"], purposes=["look_up"])(
        Call("query", writes=False, status=200, seconds=1, purpose="look_up")
    )
    return metrics


def test_the_exposition_passes_promtool() -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed; Debian has it in the package prometheus")
    run = subprocess.run(
        [promtool, "check", "metrics"], input=busy().text(), capture_output=True, timeout=30, check=False
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, b"", b"")


def test_every_series_of_known_labels_exists_at_zero_from_the_start() -> None:
    seen = samples(Metrics(codes=["period_closed"], remarks=["number_replaced"]))
    expected = [
        *(f"transactions{{kind={kind},state={state}}}" for kind in Kind for state in State),
        *(f"transactions_amount{{kind={kind},state={state}}}" for kind in Kind for state in State),
        "transactions_in_error{code=lines_missing}",
        "transactions_in_error{code=period_closed}",
        "document_remarks_total{code=number_replaced}",
        *(f"transitions_total{{trigger={trigger}}}" for trigger in (*Trigger, "forced")),
        *(f"{name}{{effect={effect},phase={phase}}}" for name in ("messages", "message_oldest_age_seconds")
          for effect in Effect for phase in ("waiting", "sent", "in_doubt", "dead")),
        *(f"attempts_total{{effect={effect},outcome={outcome}}}" for effect in Effect
          for outcome in ("delivered", "refused", "postponed", "in_doubt")),
        *(f"intake_records_total{{result={result}}}" for result in Recorded),
        *(f"payments_total{{result={result}}}" for result in ("recorded", "completed", "reversed")),
        "observations_waiting{}",
        "store_answered{}",
    ]  # fmt: skip
    assert {name: seen.get(name) for name in expected} == dict.fromkeys(expected, 0)


def test_remarks_on_documents_are_counted_by_what_is_amiss() -> None:
    metrics = Metrics(remarks=["number_replaced", "class_left_out"])
    metrics.remarked("number_replaced")
    seen = samples(metrics)
    assert seen["document_remarks_total{code=number_replaced}"] == 1
    assert seen["document_remarks_total{code=class_left_out}"] == 0


def test_series_of_vendors_and_loops_exist_at_zero_once_they_are_named() -> None:
    metrics = Metrics()
    metrics.watch_loop("relay")
    metrics.watch_skips(lambda: {"not_ours": 0})
    metrics.observe_call("accounting", endpoints=["query"], purposes=["look_up"])
    seen = samples(metrics)
    expected = [
        "loop_last_success_timestamp_seconds{loop=relay}",
        "loop_runs_total{loop=relay,result=passed}",
        "loop_runs_total{loop=relay,result=failed}",
        "intake_skipped_total{reason=not_ours}",
        "adapter_authorized{vendor=accounting}",
        *(
            f"vendor_requests_total{{endpoint=query,status={status},vendor=accounting}}"
            for status in ("2xx", "4xx", "5xx", "none")
        ),
        "vendor_request_duration_seconds_count{vendor=accounting}",
        "metered_reads_total{purpose=look_up}",
    ]
    assert {name: seen.get(name) for name in expected} == dict.fromkeys(expected, 0)


def test_all_names_but_those_of_the_process_begin_with_ours() -> None:
    names = {family.name for family in text_string_to_metric_families(busy().text().decode())}
    others = {name for name in names if not name.startswith(("loadledger_", "process_", "python_gc_"))}
    assert others == set()
    assert "process_resident_memory_bytes" in names


def test_versions_are_told() -> None:
    build = next(f for f in text_string_to_metric_families(busy().text().decode()) if f.name == "loadledger_build_info")
    assert build.samples[0].labels.keys() == {"version", "python", "sqlite"}
    assert build.samples[0].labels["version"] == "1.2.3"


def test_the_content_type_is_the_exposition_formats() -> None:
    assert CONTENT_TYPE.startswith("text/plain; version=")


async def test_a_scrape_shows_what_the_store_holds(store: Store) -> None:
    await store.record(invoice("1", "100.10"), CAUSE)
    await store.record(invoice("2", "0.20"), CAUSE)
    await store.record(invoice("3", "999", "CAD"), CAUSE)
    refused = next(claim for claim in await store.claim(["accounting"], 10) if claim.transaction.label == "2")
    why = Refused(problem("lines_missing"))
    await store.finish_all([Ending(refused, why, Trigger.EXPORT_CONFIRMED, Trigger.EXPORT_REJECTED)])
    seen = Observation(
        DocumentType.INVOICE, Document("9", "2", "0"), Money(1), Money(1), origin=Origin(Kind.CUSTOMER_INVOICE, "id")
    )
    await store.memory.observe([seen], "payments", NOON)
    metrics = Metrics()
    await metrics.refresh(store, NOON + timedelta(seconds=90))
    now = samples(metrics)
    assert now["transactions{kind=customer_invoice,state=pending}"] == 2
    assert now["transactions{kind=customer_invoice,state=error}"] == 1
    assert now["transactions_amount{kind=customer_invoice,state=pending}"] == 100.1
    assert now["transactions_amount{kind=customer_invoice,state=error}"] == 0.2
    assert now["transactions_in_error{code=lines_missing}"] == 1
    assert now["messages{effect=export,phase=waiting}"] == 2
    assert now["messages{effect=export,phase=dead}"] == 1
    assert now["message_oldest_age_seconds{effect=export,phase=waiting}"] == 90
    assert now["observations_waiting{}"] == 1
    assert now["store_answered{}"] == 1


async def test_what_the_store_no_longer_holds_goes_back_to_zero(store: Store) -> None:
    unheard_of = Problem("made_up", "A cause.", "A fix.")
    await store.record(invoice("1", "100.10"), CAUSE)
    claim = (await store.claim(["accounting"], 10))[0]
    await store.finish_all([Ending(claim, Refused(unheard_of), None, Trigger.EXPORT_REJECTED)])
    metrics = Metrics()
    await metrics.refresh(store, NOON)
    assert samples(metrics)["transactions_in_error{code=made_up}"] == 1
    await store.force(claim.transaction.id, State.ERROR, State.REVERTED, CAUSE)
    await metrics.refresh(store, NOON)
    now = samples(metrics)
    assert now["transactions_in_error{code=made_up}"] == 0
    assert now["transactions{kind=customer_invoice,state=error}"] == 0
    assert now["transactions_amount{kind=customer_invoice,state=error}"] == 0
    assert now["messages{effect=export,phase=dead}"] == 0


async def test_a_store_that_does_not_answer_leaves_the_old_numbers_and_says_so(tmp_path: Path) -> None:
    store = await Store.open(
        tmp_path / "ledger.db", entity="blue", company="1", clock=lambda: NOON, quiet=timedelta(0), owner={}
    )
    metrics = Metrics()
    try:
        await store.record(invoice("1", "1.00"), CAUSE)
        await metrics.refresh(store, NOON)
    finally:
        await store.close()
    with pytest.raises(StoreError):
        await metrics.refresh(store, NOON)
    assert samples(metrics)["store_answered{}"] == 0
    assert samples(metrics)["transactions{kind=customer_invoice,state=pending}"] == 1


def test_moves_are_counted_by_their_fact_and_payments_once_more() -> None:
    metrics = Metrics()
    for trigger in (Trigger.PAYMENT_COMPLETED, FORCED, FORCED):
        metrics.moved(trigger)
    now = samples(metrics)
    assert now["transitions_total{trigger=payment_completed}"] == 1
    assert now["transitions_total{trigger=forced}"] == 2
    assert now["payments_total{result=completed}"] == 1
    assert now["payments_total{result=recorded}"] == 0


def test_what_intake_takes_in_counts_as_the_move_it_makes() -> None:
    metrics = Metrics()
    for result in (Recorded.NEW, Recorded.CHANGED, Recorded.WITHDRAWN, Recorded.UNCHANGED, Recorded.HELD):
        metrics.recorded(result)
    now = samples(metrics)
    assert [now[f"intake_records_total{{result={result}}}"] for result in Recorded] == [1] * len(Recorded)
    moved = {name for name, value in now.items() if name.startswith("transitions_total") and value == 1}
    facts = ("recorded", "source_changed", "source_withdrawn")
    assert moved == {f"transitions_total{{trigger={fact}}}" for fact in facts}


@pytest.mark.parametrize(
    ("outcome", "ending"),
    [
        (Delivered(Receipt()), "delivered"),
        (Refused(problem("lines_missing")), "refused"),
        (Postponed(NOON, "later"), "postponed"),
        (InDoubt(NOON, "cut"), "in_doubt"),
    ],
)
def test_attempts_are_counted_by_how_they_ended(
    outcome: Delivered | Refused | Postponed | InDoubt, ending: str
) -> None:
    metrics = Metrics()
    metrics.attempted(Effect.VOID, outcome)
    now = samples(metrics)
    assert {name for name, value in now.items() if name.startswith("attempts_total") and value} == {
        f"attempts_total{{effect=void,outcome={ending}}}"
    }


def test_requests_are_counted_by_class_of_status_and_only_reads_that_succeed_are_metered() -> None:
    metrics = Metrics()
    observe = metrics.observe_call("accounting", purposes=["look_up", "check"])
    for status in (200, 204, 404, 520, None):
        observe(Call("query", writes=False, status=status, seconds=0.3, purpose="look_up"))
    observe(Call("invoice", writes=True, status=200, seconds=40.0))
    metrics.observe_call("tms")(Call("loads/search", writes=False, status=200, seconds=0.1))
    now = samples(metrics)
    counted = {status: now[f"vendor_requests_total{{endpoint=query,status={status},vendor=accounting}}"]
               for status in ("2xx", "4xx", "5xx", "none")}  # fmt: skip
    assert counted == {"2xx": 2, "4xx": 1, "5xx": 1, "none": 1}
    assert {name: value for name, value in now.items() if name.startswith("metered_reads_total")} == {
        "metered_reads_total{purpose=look_up}": 2,
        "metered_reads_total{purpose=check}": 0,
    }
    assert now["vendor_request_duration_seconds_count{vendor=accounting}"] == 6
    assert now["vendor_request_duration_seconds_bucket{le=0.5,vendor=accounting}"] == 5


@pytest.mark.parametrize(
    ("endpoint", "status", "let_in"),
    [
        ("query", 200, 1),
        ("query", 401, 0),
        ("query", 403, 0),
        ("token", 400, 0),
        ("query", 400, 1),
        ("query", 520, 1),
        ("query", None, 1),
    ],
)
def test_a_vendor_that_refuses_us_is_shown_until_it_lets_us_in(endpoint: str, status: int | None, let_in: int) -> None:
    metrics = Metrics()
    observe = metrics.observe_call("accounting")
    series = "adapter_authorized{vendor=accounting}"
    assert samples(metrics)[series] == 0
    observe(Call("query", writes=False, status=200, seconds=0.1))
    observe(Call(endpoint, writes=False, status=status, seconds=0.1))
    assert samples(metrics)[series] == let_in
    observe(Call("query", writes=False, status=200, seconds=0.1))
    assert samples(metrics)[series] == 1


def test_how_long_a_token_lasts_is_no_number_until_it_is_known() -> None:
    metrics = Metrics()
    left: list[float | None] = [None]
    metrics.watch_token("refresh", lambda: left[0])
    assert isnan(samples(metrics)["token_seconds_left{token=refresh}"])
    assert isnan(samples(metrics)["token_seconds_left{token=grant}"])
    left[0] = 3600.5
    assert samples(metrics)["token_seconds_left{token=refresh}"] == 3600.5


def test_skipped_records_are_asked_for_at_each_scrape() -> None:
    metrics = Metrics()
    skipped = {"not_ours": 0}
    metrics.watch_skips(lambda: skipped)
    skipped["not_ours"] = 3
    assert samples(metrics)["intake_skipped_total{reason=not_ours}"] == 3


def test_a_loop_that_fails_is_counted_and_its_last_success_stays() -> None:
    metrics = Metrics()
    metrics.watch_loop("relay")
    metrics.loop_ran("relay", NOON, passed=True)
    metrics.loop_ran("relay", NOON + timedelta(hours=1), passed=False)
    now = samples(metrics)
    assert now["loop_runs_total{loop=relay,result=passed}"] == 1
    assert now["loop_runs_total{loop=relay,result=failed}"] == 1
    assert now["loop_last_success_timestamp_seconds{loop=relay}"] == NOON.timestamp()
