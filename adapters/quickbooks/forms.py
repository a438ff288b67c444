"""Documents of QuickBooks side by side: everything in which they differ, as data."""

from dataclasses import dataclass, field
from typing import Final

from adapters.quickbooks.lines import ChargeLines, Lines, PaymentLines, Raw
from state.transaction import DocumentType

__all__ = ["FORMS", "Form", "Raw", "Removal"]


@dataclass(frozen=True, slots=True)
class Removal:
    """The call that takes a document back: its operation, the option it bears, and what its body says beside the id."""

    operation: str
    option: str = ""
    body: Raw = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Form:
    """How one type of document is written in QuickBooks."""

    type: DocumentType
    entity: str  # in queries and answers
    endpoint: str  # in paths, budgets and metrics
    party: str  # entity of the counterparty
    party_ref: str
    lines: Lines
    opening: Raw  # header fields sent at creation only
    removal: Removal
    payment: str  # the entity that settles it, none if nothing does
    payment_types: frozenset[str]  # how links name that entity
    number: str  # the field that holds our number
    number_within: frozenset[str]  # what two documents share where the same number is no accident
    head: frozenset[str]  # what the document as a whole may be tagged with; none if nothing of it may
    searchable: bool = True  # whether the books can be asked for a number
    falls_due: bool = True  # whether it says when, and on what terms, it is to be paid

    @property
    def bought(self) -> bool:
        """Whether it is about what the company buys, which not every plan has."""
        return self.party == "Vendor"

    @property
    def owned(self) -> frozenset[str]:
        """The names this type has among those we write, at whatever depth."""
        return self.lines.names | {self.party_ref, self.number}


_PAID_BILL: Final = frozenset({"BillPayment", "BillPaymentCheck", "BillPaymentCreditCard"})
_BILLED: Final = ChargeLines("AccountBasedExpenseLineDetail", "AccountRef", {"BillableStatus": "NotBillable"})

# fmt: off
FORMS: Final[dict[DocumentType, Form]] = {
    form.type: form
    for form in (
        Form(
            type=DocumentType.INVOICE, entity="Invoice", endpoint="invoice",
            party="Customer", party_ref="CustomerRef",
            lines=ChargeLines("SalesItemLineDetail", "ItemRef", {"TaxCodeRef": {"value": "NON"}}),
            opening={"EmailStatus": "NotSet"}, removal=Removal("void"),
            payment="Payment", payment_types=frozenset({"Payment"}),
            number="DocNumber", number_within=frozenset(),
            head=frozenset({"ClassRef", "DepartmentRef", "CustomField"}),
        ),
        Form(
            type=DocumentType.BILL, entity="Bill", endpoint="bill",
            party="Vendor", party_ref="VendorRef", lines=_BILLED,
            opening={}, removal=Removal("delete"),
            payment="BillPayment", payment_types=_PAID_BILL,
            number="DocNumber", number_within=frozenset({"party"}), head=frozenset({"DepartmentRef"}),
        ),
        Form(
            type=DocumentType.VENDOR_CREDIT, entity="VendorCredit", endpoint="vendorcredit",
            party="Vendor", party_ref="VendorRef", lines=_BILLED,
            opening={}, removal=Removal("delete"),
            payment="BillPayment", payment_types=_PAID_BILL,
            number="DocNumber", number_within=frozenset({"party"}), head=frozenset({"DepartmentRef"}),
            falls_due=False,
        ),
        Form(
            type=DocumentType.PAYMENT, entity="Payment", endpoint="payment",
            party="Customer", party_ref="CustomerRef", lines=PaymentLines("Invoice"),
            opening={}, removal=Removal("update", option="void", body={"sparse": True}),
            payment="", payment_types=frozenset(),
            number="PaymentRefNum", number_within=frozenset({"party", "total"}), head=frozenset(), searchable=False,
        ),
    )
}
# fmt: on
