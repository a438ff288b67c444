"""Facts in doubt: one switch each."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Switches:
    """Every fact about Alvys that nobody has confirmed, with the position the twin takes by default.

    QUIRKS.md lists each one with its source and its test; what talks to the twin must be right in all positions.
    """

    over_limit: Literal["window", "block"] = "window"
    """Past a limit: requests pass again as the window slides on, or all are refused for the endpoint's period."""
    token_requests_per_second: int | None = None
    """How many requests one token may make in a second, over all endpoints; no such limit when None."""
    misspelt_range: Literal["ignored", "refused"] = "ignored"
    """A range without its Start, such as one that says Begin: it filters nothing, or it is refused."""
    largest_page: int | None = 200
    """The largest page where no page of the vendor states one; none when None."""
    most_load_numbers: int | None = 50
    """How many load numbers a search of trips or invoices takes; any number when None."""
    overpayment: Literal["accepted", "refused"] = "accepted"
    """A customer payment that brings what was paid above what is owed."""
    paid_load_status: Literal["Completed", "Paid"] = "Completed"
    """The status of a load once its customer has paid all of it."""
    summary_payment: Literal["applied", "refused"] = "applied"
    """A customer payment for a load that a summary invoice covers: it pays that invoice, or it is refused."""
    deductions_total: Literal["all", "own"] = "all"
    """What `Totals.Deductions` of a driver statement adds up: all that is taken off, or the deduction lines alone."""
    driver_owes: Literal["negative", "shortfall"] = "negative"
    """The `NetIncome` of a driver who owes more than was earned: below zero, or 0 beside the `Shortfall`."""
    echeck_fees: Literal["apart", "within"] = "apart"
    """Whether the `TotalPayable` of a carrier leaves the fees of its e-checks out, or is less by them."""
    rate_deductions: Literal["negative", "positive"] = "negative"
    """The sign of what a rate of a driver's policy takes off, such as a service fee."""
    supplement_number: Literal["suffixed", "load"] = "suffixed"
    """The number of a supplemental invoice: one of its own, or its load's once more."""
    reverted_date: Literal["cleared", "kept"] = "cleared"
    """The `InvoicedAt` of a load whose invoice was taken back."""
    fuel_discounts: Literal["positive", "negative", "within"] = "positive"
    """How fuel bought at a discount is written: `FuelTotal` before it and `Discounts` as a positive or a negative
    amount, or `FuelTotal` after it, and `Discounts` only to tell."""
    load_documents: Literal["own", "with_trips"] = "own"
    """What a load's list of documents holds: those filed with the load, or those of its trips too."""
    upload_touches: bool = False
    """Whether filing a document with a load or trip is a change of it, which searches by that time show."""
    file_address_seconds: float | None = 900
    """How long the address of a document is good; None: no address is shown."""
    file_bearer: Literal["ignored", "refused", "wanted"] = "refused"
    """An access token sent to the address of a document: nobody looks at it, it is refused, or it must be there."""
    retry_ladder: Literal["offsets", "gaps"] = "offsets"
    """What the 10, 30 and 60 seconds of a delivery's retries count from: its first attempt, or its previous one."""
    rotation_window_seconds: float = 86400
    """How long deliveries bear a signature by the previous secret too."""
    webhook_reads_masked: bool = True
    """Whether reads and lists of webhooks hide the secret, which has a call of its own to reveal it."""
    duplicate_deliveries: bool = False
    """Whether every event is delivered a second time, which at-least-once delivery allows."""
