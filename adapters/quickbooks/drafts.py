"""From what a transaction says to the document it is to be: every reference found, every refusal of our own said.

First the document is drafted, with pointers in the place of ids, and nothing but reading is done for that. Making what
it points at is a step of its own, which a preview does not take: it only finds what would have to be made.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple, assert_never

from adapters.http import encode
from adapters.ports import Need, OutcomeUnknown, Rejected
from adapters.quickbooks.books import Copy, Request, refuse_unless_untouched
from adapters.quickbooks.charges import Charges
from adapters.quickbooks.client import Client
from adapters.quickbooks.faults import Refused
from adapters.quickbooks.forms import FORMS, Form, Raw
from adapters.quickbooks.mapping import OWNED, Resolved, checked_number, compose, marked, merge, names
from adapters.quickbooks.parties import Match, Parties
from adapters.quickbooks.paying import Paying
from adapters.quickbooks.pointers import Awaited, New, NewItem, NewParty, Pointer, pointers, replaced
from adapters.quickbooks.problems import rejected
from adapters.quickbooks.references import References
from adapters.quickbooks.settings import Settings
from adapters.quickbooks.tags import Tagging
from state.outbox import Claim
from state.problem import problem
from state.transaction import Content, DocumentType, Transaction

_BUSINESS: Final = "6000"
_OVER_LINKED: Final = frozenset({"6000", "620"})  # which of them is unconfirmed, and both have other causes too
_UNSUPPORTED: Final = "2010"
_PROPERTY: Final = re.compile(r"Property Name:(?P<field>\w+) specified is unsupported")
_DIGITS: Final = 12  # of the digest; never long enough to be taken for a card number

# Refusals after which a cached list or the plan may be out of date, and the one after which a party's link may be.
_INACTIVE: Final = "reference_inactive"
_REFERENCES: Final = frozenset({_INACTIVE, "account_type_wrong", "plan_lacks_feature"})


@dataclass(frozen=True, slots=True)
class Draft:
    """A document as it is wanted, with pointers in the place of ids; `held` is the one that stands, if there is one."""

    claim: Claim
    content: Content
    form: Form
    raw: Raw
    held: Copy | None

    @property
    def digest(self) -> str:
        """A fingerprint of what it says, each pointer by what we call it: ids come and go, and say nothing."""
        said = replaced(self.raw, lambda pointer: pointer.called) | {"PrivateNote": self.content.memo.strip()}
        return hashlib.sha256(encode({self.form.entity: said})).hexdigest()[:_DIGITS]

    @property
    def news(self) -> tuple[Pointer, ...]:
        """What is not sure to be there, each once, parties last: they are of no use before all else is found."""
        found = dict.fromkeys(pointer for pointer in pointers(self.raw) if pointer.new is not None)
        return tuple(sorted(found, key=lambda pointer: isinstance(pointer.new, NewParty)))

    @property
    def party(self) -> Pointer:
        """Whom it is with."""
        found: Pointer = self.raw[self.form.party_ref]["value"]
        return found


class Found(NamedTuple):
    """The ids of what a draft points at, by pointer, and whom its party was before it was merged into another."""

    ids: Mapping[Pointer, str]
    former: tuple[str, ...] = ()


class Drafts:
    """Writes documents that are to be sent."""

    def __init__(
        self, settings: Settings, client: Client, references: References, parties: Parties, charges: Charges
    ) -> None:
        self._settings = settings
        self._client = client
        self._references = references
        self._parties = parties
        self._charges = charges
        self._tagging = Tagging(settings, references)
        self._paying = Paying(settings, client, references)
        self._unwritable: set[str] = set()

    async def admit(self, claim: Claim) -> None:
        """Raise Rejected if the content, the plan, the number or the closing date do not allow such a document."""
        content, form = _fit(claim.transaction, self._settings.home_currency), _form(claim)
        await self._refuse_unplanned(form)
        if await self._numbered(form):
            checked_number(content.number)
        await self._references.refuse_closed(content.issued_on)

    async def draft(self, claim: Claim) -> Draft:
        """Return the document as it is wanted.

        Raises Rejected if what it points at is not there, or not fit, or if the document that stands is gone or dated
        in closed books. Nothing is made here: neither what it points at, nor a link to that.
        """
        content, form = _fit(claim.transaction, self._settings.home_currency), _form(claim)
        held = await self._held(claim.transaction, form)
        if form.type is DocumentType.PAYMENT:
            return Draft(claim, content, form, await self._paying.draft(claim, content, held), held)
        resolved, numbered = await self._resolved(claim.transaction, content, form), await self._numbered(form)
        return Draft(claim, content, form, compose(content, form, resolved, numbered=numbered), held)

    async def settled(self, draft: Draft) -> Found:
        """Return the ids of what a draft points at, once all of it is there: what is missing is created, parties last.

        Raises Rejected if a name is in somebody's way, and OutcomeUnknown while nobody knows what came of a creation.
        """
        ids = {pointer: await self._settle(pointer.new) for pointer in draft.news if pointer.new is not None}
        match = await self._followed(draft, ids)
        if match is not None:
            await self._parties.adopt(draft.content.party, draft.form, match)
        return await self._found(draft, ids, match)

    async def foreseen(self, draft: Draft, known: Mapping[Pointer, Need | str]) -> Found:
        """Return the same as `settled` would, with what is `known` of the pointers: an id, or what is to be made."""
        ids = {pointer: str(known[pointer]) for pointer in draft.news}
        match = await self._followed(draft, ids)
        return await self._found(draft, ids, match)

    async def foresee(self, pointer: Pointer) -> Need | str:
        """Return the id that `settled` would find for a pointer, or what it would have to create; nothing is made."""
        match pointer.new:
            case NewParty(party, entity):
                found = await self._parties.find(party, entity)
                return found.id or Need(entity.lower(), found.name, pointer.called)
            case NewItem(charge, account):
                item = await self._charges.items.find(charge, account)
                return item.id or Need("item", item.name, pointer.called)
            case Awaited(entity, number):
                return Need(entity.lower(), number, pointer.called, ours=True)
            case None:
                return pointer.id
            case _:
                assert_never(pointer.new)

    def body(self, draft: Draft, found: Found) -> Raw:
        """Return the exact document to send, or the full update of the one that stands.

        Raises Rejected if that one may not be touched.
        """
        transaction, held, form = draft.claim.transaction, draft.held, draft.form
        filled = replaced(draft.raw, lambda pointer: found.ids.get(pointer, pointer.id))
        wanted = marked(filled, form, self._settings.entity, transaction, draft.content.memo)
        if held is None:
            return wanted
        refuse_unless_untouched(held, wanted, self._settings.entity, transaction, found.former)
        return merge(held.raw, wanted, form, self._unwritable)

    async def _settle(self, new: New) -> str:
        match new:
            case NewParty(party, entity, told_at):
                return await self._parties.resolve(party, entity, told_at)
            case NewItem(charge, account):
                return await self._charges.items.resolve(charge, account)
            case Awaited(entity, number):
                raise OutcomeUnknown(f"waits for {entity} {number}")
            case _:
                assert_never(new)

    async def _followed(self, draft: Draft, ids: Mapping[Pointer, str]) -> Match | None:
        """Return whom the party was merged into, if that is why the document that stands is with another."""
        wanted = ids.get(draft.party, draft.party.id)
        if draft.held is None or draft.party.new is None or draft.held.held.party.value == wanted:
            return None
        return await self._parties.follow(draft.content.party, draft.form, draft.held)

    async def _found(self, draft: Draft, ids: dict[Pointer, str], match: Match | None) -> Found:
        if draft.held is None:
            return Found(ids)
        former = await self._parties.former(draft.content.party, draft.form.party)
        if match is None:
            return Found(ids, tuple(former))
        return Found(ids | {draft.party: match.id}, (match.gone, *former))

    async def _held(self, transaction: Transaction, form: Form) -> Copy | None:
        """Return the document to update, None if there is none yet; raise Rejected if it is gone or its books closed.

        Read by id: a query may return an older version.
        """
        if transaction.document is None:
            return None
        raw = await self._client.read(form.entity, transaction.document.id, purpose="document")
        copy = Copy.of(raw) if raw else None
        if copy is None or copy.held.gone:
            raise rejected("document_lost", f"{form.entity} {transaction.document.id}")
        if copy.held.txn_date:
            await self._references.refuse_closed(copy.held.txn_date)
        return copy

    async def outdated(self, request: Request, refusal: Refused) -> str:
        """Return why a refused request would not be written so any more, in words; an empty text if it would."""
        code, pays = refusal.fault.code, request.form.type is DocumentType.PAYMENT
        if code in _OVER_LINKED and pays and not request.document_id and await self._paying.overtaken(request.body):
            return "the invoice was paid meanwhile"
        if code == _BUSINESS and await self._tagging.refused(request.body, request.form):
            return "what the document is tagged with was switched off"
        if refusal.problem.code in _REFERENCES:
            self._references.forget()
        content = request.order.claim.transaction.content
        if refusal.problem.code == _INACTIVE and content and self._parties.doubt(content.party, request.form):
            return "what the document points at is looked up anew"
        return self._unsupported(request, refusal)

    def _unsupported(self, request: Request, refusal: Refused) -> str:
        """Return, in words, that an update failed for a field that QuickBooks answers with but does not take.

        New fields appear in answers without notice; prepared anew, the update leaves this one out. Another update may
        have been prepared with it before it was known.
        """
        found = _PROPERTY.search(refusal.fault.detail) if refusal.fault.code == _UNSUPPORTED else None
        field = found["field"] if found else ""
        foreign = names(request.body) - OWNED - request.form.owned
        if not request.document_id or field not in foreign:
            return ""
        self._unwritable.add(field)
        return f"QuickBooks does not take back its own field {field}"

    async def _numbered(self, form: Form) -> bool:
        """Whether the document bears our number: an invoice only where the company lets it."""
        return form.type is not DocumentType.INVOICE or (await self._references.preferences()).our_numbers

    async def _resolved(self, transaction: Transaction, content: Content, form: Form) -> Resolved:
        """Return all that the document points at, as far as that is there."""
        targets = await self._charges.targets(content, form)
        payable = None  # for an invoice QuickBooks chooses the receivable account itself
        if form.type is not DocumentType.INVOICE:
            wanted = self._settings.mapping.payable_account
            payable = Pointer(wanted or "", (await self._references.payable_account(wanted)).id)
        days = (content.due_on - content.issued_on).days if content.due_on and form.falls_due else None
        term = await self._references.term(days) if days is not None else None
        return Resolved(
            Pointer(content.party.source_id, new=NewParty(content.party, form.party, transaction.created_at)),
            targets,
            Pointer(f"{days} days", term) if term else None,
            payable,
            await self._tagging.tags(content, form),
        )

    async def _refuse_unplanned(self, form: Form) -> None:
        """Raise Rejected if the company's plan, looked at again before it is held against a document, has none such."""
        if form.bought and not (await self._references.plan()).bills:
            plan = await self._references.plan(fresh=True)
            if not plan.bills:
                raise rejected("plan_lacks_feature", f"{plan.name or 'the plan'} takes no {form.entity}")


def _form(claim: Claim) -> Form:
    return FORMS[claim.transaction.kind.document_type]


def _fit(transaction: Transaction, home_currency: str) -> Content:
    """Return the content; raise Rejected if there is none or it must not be sent as it is."""
    if transaction.content is None:
        raise Rejected(transaction.problem or problem("shape_unknown"))
    if flaw := transaction.content.flaw(home_currency):
        raise Rejected(flaw)
    return transaction.content
