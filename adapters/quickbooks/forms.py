"""Documents of QuickBooks side by side: everything in which they differ, as data."""

from dataclasses import dataclass
from typing import Any, Final

from state.transaction import DocumentType

Raw = dict[str, Any]
"""One JSON object as QuickBooks sends or takes it, numbers as Decimal or int."""


@dataclass(frozen=True, slots=True)
class Form:
    """How one type of document is written in QuickBooks."""

    type: DocumentType
    entity: str  # in queries and answers
    endpoint: str  # in paths, budgets and metrics
    party: str  # entity of the counterparty
    rival: str  # the other entity its name must not collide with
    party_ref: str
    detail: str  # DetailType of the lines we write, and the name of their detail object
    target_ref: str  # what a line points at: an item or an account
    constants: Raw  # fields of every line's detail
    opening: Raw  # header fields sent at creation only
    removal: str  # the operation that takes a document back
    payment: str  # the entity that settles it
    payment_types: frozenset[str]  # how links name that entity
    number_per_party: bool  # whether two parties may use the same number

    @property
    def owned(self) -> frozenset[str]:
        """The names only this type has among those we write, at whatever depth."""
        return frozenset({self.party_ref, self.detail, self.target_ref, *self.constants})


# fmt: off
FORMS: Final[dict[DocumentType, Form]] = {
    form.type: form
    for form in (
        Form(
            type=DocumentType.INVOICE, entity="Invoice", endpoint="invoice",
            party="Customer", rival="Vendor", party_ref="CustomerRef",
            detail="SalesItemLineDetail", target_ref="ItemRef",
            constants={"TaxCodeRef": {"value": "NON"}}, opening={"EmailStatus": "NotSet"},
            removal="void", payment="Payment", payment_types=frozenset({"Payment"}),
            number_per_party=False,
        ),
        Form(
            type=DocumentType.BILL, entity="Bill", endpoint="bill",
            party="Vendor", rival="Customer", party_ref="VendorRef",
            detail="AccountBasedExpenseLineDetail", target_ref="AccountRef",
            constants={"BillableStatus": "NotBillable"}, opening={},
            removal="delete", payment="BillPayment",
            payment_types=frozenset({"BillPayment", "BillPaymentCheck", "BillPaymentCreditCard"}),
            number_per_party=True,
        ),
        Form(
            type=DocumentType.VENDOR_CREDIT, entity="VendorCredit", endpoint="vendorcredit",
            party="Vendor", rival="Customer", party_ref="VendorRef",
            detail="AccountBasedExpenseLineDetail", target_ref="AccountRef",
            constants={"BillableStatus": "NotBillable"}, opening={},
            removal="delete", payment="BillPayment",
            payment_types=frozenset({"BillPayment", "BillPaymentCheck", "BillPaymentCreditCard"}),
            number_per_party=True,
        ),
    )
}
# fmt: on
