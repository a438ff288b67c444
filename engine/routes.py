"""The table of effects: where each goes, which facts come back, and how its requests are named."""

import hashlib
from collections.abc import Mapping
from typing import NamedTuple

from adapters.ports import Accounting, Sender, Tms
from state.lifecycle import Effect, Trigger
from state.outbox import Claim


class Route(NamedTuple):
    """Where an effect goes and which facts come back."""

    lane: str
    sender: Sender
    success: Trigger | None
    refusal: Trigger | None

    @property
    def facts(self) -> tuple[Trigger | None, Trigger | None]:
        """The facts of a yes and of a no."""
        return (self.success, self.refusal)


Table = Mapping[Effect, Route]


def routes(tms: Tms, accounting: Accounting, attachments: Sender) -> Table:
    """Return the table of effects; what attaches files spans both vendors.

    A refusal without a fact leaves the message dead until a person retries it.
    """
    t = Trigger
    # fmt: off
    return {
        # effect                      lane           vendor call          fact on success      fact on refusal
        Effect.EXPORT:         Route("accounting",  accounting.exports, t.EXPORT_CONFIRMED, t.EXPORT_REJECTED),
        Effect.VOID:           Route("accounting",  accounting.voids,   t.VOID_CONFIRMED,   None),
        Effect.REPORT_PAYMENT: Route("tms",         tms.payments,       None,               None),
        Effect.ATTACH:         Route("attachments", attachments,        None,               None),
    }
    # fmt: on


def lanes(table: Table) -> dict[str, Table]:
    """Return the table lane by lane: each vendor is served by a relay of its own, so that none waits for another."""
    names = dict.fromkeys(route.lane for route in table.values())
    return {name: {effect: route for effect, route in table.items() if route.lane == name} for name in names}


def request_id(entity: str, claim: Claim) -> str:
    """Return the id that names this request at the vendor for ever: 32 hex digits.

    Derived, so that a restored or restarted daemon names the same intent the same. The round makes a new try after
    a definite answer a new request, the document and its version an update another one than the creation, or than an
    update of what it was before; a repetition while in doubt keeps the id it was sent with.
    """
    message, transaction = claim.message, claim.transaction
    intent = (
        entity,
        transaction.kind,
        transaction.source_id,
        message.effect,
        message.generation,
        message.revision,
        claim.due if message.report else "",
        f"{transaction.document.id} {transaction.document.version}" if transaction.document else "",
        message.round,
    )
    return hashlib.sha256("\x1f".join(map(str, intent)).encode()).hexdigest()[:32]
