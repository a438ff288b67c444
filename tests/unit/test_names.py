"""When two names are one, and how a name is spelled so that QuickBooks takes it."""

import pytest

from adapters.quickbooks.names import LONGEST, alike, key, legible, spelled, suffixed, unsuffixed

SAME = [
    ("Acme Freight, Inc.", "ACME  FREIGHT INC"),
    ("J.B. Hunt", "J. B. HUNT"),
    ("C.H. Robinson L.L.C.", "CH Robinson LLC"),
    ("O'Brien", "O’Brien"),  # noqa: RUF001
    ("A&B Lines", "A & B  Lines"),
    ("Acme: Dallas\tPlant", "Acme - Dallas / Plant"),
    ("ＡＣＭＥ ﬁeld", "acme field"),  # noqa: RUF001
    ("Zoe\u0308", "Zoë"),
    ("Ac\u200bme\u202e", "Acme"),
    ("Acme™ Foods®", "Acme Foods"),
    ("STRAßE", "strasse"),
]
DIFFERENT = [
    ("Acme", "Аcme"),  # noqa: RUF001 - a Cyrillic letter
    ("Zoë", "Zoe"),
    ("A+ Freight", "A Freight"),
    ("100% Freight", "100 Freight"),
    ("Acme #1", "Acme 1"),
    ("Trans Port", "Transport"),
    ("🚚 Speedy", "Speedy"),
    ("Smith & Sons", "Smith Sons"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_spellings_of_one_name_have_one_key_and_stay_one_when_spelled_for_quickbooks(one: str, other: str) -> None:
    assert key(one) == key(other)
    assert key(spelled(one)) == key(spelled(other))


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_two_names_stay_two_when_spelled_for_quickbooks(one: str, other: str) -> None:
    assert key(one) != key(other)
    assert key(spelled(one)) != key(spelled(other))


@pytest.mark.parametrize(
    ("name", "taken"),
    [
        ("Acme: Foods", "Acme Foods"),
        (" A\tB\nC\x00", "A B C"),
        ('5" Pipe – Müller', '5" Pipe - Müller'),  # noqa: RUF001
        ("n" * LONGEST, "n" * LONGEST),
        ("Łódź", "Lódz ~61b87354d0"),
        ("№ 5", "No 5"),
        (":", ""),
        ("...", ""),
        ("株式会社", ""),
        ("🚚", ""),
        ("\u202e\u200b", ""),
    ],
)
def test_name_is_spelled_as_quickbooks_takes_it(name: str, taken: str) -> None:
    assert spelled(name) == taken


def test_name_that_is_cut_stays_one_of_a_kind_within_the_limit() -> None:
    long, longer = "n" * 599 + "a", "n" * 599 + "b"
    assert len(spelled(long)) == len(spelled(longer)) == LONGEST
    assert spelled(long) != spelled(longer)
    assert key(spelled(long)) == key(spelled(long.upper())) == spelled(long)[-11:]


def test_suffixes_fit_the_limit_and_come_off_again() -> None:
    name = suffixed("n" * 600, " (V)", 2)
    assert len(name) == LONGEST
    assert unsuffixed(name, " (V)") == (spelled("n" * 600, LONGEST - 8), 2)
    assert unsuffixed("Acme  (v) (V)", " (V)") == ("Acme", 2)
    assert unsuffixed("(V)", " (V)") == ("(V)", 0)
    assert suffixed("株", " (V)", 1) == ""


def test_text_is_made_legible_in_latin_letters() -> None:
    assert legible("“Calle” Ñandú\r\n№ 5 … 三") == '"Calle" Ñandú No 5 ...'


def test_names_are_alike_but_for_accents() -> None:
    assert alike("Café, Freight") == alike("CAFE FREIGHT") != alike("Cafes Freight")
