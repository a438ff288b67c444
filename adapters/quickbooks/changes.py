"""What changed in the books: the standing of every document, and the payments that settle it."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal

import structlog

from adapters.ports import Changes, Rejected, Unauthorized
from adapters.quickbooks.books import Copy
from adapters.quickbooks.client import Client
from adapters.quickbooks.feed import REACH, Feed
from adapters.quickbooks.forms import FORMS, Form, Raw
from adapters.quickbooks.marker import Marker, parse
from adapters.quickbooks.references import References
from adapters.quickbooks.settings import Settings
from adapters.quickbooks.shapes import Paid, Ref, readable
from state.outbox import Observation, Settlement
from state.transaction import DocumentType, InexactMoney, Money, Origin

log = structlog.get_logger(__name__)


class Watch:
    """The reader of changes."""

    def __init__(
        self,
        settings: Settings,
        client: Client,
        references: References,
        clock: Callable[[], datetime],
        lists_changed: Callable[[], Awaitable[None]],
    ) -> None:
        self._lists_changed = lists_changed
        self._news = self._sales_only = False
        self._settings = settings
        self._client = client
        self._feed = Feed(client, "change")
        self._references = references
        self._clock = clock

    async def changes(self, since: datetime) -> Changes:
        """Return every document that changed since then, with all its payments, at least once.

        `until` is the vendor's time at which the reading began. What changed before the reach of change data is found
        by queries, which know nothing of deleted documents: those are missed, which is said in the log each time. A
        document deleted amid more than a thousand other changes can be missed too: change data is cut there and has
        no pages. Comparing the books finds both.
        """
        started = self._clock()
        reach = started - REACH
        forms, groups, answered = await self._changed(max(since, reach))
        await self._keep_up({each: groups[each] for each in self._references.watched})
        if since < reach:
            log.warning("quickbooks.deletions_out_of_reach", since=since.isoformat(), reach=reach.isoformat())
            for entity in _entities(forms):
                # What change data says is newer, so it comes last and counts.
                groups[entity] = await self._feed.paged(entity, since, until=reach) + groups[entity]
        until = answered - (self._clock() - started) if answered else started
        observations: list[Observation] = []
        for form in forms:
            payments = _payments(groups[form.payment] if form.payment else ())
            documents = _documents(groups[form.entity])
            documents |= await self._missing_documents(form, documents, payments)
            payments |= await self._missing_payments(form, documents, payments)
            settlements = await self._settlements(form, payments.values())
            for identity, copy in documents.items():
                seen = self._observation(form, copy, tuple(settlements[identity]))
                observations += [seen] if seen else []
        return Changes(observations, until)

    async def _changed(self, since: datetime) -> tuple[Sequence[Form], dict[str, list[Raw]], datetime | None]:
        """Return which documents can be read, and what changed of them and of the company's lists.

        Unconfirmed: a plan without bills may refuse to be asked about them; then only the others are read.
        """
        lists = self._references.watched
        if not self._sales_only or (await self._references.plan()).bills:
            forms = tuple(FORMS.values())
            try:
                return forms, *await self._feed.changed((*_entities(forms), *lists), since)
            except (Rejected, Unauthorized):
                if (await self._references.plan(fresh=True)).bills:
                    raise
                self._sales_only = True
        forms = tuple(form for form in FORMS.values() if not form.bought)
        return forms, *await self._feed.changed((*_entities(forms), *lists), since)

    async def _keep_up(self, lists: Mapping[str, Sequence[Raw]]) -> None:
        """Bring the company's lists up to what changed in them, and have it looked at before a document fails."""
        news = [self._references.take_in(entity, rows) for entity, rows in lists.items()]
        self._news = self._news or any(news)
        if self._news:
            await self._lists_changed()
            self._news = False

    async def stands(self, document_type: DocumentType, document_id: str) -> bool:
        """Whether a document is there and not voided. Read by id: what else we read may be older."""
        raw = await self._client.read(FORMS[document_type].entity, document_id, purpose="document")
        return raw is not None and not Copy.of(raw).held.gone

    async def _missing_documents(
        self, form: Form, documents: dict[str, Copy], payments: dict[str, Paid]
    ) -> dict[str, Copy]:
        """Read the documents of changed payments that did not come along."""
        paid = {identity for payment in payments.values() for identity in _applied(payment, form)}
        return _documents(await self._client.select_in(form.entity, "Id", paid - documents.keys(), purpose="change"))

    async def _missing_payments(
        self, form: Form, documents: dict[str, Copy], payments: dict[str, Paid]
    ) -> dict[str, Paid]:
        """Read the payments of changed documents that did not come along."""
        linked = {
            link.txn_id
            for copy in documents.values()
            for link in copy.held.linked_txn or ()
            if link.txn_type in form.payment_types
        }
        return _payments(await self._client.select_in(form.payment, "Id", linked - payments.keys(), purpose="change"))

    async def _settlements(self, form: Form, payments: Iterable[Paid]) -> defaultdict[str, list[Settlement]]:
        """Return, by document id, what each payment applies to it; a voided payment applies nothing any more."""
        settlements: defaultdict[str, list[Settlement]] = defaultdict(list)
        for payment in payments:
            reference = payment.payment_ref_num or payment.doc_number
            for identity, amount in _applied(payment, form).items():
                money = self._exact(amount, payment.currency_ref, form.payment, payment.id)
                if money is not None and money.minor and payment.txn_date is not None:
                    method = await self._method(payment)
                    ours = self._ours(parse(payment.private_note), DocumentType.PAYMENT)
                    settlements[identity].append(
                        Settlement(payment.id, money, payment.txn_date, method, reference, ours=ours)
                    )
        return settlements

    async def _method(self, payment: Paid) -> str | None:
        """Return how was paid: the method's name, or for a payment to a vendor whether by check or card."""
        method = payment.payment_method_ref
        if method is None or not method.value:
            return payment.pay_type
        return method.name or await self._references.payment_method(method.value)

    def _observation(self, form: Form, copy: Copy, settlements: tuple[Settlement, ...]) -> Observation | None:
        """Return the standing of one document, or None if its amounts can't be read."""
        held, marker = copy.held, copy.marker
        origin = Origin(marker.kind, marker.source_id) if marker and self._ours(marker, form.type) else None
        if held.gone:
            nothing = Money(0, self._settings.home_currency)
            return Observation(form.type, copy.document, nothing, nothing, gone=True, origin=origin)
        left = held.balance if form.payment else held.total_amt  # what nothing pays is never paid
        total, balance = (
            self._exact(amount, held.currency_ref, form.entity, held.id) for amount in (held.total_amt, left)
        )
        if total is None or balance is None:
            return None
        return Observation(form.type, copy.document, total, balance, origin=origin, settlements=settlements)

    def _ours(self, marker: Marker | None, document_type: DocumentType) -> bool:
        """Whether a document of this type bears a marker of ours."""
        return marker is not None and (marker.entity, marker.kind.document_type) == (
            self._settings.entity,
            document_type,
        )

    def _exact(self, amount: Decimal | None, currency: Ref | None, entity: str, identity: str) -> Money | None:
        """Return an amount as money; None, and a line in the log, if there is none or it has odd decimals."""
        code = currency.value if currency and currency.value else self._settings.home_currency
        try:
            return Money.of(amount if amount is not None else Decimal("NaN"), code)
        except InexactMoney:
            log.warning("object.unreadable", entity=entity, id=identity)
            return None


def _entities(forms: Iterable[Form]) -> tuple[str, ...]:
    """Return the documents of some forms and what pays them, each once."""
    return tuple(dict.fromkeys(entity for form in forms for entity in (form.entity, form.payment) if entity))


def _applied(payment: Paid, form: Form) -> dict[str, Decimal]:
    """Return what a payment applies to each document of a kind."""
    applied: defaultdict[str, Decimal] = defaultdict(Decimal)
    for line in payment.line or ():
        for link in line.linked_txn or ():
            if link.txn_type == form.entity:
                applied[link.txn_id] += line.amount
    return applied


def _documents(rows: Iterable[Raw]) -> dict[str, Copy]:
    return {copy.held.id: copy for copy in map(Copy.of, rows)}


def _payments(rows: Iterable[Raw]) -> dict[str, Paid]:
    """Return the payments by id; one that can't be read is left out, so that it does not hide the others."""
    payments: dict[str, Paid] = {}
    for raw in rows:
        payment = readable(raw, Paid)
        if payment is None:
            log.warning("object.unreadable", id=str(raw["Id"]))
        else:
            payments[payment.id] = payment
    return payments
