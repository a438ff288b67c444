"""From what a transaction says to the document it is to be: every reference found, every refusal of our own said."""

from dataclasses import replace
from typing import Final

from adapters.quickbooks.books import Copy, Request
from adapters.quickbooks.charges import Charges
from adapters.quickbooks.client import Client
from adapters.quickbooks.faults import Refused
from adapters.quickbooks.forms import Form, Raw
from adapters.quickbooks.mapping import Resolved, checked_number, compose
from adapters.quickbooks.parties import Parties
from adapters.quickbooks.paying import Paying
from adapters.quickbooks.problems import rejected
from adapters.quickbooks.references import References
from adapters.quickbooks.settings import Settings
from adapters.quickbooks.tags import Tagging
from state.outbox import Claim
from state.transaction import Content, DocumentType, Transaction

_BUSINESS: Final = "6000"
_OVER_LINKED: Final = frozenset({"6000", "620"})  # which of them is unconfirmed, and both have other causes too

# Refusals after which a cached list or the plan may be out of date, and the one after which a party's link may be.
_INACTIVE: Final = "reference_inactive"
_REFERENCES: Final = frozenset({_INACTIVE, "account_type_wrong", "plan_lacks_feature"})


class Drafts:
    """Writes documents that are to be sent."""

    def __init__(
        self, settings: Settings, client: Client, references: References, parties: Parties, charges: Charges
    ) -> None:
        self._settings = settings
        self._references = references
        self._parties = parties
        self._charges = charges
        self._tagging = Tagging(settings, references)
        self._paying = Paying(settings, client, references, parties)

    async def admit(self, content: Content, form: Form) -> None:
        """Raise Rejected if the plan, the number or the closing date do not allow such a document."""
        await self._refuse_unplanned(form)
        if await self._numbered(form):
            checked_number(content.number)
        await self._references.refuse_closed(content.issued_on)

    async def draft(self, claim: Claim, content: Content, form: Form, held: Copy | None) -> Raw:
        """Return the document as it is wanted; `held` is the one that stands, if there is one.

        Raises Rejected if what it points at is not there, or not fit. A missing customer or vendor is created last.
        """
        if form.type is DocumentType.PAYMENT:
            return await self._paying.draft(claim, content, held)
        resolved, numbered = await self._resolved(claim.transaction, content, form), await self._numbered(form)
        if held is not None and held.held.party.value != resolved.party:
            heir = await self._parties.follow(content.party, form, held)
            resolved = replace(resolved, party=heir or resolved.party)
        return compose(self._settings.entity, claim.transaction, content, resolved, numbered=numbered)

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
        return ""

    async def _numbered(self, form: Form) -> bool:
        """Whether the document bears our number: an invoice only where the company lets it."""
        return form.type is not DocumentType.INVOICE or (await self._references.preferences()).our_numbers

    async def _resolved(self, transaction: Transaction, content: Content, form: Form) -> Resolved:
        """Return the ids of all that the document points at, the party last because it may have to be created."""
        targets = await self._charges.targets(content, form)
        payable = None  # for an invoice QuickBooks chooses the receivable account itself
        if form.type is not DocumentType.INVOICE:
            payable = (await self._references.payable_account(self._settings.mapping.payable_account)).id
        days = (content.due_on - content.issued_on).days if content.due_on and form.falls_due else None
        term = await self._references.term(days) if days is not None else None
        tags = await self._tagging.tags(content, form)
        party = await self._parties.resolve(content.party, form, transaction.created_at)
        return Resolved(party, targets, term, payable, tags)

    async def _refuse_unplanned(self, form: Form) -> None:
        """Raise Rejected if the company's plan, looked at again before it is held against a document, has none such."""
        if form.bought and not (await self._references.plan()).bills:
            plan = await self._references.plan(fresh=True)
            if not plan.bills:
                raise rejected("plan_lacks_feature", f"{plan.name or 'the plan'} takes no {form.entity}")
