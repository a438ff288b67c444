from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Switches:
    """Every fact about QuickBooks Online that nobody has confirmed, with the position the twin takes by default.

    QUIRKS.md lists each one with its source and its test; what talks to the twin must be right in all positions.
    """

    request_id: Literal["replay", "ignore", "fault600"] = "replay"
    """What a repeated `requestid` does: the first answer again, nothing special, or fault 600."""
    request_id_retention_seconds: float = 7 * 86400
    """How long a `requestid` is remembered."""
    request_id_mismatch: Literal["replay", "fault600"] = "replay"
    """The same `requestid` with another body."""
    request_id_after_fault: Literal["execute", "replay"] = "execute"
    """A repeated `requestid` whose first call was refused."""
    request_id_in_batch: bool = True
    """Whether `requestid` works on a batch call at all."""
    refresh_overlap: Literal["lenient", "strict"] = "lenient"
    """Two refreshes in flight with one token: harmless, or the second is refused and the whole chain is revoked."""
    reused_code: Literal["refused", "revokes"] = "refused"
    """An authorization code that comes a second time: only refused, or the tokens it gave are revoked too."""
    unauthorized_body: Literal["json", "xml"] = "json"
    """Body of a 401 from the gateway."""
    throttle_body: Literal["json", "xml"] = "json"
    """Body of a 429 from the gateway."""
    retry_after: int | None = None
    """Seconds in a `Retry-After` header on 429; no header when None."""
    custom_numbers_off: Literal["stored", "replaced"] = "stored"
    """A DocNumber sent while custom numbers are off: kept without a duplicate check, or replaced by the sequence."""
    duplicate_invoice_number: Literal["fault", "stored"] = "fault"
    """A taken DocNumber while custom transaction numbers are on: fault 6140, or accepted."""
    bill_number_scope: Literal["vendor", "company"] = "vendor"
    """Where a bill's number must be unique while the duplicate warning is on."""
    voided_number: Literal["taken", "free"] = "taken"
    """Whether a voided document keeps its number."""
    deleted_number: Literal["free", "taken"] = "free"
    """Whether a deleted document gives its number back."""
    feature_off_reference: Literal["dropped", "fault"] = "dropped"
    """ClassRef or DepartmentRef while that tracking is off: dropped without a word, or fault 6000."""
    vendor_sparse: Literal["honoured", "full"] = "honoured"
    """`sparse: true` on Vendor: honoured, or taken as a full update."""
    bill_sparse: Literal["full", "honoured"] = "full"
    """`sparse: true` on Bill and VendorCredit: taken as a full update, or honoured."""
    unknown_property: Literal["fault", "ignored"] = "fault"
    """A property the entity does not have: fault 2010, or ignored."""
    paid_document_removal: Literal["refused", "unlinked"] = "refused"
    """Void or delete of a document with payments: fault 6000, or the payments become unapplied."""
    over_link_code: Literal["6000", "620"] = "6000"
    """The fault for a payment line above the open balance."""
    payment_on_closed_document: Literal["allowed", "refused"] = "allowed"
    """A payment dated in an open period that settles a document dated in a closed one."""
    missing_plan_code: Literal["5020", "6000", "120"] = "5020"
    """The fault for an entity the company's plan lacks."""
    missing_plan_reads: Literal["allowed", "refused"] = "allowed"
    """Reads, queries and change data of an entity the company's plan lacks: answered, or refused as a write is."""
    inactive_suffix: bool = True
    """Whether making a name inactive renames it with ` (deleted)`, which frees the name."""
    name_whitespace: Literal["trimmed", "kept"] = "trimmed"
    """White space at either end of a name."""
    same_name: Literal["case", "loose"] = "case"
    """Which names of customers, vendors and employees are the same: case aside, or accents and blanks as well."""
    beyond_latin1: Literal["stored", "fault", "mangled"] = "stored"
    """Characters outside ISO-8859-1 in a United States company: kept, fault 2040, or turned into question marks."""
    long_custom_field: Literal["fault", "cut"] = "fault"
    """A value of more than 31 characters in one of the three old custom fields: fault 2050, or cut off."""
    sent_total_tax: Literal["overwritten", "kept"] = "overwritten"
    """A TotalTax other than what the rates come to, in a company without automated sales tax."""
    automatic_application: Literal["at_once", "never"] = "at_once"
    """Whether documents created by calls are settled by open credits where the preferences apply them automatically."""
    journal_party_lines: Literal["one", "many"] = "one"
    """Lines on receivables and payables that one journal entry may have."""
    duplicate_check_number: Literal["stored", "fault"] = "stored"
    """A taken cheque number while the company warns of those: accepted, or fault 6140."""
    attachment_bumps_document: bool = True
    """Whether linking an attachable gives the document a new SyncToken."""
    merge_bumps_documents: bool = False
    """Whether documents of a name that was merged away get a new SyncToken."""
    missing_exchange_rate: Literal["kept_rate", "one"] = "kept_rate"
    """The rate of a document in a foreign currency that was sent without one: the company's own, or 1."""
    currency_mismatch_code: Literal["6000", "2220"] = "6000"
    """The fault for a currency that is not the party's or not the account's."""
    not_equal: Literal["refused", "allowed"] = "refused"
    """`!=` in a WHERE clause."""
    private_note_filter: Literal["refused", "allowed"] = "refused"
    """PrivateNote in a WHERE clause."""
    query_total_count: bool = False
    """Whether `totalCount` comes beside the rows of a query."""
    query_lag_seconds: float = 0.0
    """How much older than the books the rows of a query are; a read by id is never older."""
    changes_too_old_code: Literal["4001", "2190"] = "4001"
    """The fault for change data older than the look-back."""
    card_payment_link: Literal["BillPaymentCheck", "BillPaymentCreditCard"] = "BillPaymentCheck"
    """How a bill names a card payment in its LinkedTxn."""
    metered_block: Literal["429", "403"] = "429"
    """What a metered call gets once the month's calls are used up: throttled, or not authorized."""
    changes_metered: Literal["call", "kind"] = "call"
    """Whether change data counts once a call, or once for every kind it covers."""
    linked_change_event: bool = True
    """Whether a document whose balance follows a payment has an event of its own."""
    cloud_event_type: Literal["json", "cloudevents+json"] = "json"
    """The content type of CloudEvents, after `application/`."""
    cloud_event_data: Literal["empty", "entity"] = "empty"
    """What `data` of a CloudEvent holds."""
    failed_delivery: Literal["waits", "passes"] = "waits"
    """Whether later events wait behind a delivery that failed, or pass it."""
    new_answer_fields: bool = False
    """Whether answers carry a property nobody announced."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What the vendor's limits page states, and token lifetimes in seconds; None lifts a limit."""

    requests_per_minute: int | None = 500
    requests_per_second: int | None = 10
    batches_per_minute: int | None = 40
    metered_per_month: int | None = None
    """CorePlus calls, of all companies together, after which further ones are blocked until the next month."""
    reports_per_minute: int | None = 200
    authorization_code_seconds: int = 600
    """Life of an authorization code."""
    access_token_seconds: int = 3600
    refresh_rotation_seconds: int = 86_400
    """Age at which the next refresh gives the refresh token a new value."""
    refresh_token_seconds: int = 8_726_400
    """Life of a refresh token, restarted by each refresh."""
    hard_expiry_seconds: int = 157_680_000
    """Life of the whole consent, restarted by nothing."""
    look_back_days: int = 30
    """Reach of change data capture."""
    upload_bytes: int = 100 * 1024 * 1024
    """Size of one upload."""
