"""The people at both vendors, who go on working while the daemon is tortured.

Some loads are theirs to change, withdraw and bill again; the documents of the others are theirs to pay. So the end is
known whatever happened on the way: the books are what the TMS shows, and every document of the second group is paid.
"""

import re
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import TYPE_CHECKING, Any, Protocol

from tests.integration.stage import Daemon
from tests.integration.twins import Json, World
from tests.torture.gate import Call

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

_MARKER = re.compile(r"\[loadledger \S+ (\w+) (\S+) g\d+ \w+\]")
_CENT = Decimal("0.01")
_CANCELLED = 0.2  # of the documents that are to go, the share that goes with its load
_LEAST = 5  # loads that are always left to change
_PARTLY = 0.7  # of the payments, the share that leaves something to pay
_AT_ONCE = 3  # transactions a person acts on together


class Desk(Protocol):
    """Where a person reaches the daemon."""

    async def ask(self, method: str, path: str, body: Json | None = None) -> tuple[int, Any]: ...


def marked(note: str) -> tuple[str, str]:
    """Return the kind and the id of the record that a document's note names."""
    found = _MARKER.search(note)
    assert found, note
    return found[1], found[2]


class People:
    """Everybody who touches one world. What they do follows from `chance` and from what they see."""

    def __init__(self, world: World, chance: Random, month: date) -> None:
        self._world = world
        self._chance = chance
        self._month = month
        self._loads: list[str] = []  # numbers of the loads that change
        self._trips: list[str] = []  # and of their trips that have a carrier
        self._unbilled: set[str] = set()  # loads whose invoice was taken back
        self._cancelled: set[str] = set()
        self._customers: list[str] = []
        self.paid_for: set[str] = set()  # ids of the loads and trips whose documents are paid
        self._payments: list[tuple[str, str]] = []
        self._routine: tuple[Callable[[], Awaitable[None]], ...] = (
            *(self._charge, self._hire, self._hire, self._date, self._change_customer),
            *(self._take_back, self._bill, self._pay, self._pay, self._void_payment),
        )

    async def divide(self) -> None:
        """Say which loads change and which are paid for; those with a planted problem are left alone."""
        books = await self._world.alvys.books()
        billed = {each["Number"]: each for each in books["invoices"] if each["Total"]["Amount"]}
        numbers = sorted(billed.keys() - set(self._world.planted.values()))
        self._loads, paid = numbers[::2], set(numbers[1::2])
        self._customers = sorted({billed[number]["Customer"]["Id"] for number in self._loads})
        hired = [each for each in books["trips"] if each["Carrier"] and each["ReleasedAt"]]
        self._trips = [each["TripNumber"] for each in hired if each["LoadNumber"] in self._loads]
        self.paid_for = {each["Id"] for each in hired if each["LoadNumber"] in paid}
        self.paid_for |= {each["Id"] for each in books["loads"] if each["LoadNumber"] in paid}

    # -- at the TMS and in accounting -------------------------------------------------------------------------

    async def work(self, wanted: Call | None) -> None:
        """Do something that makes the daemon send such a request, if it is one that follows from the books."""
        match wanted:
            case Call.REPORT:
                await self._pay()
            case Call.UPDATE:
                await self._charge()
                await self._hire()
            case Call.BATCH:
                await self._raise_all()
            case Call.VOID if self._chance.random() < _CANCELLED:
                await self._cancel()
            case _:
                await self._chance.choice(self._routine)()

    async def _charge(self) -> None:
        """Agree on another linehaul with the customer."""
        await self._at_tms("edit_line", load_number=self._any_load(), name="Linehaul", amount=self._amount())

    async def _hire(self) -> None:
        """Agree on another linehaul with the carrier."""
        await self._at_tms("edit_carrier_linehaul", trip_number=self._chance.choice(self._trips), amount=self._amount())

    async def _raise_all(self) -> None:
        """Agree on new rates with everybody, so that a backlog waits."""
        for load in self._loads:
            await self._at_tms("edit_line", load_number=load, name="Linehaul", amount=self._amount())
        for trip in self._trips:
            await self._at_tms("edit_carrier_linehaul", trip_number=trip, amount=self._amount())

    async def _date(self) -> None:
        if (load := self._any_load()) not in self._unbilled:
            await self._at_tms("change_invoiced_date", load_number=load, invoiced_at=self._moment())

    async def _change_customer(self) -> None:
        customer = self._chance.choice(self._customers)
        await self._at_tms("change_customer", load_number=self._any_load(), customer_id=customer)

    async def _take_back(self) -> None:
        if (load := self._any_load()) not in self._unbilled:
            await self._at_tms("revert_invoice", load_number=load)
            self._unbilled.add(load)

    async def _bill(self) -> None:
        """Make an invoice anew that was taken back, which stays the same document."""
        if self._unbilled:
            load = self._chance.choice(sorted(self._unbilled))
            await self._at_tms("invoice", load_number=load, invoiced_at=self._moment())
            self._unbilled.remove(load)

    async def _cancel(self) -> None:
        """Cancel a load, if many are left; its documents go, for good."""
        if len(self._loads) <= _LEAST:
            return await self._charge()
        load = self._any_load()
        if load not in self._unbilled:
            await self._at_tms("revert_invoice", load_number=load)
        await self._at_tms("cancel", load_number=load)
        self._loads.remove(load)
        self._unbilled.discard(load)
        self._trips = [
            each["TripNumber"]
            for each in (await self._world.alvys.books())["trips"]
            if each["LoadNumber"] in self._loads and each["TripNumber"] in self._trips
        ]
        return None

    async def _pay(self) -> None:
        """Pay a document in part, or at times all that is left."""
        if payable := await self._payable():
            document = self._chance.choice(payable)
            part = (document["balance"] / 3).quantize(_CENT)
            await self._settle(document, part if part and self._chance.random() < _PARTLY else document["balance"])
        else:
            await self._void_payment()

    async def _settle(self, document: Json, amount: Decimal) -> None:
        kind = document["kind"]
        arguments = {f"{kind}_id": document["id"], "amount": amount}
        payment = await self._world.quickbooks.act(f"pay_{kind}", **arguments)
        self._payments.append(("payment" if kind == "invoice" else "bill_payment", payment["Id"]))

    async def _void_payment(self) -> None:
        if self._payments:
            kind, payment = self._payments.pop(self._chance.randrange(len(self._payments)))
            action = self._chance.choice(("void", "delete"))
            await self._world.quickbooks.act(f"{action}_{kind}", **{f"{kind}_id": payment})

    async def _at_tms(self, action: str, **arguments: object) -> None:
        await self._world.alvys.act(action, **arguments)

    # -- at the console ---------------------------------------------------------------------------------------

    async def ask(self, daemon: Desk, wanted: Call | None) -> None:
        """Ask the daemon to take a document out of accounting, or to send it again."""
        match wanted:
            case Call.VOID:
                await self._asked(daemon, "exported", "revert")
            case Call.CREATE if not await self._asked(daemon, "reverted", "reexport"):
                await self._asked(daemon, "exported", "revert")

    async def _asked(self, daemon: Desk, state: str, action: str) -> bool:
        """Act on a few transactions in this state, and say whether there was one."""
        found = await self._in_state(daemon, state)
        for each in self._chance.sample(found, min(len(found), _AT_ONCE)):
            status, _ = await daemon.ask("POST", f"transactions/{each['id']}/{action}", {"reason": "a person asked"})
            assert status in {200, 409}
        return bool(found)

    async def _in_state(self, daemon: Desk, state: str) -> list[Json]:
        """Return the transactions of the loads that change which are in this state."""
        status, page = await daemon.ask("GET", f"transactions?state={state}&limit=200")
        assert status == 200
        return [each for each in page["transactions"] if each["label"] in self._loads]

    # -- at the end -------------------------------------------------------------------------------------------

    async def tidy(self, daemon: Daemon) -> None:
        """Leave nothing half done: every invoice is made, and what was taken out of accounting is sent again."""
        while self._unbilled:
            await self._bill()
        for each in await self._in_state(daemon, "reverted"):
            await daemon.act("reexport", each)

    async def pay_all(self) -> bool:
        """Pay what is still open of the documents that are to be paid, and say whether anything was."""
        payable = await self._payable()
        for each in payable:
            await self._settle(each, each["balance"])
        return bool(payable)

    async def told_wrongly(self) -> list[str]:
        """Return the records of which the TMS was told another sum than was paid."""
        due, told = await self._due(), await self._told()
        sources = sorted(due.keys() | told.keys())
        return [
            f"{each}: paid {due.get(each)}, told {told.get(each)}"
            for each in sources
            if due.get(each) != told.get(each)
        ]

    async def told_too_much(self) -> list[str]:
        """Return the records of which the TMS was told more than they come to."""
        due, told = await self._due(), await self._told()
        return [
            f"{each}: is {due.get(each)}, told {told[each]}" for each in sorted(told) if told[each] > due.get(each, 0)
        ]

    async def _due(self) -> dict[str, Decimal]:
        """Return the totals of the documents that are paid for, by the id of the load or trip."""
        documents = await self._world.quickbooks.documents()
        totals = {marked(each["note"])[1]: each["total"] for each in documents}
        return {source: totals[source] for source in self.paid_for & totals.keys()}

    async def _told(self) -> dict[str, Decimal]:
        """Return the sums told, by the id of the load or trip."""
        loads = {each["LoadNumber"]: each["Id"] for each in (await self._world.alvys.books())["loads"]}
        return {loads.get(key, key): amount for key, amount in (await self._world.told()).items()}

    async def _payable(self) -> list[Json]:
        documents = await self._world.quickbooks.documents()
        return [each for each in documents if each["balance"] and marked(each["note"])[1] in self.paid_for]

    # -- chance -----------------------------------------------------------------------------------------------

    def _any_load(self) -> str:
        return self._chance.choice(self._loads)

    def _amount(self) -> Decimal:
        return Decimal(self._chance.randrange(50_000, 500_000)) / 100

    def _moment(self) -> str:
        day = self._month + timedelta(days=self._chance.randrange(28))
        return f"{day}T12:00:00+00:00"
