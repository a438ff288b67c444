"""What people do in the vendor's screens: each action moves the books the way the vendor's own pages would."""

from collections.abc import Callable, Mapping

from adapters.sandbox.alvys.hands.invoices import (
    add_accessorial,
    change_customer,
    change_invoiced_date,
    delete_payment,
    edit_line,
    generate_summary_invoice,
    invoice,
    pay,
    regenerate,
    revert_invoice,
    summary_invoices_for,
)
from adapters.sandbox.alvys.hands.loads import (
    cancel,
    delete_load,
    edit_carrier_linehaul,
    file_document,
    hold_carrier_pay,
    release,
    rename_customer,
    upload_carrier_invoice,
)
from adapters.sandbox.alvys.hands.purchases import charge_fuel, correct_fuel, remove_fuel, remove_toll
from adapters.sandbox.alvys.hands.settlements import (
    issue_carrier_statement,
    issue_driver_statement,
    pay_carrier_statement,
    revert_carrier_statement,
    revert_driver_statement,
    split_deduction,
)
from adapters.sandbox.alvys.wire import Json

ACTIONS: Mapping[str, Callable[..., Json]] = {
    action.__name__: action
    for action in (
        release,
        invoice,
        revert_invoice,
        regenerate,
        edit_line,
        add_accessorial,
        change_customer,
        change_invoiced_date,
        cancel,
        delete_load,
        upload_carrier_invoice,
        file_document,
        edit_carrier_linehaul,
        hold_carrier_pay,
        rename_customer,
        pay,
        delete_payment,
        summary_invoices_for,
        generate_summary_invoice,
        issue_carrier_statement,
        pay_carrier_statement,
        revert_carrier_statement,
        issue_driver_statement,
        revert_driver_statement,
        split_deduction,
        correct_fuel,
        charge_fuel,
        remove_fuel,
        remove_toll,
    )
}
"""The actions by the name they have in the control path."""

__all__ = [
    "ACTIONS",
    "add_accessorial",
    "cancel",
    "change_customer",
    "change_invoiced_date",
    "charge_fuel",
    "correct_fuel",
    "delete_load",
    "delete_payment",
    "edit_carrier_linehaul",
    "edit_line",
    "file_document",
    "generate_summary_invoice",
    "hold_carrier_pay",
    "invoice",
    "issue_carrier_statement",
    "issue_driver_statement",
    "pay",
    "pay_carrier_statement",
    "regenerate",
    "release",
    "remove_fuel",
    "remove_toll",
    "rename_customer",
    "revert_carrier_statement",
    "revert_driver_statement",
    "revert_invoice",
    "split_deduction",
    "summary_invoices_for",
    "upload_carrier_invoice",
]
