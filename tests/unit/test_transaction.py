from datetime import date
from decimal import Decimal
from fractions import Fraction

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import replace

from state.problem import CATALOGUE, Problem, problem
from state.transaction import Address, Content, Document, InexactMoney, Kind, Line, Money, Party, Sourced, Transaction

CURRENCIES = {"USD": 100, "CAD": 100, "JPY": 1, "KWD": 1000}

party = Party("cus-1", "Acme Foods", address=Address("1 Dock Rd", "Tulsa", "OK", "74101"))
lines = (Line("linehaul", "Linehaul", Money(90_000)), Line("fuel", "Fuel Surcharge", Money(10_050)))
content = Content(party, "1001", date(2026, 10, 4), None, lines, Money(100_050), "1001")


# -- money ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [
        ("1350.10", "USD", 135_010),
        ("1350.1", "USD", 135_010),
        ("-25", "USD", -2_500),
        ("1.3E+3", "USD", 130_000),
        ("0.010000000000000000000000000000000000000000", "USD", 1),
        ("0", "USD", 0),
        ("-0.00", "USD", 0),
        ("0E+400", "USD", 0),
        ("0E-400", "USD", 0),
        ("1500", "JPY", 1_500),
        ("1.255", "KWD", 1_255),
        ("9999999999999999.99", "USD", 999_999_999_999_999_999),
    ],
)
def test_money_is_whole_minor_units(amount: str, currency: str, minor: int) -> None:
    money = Money.of(Decimal(amount), currency)

    assert money == Money(minor, currency)
    assert type(money.minor) is int


@pytest.mark.parametrize(
    ("amount", "currency"),
    [
        ("0.001", "USD"),
        ("0.0001", "USD"),
        ("1E-400", "USD"),
        ("1.5", "JPY"),
        ("1.00000000000000000000000000000000000001", "USD"),
        ("10000000000000000.00", "USD"),
        ("9E+999999", "USD"),
        ("NaN", "USD"),
        ("sNaN", "USD"),
        ("Infinity", "USD"),
        ("-Infinity", "USD"),
    ],
)
def test_amount_that_is_not_whole_minor_units_is_refused(amount: str, currency: str) -> None:
    with pytest.raises(InexactMoney, match=currency):
        Money.of(Decimal(amount), currency)


@given(st.decimals(), st.sampled_from(sorted(CURRENCIES)))
@example(Decimal("1." + "0" * 27 + "1"), "USD")
@example(Decimal(2**63), "JPY")
def test_money_is_exact_or_refused(amount: Decimal, currency: str) -> None:
    try:
        money = Money.of(amount, currency)
    except InexactMoney:
        fine = (
            amount.is_finite() and abs(amount) < 10**15 and (Fraction(amount) * CURRENCIES[currency]).denominator == 1
        )
        assert not fine
    else:
        assert type(money.minor) is int
        assert Fraction(money.minor, CURRENCIES[currency]) == Fraction(amount)
        assert -(2**63) <= money.minor < 2**63


@given(st.integers(-(10**18) + 1, 10**18 - 1), st.sampled_from(sorted(CURRENCIES)))
def test_money_goes_out_as_it_came_in(minor: int, currency: str) -> None:
    money = Money(minor, currency)

    assert Money.of(money.amount, currency) == money


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_float_is_never_money(amount: float) -> None:
    with pytest.raises(AttributeError):
        Money.of(amount)  # type: ignore[arg-type]


def test_money_is_told_with_its_decimals() -> None:
    assert str(Money(123_456_789)) == "1,234,567.89 USD"
    assert str(Money(1_500, "JPY")) == "1,500 JPY"
    assert Money(5).amount.as_tuple() == Decimal("0.05").as_tuple()


# -- content --------------------------------------------------------------------------------------------------------


def test_content_whose_lines_add_up_has_no_flaw() -> None:
    assert content.flaw("USD") is None


@pytest.mark.parametrize(
    ("flawed", "code", "detail"),
    [
        (replace(content, total=Money(100_050, "CAD")), "currency_foreign", "billed in CAD, books kept in USD"),
        (
            replace(content, lines=(*lines, Line("x", "y", Money(0, "MXN")))),
            "currency_foreign",
            "billed in MXN, books kept in USD",
        ),
        (replace(content, party=replace(party, name=" ")), "party_missing", "party cus-1 has no name"),
        (replace(content, number="  "), "number_missing", ""),
        (replace(content, lines=(), total=Money(0)), "lines_missing", ""),
        (replace(content, total=Money(100_051)), "lines_unequal_total", "1,000.50 USD, total 1,000.51 USD"),
        (replace(content, lines=(Line("x", "y", Money(-1)),), total=Money(-1)), "total_negative", "-0.01 USD"),
    ],
)
def test_flaw_is_told_with_its_code_and_what_was_seen(flawed: Content, code: str, detail: str) -> None:
    assert flawed.flaw("USD") == problem(code, detail)


def test_negative_line_is_no_flaw_while_the_total_is_owed() -> None:
    with_discount = (Line("linehaul", "Linehaul", Money(100_100)), Line("adjustment", "Adjustment", Money(-50)))

    assert replace(content, lines=with_discount).flaw("USD") is None


@pytest.mark.parametrize(
    "changed",
    [
        replace(content, number="1002"),
        replace(content, due_on=date(2026, 11, 3)),
        replace(content, memo="Thank you"),
        replace(content, lines=lines[:1]),
        replace(content, lines=(replace(lines[0], description="otherwise"), *lines[1:])),
        replace(content, party=replace(party, source_id="cus-2")),
        replace(content, trip_id="trip-2"),
    ],
)
def test_digest_changes_with_the_content(changed: Content) -> None:
    assert changed.digest() != content.digest()


@pytest.mark.parametrize(
    "alike",
    [
        replace(content, lines=lines[::-1]),
        replace(content, party=replace(party, email="ap@acme.example", phone="555", name="ACME Freight")),
    ],
)
def test_digest_is_the_same_for_what_no_document_says(alike: Content) -> None:
    assert alike.digest() == content.digest()


def test_digest_is_the_same_for_the_same_content() -> None:
    copy = msgspec.json.decode(msgspec.json.encode(content), type=Content)

    assert copy == content
    assert copy.digest() == content.digest()


def test_unreadable_record_is_told_apart_by_its_problem() -> None:
    unreadable = Sourced(Kind.CARRIER_BILL, "trip-1", "1001", problem=problem("shape_unknown", "Total is text"))
    otherwise = replace(unreadable, problem=problem("shape_unknown", "Total is absent"))

    assert unreadable.digest() == replace(unreadable).digest()
    assert len({unreadable.digest(), otherwise.digest(), replace(unreadable, content=content).digest()}) == 3
    assert replace(unreadable, content=content).digest() == content.digest()


# -- problems -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("known", CATALOGUE.values(), ids=CATALOGUE.keys())
def test_every_problem_names_its_cause_and_its_fix(known: Problem) -> None:
    assert known.cause.endswith(".")
    assert known.fix.endswith(".")
    assert not known.detail
    assert CATALOGUE[known.code] is known


def test_unknown_problem_can_not_be_told() -> None:
    with pytest.raises(KeyError):
        problem("no_such_problem")


# -- what accounting may hold ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("document", "in_flight", "traceable"),
    [(None, False, False), (None, True, True), (Document("145", "1001", "0"), False, True)],
)
def test_document_counts_as_soon_as_it_may_exist(
    document: Document | None,
    in_flight: bool,  # noqa: FBT001 - a column of the table
    traceable: bool,  # noqa: FBT001 - the same
    transaction: Transaction,
) -> None:
    assert replace(transaction, document=document, in_flight=in_flight).traceable is traceable
