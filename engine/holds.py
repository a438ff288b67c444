"""What keeps an export from being prepared at all."""

from state.outbox import Claim
from state.problem import Problem, problem
from state.transaction import Transaction


def flaw(transaction: Transaction, home_currency: str) -> Problem | None:
    """Return why what the TMS says must not be sent as it is, None if it may."""
    if transaction.content is None:
        return transaction.problem or problem("shape_unknown")
    return transaction.content.flaw(home_currency)


def awaited(claim: Claim) -> str:
    """Return what has to be in accounting before this may go there, in words; an empty text if nothing has."""
    content = claim.transaction.content
    booked = claim.settled is not None and claim.settled.document is not None
    if content is None or content.settles is None or booked:
        return ""
    return f"waits for the invoice it pays, of load {content.load_number}"
