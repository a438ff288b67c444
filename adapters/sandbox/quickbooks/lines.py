"""The lines of sales and purchases: what each detail type requires, and what it adds up to."""

from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from adapters.sandbox.quickbooks.entries import is_open_item, links
from adapters.sandbox.quickbooks.faults import Fault, business, missing
from adapters.sandbox.quickbooks.fields import DETAILS, LINE
from adapters.sandbox.quickbooks.kinds import KINDS
from adapters.sandbox.quickbooks.ledger import RECEIVABLE
from adapters.sandbox.quickbooks.openitems import refuse_open_items
from adapters.sandbox.quickbooks.rules import CENT, ZERO, Facts, Object, keep
from adapters.sandbox.quickbooks.view import subtotal

Finish = Callable[[Object, Object, Facts], None]

_MOST_LINES: Final = 10_000


def complete_lines(kind: str, sent: object, old: list[Object], facts: Facts) -> list[Object]:
    """Return a document's lines as stored: a line with a known Id stays that line, any other is new.

    Raises Fault for a line the vendor would refuse. The subtotal line is the server's own and is left out.
    """
    if not isinstance(sent, list) or not sent:
        raise missing("Line")
    if len(sent) > _MOST_LINES:
        raise business(f"A transaction takes at most {_MOST_LINES:,} lines.")
    known = {line["Id"] for line in old}
    last = max((int(identity) for identity in known), default=0)
    lines: list[Object] = []
    for raw in sent:
        line = _complete_line(kind, raw, facts)
        if line is None:
            continue
        if line.get("Id") not in known:
            last += 1
            line["Id"] = str(last)
        line["LineNum"] = len(lines) + 1
        lines.append(line)
    if not lines:
        raise missing("Line")
    _work_out_discounts(lines)
    return lines


def total(lines: list[Object]) -> Decimal:
    """Return what the lines add up to; a discount counts against them."""
    return sum(
        (-line["Amount"] if line["DetailType"] == "DiscountLineDetail" else line.get("Amount", ZERO) for line in lines),
        ZERO,
    )


def _complete_line(kind: str, raw: object, facts: Facts) -> Object | None:
    if not isinstance(raw, dict):
        raise missing("Line")
    line = {key: kept for key, kept in keep(LINE, raw, facts).items() if kept is not None}
    if kind == "Deposit" and links(line):
        line["DetailType"] = "DepositLineDetail"  # a line that banks a payment needs no detail of its own
    detail_type = line.get("DetailType")
    if detail_type is None:
        raise missing("DetailType")
    if detail_type not in KINDS[kind].details:
        raise Fault("2170", f"Invalid Enumeration : {detail_type}", element="DetailType")
    if detail_type == "SubTotalLineDetail":
        return None
    holder, _ = DETAILS[detail_type]
    detail = line.setdefault(holder, {})
    if finish := _FINISH.get(detail_type):
        finish(line, detail, facts)
    return line


def _require_amount(line: Object) -> None:
    if "Amount" not in line:
        raise missing("Amount")


def _check_product(line: Object, detail: Object) -> None:
    if "Qty" not in detail or "UnitPrice" not in detail:
        return
    if not detail["Qty"] and not detail["UnitPrice"]:
        # Clients whose users give only an amount send both as zero, and the vendor takes the amount.
        del detail["Qty"], detail["UnitPrice"]
        return
    product = (detail["Qty"] * detail["UnitPrice"]).quantize(CENT, ROUND_HALF_UP)
    if product != line["Amount"]:
        raise Fault(
            "6070", f"Amount is not equal to UnitPrice * Qty. Supplied value:{line['Amount']}", element="Amount"
        )


def _finish_sales_item(line: Object, detail: Object, facts: Facts) -> None:
    _require_amount(line)
    _check_product(line, detail)
    # Without an item the company's first one is used, as the vendor's samples show with "Services".
    item = facts.find("Item", detail.setdefault("ItemRef", {"value": "1"})["value"])
    if item is None or "IncomeAccountRef" not in item:
        raise business("You must select an item that has an income account.")
    detail["ItemAccountRef"] = {"value": item["IncomeAccountRef"]["value"]}
    if "TaxCodeRef" not in detail:
        taxable = item.get("Taxable") is True and facts.preference("TaxPrefs", "UsingSalesTax") is True
        detail["TaxCodeRef"] = {"value": "TAX" if taxable else "NON"}


def _finish_account_expense(line: Object, detail: Object, facts: Facts) -> None:
    _require_amount(line)
    _require_account(detail)
    _finish_expense(detail, facts)


def _require_account(detail: Object) -> None:
    if "AccountRef" not in detail:
        raise Fault("6440", "Transaction detail required : an account is missing on a line.", element="AccountRef")


def _finish_journal_line(line: Object, detail: Object, _facts: Facts) -> None:
    _require_amount(line)
    if line["Amount"] < 0:
        raise Fault("2290", "Negative Amount", element="Amount")
    if "PostingType" not in detail:
        raise Fault("2260", "Missing Posting Type", element="PostingType")
    _require_account(detail)


def _finish_deposit_line(line: Object, detail: Object, _facts: Facts) -> None:
    _require_amount(line)
    if not links(line):
        _require_account(detail)


def check_party_line(kind: str, line: Object, party_kind: str, facts: Facts) -> None:
    """Refuse a line on a receivable or payable account that does not say whose it is; bills take no such line."""
    detail = line.get(line["DetailType"]) or {}
    account = facts.find("Account", detail["AccountRef"]["value"]) if "AccountRef" in detail else None
    if account is None or not is_open_item(account):
        return
    if KINDS[kind].owes or kind == "PurchaseOrder":
        raise Fault("6430", "Invalid account type used : lines take no A/R or A/P account.", element="AccountRef")
    wanted = "Customer" if account["AccountType"] == RECEIVABLE else "Vendor"
    if party_kind != wanted:
        raise business(f"When you use {account['AccountType']}, you must choose a {wanted.lower()} in the Name field.")


def _finish_item_expense(line: Object, detail: Object, facts: Facts) -> None:
    _require_amount(line)
    _check_product(line, detail)
    if "ItemRef" not in detail:
        raise Fault("6440", "Transaction detail required : an item is missing on a line.", element="ItemRef")
    item = facts.find("Item", detail["ItemRef"]["value"])
    held = "AssetAccountRef" if item is not None and item["Type"] == "Inventory" else "ExpenseAccountRef"
    if item is None or held not in item:
        raise business("You must select an item that has an expense account.")
    detail["ItemAccountRef"] = {"value": item[held]["value"]}
    _finish_expense(detail, facts)


def _finish_expense(detail: Object, facts: Facts) -> None:
    billable = detail.setdefault("BillableStatus", "NotBillable") == "Billable"
    if billable and facts.preference("VendorAndPurchasesPrefs", "BillableExpenseTracking") is not True:
        raise business("An account you chose for a billable expense doesn't have an income account associated with it.")
    if billable and "CustomerRef" not in detail:
        raise missing("CustomerRef")
    detail.setdefault("TaxCodeRef", {"value": "NON"})


def _finish_description(line: Object, _detail: Object, _facts: Facts) -> None:
    line.pop("Amount", None)  # text is worth nothing


def _finish_discount(line: Object, detail: Object, facts: Facts) -> None:
    if not detail.get("PercentBased"):
        _require_amount(line)
    if "DiscountAccountRef" not in detail:
        raise Fault("6440", "Transaction detail required : a discount needs an account.", element="DiscountAccountRef")
    refuse_open_items(detail["DiscountAccountRef"], "DiscountAccountRef", facts)
    if facts.preference("SalesFormsPrefs", "AllowDiscount") is not True:
        raise business("Discounts are turned off in this company.")


_FINISH: Final[dict[str, Finish]] = {
    "SalesItemLineDetail": _finish_sales_item,
    "AccountBasedExpenseLineDetail": _finish_account_expense,
    "ItemBasedExpenseLineDetail": _finish_item_expense,
    "JournalEntryLineDetail": _finish_journal_line,
    "DepositLineDetail": _finish_deposit_line,
    "DescriptionOnly": _finish_description,
    "DiscountLineDetail": _finish_discount,
}


def _work_out_discounts(lines: list[Object]) -> None:
    for line in lines:
        detail = line.get("DiscountLineDetail")
        if detail and detail.get("PercentBased"):
            share = subtotal(lines) * detail.get("DiscountPercent", ZERO) / 100
            line["Amount"] = share.quantize(CENT, ROUND_HALF_UP)
