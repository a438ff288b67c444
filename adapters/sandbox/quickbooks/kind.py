"""What a row of the table of kinds says."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from adapters.sandbox.quickbooks.fields import Fields

Role = Literal[
    "sale",
    "purchase",
    "settlement",
    "journal",
    "deposit",
    "transfer",
    "name",
    "record",
    "attachment",
    "template",
    "single",
]

PLANS: Final = ("Simple Start", "Essentials", "Plus", "Advanced")
"""The plans, from the smallest; each has what the ones before it have."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One row: the properties of a kind of object and the rules that differ from its neighbours'."""

    fields: Fields
    role: Role
    sequence: str
    """Ids count up per sequence: names share one, transactions share one."""
    required: tuple[str, ...] = ()
    filterable: frozenset[str] = frozenset()
    plan: str = PLANS[0]
    """The smallest plan that has it."""
    details: frozenset[str] = frozenset()
    """Line detail types it takes."""
    party: str = ""
    """The property that names its customer or vendor."""
    owes: bool = False
    """Whether it stays open until payments or credits settle it."""
    settles: Mapping[str, int] | None = None
    """For a payment: what its lines may link to; +1 pays a document, -1 uses a credit, 0 is either."""
    writable: bool = True
    """Whether calls may create and update it."""
    void_by: Literal["", "operation", "update"] = ""
    """How it is voided: an operation of that name, or an update that includes the void; empty is not at all."""
    sparse: bool = True
    """Whether the vendor documents sparse updates for it."""
    deletable: bool = False
    indexed: tuple[str, ...] = ()
    """Properties it is found by without a search: text, or a reference."""
    parent_flag: str = ""
    """The property that says it has a parent."""
    captured: bool = True
    """Whether change data capture covers it."""
    mailed_to: str = ""
    """The property with the address it is mailed to; kinds with one can be sent, and printed."""
