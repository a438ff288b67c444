"""What QuickBooks' books say of our documents: found, read and judged."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from adapters.ports import Absent, Conflict, Order, Present, Verdict
from adapters.quickbooks.client import Change, Client, Purpose, quoted
from adapters.quickbooks.forms import FORMS, Form, Raw
from adapters.quickbooks.marker import Marker, fingerprint, fingerprints, parse, subject, total
from adapters.quickbooks.problems import named, rejected
from adapters.quickbooks.shapes import Held, readable
from state.lifecycle import Effect
from state.outbox import Phase, Receipt
from state.transaction import Document, Transaction

_DECODER: Final = msgspec.json.Decoder(float_hook=Decimal)
# A frozen request is looked for first, and sent soon after.
_read: Final = lru_cache(maxsize=512)(_DECODER.decode)


@dataclass(frozen=True, slots=True)
class Copy:
    """One document as QuickBooks holds it: its object, what we read of it, and our marker if it has one."""

    raw: Raw
    held: Held
    marker: Marker | None

    @classmethod
    def of(cls, raw: Raw) -> "Copy":
        """Return the copy of one answer's object.

        Of one whose shape is unknown, only what identifies it is taken: it fits nothing that we would write.
        """
        held = readable(raw, Held)
        if held is None:
            identity, number, note = (str(raw.get(name) or "") for name in ("Id", "DocNumber", "PrivateNote"))
            raw, held = {}, Held(id=identity, doc_number=number, private_note=note)
        return cls(raw, held, parse(held.private_note))

    @property
    def document(self) -> Document:
        """The document as the ledger remembers it."""
        return Document(self.held.id, self.held.number, self.held.sync_token)

    def told(self, form: Form) -> str:
        """Return the document in words a person can search for."""
        held = self.held
        number = f" no. {held.number}" if held.number else ""
        party = f"{form.party.lower()} {held.party.name or held.party.value}"
        return f"{form.entity} {held.id}{number} of {held.txn_date}, {party}, {held.total_amt}"


@dataclass(frozen=True)
class Request:
    """One frozen request, read back: whose it is and what it would make of the books."""

    order: Order
    body: Raw
    form: Form

    @classmethod
    def of(cls, order: Order) -> "Request":
        """Return the request of an order."""
        return cls(order, _read(order.body), FORMS[order.claim.transaction.kind.document_type])

    @property
    def id(self) -> int:
        """The message's id."""
        return self.order.claim.message.id

    @property
    def document_id(self) -> str | None:
        """The document the request would change, None for a creation."""
        return self.body.get("Id")

    @property
    def change(self) -> Change | None:
        """The change of the books it asks for, None if there is nothing to do."""
        if not self.body:
            return None
        if self.order.claim.message.effect is Effect.VOID:
            return Change(self.form.entity, self.form.removal.operation, self.order.body, self.form.removal.option)
        return Change(self.form.entity, "update" if self.document_id else "create", self.order.body)

    @property
    def marker(self) -> Marker:
        """The marker the request would leave."""
        found = parse(self.body["PrivateNote"])
        if found is None:
            raise ValueError("a frozen request lost its marker")
        return found

    @property
    def number(self) -> str:
        """Our number in the request, or an empty text."""
        return str(self.body.get(self.form.number) or "")

    @property
    def in_doubt(self) -> bool:
        """Whether the request left before, with an unknown outcome."""
        return self.order.claim.message.phase is Phase.IN_DOUBT

    @property
    def total(self) -> Decimal:
        """The total the request would book."""
        return total(self.body, self.form)


def ours(copy: Copy, entity: str, transaction: Transaction) -> bool:
    """Whether a copy carries the marker of this transaction, in whatever generation."""
    return copy.marker is not None and copy.marker.subject == subject(entity, transaction)


def written_for(copy: Copy, form: Form, parties: Iterable[str]) -> bool:
    """Whether a document is as we wrote it but for its party, which was one of these then."""
    fitting = (fingerprints(copy.raw | {form.party_ref: {"value": party}}, form) for party in parties)
    return copy.marker is not None and any(copy.marker.fingerprint in each for each in fitting)


def refuse_unless_untouched(
    copy: Copy, wanted: Raw, entity: str, transaction: Transaction, former: Iterable[str] = ()
) -> None:
    """Raise Rejected if a held document may not be updated: its money is paid, or a person changed it since our write.

    `former` are ids that stood for its party before a merge, when it may have been written.
    What is paid keeps its total and its party; its texts and dates may change. An edit that makes the document what
    we want it to be is no quarrel.
    """
    form = FORMS[transaction.kind.document_type]
    owed = (copy.held.total_amt, copy.held.party.value)
    if copy.held.settled and owed != (total(wanted, form), wanted[form.party_ref]["value"]):
        raise rejected("document_paid", f"{copy.told(form)}, open {copy.held.balance}")
    written = copy.marker is not None and ours(copy, entity, transaction)
    touched = not written_for(copy, form, (copy.held.party.value, *former))
    number = transaction.document.number if transaction.document else None
    renumbered = number is not None and copy.held.number not in {number, wanted.get(form.number)}
    if not written or renumbered or (touched and fingerprint(wanted, form) not in fingerprints(copy.raw, form)):
        raise rejected("document_edited", copy.told(form))


async def candidates(client: Client, requests: Collection[Request]) -> dict[int, list[Copy]]:
    """Return, by message id, every document that may be what each creation wanted, of one kind.

    By number in bulk. By date and amount too, where we sent none, where QuickBooks can't be asked for it, or where the
    request is in doubt and QuickBooks may have replaced the number.
    """
    form = next(iter(requests)).form
    numbers = [request.number for request in requests if form.searchable and request.number]
    dated = [request for request in requests if request.in_doubt or not (form.searchable and request.number)]
    copies: dict[str, Copy] = {}
    for raw in await client.select_in(form.entity, form.number, numbers, purpose="look_up"):
        copies[raw["Id"]] = Copy.of(raw)
    for day in sorted({request.body["TxnDate"] for request in dated}):
        totals = [request.total for request in dated if request.body["TxnDate"] == day]
        for raw in await dated_rows(client, form, day, min(totals), max(totals), purpose="look_up"):
            copies[raw["Id"]] = Copy.of(raw)
    return _concerned(requests, copies.values())


async def dated_rows(  # noqa: PLR0913 - one question
    client: Client, form: Form, day: str, least: Decimal, most: Decimal, *, purpose: Purpose
) -> list[Raw]:
    """Return the documents of one day whose totals lie between two amounts."""
    where = f"TxnDate = {quoted(day)} and TotalAmt >= {quoted(str(least))} and TotalAmt <= {quoted(str(most))}"
    return await client.select(form.entity, where, purpose=purpose)


def _concerned(requests: Iterable[Request], copies: Iterable[Copy]) -> dict[int, list[Copy]]:
    """Return, by message id, the copies that carry a request's number or its transaction's marker."""
    by_key: defaultdict[object, dict[str, Copy]] = defaultdict(dict)
    for copy in copies:
        for key in ((copy.held.number or "").casefold(), copy.marker and copy.marker.subject):
            by_key[key][copy.held.id] = copy
    concerned = {}
    for request in requests:
        same_number = by_key[request.number.casefold()] if request.number else {}
        concerned[request.id] = list((same_number | by_key[request.marker.subject]).values())
    return concerned


def judge_creation(request: Request, copies: Iterable[Copy]) -> Verdict:
    """Say whether the document of a creation exists, is missing, or has its place taken.

    A voided document holds no place, unless it is the very one this request made and someone voided since.
    """
    form, marker = request.form, request.marker
    concerned = list(copies)
    own = [copy for copy in concerned if copy.marker and copy.marker.subject == marker.subject]
    mine = [copy for copy in own if not copy.held.gone]
    if len(mine) > 1:
        return _conflict("duplicate_suspected", *mine, form=form)
    if mine:
        return _judge_mine(request, mine[0])
    if request.in_doubt and any(copy.marker == marker for copy in own):
        return _conflict("document_lost", *own, form=form)
    holders = [copy for copy in concerned if not copy.held.gone and not _elsewhere(copy, request)]
    return _conflict("number_taken", *holders, form=form) if holders else Absent()


def _judge_mine(request: Request, copy: Copy) -> Verdict:
    held, body = copy.held, request.body
    asked = (request.total, body["TxnDate"], body[request.form.party_ref]["value"])
    found = (held.total_amt, str(held.txn_date), held.party.value)
    if asked != found:
        return replace(_conflict("document_differs", copy, form=request.form), document=copy.document)
    return Present(Receipt(copy.document))


def _elsewhere(copy: Copy, request: Request) -> bool:
    """Whether a copy may bear the number beside the request's document.

    Numbers of some kinds need to differ only where all else that matters is the same, and there two transactions of
    ours may share one: two trips of a load by the same carrier, two payments by one cheque.
    """
    party: Any = request.body[request.form.party_ref]["value"]
    alike = {"party": copy.held.party.value == party, "total": copy.held.total_amt == request.total}
    within = request.form.number_within
    return bool(within) and (copy.marker is not None or not all(alike[each] for each in within))


def judge_update(request: Request, copy: Copy | None) -> Verdict:
    """Say whether an update has been made; QuickBooks refuses one that is based on an older version."""
    if copy is None or copy.held.gone:
        return Conflict(named("document_lost").seen(f"{request.form.entity} {request.document_id}"))
    made = (
        copy.marker == request.marker
        and request.marker.fingerprint in fingerprints(copy.raw, request.form)
        and request.number in {"", copy.held.number}
    )
    return Present(Receipt(copy.document)) if made else Absent()


def _conflict(code: str, *copies: Copy, form: Form) -> Conflict:
    return Conflict(named(code).seen("; ".join(copy.told(form) for copy in copies)))
