"""What the daemon tells Prometheus: every series exists from the start, in base units, without a name or id in labels.

Process and garbage collector metrics keep the names every dashboard knows (`process_…`, `python_gc_…`); all others
begin with `loadledger_`.
"""

import platform
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from functools import cache
from http import HTTPStatus
from itertools import product
from math import nan
from typing import TypeVar

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    Info,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector
from typing_extensions import override

from adapters.http import Call
from state.lifecycle import Effect, State, Trigger
from state.moves import FORCED, RELEASED, Recorded
from state.outbox import Delivered, InDoubt, Outcome, Phase, Postponed, Refused
from state.problem import CATALOGUE
from state.store import Backlog, Count, Store
from state.transaction import Kind, Money

Series = TypeVar("Series", Counter, Gauge)

CONTENT_TYPE = CONTENT_TYPE_LATEST

TOKENS = ("access", "refresh", "grant")
RESULTS = ("passed", "failed")
_ANSWERS = ("2xx", "4xx", "5xx", "none")
_SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)
_ENDINGS = {Delivered: "delivered", Refused: "refused", Postponed: "postponed", InDoubt: "in_doubt"}
_SHUT_OUT = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}
_INTAKE = {
    Recorded.NEW: Trigger.RECORDED,
    Recorded.CHANGED: Trigger.SOURCE_CHANGED,
    Recorded.WITHDRAWN: Trigger.SOURCE_WITHDRAWN,
}
_PAYMENTS: dict[str, str] = {
    Trigger.PAYMENT_RECORDED: "recorded",
    Trigger.PAYMENT_COMPLETED: "completed",
    Trigger.PAYMENT_REVERSED: "reversed",
}


class Metrics:
    """Every series of one daemon, in a registry of its own.

    `currency` is the one the books are kept in, `codes` are the problems that adapters can find, `remarks` what they
    can remark on documents.
    """

    def __init__(
        self, currency: str = "USD", version: str = "", codes: Iterable[str] = (), remarks: Iterable[str] = ()
    ) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call] # an untyped switch; nobody reads those series
        self._currency = currency
        self._codes = {*CATALOGUE, *codes}
        self._registry = registry = CollectorRegistry()
        later: tuple[str, ...] = ()  # labels that whoever starts the daemon knows
        ProcessCollector(registry=registry)
        GCCollector(registry=registry)

        def gauge(name: str, meaning: str, **labels: Iterable[str]) -> Gauge:
            return _preset(Gauge(f"loadledger_{name}", meaning, tuple(labels), registry=registry), labels)

        def counter(name: str, meaning: str, **labels: Iterable[str]) -> Counter:
            return _preset(Counter(f"loadledger_{name}", meaning, tuple(labels), registry=registry), labels)

        Info("loadledger_build", "What runs: version, Python and SQLite.", registry=registry).info(
            {"version": version, "python": platform.python_version(), "sqlite": sqlite3.sqlite_version}
        )
        self._transactions = gauge("transactions", "Transactions that stand here.", kind=Kind, state=State)
        self._amount = gauge(
            "transactions_amount",
            "Their money, in major units (dollars, not cents) of the home currency; others are left out.",
            kind=Kind,
            state=State,
        )
        self._in_error = gauge("transactions_in_error", "Transactions in error, by problem.", code=self._codes)
        self._messages = gauge("messages", "Messages of the outbox that are not delivered.", effect=Effect, phase=Phase)
        self._oldest = gauge(
            "message_oldest_age_seconds", "Age of the oldest message not delivered.", effect=Effect, phase=Phase
        )
        self._paused = gauge("effect_paused", "1 while a person lets nothing of this effect leave.", effect=Effect)
        self._observations = gauge(
            "observations_waiting",
            "Documents seen in accounting and not yet acted on, or of another amount than ours.",
        )
        self._mapping = gauge(
            "mapping_broken", "Lines of the mapping whose item or account can't be used, as of its last change."
        )
        self._answered = gauge("store_answered", "1 if the store answered this scrape; if 0, its gauges are old.")
        transitions = counter(
            "transitions_total", "Moves of transactions, by the fact behind them.", trigger=(*Trigger, FORCED, RELEASED)
        )
        self._transition = cache(transitions.labels)  # asked for with each document
        self._payments = counter("payments_total", "Payments seen in accounting.", result=_PAYMENTS.values())
        attempts = counter(
            "attempts_total", "Tries to deliver a message, by how they ended.", effect=Effect, outcome=_ENDINGS.values()
        )
        self._attempt = cache(attempts.labels)
        self._remarks = counter(
            "document_remarks_total",
            "Documents that stand and are not in all as they were asked for, by what is amiss.",
            code=remarks,
        )
        self._taken_in = counter("intake_records_total", "Records read from the TMS.", result=Recorded)
        self._requests = counter(
            "vendor_requests_total", "Requests made.", vendor=later, endpoint=later, status=_ANSWERS
        )
        self._durations = Histogram(
            "loadledger_vendor_request_duration_seconds",
            "How long requests took.",
            ("vendor",),
            registry=registry,
            buckets=_SECONDS,
        )
        self._metered = counter(
            "metered_reads_total",
            "Reads that count against a vendor's monthly cap, by what they are for.",
            purpose=later,
        )
        self._reads = gauge(
            "metered_reads_month",
            "This month's metered reads: seen so far, expected by its end, and the cap.",
            figure=("seen", "forecast", "cap"),
        )
        self._authorized = gauge(
            "adapter_authorized", "1 while the vendor lets us in; 0 until it first did.", vendor=later
        )
        self._token_left = gauge(
            "token_seconds_left", "Seconds until a credential ends, not a number until that is known.", token=TOKENS
        )
        for token in TOKENS:
            self._token_left.labels(token).set(nan)  # zero would say that it has ended
        self._loop_success = gauge(
            "loop_last_success_timestamp_seconds",
            "When the loop last passed, seconds since 1970; 0 if it never did.",
            loop=later,
        )
        self._loop_runs = counter("loop_runs_total", "Passes of the loop.", loop=later, result=RESULTS)

    # -- what happens -----------------------------------------------------------------------------------------

    def moved(self, trigger: str) -> None:
        """Count a move of a transaction by its trigger, or `forced`."""
        self._transition(trigger).inc()
        if trigger in _PAYMENTS:
            self._payments.labels(_PAYMENTS[trigger]).inc()

    def attempted(self, effect: Effect, outcome: Outcome) -> None:
        """Count a try to deliver a message."""
        self._attempt(effect, _ENDINGS[type(outcome)]).inc()

    def remarked(self, code: str) -> None:
        """Count a remark on a document that stands."""
        self._remarks.labels(code).inc()

    def recorded(self, result: Recorded) -> None:
        """Count a record that intake handed in, and the move it made."""
        self._taken_in.labels(result).inc()
        if result in _INTAKE:
            self.moved(_INTAKE[result])

    def observe_call(
        self, vendor: str, *, endpoints: Iterable[str] = (), purposes: Iterable[str] = ()
    ) -> Callable[[Call], None]:
        """Return what counts the requests to one vendor; `purposes` are those of reads it counts against a cap.

        Whether the vendor lets us in is read from the same calls; the endpoint that gives out tokens is `token`.
        """
        authorized = self._authorized.labels(vendor)
        duration = self._durations.labels(vendor)
        for endpoint in endpoints:
            for status in _ANSWERS:
                self._requests.labels(vendor, endpoint, status)
        for purpose in purposes:
            self._metered.labels(purpose)

        def observe(call: Call) -> None:
            status = "none" if call.status is None else f"{call.status // 100}xx"
            self._requests.labels(vendor, call.endpoint, status).inc()
            duration.observe(call.seconds)
            if (let_in := _let_in(call)) is not None:
                authorized.set(let_in)
            if call.purpose and status == "2xx":
                self._metered.labels(call.purpose).inc()

        return observe

    def watch_token(self, token: str, seconds_left: Callable[[], float | None]) -> None:
        """Ask `seconds_left` at each scrape how long a credential, one of TOKENS, lasts; None if not known."""

        def left() -> float:
            seconds = seconds_left()
            return nan if seconds is None else seconds

        self._token_left.labels(token).set_function(left)

    def watch_reads(self, seen: Callable[[], float], forecast: Callable[[], float], cap: float) -> None:
        """Ask at each scrape for this month's metered reads: `seen` so far, and the `forecast` for its end."""
        self._reads.labels("seen").set_function(seen)
        self._reads.labels("forecast").set_function(forecast)
        self._reads.labels("cap").set(cap)

    def watch_skips(self, skipped: Callable[[], Mapping[str, int]]) -> None:
        """Ask `skipped` at each scrape how many records, by reason, the TMS reader has left alone so far."""
        self._registry.register(_Skips(skipped))

    def watch_mapping(self, broken: Callable[[], Mapping[str, int]]) -> None:
        """Ask at each scrape how many lines of the mapping are `broken`, by problem."""
        self._mapping.set_function(lambda: sum(broken().values()))

    def watch_loop(self, name: str) -> None:
        """Show the loop `name` from now on."""
        self._loop_success.labels(name)
        for result in RESULTS:
            self._loop_runs.labels(name, result)

    def loop_ran(self, name: str, at: datetime, *, passed: bool) -> None:
        """Count a pass of the loop `name`, and note when it passed."""
        self._loop_runs.labels(name, "passed" if passed else "failed").inc()
        if passed:
            self._loop_success.labels(name).set(at.timestamp())

    # -- what is told -----------------------------------------------------------------------------------------

    async def refresh(self, store: Store, now: datetime) -> None:
        """Bring the gauges to what the store holds; `store_answered` stays 0 if it does not answer."""
        self._answered.set(0)
        counts, backlog = await store.counts(), await store.backlog()
        waiting = await store.memory.count_observations()
        paused = {pause.effect for pause in await store.pauses.standing()}
        self._show_counts(counts)
        for effect in Effect:
            self._paused.labels(effect).set(effect in paused)
        self._show_backlog(backlog, now)
        self._observations.set(waiting)
        self._answered.set(1)

    def text(self) -> bytes:
        """Return everything in the exposition format, of type CONTENT_TYPE."""
        return generate_latest(self._registry)

    def _show_counts(self, counts: Iterable[Count]) -> None:
        standing = dict.fromkeys(product(Kind, State), 0)
        minor = dict.fromkeys(product(Kind, State), 0)
        in_error = dict.fromkeys(self._codes, 0)
        for count in counts:
            key = count.kind, count.state
            standing[key] += count.transactions
            if count.currency == self._currency:
                minor[key] += count.total
            if count.state is State.ERROR and count.problem is not None:
                in_error[count.problem] = in_error.get(count.problem, 0) + count.transactions
        self._codes |= in_error.keys()
        for (kind, state), transactions in standing.items():
            self._transactions.labels(kind, state).set(transactions)
            amount = Money(minor[kind, state], self._currency).amount
            self._amount.labels(kind, state).set(float(amount))  # the format knows floats only
        for code, transactions in in_error.items():
            self._in_error.labels(code).set(transactions)

    def _show_backlog(self, backlog: Iterable[Backlog], now: datetime) -> None:
        waiting = {(row.effect, row.phase): row for row in backlog}
        for key in product(Effect, Phase):
            row = waiting.get(key)
            self._messages.labels(*key).set(row.messages if row else 0)
            self._oldest.labels(*key).set(max(0.0, (now - row.oldest).total_seconds()) if row else 0)


class _Skips(Collector):
    """Counts somebody else keeps, read when they are asked for."""

    def __init__(self, skipped: Callable[[], Mapping[str, int]]) -> None:
        self._skipped = skipped

    @override
    def collect(self) -> Iterator[Metric]:
        family = CounterMetricFamily(
            "loadledger_intake_skipped", "Records read from the TMS and left alone, by reason.", labels=["reason"]
        )
        for reason, count in self._skipped().items():
            family.add_metric([reason], count)
        yield family


def _let_in(call: Call) -> bool | None:
    """Whether the vendor let us in, as far as one answer tells; a refused token request is a 400 by its standard."""
    if call.status is None:
        return None
    if call.status in _SHUT_OUT or (call.endpoint == "token" and call.status == HTTPStatus.BAD_REQUEST):
        return False
    return True if HTTPStatus.OK <= call.status < HTTPStatus.MULTIPLE_CHOICES else None


def _preset(metric: Series, labels: Mapping[str, Iterable[str]]) -> Series:
    """Make every series exist, at zero, whose labels are known."""
    for values in product(*labels.values()):
        if values:
            metric.labels(*values)
    return metric
