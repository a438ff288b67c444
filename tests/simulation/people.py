"""What people do, drawn from the seed: billers in the TMS, accountants in the books, support in the daemon."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Any, Final

import aiohttp

from adapters.sandbox import alvys, quickbooks
from adapters.sandbox.alvys.wire import Problem
from adapters.sandbox.quickbooks import hands
from adapters.sandbox.quickbooks.faults import Fault
from tests.simulation.daemon import ADMIN, PASSWORD, Daemon
from tests.simulation.facts import Facts, Json, Subject
from tests.simulation.judge import Judge

_STATES: Final = ("pending", "exported", "error", "reverted", "paid")
_ACTIONS: Final = ("retry", "retry", "retry", "revert", "reexport", "force")


def _by(things: Iterable[Json], field: str) -> defaultdict[str, list[Json]]:
    found = defaultdict[str, list[Json]](list)
    for thing in things:
        found[thing[field]].append(thing)
    return found


def _amount(chance: Random) -> str:
    return f"{chance.randint(10_000, 900_000) / 100:.2f}"


class Billers:
    """They bill the loads of a month, one after the other, and change their minds."""

    def __init__(self, tms: alvys.AlvysSandbox, month: alvys.Month, facts: Facts, chance: Random) -> None:
        self._books = tms.books
        self._month = month
        self._facts = facts
        self._chance = chance
        self._billed: list[str] = []
        self._trips, self._invoices = _by(month.trips, "LoadNumber"), _by(month.invoices, "Number")

    async def bill(self, seconds: float) -> None:
        """Let the month's loads appear over so many seconds."""
        times = sorted(self._chance.uniform(0, seconds) for _ in self._month.loads)
        began = 0.0
        for when, load in zip(times, self._month.loads, strict=True):
            await asyncio.sleep(when - began)
            began = when
            self.appear(load)

    def appear(self, load: Json) -> None:
        """Let one load appear, with its trips and what it bills."""
        number = load["LoadNumber"]
        trips, invoices = self._trips[number], self._invoices[number]
        if number in self._month.planted.values():
            for subject in [("customer_invoice", load["Id"]), *(("carrier_bill", trip["Id"]) for trip in trips)]:
                self._facts.records[Subject(*subject)].deeds.add("planted")
        stamp = self._books.stamp()
        self._books.commit(
            ("loads", load | {"UpdatedAt": stamp}),
            *(("trips", trip | {"UpdatedAt": stamp}) for trip in trips),
            *(("invoices", invoice) for invoice in invoices),
        )
        self._billed.append(number)

    def act(self) -> None:
        """Do one thing with one load; what the TMS does not allow is let be."""
        if not self._billed:
            return
        number = self._chance.choice(self._billed)
        if self._books.load(number)["IsDeleted"]:
            return
        trips = self._books.trips_of(number)
        trip = self._chance.choice(trips)["TripNumber"] if trips else ""
        do = alvys.hands.ACTIONS
        day = f"{self._month.first_day + timedelta(days=self._chance.randint(5, 30))}T16:00:00+00:00"
        acts = [
            lambda: do["edit_line"](self._books, number, "Linehaul", _amount(self._chance)),
            lambda: do["edit_carrier_linehaul"](self._books, trip, _amount(self._chance)),
            lambda: do["add_accessorial"](self._books, number, "Detention", "75.00"),
            lambda: do["change_invoiced_date"](self._books, number, day),
            lambda: do["revert_invoice"](self._books, number),
            lambda: do["invoice"](self._books, number, day),
            lambda: do["invoice"](self._books, number, day),
            lambda: do["cancel"](self._books, number),
            lambda: do["delete_load"](self._books, number),
        ]
        weights = (6, 6, 3, 3, 3, 4, 4, 1, 1)
        try:
            self._chance.choices(acts, weights)[0]()
        except (Problem, KeyError, ValueError):
            return


class Accountants:
    """They pay, void, delete and edit in accounting, and close the books now and then."""

    def __init__(self, accounting: quickbooks.QuickBooksSandbox, judge: Judge, month: date, chance: Random) -> None:
        self._company = accounting.company
        self._judge = judge
        self._month = month
        self._chance = chance

    def act(self) -> None:
        """Do one thing with one document of ours; what the books do not allow is let be."""
        documents = self._judge.books.documents
        if not documents:
            return
        kind, identity = self._chance.choice(list(documents))
        held, chance = documents[kind, identity], self._chance
        acts = [
            lambda: self._pay(kind, identity, held["Balance"]),
            lambda: self._pay(
                kind, identity, (held["Balance"] * chance.randint(5, 95) / 100).quantize(Decimal("0.01"))
            ),
            lambda: self._unpay(kind),
            lambda: self._remove(kind, identity),
            lambda: self._edit(kind, identity, held),
            lambda: self._close(self._month + timedelta(days=chance.randint(0, 8))),
            self.open,
        ]
        weights = (40, 20, 12, 6, 6, 1, 3)
        with self._judge.books.hand():
            try:
                self._chance.choices(acts, weights)[0]()
            except Fault:
                return

    def open(self) -> None:
        """Open the books as far as they were at first."""
        self._company.close_books((self._month - timedelta(days=1)).isoformat())

    def _close(self, day: date) -> None:
        self._judge.facts.everywhere.add("closed")
        self._company.close_books(day.isoformat())

    def _pay(self, kind: str, identity: str, amount: Decimal) -> None:
        if amount > 0:
            (hands.pay_invoice if kind == "Invoice" else hands.pay_bill)(self._company, identity, amount)

    def _unpay(self, kind: str) -> None:
        """Void or delete some payment of that kind."""
        payment = "Payment" if kind == "Invoice" else "BillPayment"
        payments = [each["Id"] for each in self._company.books.live(payment)]
        if payments:
            chosen = self._chance.choice(payments)
            if self._chance.random() < 0.5:
                hands.delete(self._company, payment, chosen)
            else:
                self._company.void(payment, chosen)

    def _remove(self, kind: str, identity: str) -> None:
        if kind == "Invoice" and self._chance.random() < 0.5:
            hands.void_invoice(self._company, identity)
        else:
            hands.delete(self._company, kind, identity)

    def _edit(self, kind: str, identity: str, held: Json) -> None:
        """Change the amount, the date or a text of no concern to us."""
        if not held["TotalAmt"]:
            return
        line, *others = held["Line"]
        changes = self._chance.choice(
            (
                {"Line": [line | {"Amount": line["Amount"] + 1}, *others]},
                {"TxnDate": (self._month + timedelta(days=27)).isoformat()},
                {"CustomerMemo": {"value": "thank you"}} if kind == "Invoice" else {"DueDate": "2027-01-31"},
            )
        )
        hands.edit(self._company, kind, identity, changes)


class Support:
    """They look at what failed, and act through the admin API."""

    def __init__(self, daemon: Daemon, facts: Facts, chance: Random) -> None:
        self._daemon = daemon
        self._facts = facts
        self._chance = chance
        self.refused = 0

    async def act(self) -> None:
        """Do one thing with one transaction; what the daemon does not allow is counted."""
        async with self._session() as session:
            state = self._chance.choice(_STATES)
            found = await self._ask(session, "GET", f"transactions?limit=200&state={state}")
            if not found or not found["transactions"]:
                return
            chosen = self._chance.choice(found["transactions"])
            action = self._chance.choice(_ACTIONS)
            body: Json = {"reason": "a person asked for it"}
            if action == "force":
                body |= {"expected": state, "destination": self._chance.choice(_STATES)}
            await self._do(session, chosen["id"], action, body)

    async def retry_all(self) -> None:
        """Try again whatever was refused."""
        wanted = self._daemon.look(
            "SELECT id FROM transactions t WHERE state = 'error'"
            " OR EXISTS (SELECT 1 FROM messages m WHERE m.transaction_id = t.id AND m.phase = 'dead')"
        )
        async with self._session() as session:
            for (identity,) in wanted:
                await self._do(session, identity, "retry", {"reason": "mended"})

    async def _do(self, session: aiohttp.ClientSession, identity: int, action: str, body: Json) -> None:
        for row in self._daemon.look("SELECT kind, source_id FROM transactions WHERE id = ?", identity):
            self._facts.records[Subject(*row)].deeds.add(action)
        if await self._ask(session, "POST", f"transactions/{identity}/{action}", body) is None:
            self.refused += 1

    async def _ask(self, session: aiohttp.ClientSession, method: str, path: str, body: Json | None = None) -> Any:
        """Return the answer, or None if it was no or did not come."""
        url = f"http://{ADMIN[0]}:{ADMIN[1]}/admin/v1/{path}"
        try:
            async with session.request(method, url, json=body) as answer:
                return await answer.json() if answer.ok else None
        except (aiohttp.ClientError, TimeoutError):
            return None

    def _session(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            headers={"Authorization": f"Bearer {PASSWORD}"}, timeout=aiohttp.ClientTimeout(total=30)
        )


def empty(month: alvys.Month) -> alvys.Month:
    """Return a month's parties without its freight."""
    return replace(month, loads=[], trips=[], invoices=[])
