"""What the mapping covers: each of its keys and what stands behind it, and the charges that no key answers for."""

from collections import Counter
from collections.abc import Awaitable, Collection, Iterator, Mapping
from typing import Final

import structlog

from adapters.ports import Place, Rejected, Standing
from adapters.quickbooks.charges import SLOTS, Charges, Entry, slot_for, slot_of
from adapters.quickbooks.references import References
from adapters.quickbooks.rolls import fold
from adapters.quickbooks.settings import Mapping as Tables
from adapters.quickbooks.shapes import Account, Item
from state.problem import Problem
from state.transaction import Charge, DocumentType, Line, Money

PASS, WARN, FAIL = Standing

PAYABLE: Final = "accounts payable account"
DEPOSIT: Final = "deposit account"
# The categories an invoice can have; a bill can have any.
_INVOICED: Final = frozenset({"linehaul", "fuel_surcharge", "accessorial", "intercompany", "other"})
# The tables that a plan without bills has no use for.
_BOUGHT: Final = frozenset({"expense", "liability"})
_FINE: Final = "active"

log = structlog.get_logger(__name__)


class Coverage:
    """The looker-through of the mapping. `broken` counts what was wrong at the last look, by problem."""

    def __init__(self, mapping: Tables, charges: Charges, references: References) -> None:
        self._mapping = mapping
        self._charges = charges
        self._references = references
        self._known: dict[str, Place] = {}

    @property
    def broken(self) -> Mapping[str, int]:
        """How many lines of the mapping can't be used, by problem, as of the last look."""
        return Counter(place.state for place in self._known.values())

    async def look(self) -> None:
        """Look through the mapping, and say in the log what broke since the last look, and what was mended."""
        broken = {_label(place): place for place in await self.lines() if place.standing is FAIL}
        for label in broken.keys() - self._known.keys():
            place = broken[label]
            log.warning("mapping.broken", line=label, target=place.target, code=place.state, detail=place.gap)
        for label in self._known.keys() - broken.keys():
            log.info("mapping.mended", line=label)
        self._known = broken

    async def places(self, used: Collection[Charge]) -> list[Place]:
        """Return every line of the mapping, then the gaps: what has been `used`, and what may be one day."""
        lines = await self.lines()
        fit = {_label(line) for line in lines if line.standing is not FAIL}
        bills = (await self._references.plan()).bills
        seen = [charge for charge in sorted(used) if bills or charge.document_type is DocumentType.INVOICE]
        gaps = [gap for charge in seen if (gap := await self._gap(charge, FAIL, fit))]
        told = {(gap.slot, gap.charge) for gap in gaps}
        for charge in _possible():
            if bills or charge.document_type is DocumentType.INVOICE:
                gap = await self._gap(charge, WARN, fit)
                gaps += [gap] if gap and (gap.slot, gap.charge) not in told else []
        return [*lines, *gaps]

    async def lines(self) -> list[Place]:
        """Return the accounts that documents are owed on and paid to, then every key with what stands behind it."""
        entries = self._charges.answers.entries
        payable, deposit = self._mapping.payable_account, self._mapping.deposit_account
        lines = []
        if (await self._references.plan()).bills:
            found = self._references.payable_account(payable)
            lines.append(await _account("payable", PAYABLE, payable or "the only one", found))
        else:
            entries = tuple(entry for entry in entries if entry.table not in _BOUGHT)
        if deposit is not None:
            lines.append(await _account("deposit", DEPOSIT, deposit, self._references.deposit_account(deposit)))
        return [*lines, *[await self._line(entry) for entry in entries]]

    async def _line(self, entry: Entry) -> Place:
        where = (entry.table, entry.charge, entry.load_type)
        try:
            found = await self._charges.named(entry, slot_for(entry))
        except Rejected as refusal:
            return _wrong(*where, entry.target, refusal.problem)
        if isinstance(found, Account):
            return Place(*where, _shown(found), found.account_type, _FINE, PASS)
        try:
            income = await self._charges.account(found)
        except Rejected as refusal:
            # QuickBooks may take it as it is on an invoice, where the item decides; a person should know all the same.
            return Place(*where, _shown(found), found.type, _FINE, WARN, refusal.problem.detail, refusal.problem.fix)
        return Place(*where, _shown(found), f"{found.type}, {income.account_type}", _FINE, PASS)

    async def _gap(self, charge: Charge, standing: Standing, fit: Collection[str]) -> Place | None:
        """Return the line of a charge that has no place, or whose place, fine by itself, is not for it."""
        slot = slot_of(charge.document_type, charge.category)
        line = Line(charge.category, charge.name, Money(0))
        entry = self._charges.answers.find(slot, line, charge.load_type)
        where = (slot.table, charge.name or charge.category, charge.load_type)
        if entry is None:
            asked = self._charges.answers.wanted(slot, line, charge.load_type)
            gap = f"no key answers for this {charge.category} on a {_TYPES[charge.document_type]}"
            return Place(*where, "", "", "gap", standing, gap, f"{asked[0].upper()}{asked[1:]}.")
        if f"{entry.place} {fold(entry.charge)}" not in fit:
            return None  # its own line says so
        try:
            await self._charges.found(charge.document_type, line, charge.load_type)
        except Rejected as refusal:
            return _wrong(*where, entry.target, refusal.problem)
        return None


_TYPES: Final = {
    DocumentType.INVOICE: "invoice",
    DocumentType.BILL: "bill",
    DocumentType.VENDOR_CREDIT: "vendor credit",
    DocumentType.PAYMENT: "payment",
}


def _possible() -> Iterator[Charge]:
    """Yield the charges a TMS may bill, each by its category."""
    for category in SLOTS:
        if category in _INVOICED:
            yield Charge(DocumentType.INVOICE, category, "")
        yield Charge(DocumentType.BILL, category, "")


async def _account(slot: str, subject: str, wanted: str, reference: Awaitable[Account]) -> Place:
    """Return the line of an account that stands in a document's head."""
    try:
        found = await reference
    except Rejected as refusal:
        return _wrong(slot, subject, "", wanted, refusal.problem)
    return Place(slot, subject, "", _shown(found), found.account_type, _FINE, PASS)


def _wrong(slot: str, charge: str, load_type: str, target: str, problem: Problem) -> Place:
    gap = f"{problem.cause} ({problem.detail})"
    return Place(slot, charge, load_type, target, "", problem.code, FAIL, gap, problem.fix)


def _label(place: Place) -> str:
    return f"{'.'.join(filter(None, ('mapping', place.load_type, place.slot)))} {fold(place.charge)}"


def _shown(found: Account | Item) -> str:
    return f"{found.shown} (id {found.id})"
