"""Which item or account a charge is booked on: its slot, the key of the configuration that answers, what that names.

The configuration has one table for each kind of place (`revenue`, `expense`, `liability`), and may have the same tables
for loads of one type. A charge is looked for by its own name, then its category, then as `default`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from adapters.quickbooks.forms import Form
from adapters.quickbooks.items import Items
from adapters.quickbooks.pointers import NewItem, Pointer
from adapters.quickbooks.problems import rejected
from adapters.quickbooks.references import References, admitted
from adapters.quickbooks.rolls import fold
from adapters.quickbooks.settings import Mapping as Tables
from adapters.quickbooks.shapes import Account, Item
from state.transaction import Content, DocumentType, Line

DEFAULT: Final = "default"

_INCOME: Final = frozenset({"Income", "Other Income"})
_COST: Final = frozenset({"Expense", "Other Expense", "Cost of Goods Sold"})
_OWED: Final = frozenset({"Other Current Liability", "Long Term Liability"})


@dataclass(frozen=True, slots=True)
class Slot:
    """A kind of place for a charge: the table that says where it is, and the types of account that may stand there."""

    table: str
    types: frozenset[str]

    def admit(self, account: Account) -> Account:
        """Return the account; raise Rejected (account_type_wrong) if one of its type may not stand here."""
        return admitted(account, self.types, f"{self.table} here goes to")


REVENUE: Final = Slot("revenue", _INCOME)
EXPENSE: Final = Slot("expense", _COST)
ADVANCE: Final = Slot(
    "expense", _COST | _OWED | {"Other Current Asset"}
)  # is, or settles, what someone owes us or we owe
LIABILITY: Final = Slot("liability", _OWED)

# fmt: off
SLOTS: Final[Mapping[str, tuple[Slot, Slot]]] = {
    # category         on an invoice  on a bill or a vendor credit
    "linehaul":       (REVENUE,       EXPENSE),
    "fuel_surcharge": (REVENUE,       EXPENSE),
    "accessorial":    (REVENUE,       EXPENSE),
    "echeck":         (REVENUE,       ADVANCE),    # paid out already, so it is taken off
    "echeck_fee":     (REVENUE,       REVENUE),    # what we charge for paying it out
    "driver_pay":     (REVENUE,       EXPENSE),
    "bonus":          (REVENUE,       EXPENSE),
    "deduction":      (REVENUE,       ADVANCE),    # an insurance is a cost, a loan paid back is not
    "reimbursement":  (REVENUE,       EXPENSE),
    "credit":         (REVENUE,       ADVANCE),    # may give back what was deducted
    "escrow":         (REVENUE,       LIABILITY),  # held for the driver, who is owed it
    "fuel":           (REVENUE,       EXPENSE),
    "toll":           (REVENUE,       EXPENSE),
    "intercompany":   (REVENUE,       EXPENSE),
    "other":          (REVENUE,       EXPENSE),
}
# fmt: on


def slot_for(entry: "Entry") -> Slot:
    """Return the slot of a key: that of its category, else the widest that its table has.

    What no other key answers for is mostly cost, so the default is held against the slot of that.
    """
    if entry.table == LIABILITY.table:
        return LIABILITY
    if entry.table == REVENUE.table:
        return REVENUE
    category = fold(entry.charge)
    on_bill = SLOTS[category][1] if category in SLOTS else EXPENSE if category == DEFAULT else ADVANCE
    return on_bill if on_bill.table == entry.table else EXPENSE


def slot_of(document_type: DocumentType, category: str) -> Slot:
    """Return the slot of a charge; a category nobody has heard of goes where `other` does."""
    on_invoice, on_bill = SLOTS.get(category, SLOTS["other"])
    return on_invoice if document_type is DocumentType.INVOICE else on_bill


@dataclass(frozen=True, slots=True)
class Entry:
    """One key of the configuration and what it names: `revenue` of loads of one type, or of all where that is blank."""

    table: str
    load_type: str
    charge: str
    target: str

    @property
    def place(self) -> str:
        """The table as the configuration names it: `mapping.asset.revenue`."""
        return _place(self.load_type, self.table)


class Answers:
    """The configured tables, folded: neither case nor the width of spaces tells two charges apart."""

    def __init__(self, tables: Tables) -> None:
        self.entries: Final = tuple(_entries(tables))
        self._found = {(each.table, each.load_type, fold(each.charge)): each for each in self.entries}

    def find(self, slot: Slot, line: Line, load_type: str) -> Entry | None:
        """Return the first entry that answers for a charge, or None: by each of its keys, loads of its type first."""
        for key in _keys(line):
            for scope in dict.fromkeys((load_type, "")):
                if entry := self._found.get((slot.table, scope, fold(key))):
                    return entry
        return None

    def place(self, document_type: DocumentType, line: Line, load_type: str) -> Entry:
        """Return the entry that answers for a charge.

        Raises Rejected (mapping_missing), naming the charge and the keys that would answer.
        """
        slot = slot_of(document_type, line.category)
        entry = self.find(slot, line, load_type)
        if entry is None:
            asked = self.wanted(slot, line, load_type)
            raise rejected("mapping_missing", f'charge "{line.name}" ({line.amount}): {asked}')
        return entry

    def wanted(self, slot: Slot, line: Line, load_type: str) -> str:
        """Return, in words, the keys that would answer for a charge."""
        scopes = [""] + [load_type] * any(load_type and each.load_type == load_type for each in self.entries)
        keys = " or ".join(f'"{key}"' for key in _keys(line))
        return f"set {keys} in {' or '.join(_place(scope, slot.table) for scope in scopes)}"


def _entries(tables: Tables) -> Iterator[Entry]:
    for load_type, charges in {"": tables, **tables.load_types}.items():
        for table in ("revenue", "expense", "liability"):
            for charge, target in getattr(charges, table).items():
                yield Entry(table, load_type, charge, target)


def _keys(line: Line) -> tuple[str, ...]:
    """Return what a charge goes by, the most specific first; one that is called `default` is not the default."""
    own = () if fold(line.name) in {"", DEFAULT} else (line.name,)
    return tuple(dict.fromkeys((*own, line.category, DEFAULT)))


def _place(load_type: str, table: str) -> str:
    return ".".join(filter(None, ("mapping", load_type, table)))


class Charges:
    """Where the charges of a document go."""

    def __init__(self, tables: Tables, references: References, items: Items) -> None:
        self.answers = Answers(tables)
        self._references = references
        self.items: Final = items

    async def targets(self, content: Content, form: Form) -> tuple[Pointer, ...]:
        """Return where each line points, in order; an item that is not there yet is not made here.

        Raises Rejected if nothing answers for a charge, or if what does is missing, inactive or of the wrong type.
        """
        return tuple([await self._target(content, form, line) for line in content.lines])

    async def _target(self, content: Content, form: Form, line: Line) -> Pointer:
        load_type = line.segment.load_type or content.segment.load_type
        called = self.answers.place(form.type, line, load_type).target
        found = await self.found(form.type, line, load_type)
        if form.type is not DocumentType.INVOICE or isinstance(found, Item):
            return Pointer(called, found.id)
        charge = line.name or line.category
        linked = await self.items.linked(charge, found)
        return Pointer(f"{called}: {charge}", linked or "", None if linked else NewItem(charge, found))

    async def found(self, document_type: DocumentType, line: Line, load_type: str) -> Item | Account:
        """Return what a charge is booked on, an income account standing for the item that is to be made."""
        named = await self.named(
            self.answers.place(document_type, line, load_type), slot_of(document_type, line.category)
        )
        return named if document_type is DocumentType.INVOICE else await self.account(named)

    async def named(self, entry: Entry, slot: Slot) -> Item | Account:
        """Return what a key names; raise Rejected if that is missing, ambiguous, inactive or not fit for the slot."""
        if slot is not REVENUE:
            return slot.admit(await self._references.account(entry.target))
        named = await self._references.item_or_account(entry.target)
        if isinstance(named, Account):
            return slot.admit(named)
        if not named.sellable:
            raise rejected("item_not_sellable", f'item "{named.shown}"')
        return named

    async def account(self, named: Item | Account) -> Account:
        """Return the account behind what a key names: a bill has the income account where an invoice has the item."""
        return named if isinstance(named, Account) else REVENUE.admit(await self._references.account_of(named))
