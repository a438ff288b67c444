"""What went wrong with one transaction, told so that a person can end it."""

from typing import Final

import msgspec


class Problem(msgspec.Struct, frozen=True):
    """Why a transaction can't go on: a stable code, what was seen, what causes it and what fixes it."""

    code: str
    cause: str
    fix: str
    detail: str = ""

    def seen(self, detail: str) -> "Problem":
        """Return the same problem with what was seen this time."""
        return Problem(self.code, self.cause, self.fix, detail)


LOST: Final = "document_lost"
STANDS: Final = "document_stands"
UNCLAIMED: Final = "document_unclaimed"
DIFFERS: Final = "preview_differs"

# fmt: off
CATALOGUE: Final[dict[str, Problem]] = {
    problem.code: problem
    for problem in (
        Problem("shape_unknown", "The TMS sent a record whose shape we do not know.",
                "Open the record in the TMS and save it again; if it comes back, report the detail below."),
        Problem("party_missing", "The TMS record names no customer or carrier.",
                "Set the customer on the load, or the carrier on the trip, in the TMS."),
        Problem("subsidiary_unknown", "The TMS record names its company by an id only, and ours is not known.",
                "Set alvys.subsidiary_id in the configuration, to the id below if that is this legal entity; restart."),
        Problem("number_missing", "The TMS record has no number to file the document under.",
                "Give the record its number in the TMS."),
        Problem("date_missing", "The TMS record has no date to book the document on.",
                "Set the invoice date, or release the trip, in the TMS."),
        Problem("lines_missing", "The TMS record has no charges.",
                "Add the charges to the load or trip in the TMS."),
        Problem("lines_unequal_total", "The charges do not add up to the total the TMS states.",
                "Correct the charges, or regenerate the invoice, in the TMS."),
        Problem("amount_inexact", "An amount has more decimals than its currency.",
                "Round the charge to whole cents in the TMS."),
        Problem("currency_foreign", "The amount is not in the company's home currency.",
                "Bill the load in the home currency, or book this document by hand."),
        Problem("total_negative", "The total is below zero, which no invoice or bill may be.",
                "Correct the charges in the TMS, or book a credit by hand."),
        Problem("outcome_undecided", "Several tries ended without an answer, and the other side shows nothing of it.",
                "Look for it there. A document that is there: force to exported and name it; otherwise retry."),
        Problem(DIFFERS, "The document is not what it was when a person looked at it and let it go.",
                "Preview it again; if it is right as it is now, retry it, with the new hash or with none."),
        Problem(LOST, "The document was voided or deleted in accounting.",
                "If that was meant, force to reverted; otherwise retry, which makes a new document."),
        Problem(STANDS, "It is reverted here, but a document of it stands in accounting: an older copy was put back.",
                "To keep the document, retry; to take it away, revert."),
        Problem(UNCLAIMED, "A document with our marker stands in accounting, and the TMS shows no record of it.",
                "To keep the document, force to exported; to take it away, revert."),
        Problem("forced", "A person forced this state.",
                "See the history for who did it and why."),
    )
}
# fmt: on


def problem(code: str, detail: str = "") -> Problem:
    """Return the catalogued problem `code` with what was seen; KeyError for an unknown code."""
    return CATALOGUE[code].seen(detail)
