"""The table of what a company's books hold: one row per kind of object."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from adapters.sandbox.quickbooks import fields
from adapters.sandbox.quickbooks.fields import Fields
from adapters.sandbox.quickbooks.rules import Rule, anything, day, flag, one_of, read_only, reference, text

Role = Literal["sale", "purchase", "settlement", "name", "single"]

PLANS: Final = ("Simple Start", "Essentials", "Plus", "Advanced")
"""The plans, from the smallest; each has what the ones before it have."""

_DATED: Final = frozenset({"TxnDate", "TotalAmt"})
_FILTERED_NUMBERED: Final = _DATED | {"DocNumber", "DueDate", "Balance", "SalesTermRef"}
_FILTERED_PARTY: Final = frozenset(
    {"DisplayName", "GivenName", "FamilyName", "CompanyName", "PrintOnCheckName", "Active", "Balance"},
)
_FILTERED_LISTED: Final = frozenset({"Name", "FullyQualifiedName", "Active", "ParentRef"})


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
    settles: Mapping[str, int] | None = None
    """For a payment: what its lines may link to; +1 pays a document, -1 uses a credit."""
    voidable: bool = False
    sparse: bool = True
    """Whether the vendor documents sparse updates for it."""
    deletable: bool = False
    indexed: tuple[str, ...] = ()
    parent_flag: str = ""
    """The property that says it has a parent."""


_SALE_DETAILS: Final = frozenset(
    {"SalesItemLineDetail", "DescriptionOnly", "DiscountLineDetail", "SubTotalLineDetail"},
)
_PURCHASE_DETAILS: Final = frozenset(
    {"AccountBasedExpenseLineDetail", "ItemBasedExpenseLineDetail", "DescriptionOnly"},
)


def _sale(own: Fields, *, voidable: bool) -> Kind:
    return Kind(
        own,
        "sale",
        "transaction",
        required=("CustomerRef", "Line"),
        filterable=_FILTERED_NUMBERED | {"CustomerRef"},
        details=_SALE_DETAILS,
        party="CustomerRef",
        deletable=True,
        voidable=voidable,
        indexed=("DocNumber",),
    )


def _purchase() -> Kind:
    return Kind(
        fields.PURCHASE,
        "purchase",
        "transaction",
        required=("VendorRef", "Line"),
        filterable=_FILTERED_NUMBERED | {"VendorRef", "APAccountRef"},
        plan="Essentials",
        details=_PURCHASE_DETAILS,
        party="VendorRef",
        deletable=True,
        sparse=False,
        indexed=("DocNumber",),
    )


def _listed(own: Fields, *, parent_flag: str = "", plan: str = PLANS[0], kind: str) -> Kind:
    parent: dict[str, Rule] = {parent_flag: flag, "ParentRef": reference(kind)} if parent_flag else {}
    return Kind(
        {**fields.LISTED, **own, **parent},
        "name",
        kind,
        required=("Name",),
        filterable=_FILTERED_LISTED | {key for key in ("Type", "Sku") if key in own},
        plan=plan,
        indexed=("Name",),
        parent_flag=parent_flag,
    )


def _party(own: Fields) -> Kind:
    return Kind({**fields.PARTY, **own}, "name", "party", filterable=_FILTERED_PARTY, indexed=("DisplayName",))


KINDS: Final[dict[str, Kind]] = {
    "Preferences": Kind(fields.READ, "single", "Preferences"),
    "CompanyInfo": Kind(fields.READ, "single", "CompanyInfo"),
    "Account": _listed(fields.ACCOUNT, parent_flag="SubAccount", kind="Account"),
    "Term": _listed(fields.TERM, kind="Term"),
    "PaymentMethod": _listed({"Type": one_of("CREDIT_CARD", "NON_CREDIT_CARD")}, kind="PaymentMethod"),
    "Class": _listed({}, parent_flag="SubClass", plan="Plus", kind="Class"),
    "Department": _listed({"Address": anything}, parent_flag="SubDepartment", plan="Plus", kind="Department"),
    "Item": _listed(fields.ITEM, parent_flag="SubItem", kind="Item"),
    "Customer": _party(fields.CUSTOMER),
    "Vendor": _party(fields.VENDOR),
    "Employee": _party({"EmployeeNumber": text(100), "HiredDate": day, "BillableTime": flag}),
    "Invoice": _sale(fields.INVOICE, voidable=True),
    "CreditMemo": _sale({**fields.SALE, "RemainingCredit": read_only}, voidable=True),
    "Bill": _purchase(),
    "VendorCredit": _purchase(),
    "Payment": Kind(
        fields.PAYMENT,
        "settlement",
        "transaction",
        required=("CustomerRef", "TotalAmt"),
        filterable=_DATED | {"CustomerRef"},
        party="CustomerRef",
        settles={"Invoice": 1, "CreditMemo": -1},
        voidable=True,
        deletable=True,
    ),
    "BillPayment": Kind(
        fields.BILL_PAYMENT,
        "settlement",
        "transaction",
        required=("VendorRef", "TotalAmt", "PayType", "Line"),
        filterable=_DATED | {"VendorRef", "DocNumber"},
        plan="Essentials",
        party="VendorRef",
        settles={"Bill": 1, "VendorCredit": -1},
        voidable=True,
        deletable=True,
        indexed=("DocNumber",),
    ),
}

PATHS: Final = {kind.lower(): kind for kind in KINDS}
"""The name in a path, in lower case, to the kind."""

PARTIES: Final = ("Customer", "Vendor", "Employee")
"""The kinds whose names must be unique together."""

REFERENCES: Final[dict[str, str]] = {
    "CustomerRef": "Customer",
    "VendorRef": "Vendor",
    "ItemRef": "Item",
    "ClassRef": "Class",
    "DepartmentRef": "Department",
    "SalesTermRef": "Term",
    "TermRef": "Term",
    "PaymentMethodRef": "PaymentMethod",
    **dict.fromkeys(
        (
            "AccountRef",
            "ItemAccountRef",
            "DiscountAccountRef",
            "APAccountRef",
            "ARAccountRef",
            "BankAccountRef",
            "CCAccountRef",
            "DepositToAccountRef",
            "IncomeAccountRef",
            "ExpenseAccountRef",
            "AssetAccountRef",
        ),
        "Account",
    ),
}
"""Properties that refer to another object, wherever they stand."""
