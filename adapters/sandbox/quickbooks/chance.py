"""A company that is worked on at random: something of it to pick, an amount, a day, a party, an account."""

from collections import Counter
from decimal import Decimal
from random import Random
from typing import Final

from adapters.sandbox.quickbooks.company import Company
from adapters.sandbox.quickbooks.kinds import KINDS
from adapters.sandbox.quickbooks.rules import Object

_CURRENCIES: Final = ("USD", "USD", "USD", "CAD", "EUR")
RATES: Final = {"CAD": ("0.71", "0.7333", "0.7402"), "EUR": ("1.08", "1.1123", "1.17")}
"""Rates that documents in a foreign currency are written at."""


class Work:
    """A company at work, and what it counts: operations by name, and faults by code.

    The company must deal in Canadian dollars and euros beside its home currency.
    """

    def __init__(self, company: Company, random: Random, parties: int) -> None:
        self.company = company
        self.random = random
        self.done: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self._known: dict[str, list[str]] = {kind: [held["Id"] for held in company.books.live(kind)] for kind in KINDS}
        for number in range(parties):
            currency = {"value": _CURRENCIES[number % len(_CURRENCIES)]}
            for kind in ("Customer", "Vendor"):
                self.create(kind, {"DisplayName": f"{kind} {number}", "CurrencyRef": currency})

    def chance(self, probability: float) -> bool:
        """Say yes as often as the probability says."""
        return self.random.random() < probability

    def pick(self, *kinds: str) -> tuple[str, Object] | None:
        """Return one live object of one of these kinds, or None."""
        kind = self.random.choice(kinds)
        ids = self._known[kind]
        while ids:
            place = self.random.randrange(len(ids))
            found = self.company.find(kind, ids[place])
            if found is not None:
                return kind, found
            ids[place] = ids[-1]
            ids.pop()
        return None

    def party(self, kind: str) -> Object:
        """Return a customer or vendor."""
        found = self.pick(kind)
        if found is None:
            raise LookupError(f"there is no {kind}")
        return found[1]

    def create(self, kind: str, body: Object) -> Object:
        """Create an object and remember it."""
        made = self.company.create(kind, body)
        self._known[kind].append(made["Id"])
        return made

    def account(self, *account_types: str) -> Object:
        """Return a reference to a home-currency account of one of these types."""
        suiting = [
            held["Id"]
            for held in self.company.books.live("Account")
            if held["AccountType"] in account_types and held["Active"] and held["CurrencyRef"]["value"] == "USD"
        ]
        return {"value": self.random.choice(suiting)}

    def amount(self) -> Decimal:
        """Return an amount of money, now and then nothing."""
        return (
            Decimal(self.random.choice((0, self.random.randrange(1, 10_000), self.random.randrange(1, 900_000)))) / 100
        )

    def header(self, party: Object | None = None) -> Object:
        """Return what a transaction's head has: a day, the party's currency, and mostly a rate."""
        currency = party["CurrencyRef"]["value"] if party else "USD"
        head: Object = {
            "TxnDate": f"2026-{self.random.randrange(1, 13):02}-{self.random.randrange(1, 29):02}",
            "CurrencyRef": {"value": currency},
        }
        if currency in RATES and self.chance(0.9):
            head["ExchangeRate"] = Decimal(self.random.choice(RATES[currency]))
        return head

    def part_of(self, amount: Decimal) -> Decimal:
        """Return all of an amount, or some."""
        return amount if self.chance(0.5) else (amount * self.random.randrange(101) / 100).quantize(amount)
