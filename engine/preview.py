"""What would leave, and what it would cost, without anything leaving."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from adapters.ports import Foresight, Preview
from engine.holds import awaited, flaw
from engine.reads import Reads
from state.lifecycle import Effect, State
from state.outbox import Claim
from state.store import Store
from state.transaction import TransactionId

_VOIDED: Final = "nothing would be sent: its document is to be taken back"
_REVERTED: Final = "nothing would be sent: it is reverted"


@dataclass(frozen=True, slots=True)
class Cost:
    """The requests that documents would cost, none for what would not leave.

    `reads` are those that looking at them has just cost, by what they were for: sending asks the same again, but for
    lists that are still remembered then. `batches` are the fewest calls that could carry the documents.
    """

    reads: Mapping[str, int]
    creations: int
    documents: int
    batches: int


class Foreseen(NamedTuple):
    """What would become of some transactions."""

    documents: list[tuple[Claim, Preview]]
    cost: Cost


class Previews:
    """Foresees exports of one store. `most` is how many documents one request can carry."""

    def __init__(self, store: Store, foresight: Foresight, reads: Reads, *, most: int, home_currency: str) -> None:
        self._store = store
        self._foresight = foresight
        self._reads = reads
        self._most = most
        self._home_currency = home_currency

    async def of(self, wanted: Collection[TransactionId]) -> Foreseen:
        """Return what would be sent for each transaction now, whatever it waits for, and what all of it would cost.

        Raises UnknownTransaction, and Unavailable or Unauthorized if accounting can't be asked.
        """
        claims = await self._store.foreseen(wanted)
        told = {claim.message.id: told for claim in claims if (told := self._told(claim))}
        asked = [claim for claim in claims if claim.message.id not in told]
        with self._reads.tallied() as reads:
            found = await self._foresight.preview(asked) if asked else {}
        previews = told | {claim.message.id: _waiting(claim, found[claim.message.id]) for claim in asked}
        return Foreseen([(claim, previews[claim.message.id]) for claim in claims], self._cost(previews, reads))

    def _told(self, claim: Claim) -> Preview | None:
        """Return the preview of what accounting would not be asked about, None if it would."""
        transaction = claim.transaction
        if claim.message.effect is Effect.VOID:
            return Preview(settled=_VOIDED)
        if transaction.state is State.REVERTED:
            return Preview(settled=_REVERTED)
        if why := flaw(transaction, self._home_currency):
            return Preview(problem=why)
        return None

    def _cost(self, previews: Mapping[int, Preview], reads: Mapping[str, int]) -> Cost:
        sent = [each for each in previews.values() if each.body is not None and not (each.problem or each.settled)]
        needs = {need for each in sent for need in each.needs if not need.ours}
        return Cost(dict(reads), len(needs), len(sent), -(-len(sent) // self._most))


def _waiting(claim: Claim, preview: Preview) -> Preview:
    """Return a preview with what the relay would wait for before it asked."""
    wait = awaited(claim)
    return replace(preview, waits=wait) if wait else preview
