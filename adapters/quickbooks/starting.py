"""A mapping to begin with: guesses from a company's items and chart of accounts, for a person to go through."""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import islice
from operator import itemgetter
from typing import Final, TypeVar

import msgspec

from adapters.quickbooks.charges import LIABILITY, REVENUE, SLOTS, Slot, slot_of
from adapters.quickbooks.items import PLAIN
from adapters.quickbooks.references import PAYABLE
from adapters.quickbooks.rolls import fold
from adapters.quickbooks.shapes import Account, Item, Listed
from state.transaction import Charge, DocumentType

Row = TypeVar("Row", bound=Listed)

_ALTERNATIVES: Final = 3
_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")
_MOST_ITEMS: Final = 200  # a company that sells more than freight has many

# fmt: off
_HINTS: Final = {
    # category         words of a name, the most telling first
    "linehaul":       ("linehaul", "line haul", "purchased transportation", "freight", "carrier", "transportation"),
    "fuel_surcharge": ("fuel surcharge", "surcharge"),
    "accessorial":    ("accessorial",),
    "echeck":         ("carrier advance", "advance", "e-check", "echeck"),
    "echeck_fee":     ("fee", "accessorial"),
    "driver_pay":     ("driver pay", "driver wages", "settlement", "driver"),
    "bonus":          ("bonus", "driver pay", "driver"),
    "deduction":      ("deduction", "driver advance", "advance"),
    "reimbursement":  ("reimburse", "driver pay", "driver"),
    "credit":         ("credit", "driver advance", "advance"),
    "escrow":         ("escrow", "deposit"),
    "fuel":           ("fuel", "diesel", "gas"),
    "toll":           ("toll",),
    "intercompany":   ("intercompany", "inter-company", "purchased transportation", "linehaul", "freight"),
    "other":          ("miscellaneous", "other"),
}
# Words that make a name somebody else's.
_NOT: Final = {
    "linehaul": ("surcharge", "accessorial", "advance"),
    "fuel":     ("surcharge",),
    "credit":   ("card", "line of"),
}
# fmt: on


def starting(accounts: Sequence[Account], items: Sequence[Item], used: Collection[Charge]) -> str:
    """Return the text of a `[mapping]`; each guess has the next best beside it, what has no guess is a comment.

    `used` are the charges that documents have had: an item or account that bears a charge's own name is its guess.
    """
    chart = [account for account in accounts if account.active]
    sold = [item for item in items if item.active and item.type in PLAIN and item.income_account_ref]
    return "\n".join(
        (
            "# A mapping to begin with, guessed from names and types of accounts: go through it line by line.",
            "# What stands behind a # at the start of a line has no guess. `default` answers for all that nothing else",
            "# does; without it, such a charge waits for a person.",
            "",
            "[mapping]",
            *_payable(chart),
            "",
            "# Customers' invoices: the item, or the income account of an item that is made for each charge.",
            "[mapping.revenue]",
            *_revenue(sold, chart, used),
            "",
            "# Bills and vendor credits: the account.",
            "[mapping.expense]",
            *_bought("expense", chart, used),
            "",
            "# What is held for drivers: a liability.",
            "[mapping.liability]",
            *_bought("liability", chart, used),
            "",
        )
    )


def _payable(chart: Sequence[Account]) -> Iterator[str]:
    yield _line("payable_account", [account for account in chart if account.account_type == PAYABLE])


def _revenue(sold: Sequence[Item], chart: Sequence[Account], used: Collection[Charge]) -> Iterator[str]:
    income = [account for account in chart if account.account_type in REVENUE.types]
    taken = set()
    for category in ("linehaul", "fuel_surcharge", "accessorial", "echeck_fee", "intercompany", "other"):
        guesses: list[Listed] = [*_guessed(category, sold), *_guessed(category, income)]
        taken |= {fold(guess.name) for guess in guesses[:1] if isinstance(guess, Item)}
        yield _line(category, guesses)
    named = {fold(charge.name): charge.name for charge in used if charge.document_type is DocumentType.INVOICE}
    own = [item for item in sold if item.top and fold(item.name) not in taken | SLOTS.keys()]
    for item in islice((item for item in own if not named or fold(item.name) in named), _MOST_ITEMS):
        yield _line(named.get(fold(item.name), item.name), [item])
    yield _line("default", [])


def _bought(table: str, chart: Sequence[Account], used: Collection[Charge]) -> Iterator[str]:
    for category, (_, slot) in SLOTS.items():
        if slot.table == table:
            yield _line(category, _guessed(category, _fit(slot, chart)))
    seen = {
        fold(charge.name): (charge.name, slot)
        for charge in sorted(used)
        if charge.document_type is not DocumentType.INVOICE
        and (slot := slot_of(charge.document_type, charge.category)).table == table
        and fold(charge.name) not in SLOTS.keys() | {"", "default"}
    }
    for name, slot in seen.values():
        if own := [account for account in _fit(slot, chart) if fold(account.name) == fold(name)]:
            yield _line(name, own)
    yield _line("default", _guessed("escrow", _fit(LIABILITY, chart))[:1] if table == LIABILITY.table else [])


def _fit(slot: Slot, chart: Sequence[Account]) -> list[Account]:
    return [account for account in chart if account.account_type in slot.types]


def _guessed(category: str, rows: Iterable[Row]) -> list[Row]:
    """Return the rows whose names have a word of the category, the most telling word first."""
    excluded = _NOT.get(category, ())
    ranked: list[tuple[int, int, Row]] = []
    for place, row in enumerate(rows):
        name = fold(row.name)
        rank = next((rank for rank, word in enumerate(_HINTS[category]) if word in name), None)
        if rank is not None and not any(word in name for word in excluded):
            ranked.append((rank, place, row))
    return [row for _, _, row in sorted(ranked, key=itemgetter(0, 1))]


def _line(charge: str, guesses: Sequence[Listed]) -> str:
    """Return one line: the first guess, and some others as a comment."""
    if not guesses:
        return f'# {_key(charge)} = ""'
    others = ", ".join(_text(guess.shown) for guess in guesses[1 : 1 + _ALTERNATIVES])
    return f"{_key(charge)} = {_text(guesses[0].shown)}" + (f"    # or {others}" if others else "")


def _key(charge: str) -> str:
    return charge if _BARE.fullmatch(charge) else _text(charge)


def _text(value: str) -> str:
    """Return a value as TOML: JSON's strings are TOML's too, but for one character."""
    return msgspec.json.encode(value).decode().replace("\x7f", "\\u007f")
