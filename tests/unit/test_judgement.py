from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace
from structlog.testing import capture_logs

from adapters.ports import OutcomeUnknown, Rejected, Unauthorized, Unavailable
from engine.judgement import Judgement
from engine.lane import Lane
from state.lifecycle import Effect
from state.outbox import Claim, InDoubt, Message, Outcome, Phase, Postponed, Refused
from state.problem import problem
from tests.unit.fakes import PACE

if TYPE_CHECKING:
    from state.transaction import Transaction
    from tests.unit.conftest import Clock

NO = problem("party_missing")
ERRORS = {
    "rejected": Rejected(NO, "tid"),
    "unavailable": Unavailable("busy"),
    "unavailable for a while": Unavailable("busy", 25),
    "unauthorized": Unauthorized("who are you"),
    "unknown": OutcomeUnknown("cut"),
    "unknown for a while": OutcomeUnknown("the party is in doubt", 45),
    "a bug": RuntimeError("oops"),
}
# What each error means before anything left, while it is under way, and while what left is looked for.
MEANING = {
    "rejected": ("refused", "refused", "postponed"),
    "unavailable": ("postponed", "postponed", "postponed"),
    "unavailable for a while": ("postponed 25", "postponed 25", "postponed 25"),
    "unauthorized": ("postponed", "postponed", "postponed"),
    "unknown": ("postponed", "in doubt", "postponed"),
    "unknown for a while": ("postponed 45", "in doubt", "postponed 45"),
    "a bug": ("postponed", "in doubt", "postponed"),
}
PHASES = (Phase.WAITING, Phase.SENT, Phase.IN_DOUBT)
CASES = [(error, phase, text) for error, texts in MEANING.items() for phase, text in zip(PHASES, texts, strict=True)]


class Bench:
    """A judge of one message."""

    def __init__(self, clock: "Clock", transaction: "Transaction") -> None:
        self.clock = clock
        self.lane = Lane(PACE)
        self.judgement = Judgement(PACE, self.lane, clock)
        message = Message(1, Effect.EXPORT, Phase.WAITING, 1, 1, 0, 3, 1, 2, clock.now, "request", b"{}", delays=2)
        self.claim = Claim(message, transaction)

    def of(self, error: str, phase: Phase) -> Outcome:
        return self.judgement.of(replace(self.claim, message=replace(self.claim.message, phase=phase)), ERRORS[error])


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    with capture_logs():
        yield


@pytest.fixture
def bench(clock: "Clock", transaction: "Transaction") -> Bench:
    return Bench(clock, transaction)


@pytest.mark.parametrize(("error", "phase", "text"), CASES)
def test_error_means_what_is_known_of_the_request(bench: Bench, error: str, phase: Phase, text: str) -> None:
    outcome, now = bench.of(error, phase), bench.clock.now
    kind, _, seconds = text.partition(" ")

    match outcome:
        case Refused():
            assert (kind, outcome) == ("refused", Refused(NO, "tid"))
        case InDoubt():
            assert (text, outcome.reads, outcome.tries) == ("in doubt", 0, 3)
            assert outcome.until == now + timedelta(seconds=PACE.quiet_period)
        case Postponed():
            assert kind == "postponed"
            least, most = (float(seconds), float(seconds)) if seconds else (16, 32)  # 8 s, doubled twice, less jitter
            assert least <= (outcome.until - now).total_seconds() <= most
        case _:
            pytest.fail(f"{error} in {phase} ended with {outcome}")


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize(
    ("error", "least", "most"),
    [
        ("unavailable", 4, 8),
        ("unavailable for a while", 25, 25),
        ("unauthorized", 600, 600),
        ("rejected", 0, 0),
        ("unknown", 0, 0),
        ("unknown for a while", 0, 0),
        ("a bug", 0, 0),
    ],
)
def test_error_closes_the_lane_if_it_concerns_the_company(
    bench: Bench, error: str, least: float, most: float, phase: Phase
) -> None:
    bench.of(error, phase)

    assert least <= bench.lane.rest(bench.clock.now) <= most
    assert bench.lane.open(bench.clock.now) == (most == 0)


def test_internal_error_tells_its_kind_and_nothing_of_what_it_says(bench: Bench) -> None:
    outcome = bench.of("a bug", Phase.SENT)

    assert isinstance(outcome, InDoubt)
    assert outcome.reason == "internal error: RuntimeError"


def test_order_postponed_often_waits_longer_but_never_longer_than_the_cap(bench: Bench) -> None:
    for delays in range(40):
        claim = replace(bench.claim, message=replace(bench.claim.message, delays=delays))
        outcome = bench.judgement.of(claim, RuntimeError("oops"))
        assert isinstance(outcome, Postponed)
        full = min(8 * 2**delays, 600)
        assert full / 2 <= (outcome.until - bench.clock.now).total_seconds() <= full
