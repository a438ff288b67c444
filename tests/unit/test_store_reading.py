"""What people and readers of vendors see in the store, and what readers remember."""

import sqlite3
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from state.commit import _STATEMENTS
from state.instants import to_micros
from state.lifecycle import Effect, State, Trigger
from state.memory import Told
from state.outbox import Observation, Phase, Settlement
from state.problem import problem
from state.rows import source, standing, transaction_from
from state.schema import migrate
from state.store import Backlog, Count, Filter
from state.transaction import (
    Address,
    Charge,
    Content,
    Document,
    DocumentType,
    Kind,
    Line,
    Money,
    Origin,
    Party,
    Segment,
    Sourced,
    Transaction,
    TransactionId,
)
from state.trouble import StoreError

if TYPE_CHECKING:
    from tests.unit.conftest import Desk, OpenDesk

WHEN = datetime(2026, 10, 1, 23, 59, 59, 999_999, tzinfo=UTC)


async def test_charges_are_told_by_what_the_newest_transactions_had(desk: "Desk") -> None:
    async def record(number: str, *lines: Line, load_type: str = "") -> None:
        plain = desk.sourced(load=number).content
        assert plain
        await desk.record(load=number, content=replace(plain, lines=lines, segment=Segment(load_type=load_type)))

    def line(name: str, load_type: str = "") -> Line:
        return Line("accessorial", name, Money(100), segment=Segment(load_type=load_type))

    await record("1001", line("Tarp"), line("Tarp"), line("Lumper", "asset"), load_type="brokerage")
    await record("1002", line("Lumper"))
    invoice = DocumentType.INVOICE
    assert set(await desk.store.charges(10)) == {
        Charge(invoice, "accessorial", "Tarp", "brokerage"),
        Charge(invoice, "accessorial", "Lumper", "asset"),
        Charge(invoice, "accessorial", "Lumper", ""),
    }
    assert await desk.store.charges(1) == [Charge(invoice, "accessorial", "Lumper", "")]


def labels(transactions: list[Transaction]) -> list[str]:
    return [transaction.label for transaction in transactions]


def observation(document: str = "document of 1001", balance: int = 6_000, *, ours: bool = True) -> Observation:
    settlement = Settlement("payment-1", Money(10_000 - balance), date(2026, 10, 5), "Check", "4711")
    return Observation(
        DocumentType.INVOICE,
        Document(document, "N1001", "3"),
        Money(10_000),
        Money(balance),
        origin=Origin(Kind.CUSTOMER_INVOICE, "another record") if ours else None,
        settlements=(settlement,),
    )


# -- pages ----------------------------------------------------------------------------------------------------------


async def test_page_shows_the_newest_first_and_goes_on_below_the_last(desk: "Desk") -> None:
    for load in ("1001", "1002", "1003", "1004", "1005"):
        await desk.new(load=load)

    first = await desk.store.page(Filter(), limit=2)
    second = await desk.store.page(Filter(), before=first[-1].id, limit=2)
    third = await desk.store.page(Filter(), before=second[-1].id, limit=2)

    assert [labels(page) for page in (first, second, third)] == [["1005", "1004"], ["1003", "1002"], ["1001"]]
    assert await desk.store.page(Filter(), before=third[-1].id) == []


async def test_page_shows_only_what_is_wanted(desk: "Desk") -> None:
    await desk.exported(load="1001")
    await desk.new(load="1002")
    await desk.finish(await desk.announced(), desk.no("number_missing"))
    await desk.new(load="1003", kind=Kind.CARRIER_BILL)

    async def wanted(**given: object) -> list[str]:
        return labels(await desk.store.page(Filter(**given)))  # type: ignore[arg-type]

    assert await wanted() == ["1003", "1002", "1001"]
    assert await wanted(state=State.EXPORTED) == ["1001"]
    assert await wanted(kind=Kind.CARRIER_BILL) == ["1003"]
    assert await wanted(problem="number_missing") == ["1002"]
    assert await wanted(state=State.PENDING, kind=Kind.CUSTOMER_INVOICE) == []


async def test_search_finds_label_number_and_party_whatever_the_case(desk: "Desk") -> None:
    await desk.new(load="1001")
    await desk.new(load="B-7")
    await desk.new(load="1003", content=None, problem=problem("shape_unknown"))

    async def found(text: str) -> list[str]:
        return labels(await desk.store.page(Filter(search=text)))

    assert await found("b-7") == ["B-7"]
    assert await found("n1001") == ["1001"]
    assert await found("ACME") == ["B-7", "1001"]
    assert await found("100%") == []


async def test_page_tells_what_is_in_flight(desk: "Desk") -> None:
    await desk.new(load="1001")
    await desk.announced()
    await desk.new(load="1002")

    assert [shown.in_flight for shown in await desk.store.page(Filter())] == [False, True]


async def test_transaction_is_found_by_its_document(desk: "Desk") -> None:
    exported = await desk.exported()

    assert await desk.store.find_by_document(DocumentType.INVOICE, "document of 1001") == exported
    assert await desk.store.find_by_document(DocumentType.BILL, "document of 1001") is None
    assert await desk.store.find_by_document(DocumentType.INVOICE, "another") is None


async def test_counts_tell_how_many_stand_where_and_their_money(desk: "Desk") -> None:
    exported = await desk.exported("100.00", load="1001")
    await desk.apply(exported, Trigger.PAYMENT_RECORDED, paid=Money(4_000))
    await desk.exported("0.05", load="1002")
    await desk.new("7.00", load="1003", currency="CAD")
    await desk.new(load="1004", content=None, problem=problem("shape_unknown"))

    invoice = Kind.CUSTOMER_INVOICE
    assert sorted(await desk.store.counts(), key=lambda count: (count.state, count.total)) == [
        Count(invoice, State.EXPORTED, None, "USD", transactions=2, total=10_005, paid=4_000, partly_paid=1),
        Count(invoice, State.PENDING, "shape_unknown", None, transactions=1, total=0, paid=0, partly_paid=0),
        Count(invoice, State.PENDING, None, "CAD", transactions=1, total=700, paid=0, partly_paid=0),
    ]


async def test_backlog_tells_what_is_not_done_and_since_when(desk: "Desk") -> None:
    assert await desk.store.backlog() == []
    await desk.exported(load="1000")
    since = desk.clock.forward(hours=1)
    await desk.new(load="1001")
    desk.clock.forward(hours=1)
    await desk.new(load="1002")

    assert await desk.store.backlog() == [Backlog(Effect.EXPORT, Phase.WAITING, 2, since)]


# -- exactness ------------------------------------------------------------------------------------------------------

instants = st.datetimes(datetime(1970, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001 - the strategy adds the zone
amounts = st.integers(-(2**63), 2**63 - 1)
parties = st.builds(Party, st.text(), st.text(), st.none() | st.text(), address=st.none() | st.builds(Address))
contents = st.builds(
    Content,
    parties,
    st.text(),
    st.dates(),
    st.none() | st.dates(),
    st.lists(st.builds(Line, st.text(), st.text(), st.builds(Money, amounts)), max_size=3).map(tuple),
    st.builds(Money, amounts, st.sampled_from(["USD", "JPY"])),
    st.text(),
)


@settings(max_examples=100)
@given(contents, amounts, instants, instants)
def test_row_holds_a_transaction_exactly(content: Content, paid: int, created: datetime, updated: datetime) -> None:
    sourced = Sourced(Kind.CARRIER_BILL, "source", "label", content)
    total = content.total
    transaction = Transaction(
        id=TransactionId(7),
        kind=sourced.kind,
        source_id=sourced.source_id,
        label=sourced.label,
        state=State.ERROR,
        version=3,
        generation=2,
        revision=4,
        content=content,
        digest=sourced.digest(),
        total=total,
        paid=Money(paid, total.currency),
        document=Document("145", None, "0"),
        problem=problem("forced", "by hand"),
        in_flight=False,
        created_at=created,
        updated_at=updated,
    )
    origin = {
        "kind": transaction.kind,
        "document_type": "bill",
        "source_id": "source",
        "created_at": to_micros(created),
    }
    columns = origin | source(transaction) | standing(transaction) | {"created_at": to_micros(created)}

    with closing(sqlite3.connect(":memory:")) as file:
        file.row_factory = sqlite3.Row
        migrate(file)
        inserted = file.execute(_STATEMENTS["insert"], columns).fetchall()
        [row] = file.execute(_STATEMENTS["find"], {"id": inserted[0][0]})
    assert replace(transaction_from(row), id=transaction.id) == transaction
    assert all(not isinstance(value, float) for value in row)


async def test_money_and_instants_come_out_of_the_file_as_they_went_in(desk: "Desk", open_desk: "OpenDesk") -> None:
    desk.clock.now = WHEN
    exported = await desk.exported("9999999999999999.99")
    paid = await desk.apply(exported, Trigger.PAYMENT_COMPLETED, paid=exported.total)
    await desk.store.close()

    kept = await (await open_desk()).again(paid)

    assert kept == paid
    assert (kept.total, kept.paid) == (Money(999_999_999_999_999_999), Money(999_999_999_999_999_999))
    assert kept.created_at == WHEN
    assert kept.content == desk.sourced("9999999999999999.99").content


# -- memory ---------------------------------------------------------------------------------------------------------


async def test_cursor_tells_how_far_a_reader_has_come(desk: "Desk", open_desk: "OpenDesk") -> None:
    memory = desk.store.memory
    assert await memory.cursor("intake") is None
    await memory.advance("intake", WHEN)
    await memory.advance("intake", WHEN + timedelta(microseconds=1))
    await desk.store.close()

    again = await open_desk()
    assert await again.store.memory.cursor("intake") == WHEN + timedelta(microseconds=1)
    assert await again.store.memory.cursor("payments") is None


async def test_party_is_remembered_by_kind_and_key(desk: "Desk") -> None:
    memory = desk.store.memory
    await memory.link("customer", "cus-1", "58")
    await memory.link("vendor", "cus-1", "59")
    await memory.link("customer", "cus-1", "60")

    assert [await memory.linked(kind, "cus-1") for kind in ("customer", "vendor", "carrier")] == ["60", "59", None]


async def test_newest_secret_counts_and_the_one_before_is_kept(desk: "Desk") -> None:
    memory = desk.store.memory
    assert await memory.secret("refresh token") is None
    for value in ("first", "second", "third"):
        await memory.keep("refresh token", value)

    assert await memory.secret("refresh token") == "third"
    assert [tuple(row) for row in await desk.execute("SELECT value, previous FROM secrets")] == [("third", "second")]


async def test_observations_of_our_documents_are_kept_with_the_cursor_until_acted_on(desk: "Desk") -> None:
    memory = desk.store.memory
    await desk.exported()
    by_number, by_marker = observation(ours=False), observation("146")
    foreign = observation("147", ours=False)

    await memory.observe([foreign, by_marker], "payments", WHEN)
    desk.clock.forward(seconds=1)
    await memory.observe([by_number], "payments", WHEN + timedelta(minutes=1))

    assert await memory.observations() == [by_marker, by_number]
    assert await memory.cursor("payments") == WHEN + timedelta(minutes=1)
    await memory.forget(by_marker)
    assert await memory.observations() == [by_number]


async def test_newer_observation_of_a_document_is_not_forgotten_with_the_older(desk: "Desk") -> None:
    memory = desk.store.memory
    older, newer = observation(balance=6_000), observation(balance=0)
    await memory.observe([older], "payments", WHEN)
    await memory.observe([newer], "payments", WHEN)

    await memory.forget(older)

    assert await memory.observations() == [newer]
    await memory.forget(newer)
    assert await memory.observations() == []


async def test_observations_that_can_not_be_kept_do_not_advance_the_cursor(desk: "Desk") -> None:
    memory = desk.store.memory
    await memory.advance("payments", WHEN)
    unkept = replace(observation(), document=Document(None, None, "0"))  # type: ignore[arg-type]  # a row that is refused

    with pytest.raises(sqlite3.IntegrityError):
        await memory.observe([observation(), unkept], "payments", WHEN + timedelta(hours=1))
    assert await memory.cursor("payments") == WHEN
    assert await memory.observations() == []


async def test_settlements_are_told_by_payment(desk: "Desk") -> None:
    exported = await desk.exported()
    first = Told("p-1", 1_000, 1_000)
    part = await desk.apply(exported, Trigger.PAYMENT_RECORDED, told=first, paid=Money(1_000))
    for told in (Told("p-2", 500, 0), first._replace(amount=700)):
        part = await desk.apply(part, Trigger.PAYMENT_RECORDED, told=told, paid=Money(told.amount))

    assert await desk.store.memory.settlements(exported.id) == {
        "p-1": Told("p-1", 700, 1_000),
        "p-2": Told("p-2", 500, 0),
    }


async def test_store_answers_while_it_is_open(desk: "Desk") -> None:
    await desk.store.answers()
    await desk.store.close()
    with pytest.raises(StoreError):
        await desk.store.answers()


async def test_counts_kept_with_every_move_equal_a_count_of_the_rows(desk: "Desk") -> None:
    exported = await desk.exported("100.00", load="1")
    await desk.apply(exported, Trigger.PAYMENT_RECORDED, paid=Money(4_000))
    await desk.record("80.00", load="1")  # pending again, of another amount
    await desk.finish(await desk.announced(), desk.no())
    await desk.exported("20.00", load="2")
    await desk.apply(await desk.exported("30.00", load="3"), Trigger.PAYMENT_RECORDED, paid=Money(1_000))
    await desk.record("50.00", load="4", currency="CAD")
    await desk.record(load="5", content=None, problem=problem("shape_unknown"))

    counted = await desk.execute(
        "SELECT kind, state, problem_code, currency, count(*), coalesce(sum(total), 0), coalesce(sum(paid), 0),"
        " sum(coalesce(state = 'exported' AND paid > 0, 0)) FROM transactions GROUP BY 1, 2, 3, 4"
    )
    assert {tuple(count) for count in await desk.store.counts()} == {tuple(row) for row in counted}
    assert len(counted) == 4
