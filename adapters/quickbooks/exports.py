"""Export: a transaction becomes a document, or its document becomes what the transaction now says."""

import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from msgspec.structs import replace
from typing_extensions import override

from adapters.http import encode
from adapters.ports import (
    Absent,
    Conflict,
    Order,
    OutcomeUnknown,
    Present,
    Rejected,
    Sender,
    Unavailable,
    VendorError,
    Verdict,
)
from adapters.quickbooks.books import (
    Copy,
    Request,
    candidates,
    judge_creation,
    judge_update,
)
from adapters.quickbooks.charges import Charges
from adapters.quickbooks.client import Client, Reply
from adapters.quickbooks.drafts import Drafts
from adapters.quickbooks.faults import Refused
from adapters.quickbooks.forms import Raw
from adapters.quickbooks.parties import Parties
from adapters.quickbooks.problems import named, rejected
from adapters.quickbooks.references import References
from adapters.quickbooks.sending import MOST, send_alone, send_together
from adapters.quickbooks.settings import Settings
from adapters.quickbooks.shapes import Meta, readable
from adapters.quickbooks.tags import remarks
from state.outbox import Claim, Receipt
from state.problem import DIFFERS

_FRESH: Final = timedelta(minutes=2)  # an answer that tells of an older document was not given for this request
_AGAIN: Final = 1.0  # seconds until a request that was answered from memory goes again, as a new one
_NUMBER_TAKEN: Final = "6140"
_UNSUPPORTED: Final = "2010"
_PROPERTY: Final = re.compile(r"Property Name:(?P<field>\w+) specified is unsupported")
_HOLDER: Final = re.compile(r"TxnType=(?P<type>[A-Za-z ]+?) with TxnId=(?P<id>\d+)")


class Exports(Sender):
    """How an export reaches QuickBooks, exactly once."""

    most = MOST

    def __init__(  # noqa: PLR0913, PLR0917 - all that a document needs
        self,
        settings: Settings,
        client: Client,
        references: References,
        parties: Parties,
        charges: Charges,
        clock: Callable[[], datetime],
    ) -> None:
        self._clock = clock
        self._settings = settings
        self._client = client
        self._references = references
        self._parties = parties
        self.drafts: Final = Drafts(settings, client, references, parties, charges)

    @override
    async def prepare(self, claim: Claim, request_id: str) -> Order:
        """Draft the document, make what it points at and freeze the request: a creation, or a full update.

        Raises Rejected if the content, the configuration or the books do not allow it, or if it is another document
        than the one a person saw; all of that is looked at before a missing customer, vendor or item is created.
        """
        await self.drafts.admit(claim)
        draft = await self.drafts.draft(claim)
        seen = claim.message.preview
        if seen is not None and seen != draft.digest:
            raise rejected(DIFFERS, f"seen {seen}, now {draft.digest}")
        return Order(claim, request_id, encode(self.drafts.body(draft, await self.drafts.settled(draft))))

    @override
    async def look_up(self, orders: Sequence[Order]) -> Mapping[int, Verdict]:
        """Return what the books say of each order: creations by number in bulk, updates by id in bulk."""
        creations: defaultdict[str, list[Request]] = defaultdict(list)
        updates: defaultdict[str, list[Request]] = defaultdict(list)
        for order in orders:
            request = Request.of(order)
            (updates if request.document_id else creations)[request.form.entity].append(request)
        verdicts: dict[int, Verdict] = {}
        for requests in creations.values():
            found = await candidates(self._client, requests)
            for request in requests:
                verdict = judge_creation(request, found[request.id])
                verdicts[request.id] = self._adopting(request, verdict, found[request.id])
        for entity, requests in updates.items():
            ids = (request.document_id or "" for request in requests)
            rows = await self._client.select_in(entity, "Id", ids, purpose="look_up")
            copies = {raw["Id"]: Copy.of(raw) for raw in rows}
            for request in requests:
                copy = copies.get(request.document_id or "")
                verdicts[request.id] = self._adopting(request, judge_update(request, copy), [copy] if copy else [])
        return verdicts

    def _adopting(self, request: Request, verdict: Verdict, copies: Sequence[Copy]) -> Verdict:
        """Return a verdict, with the remarks there are on the document if it says that one is there."""
        if not isinstance(verdict, Present) or verdict.receipt.document is None:
            return verdict
        identity = verdict.receipt.document.id
        [held] = [copy.raw for copy in copies if copy.held.id == identity]
        return Present(self._remarked(request, verdict.receipt, held))

    def _remarked(self, request: Request, receipt: Receipt, held: Raw) -> Receipt:
        """Return a receipt with what of the transaction is not on its document."""
        content = request.order.claim.transaction.content
        if content is None:
            return receipt
        found = remarks(self._settings, content, request.form, request.body, held)
        return replace(receipt, remarks=found) if found else receipt

    @override
    async def send(self, order: Order) -> Receipt:
        """Send the frozen request once and compare the money of the answer.

        Raises Rejected (echo_differs) if QuickBooks booked other money than was sent; the document stands then.
        """
        return await send_alone(self._client, order, self._judged)

    @override
    async def send_many(self, orders: Sequence[Order]) -> Mapping[int, Receipt | VendorError]:
        """Send several frozen requests in one call, once, and compare the money of each answer."""
        return await send_together(self._client, orders, self._judged)

    async def _judged(self, request: Request, answer: Reply | VendorError) -> Receipt:
        """Return the receipt of an answer; raise what went wrong, once whatever a refusal teaches is taken in."""
        match answer:
            case Reply():
                raw = answer.member(request.form.entity)
                copy = Copy.of(raw)
                older = self._older(request, raw, copy)
                if older and _of_another(request, copy):
                    raise _from_memory()
                receipt = _receipt(request, copy, answer.trace)
                await self._witnessed(request, receipt)
                if older or _repeated(request):
                    return await self._read_back(request, receipt)
                return self._remarked(request, receipt, raw)
            case Refused():
                if answer.fault.code == _NUMBER_TAKEN and not request.document_id:
                    return await self._adopted(request, answer)
                if why := await self.drafts.outdated(request, answer):
                    raise Unavailable(why, 0.0) from answer
        raise answer

    async def _witnessed(self, request: Request, receipt: Receipt) -> None:
        content = request.order.claim.transaction.content
        if content is not None and receipt.document is not None:
            await self._parties.witnessed(content.party, request.form, receipt.document.id)

    async def _adopted(self, request: Request, refusal: Refused) -> Receipt:
        """Return the holder of the number if it is our own document after all: an earlier try may have landed late.

        Unconfirmed: a voided document may keep its number; that one of ours is then in the way is said apart.
        """
        holder = _HOLDER.search(refusal.fault.detail)
        if holder is None or holder["type"].replace(" ", "") != request.form.entity:
            raise refusal
        try:
            raw = await self._client.read(request.form.entity, holder["id"], purpose="look_up")
        except Unavailable as error:
            raise OutcomeUnknown(f"the number is taken, perhaps by this very document: {error}") from error
        copy = Copy.of(raw) if raw else None
        match judge_creation(request, [copy] if copy else []):
            case Present(receipt):
                return receipt
            case Conflict(conflict, document):
                raise Rejected(conflict, refusal.trace, document)
            case Absent() if copy and copy.marker and copy.held.gone:
                raise rejected("number_kept_by_void", copy.told(request.form), refusal.trace) from refusal
            case Absent():
                raise refusal

    def _older(self, request: Request, raw: Raw, copy: Copy) -> bool:
        """Whether an answer tells of a document older than the request, or of no newer version.

        Documented: a repeated request id brings the first answer back, whatever became of the document since.
        """
        if request.document_id:
            answered, asked = copy.held.sync_token, str(request.body.get("SyncToken", ""))
            return answered.isdigit() and asked.isdigit() and int(answered) <= int(asked)
        meta = readable(raw.get("MetaData"), Meta)
        created = meta.create_time if meta else None
        return created is not None and created.tzinfo is not None and self._clock() - created > _FRESH

    async def _read_back(self, request: Request, receipt: Receipt) -> Receipt:
        """Return the receipt of the document as it stands now; raise Rejected if it is gone or another's by now."""
        identity = receipt.document.id if receipt.document else ""
        try:
            raw = await self._client.read(request.form.entity, identity, purpose="look_up")
        except Unavailable as error:
            raise OutcomeUnknown(f"it was made once, but may be gone: {error}") from error
        copy = Copy.of(raw) if raw else None
        updates = request.document_id is not None
        match judge_update(request, copy) if updates else judge_creation(request, [copy] if copy else []):
            case Present(found):
                return replace(self._remarked(request, found, copy.raw if copy else {}), trace=receipt.trace)
            case Conflict(conflict, document):
                raise Rejected(conflict, receipt.trace, document)
            case Absent() if updates:
                raise _from_memory()
            case Absent():
                raise rejected("document_lost", f"{request.form.entity} {identity}", receipt.trace)


def _of_another(request: Request, copy: Copy) -> bool:
    """Whether an answer is about something else that we once wrote of the same.

    That is how a store that was set back, and went on differently, meets what it has forgotten: the vendor remembers
    the request id, and nothing was done.
    """
    marker = copy.marker
    return marker is not None and marker != request.marker and marker.subject == request.marker.subject


def _repeated(request: Request) -> bool:
    """Whether a creation has left before, so that its answer may be the vendor's memory of an earlier one."""
    return not request.document_id and request.order.claim.message.tries > 0


def _from_memory() -> Unavailable:
    return Unavailable("QuickBooks answered from memory, so the next try bears another name", _AGAIN)


def _receipt(request: Request, copy: Copy, trace: str) -> Receipt:
    """Return the receipt of an answer that books what was sent.

    An answer without the money, or one that speaks of another document, proves nothing.
    """
    if not copy.held.id or copy.held.total_amt is None:
        raise OutcomeUnknown("the answer does not say what was booked")
    if copy.held.id != (request.document_id or copy.held.id) or (copy.marker or request.marker) != request.marker:
        raise OutcomeUnknown(f"the answer speaks of another document: {copy.told(request.form)}")
    lost = request.form.lines.lost(request.body, copy.raw)
    if lost or copy.held.total_amt != request.total:
        detail = f"{copy.told(request.form)}; sent {request.total}{f'; {lost}' if lost else ''}"
        raise Rejected(named("echo_differs").seen(detail), trace, copy.document)
    return Receipt(copy.document, trace)
