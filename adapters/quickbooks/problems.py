"""What can be wrong with a document on its way into QuickBooks: cause, fix, and where a person clicks."""

from typing import Final

from adapters.ports import Rejected, Unauthorized
from state.problem import CATALOGUE as COMMON
from state.problem import Problem

# fmt: off
CATALOGUE: Final[dict[str, Problem]] = {
    problem.code: problem
    for problem in (
        # found before anything is sent
        Problem("mapping_missing", "A charge has no item or account to be booked on.",
                "Add the key named below to the configuration, or a `default` for that side, restart, then retry."),
        Problem("reference_missing", "QuickBooks has no such item, account, class or location.",
                "Create it (Settings > Chart of accounts, Products and services, or All lists), or name another in the "
                "configuration; then retry."),
        Problem("reference_ambiguous", "Several items, accounts, classes or locations in QuickBooks go by this name.",
                "Use the full name, with its parents (Parent:Child), or the id, in the configuration; then retry."),
        Problem("reference_inactive",
                "An account, item, customer or vendor of the document is inactive in QuickBooks.",
                "Make it active again (its list > gear > Include inactive > Make active), or map the charge "
                "elsewhere; then retry."),
        Problem("payable_account_unclear",
                "The company has no accounts payable account, or it has several, and none is chosen.",
                "Choose the one that bills are owed on: set mapping.payable_account, restart, then retry."),
        Problem("account_type_wrong", "An account of the document has a type that may not stand there.",
                "Name an account of one of the types below in the configuration, or correct the type under Settings > "
                "Chart of accounts; then retry."),
        Problem("item_not_sellable", "The item has no income account, or is a category.",
                "Open it under Settings > Products and services, tick that you sell it and choose its income "
                "account; then retry."),
        Problem("number_too_long", "QuickBooks takes document numbers of up to 21 characters.",
                "Shorten the number in the TMS."),
        Problem("period_closed", "The document is dated in a period whose books are closed.",
                "Move the closing date (Settings > Account and settings > Advanced > Accounting > Close the books), "
                "or date the document in the open period in the TMS; then retry."),
        # found in the books
        Problem("number_taken", "Another document carries this number already.",
                "Open the document named below. If it is this very load, void or delete it and retry, or force to "
                "exported with its id; otherwise give one of the two another number, then retry."),
        Problem("number_kept_by_void", "A voided document of ours keeps the number.",
                "Delete the voided document named below in QuickBooks (open it > More > Delete), then retry."),
        Problem("duplicate_suspected", "QuickBooks holds two documents for this one transaction.",
                "Compare the documents named below, void or delete the wrong one in QuickBooks, then retry."),
        Problem("payment_entered", "The invoice was paid in QuickBooks by hand, with the very amount of this payment.",
                "Compare both. If they are the same, force to exported with the id named below; otherwise retry once "
                "the invoice has this amount left to pay, or enter the payment by hand as the customer's credit."),
        Problem("document_differs",
                "QuickBooks holds the document of this transaction with another amount, date or party.",
                "Compare both. To keep the one in QuickBooks, force to exported; to replace it, void or delete it "
                "there and retry."),
        Problem("document_edited", "Someone changed the document in QuickBooks after it was sent.",
                "Undo that edit in QuickBooks (the document > More > Audit history shows it) and retry; or keep it "
                "there and force to exported."),
        Problem("document_paid", "The document is paid, in part or in full, so it may not be changed or taken back.",
                "Remove the payment from it in QuickBooks (open the document, follow its payment), or book a "
                "credit; then retry."),
        Problem("document_locked",
                "The document hangs on another entry: a deposit, a matched bank line or a linked document.",
                "Open the document in QuickBooks, undo the link named below, then retry."),
        Problem("echo_differs", "QuickBooks booked the document with another amount than the one sent.",
                "Open the document named below; automatic sales tax or a discount is the usual cause. Correct or "
                "void it there, then retry."),
        # parties
        Problem("party_name_taken",
                "QuickBooks allows each name once over customers, vendors and employees, and it is in use, with every "
                "suffix.",
                "Rename one of those named below in QuickBooks (Sales > Customers or Expenses > Vendors > Edit); or "
                "state the party's accounting name in the TMS; then retry."),
        Problem("party_ambiguous", "Several customers or vendors in QuickBooks go by this name, but for its spelling.",
                "Merge or rename those named below (Sales > Customers or Expenses > Vendors); or state in the TMS, as "
                "the party's accounting name, a name that only one of them has; then retry."),
        Problem("party_inactive", "The customer or vendor of this name is inactive in QuickBooks.",
                "Make it active again (Sales > Customers or Expenses > Vendors > gear > Include inactive > Make "
                "active); or, if another took its place, state that one's name in the TMS as the party's accounting "
                "name; then retry."),
        Problem("party_gone", "The customer or vendor that stood for this party was merged or deleted in QuickBooks, "
                "and nothing tells which one took its place.",
                "State the name of that one in the TMS as the party's accounting name; or add one by hand under the "
                "party's name (Sales > Customers or Expenses > Vendors > New); then retry."),
        Problem("party_refused", "QuickBooks refused the contact details of a new customer or vendor.",
                "Correct name, e-mail or address in the TMS, or add the party in QuickBooks by hand; then retry."),
        Problem("party_undecided",
                "QuickBooks gave no clear answer when a customer or vendor was created, several times, and lists none "
                "of this name.",
                "Wait until QuickBooks is well again, or add the party there by hand under this very name (Sales > "
                "Customers or Expenses > Vendors > New); then retry."),
        # items
        Problem("item_inactive", "The item made for this charge is inactive in QuickBooks.",
                "Make it active again (Settings > Products and services > Include inactive > Make active), or map the "
                "charge to another item or income account; then retry."),
        Problem("item_name_taken",
                "A charge is mapped to an income account, and the name of the item to be made for it is in use.",
                "Give the item named below the income account of the mapping, or rename it (Settings > Products and "
                "services > Edit); or map the charge to an item; then retry."),
        Problem("item_undecided",
                "QuickBooks gave no clear answer when an item was created, several times, and lists none of this name.",
                "Wait until QuickBooks is well again, or add the item there by hand under this very name, with the "
                "income account of the mapping (Settings > Products and services > New); then retry."),
        # files
        Problem("file_too_large", "QuickBooks takes files of up to 100 MB.",
                "Replace the file in the TMS by a smaller scan, then retry; or keep it there only."),
        Problem("file_type_refused", "QuickBooks takes scans as PDF or pictures, and the file is neither by its name.",
                "Upload the file in the TMS as a PDF, then retry; or keep it there only."),
        Problem("file_refused", "QuickBooks refused a file; the document itself is untouched.",
                "Follow the reason below: replace the file in the TMS, then retry; or attach it by hand."),
        # refused by QuickBooks
        Problem("plan_lacks_feature",
                "The company's QuickBooks plan, or the connected user, may not do this; bills need Essentials or "
                "higher.",
                "Upgrade under Settings > Account and settings > Billing & subscription, or reconnect as an "
                "administrator; then retry."),
        Problem("text_refused", "A text has characters that QuickBooks does not take.",
                "Remove unusual characters from names, numbers and descriptions in the TMS."),
        Problem("text_too_long", "A text is longer than QuickBooks takes.",
                "Shorten the field named below in the TMS."),
        Problem("card_number_suspected", "QuickBooks takes a long run of digits in the document for a card number.",
                "Remove the long number from descriptions and references in the TMS."),
        Problem("tax_refused", "QuickBooks refused the document's sales tax treatment.",
                "Freight is sent untaxed: check Taxes > Sales tax in QuickBooks, and that the company is a US "
                "company."),
        Problem("accounting_refused", "QuickBooks refused the document for the reason below.",
                "Follow the reason QuickBooks gives, in QuickBooks or the TMS, then retry."),
        # the whole company
        Problem("access_ended", "QuickBooks does not let us in: the connection was removed, or its user lost access.",
                "Reconnect QuickBooks as a company administrator and give the daemon the new refresh token."),
        Problem("company_mismatch",
                "QuickBooks does not let us into this company: the connection is for another one, or it was removed.",
                "Compare quickbooks.realm_id with the company's id, correct it and restart; if it is right, reconnect "
                "QuickBooks as a company administrator and give the daemon the new refresh token."),
        Problem("token_missing", "No refresh token is configured, and none has been kept.",
                "Connect QuickBooks as a company administrator and set quickbooks.refresh_token."),
        Problem("subscription_ended", "The company's QuickBooks subscription has ended or its payment failed.",
                "Renew it in QuickBooks: Settings > Account and settings > Billing & subscription."),
        Problem("company_reset", "The company's data was wiped in QuickBooks; every id we know is void.",
                "Do not restart before the books are restored, or before this entity has been set up anew."),
    )
}
# fmt: on


class ShutOut(Unauthorized):
    """We are not let in, for a problem of the whole company."""

    def __init__(self, code: str, detail: str = "") -> None:
        self.problem = named(code).seen(detail)
        seen = f" ({detail})" if detail else ""
        super().__init__(f"{self.problem.cause} {self.problem.fix}{seen}")


def rejected(code: str, detail: str = "", trace: str = "") -> Rejected:
    """Return the refusal `code`, ours or a common one, with what was seen; KeyError for an unknown code."""
    return Rejected(named(code).seen(detail), trace)


def named(code: str) -> Problem:
    """Return the problem `code` from this catalogue or the common one."""
    return CATALOGUE.get(code) or COMMON[code]
