"""The admin API's page about previews: the documents that would be sent, and what they would cost."""

import msgspec
from aiohttp import web

from adapters.ports import Finding, Need, Preview
from engine.preview import Cost, Foreseen, Previews
from engine.web.inputs import Foreseeing, body
from engine.web.shapes import Amount, answer
from state.lifecycle import State
from state.problem import Problem
from state.store import Store
from state.transaction import DocumentType, Kind, Transaction, TransactionId


class Entry(msgspec.Struct, frozen=True):
    """What a document does to one account."""

    account: str
    debit: Amount | None
    credit: Amount | None


class Previewed(msgspec.Struct, frozen=True):
    """One document as it would be sent now.

    `body` is the exact request; where an id is not there yet, it has `<new ...>` of one of the `needs`. `hash` tells
    what the document says, whatever ids are there; blank, if nothing can be said. `problem` is what it would be refused
    with, `waits` why it would not leave yet. `nothing` says why nothing would be sent.
    """

    id: int
    kind: Kind
    label: str
    number: str | None
    party: str | None
    state: State
    total: Amount | None
    document_type: DocumentType
    changes: str | None  # the id of the document it would change, none if it would be a new one
    hash: str
    body: msgspec.Raw | None
    postings: list[Entry]
    needs: tuple[Need, ...]
    checks: tuple[Finding, ...]
    problem: Problem | None
    waits: str
    nothing: str

    @classmethod
    def of(cls, transaction: Transaction, preview: Preview) -> "Previewed":
        """Return a preview with whose it is."""
        content = transaction.content
        return cls(
            id=transaction.id,
            kind=transaction.kind,
            label=transaction.label,
            number=content.number if content else None,
            party=content.party.name if content else None,
            state=transaction.state,
            total=Amount.of(transaction.total),
            document_type=transaction.kind.document_type,
            changes=preview.changes,
            hash=preview.digest,
            body=msgspec.Raw(preview.body) if preview.body is not None else None,
            postings=[Entry(each.account, Amount.of(each.debit), Amount.of(each.credit)) for each in preview.postings],
            needs=preview.needs,
            checks=preview.checks,
            problem=preview.problem,
            waits=preview.waits,
            nothing=preview.settled,
        )


class Page(msgspec.Struct, frozen=True):
    """Some documents as they would be sent, and what they would cost; `next` is the following page's `before`."""

    documents: list[Previewed]
    cost: Cost
    next: int | None

    @classmethod
    def of(cls, foreseen: Foreseen, following: int | None) -> "Page":
        """Return what was foreseen."""
        found = [Previewed.of(claim.transaction, preview) for claim, preview in foreseen.documents]
        return cls(found, foreseen.cost, following)


class Pages:
    """Previews of one store."""

    def __init__(self, store: Store, previews: Previews) -> None:
        self._store = store
        self._previews = previews

    def routes(self) -> list[web.RouteDef]:
        """Return the table of paths."""
        return [web.post("/v1/preview", self.show)]

    async def show(self, request: web.Request) -> web.Response:
        """Answer some documents as they would be sent now; nothing changes by it, but metered reads are spent."""
        wanted = await body(request, Foreseeing)
        ids, following = await self._wanted(wanted)
        foreseen = await self._previews.of(ids)
        return answer(Page.of(foreseen, following))

    async def _wanted(self, wanted: Foreseeing) -> tuple[list[TransactionId], int | None]:
        """Return the transactions of the page, and the `before` of the following one."""
        if wanted.ids is not None:
            return [TransactionId(each) for each in dict.fromkeys(wanted.ids)], None
        # One more than asked for tells whether there is a next page.
        found = await self._store.page(wanted.filter, before=wanted.before, limit=wanted.limit + 1)
        shown = [each.id for each in found[: wanted.limit]]
        return shown, shown[-1] if len(found) > len(shown) else None
