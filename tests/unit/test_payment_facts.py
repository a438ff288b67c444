"""What follows from one look at a document: a table of cases, and sequences at random."""

from datetime import date
from typing import TYPE_CHECKING, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from engine.payments import UNNAMED, Fact, facts
from state.lifecycle import State, Trigger, move
from state.memory import Told
from state.outbox import Observation, Settlement
from state.transaction import Document, DocumentType, Money

if TYPE_CHECKING:
    from state.transaction import Transaction

TODAY = date(2026, 10, 20)
DOCUMENT = Document("d1", "N1", "0")
RECORDED, COMPLETED, REVERSED, LOST = (
    Trigger.PAYMENT_RECORDED,
    Trigger.PAYMENT_COMPLETED,
    Trigger.PAYMENT_REVERSED,
    Trigger.DOCUMENT_LOST,
)


class Look(NamedTuple):
    """One look at a document, in cents; payments by name are on one day after the other."""

    total: int
    balance: int
    payments: tuple[tuple[str, int], ...] = ()
    gone: bool = False

    def observation(self) -> Observation:
        settlements = tuple(
            Settlement(name, Money(amount), date(2026, 10, 1 + day)) for day, (name, amount) in enumerate(self.payments)
        )
        return Observation(
            DocumentType.INVOICE, DOCUMENT, Money(self.total), Money(self.balance), self.gone, settlements=settlements
        )


class Case(NamedTuple):
    """From a state, what was applied and told by payment, and a look: the facts and what is told of them."""

    name: str
    state: State
    told: tuple[Told, ...]
    look: Look
    facts: tuple[tuple[Trigger, int, tuple[str, int] | None], ...]  # trigger, paid after it, payment and amount told


E, P = State.EXPORTED, State.PAID
CASES = [
    Case("nothing paid", E, (), Look(100, 100), ()),
    Case("part", E, (), Look(100, 60, (("a", 40),)), ((RECORDED, 40, ("a", 40)),)),
    Case("whole", E, (), Look(100, 0, (("a", 100),)), ((COMPLETED, 100, ("a", 100)),)),
    Case(
        "several",
        E,
        (),
        Look(100, 0, (("a", 40), ("b", 60))),
        ((RECORDED, 40, ("a", 40)), (COMPLETED, 100, ("b", 60))),
    ),
    Case("the rest", E, (Told("a", 40, 40),), Look(100, 0, (("a", 40), ("b", 60))), ((COMPLETED, 100, ("b", 60)),)),
    Case("known", E, (Told("a", 40, 40),), Look(100, 60, (("a", 40),)), ()),
    Case("known and paid", P, (Told("a", 100, 100),), Look(100, 0, (("a", 100),)), ()),
    Case("overpaid is cut", E, (), Look(100, 0, (("a", 130),)), ((COMPLETED, 100, ("a", 100)),)),
    Case(
        "the later payment is cut",
        E,
        (),
        Look(100, 0, (("a", 70), ("b", 70))),
        ((RECORDED, 70, ("a", 70)), (COMPLETED, 100, ("b", 30))),
    ),
    Case("payments beyond what is paid", E, (), Look(100, 60, (("a", 40), ("b", 9))), ((RECORDED, 40, ("a", 40)),)),
    Case("nobody's payment", E, (), Look(100, 70), ((RECORDED, 30, (UNNAMED, 30)),)),
    Case(
        "a remainder nobody names",
        E,
        (),
        Look(100, 0, (("a", 80),)),
        ((RECORDED, 80, ("a", 80)), (COMPLETED, 100, (UNNAMED, 20))),
    ),
    Case(
        "named later, told once",
        E,
        (Told(UNNAMED, 40, 40),),
        Look(100, 60, (("a", 40),)),
        ((REVERSED, 0, None), (RECORDED, 40, None)),
    ),
    Case("taken back in part", E, (Told("a", 40, 40),), Look(100, 90, (("a", 10),)), ((REVERSED, 10, None),)),
    Case("taken back", P, (Told("a", 100, 100),), Look(100, 100), ((REVERSED, 0, None),)),
    Case(
        "one of two taken back",
        P,
        (Told("a", 40, 40), Told("b", 60, 60)),
        Look(100, 60, (("a", 40),)),
        ((REVERSED, 40, None),),
    ),
    Case(
        "replaced is never told twice",
        P,
        (Told("a", 100, 100),),
        Look(100, 0, (("b", 100),)),
        ((REVERSED, 0, None), (COMPLETED, 100, None)),
    ),
    Case(
        "replaced by more is told the difference",
        E,
        (Told("a", 40, 40),),
        Look(100, 30, (("b", 70),)),
        ((REVERSED, 0, None), (RECORDED, 70, ("b", 30))),
    ),
    Case("back again", E, (Told("a", 0, 40),), Look(100, 60, (("a", 40),)), ((RECORDED, 40, None),)),
    Case("grown", E, (Told("a", 40, 40),), Look(100, 30, (("a", 70),)), ((RECORDED, 70, ("a", 30)),)),
    Case("grown to the whole", E, (Told("a", 40, 70),), Look(100, 0, (("a", 100),)), ((COMPLETED, 100, ("a", 30)),)),
    Case(
        "what was not told is told when the sum allows it",
        E,
        (Told("a", 0, 100), Told("b", 60, 0)),
        Look(200, 40, (("b", 60), ("a", 100))),
        ((RECORDED, 60, ("b", 60)), (RECORDED, 160, None)),
    ),
    Case("raised after it was paid", P, (Told("a", 100, 100),), Look(120, 20, (("a", 100),)), ((REVERSED, 100, None),)),
    Case(
        "raised and paid on",
        P,
        (Told("a", 100, 100),),
        Look(120, 0, (("a", 100), ("b", 20))),
        ((REVERSED, 100, None), (RECORDED, 120, ("b", 20))),
    ),
    Case("lowered and paid", E, (), Look(80, 0, (("a", 80),)), ((RECORDED, 80, ("a", 80)),)),
    Case(
        "brought back to our total",
        E,
        (Told("a", 100, 100),),
        Look(100, 0, (("a", 100),)),
        ((COMPLETED, 100, None),),
    ),
    Case("forced to paid", P, (), Look(100, 100), ((REVERSED, 0, None),)),
    Case(
        "forced to paid and paid in part",
        P,
        (),
        Look(100, 60, (("a", 40),)),
        ((REVERSED, 0, None), (RECORDED, 40, ("a", 40))),
    ),
    Case(
        "forced to paid and paid",
        P,
        (),
        Look(100, 0, (("a", 100),)),
        ((REVERSED, 0, None), (COMPLETED, 100, ("a", 100))),
    ),
    Case("gone", P, (Told("a", 100, 100),), Look(0, 0, gone=True), ((LOST, 0, None),)),
]


def exported(transaction: "Transaction", state: State = State.EXPORTED, total: int = 100) -> "Transaction":
    return replace(transaction, state=state, document=DOCUMENT, total=Money(total))


def summary(fact: Fact) -> tuple[Trigger, int, tuple[str, int] | None]:
    told = (fact.told.payment_id, fact.report.amount.minor) if fact.told and fact.report else None
    return fact.trigger, fact.paid.minor, told


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_facts_follow_from_a_look(transaction: "Transaction", case: Case) -> None:
    told = {entry.payment_id: entry for entry in case.told}

    found = list(facts(exported(transaction, case.state), case.look.observation(), told, TODAY))

    assert tuple(map(summary, found)) == case.facts


def test_document_of_nothing_is_never_paid(transaction: "Transaction") -> None:
    assert list(facts(exported(transaction, total=0), Look(0, 0).observation(), {}, TODAY)) == []


def test_tms_is_not_told_of_what_it_told_us(transaction: "Transaction") -> None:
    ours = Settlement("a", Money(60), date(2026, 10, 3), ours=True)
    theirs = Settlement("b", Money(40), date(2026, 10, 4))
    look = replace(Look(100, 0).observation(), settlements=(ours, theirs))

    found = list(facts(exported(transaction), look, {}, TODAY))

    assert [summary(fact) for fact in found] == [(RECORDED, 60, None), (COMPLETED, 100, ("b", 40))]


def test_report_carries_the_payment_and_a_share_nobody_names_is_dated_today(transaction: "Transaction") -> None:
    paid_on = date(2026, 10, 3)
    settlement = Settlement("a", Money(40), paid_on, "Check", "4711")
    look = replace(Look(100, 50).observation(), settlements=(settlement,))

    named, unnamed = (fact.report for fact in facts(exported(transaction), look, {}, TODAY))

    assert named is not None
    assert unnamed is not None
    assert (named.paid_on, named.method, named.note) == (paid_on, "Check", "4711")
    assert (unnamed.paid_on, unnamed.method, unnamed.amount) == (TODAY, None, Money(10))


def test_payments_explain_in_the_order_of_their_days(transaction: "Transaction") -> None:
    early, late = Settlement("z", Money(70), date(2026, 10, 1)), Settlement("a", Money(70), date(2026, 10, 2))
    look = replace(Look(100, 0).observation(), settlements=(late, early))

    found = [summary(fact) for fact in facts(exported(transaction), look, {}, TODAY)]

    assert found == [(RECORDED, 70, ("z", 70)), (COMPLETED, 100, ("a", 30))]


# -- sequences --------------------------------------------------------------------------------------------------------

NAMES = ("a", "b", "c")


@st.composite
def looks(draw: st.DrawFn) -> Look:
    """Return any standing a document of accounting can have: paid between nothing and everything."""
    total = draw(st.integers(0, 8)) * 25 if draw(st.booleans()) else 100
    balance = draw(st.integers(0, total))
    if draw(st.booleans()):
        balance = 0
    names = draw(st.permutations(NAMES))
    payments = tuple((name, draw(st.integers(0, 150))) for name in names[: draw(st.integers(0, 3))])
    return Look(total, balance, payments)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)  # the fixture is immutable
@given(sequence=st.lists(looks(), min_size=1, max_size=8), forced=st.booleans())
def test_any_sequence_of_looks_ends_in_what_the_last_one_says_and_tells_no_cent_twice(
    transaction: "Transaction", sequence: list[Look], *, forced: bool
) -> None:
    state = State.PAID if forced else State.EXPORTED
    told: dict[str, Told] = {}
    tellings: list[int] = []
    most = 0
    for look in sequence:
        paid = sum(entry.amount for entry in told.values())
        for fact in facts(exported(transaction, state), look.observation(), dict(told), TODAY):
            row = move(state, fact.trigger, document=True)  # IllegalMove fails the test
            state, paid = row.dest, fact.paid.minor
            if fact.told is not None:
                told[fact.told.payment_id] = fact.told
            if fact.report is not None:
                assert row.effect is not None
                assert fact.report.amount.minor > 0
                tellings.append(fact.report.amount.minor)

        most = max(most, look.total - look.balance)
        assert paid == look.total - look.balance == sum(entry.amount for entry in told.values())
        assert (state is State.PAID) == (look.balance == 0 and look.total == 100)
        assert sum(tellings) == sum(entry.told for entry in told.values()) == most

        again = list(facts(exported(transaction, state), look.observation(), dict(told), TODAY))
        assert again == []
