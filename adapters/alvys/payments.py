"""Payments told to Alvys: per load for a customer's, per trip for a carrier's, named by a reference for ever."""

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, time
from decimal import Decimal
from typing import Final

import msgspec
from msgspec.structs import replace
from typing_extensions import override

from adapters.alvys.client import Client
from adapters.alvys.directory import chunks
from adapters.alvys.faults import PAYMENT_REFUSED
from adapters.alvys.record import CURRENCIES, Odd, Record
from adapters.alvys.settings import Settings
from adapters.http import encode
from adapters.ports import Absent, Order, Present, Rejected, Sender, Unavailable, Verdict
from state.outbox import Claim, PaymentReport, Receipt, Tellings
from state.transaction import Content, Kind, Money, Transaction, TransactionId

_NUMBERS: Final = {currency: number for number, currency in CURRENCIES.items()}
# Noon is the same calendar day in every zone from the Pacific to Europe, whoever reads the instant.
_NOON: Final = time(12)

PATHS: Final = {
    Kind.CUSTOMER_INVOICE: "invoices/customer-payments",
    Kind.CARRIER_BILL: "invoices/carrier-payments",
}


class Amount(msgspec.Struct, rename="pascal", frozen=True):
    """Money on the wire: an exact number and the ISO 4217 number of its currency."""

    amount: Decimal
    currency: int


class CustomerPayment(msgspec.Struct, rename="pascal", omit_defaults=True, frozen=True, kw_only=True):
    """The body of a customer payment. A repeated reference on the same load gives the first payment back."""

    load_number: str
    amount: Amount
    payment_date: datetime
    reference_number: str
    invoice_number: str | None = None
    payment_method: str | None = None
    note: str | None = None


class CarrierPayment(msgspec.Struct, rename="pascal", omit_defaults=True, frozen=True, kw_only=True):
    """The body of a carrier payment. A repeated reference on the same trip gives its current state back."""

    trip_id: str
    amount: Amount
    payment_date: datetime
    reference_number: str
    payment_method: str | None = None
    note: str | None = None


class _Frozen(msgspec.Struct, rename="pascal"):
    """What we need of a frozen body of either kind: nothing is there if nothing is to be told."""

    load_number: str = ""
    reference_number: str = ""


class _Recorded(msgspec.Struct, rename="pascal"):
    """What we need of the answer to either: the customer payment's id."""

    id: str = ""


class Payments(Sender):
    """The sender of payment reports.

    The payments of one transaction bear its name and a number, counted from 1 without a gap: a number is the key of
    idempotency, so a store that was set back can't tell anything twice. It finds the number taken, learns from what the
    vendor then shows what was told before, and tells what is missing to what is due, under the next number.
    """

    def __init__(self, client: Client, settings: Settings) -> None:
        self._client = client
        self._settings = settings
        self._shown: dict[TransactionId, Tellings] = {}  # more than the store knows, until that knows it

    @override
    async def prepare(self, claim: Claim, request_id: str) -> Order:
        """Freeze the report as the vendor's request body, an empty one if the vendor was told all that is due.

        Raises Rejected if there is nothing to report on.
        """
        content, report = claim.transaction.content, claim.message.report
        if content is None or report is None:
            raise Rejected(PAYMENT_REFUSED.seen("there is no content or no payment to report"))
        if report.amount.currency not in _NUMBERS:
            raise Rejected(PAYMENT_REFUSED.seen(f"no number is known for the currency {report.amount.currency}"))
        told = self._told(claim)
        if told.total >= claim.due:
            return Order(claim, request_id, encode({}))
        missing = replace(report, amount=replace(report.amount, minor=claim.due - told.total))
        reference = f"{_stem(claim.transaction)}{told.count + 1}"
        body = _FORMS[claim.transaction.kind](content, missing, reference, self._noon(report))
        return Order(claim, request_id, encode(body))

    @override
    async def look_up(self, orders: Sequence[Order]) -> Mapping[int, Verdict]:
        """Return which reports the vendor has no need of, with one search per chunk of loads.

        Carrier payments can't be read back, and sending one again is safe: the vendor documents the reference as
        the key of idempotency. The same holds for a customer payment whose invoice can't be read.
        """
        asked = [(order.claim, msgspec.json.decode(order.body, type=_Frozen).load_number) for order in orders]
        for chunk in chunks(sorted({number for _, number in asked if number}), self._settings.invoice_chunk):
            held = [_of_loads(raw) for raw in await self._client.search("invoices/search", {"LoadNumbers": chunk})]
            for claim, number in asked:
                for payments in (loads[number] for loads in held if number in loads):
                    self._learn(claim, payments)
        return {order.claim.message.id: self._verdict(order.claim) for order in orders}

    @override
    async def send(self, order: Order) -> Receipt:
        """Post the frozen body once; Rejected is the vendor's definite no, OutcomeUnknown an unclear end.

        Unavailable says that the number was taken by another payment: prepared anew, the report bears the next one.
        """
        claim, told = order.claim, self._told(order.claim)
        reference = msgspec.json.decode(order.body, type=_Frozen).reference_number
        if reference != f"{_stem(claim.transaction)}{told.count + 1}":
            raise _told_before()
        path = PATHS[claim.transaction.kind]
        answer = await self._client.post(path, order.body, writes=True, refusal=PAYMENT_REFUSED)
        recorded = answer.decode(_Recorded)
        told = Tellings(told.count + 1, claim.due)
        if reference in (payments := _of_trip(answer.json())):
            told = self._learn(claim, payments)
            if told.total < claim.due:
                raise _told_before()
        self._shown.pop(claim.transaction.id, None)
        return Receipt(trace=recorded.id, told=told)

    def _told(self, claim: Claim) -> Tellings:
        """Return what the vendor is known to hold from us."""
        return claim.told.at_least(self._shown.get(claim.transaction.id, Tellings()))

    def _learn(self, claim: Claim, payments: Mapping[str, Money]) -> Tellings:
        """Return what the vendor holds from us, and remember it if the store knows less."""
        stem = _stem(claim.transaction)
        ours = {
            int(reference.removeprefix(stem)): money.minor
            for reference, money in payments.items()
            if reference.startswith(stem) and reference.removeprefix(stem).isdecimal()
        }
        shown = Tellings(max(ours, default=0), sum(ours.values()))
        if self._told(claim).at_least(shown) != claim.told:
            self._shown[claim.transaction.id] = self._told(claim).at_least(shown)
        return shown

    def _verdict(self, claim: Claim) -> Verdict:
        told = self._told(claim)
        if told.total < claim.due:
            return Absent()
        self._shown.pop(claim.transaction.id, None)
        return Present(Receipt(told=told))

    def _noon(self, report: PaymentReport) -> datetime:
        return datetime.combine(report.paid_on, _NOON, self._settings.timezone).astimezone(UTC)


def _stem(transaction: Transaction) -> str:
    """Return what the references of a transaction's payments begin with; short, since no limit is documented."""
    name = f"{transaction.kind} {transaction.source_id}"
    return f"loadledger-{hashlib.sha256(name.encode()).hexdigest()[:8]}-"


def _told_before() -> Unavailable:
    return Unavailable("the TMS was told more than the store knew, so the payment is prepared anew", 0.0)


def _customer_payment(content: Content, report: PaymentReport, reference: str, paid_at: datetime) -> CustomerPayment:
    return CustomerPayment(
        load_number=content.load_number,
        amount=_amount(report.amount),
        payment_date=paid_at,
        reference_number=reference,
        invoice_number=content.number if content.number == content.load_number else None,  # ours may be another
        payment_method=report.method,
        note=report.note,
    )


def _carrier_payment(content: Content, report: PaymentReport, reference: str, paid_at: datetime) -> CarrierPayment:
    if not content.trip_id:
        raise Rejected(PAYMENT_REFUSED.seen("the bill names no trip"))
    return CarrierPayment(
        trip_id=content.trip_id,
        amount=_amount(report.amount),
        payment_date=paid_at,
        reference_number=reference,
        payment_method=report.method,
        note=report.note,
    )


_FORMS: Final = {Kind.CUSTOMER_INVOICE: _customer_payment, Kind.CARRIER_BILL: _carrier_payment}


def _amount(money: Money) -> Amount:
    return Amount(money.amount, _NUMBERS[money.currency])


def _of_loads(invoice: object) -> dict[str, dict[str, Money]]:
    """Return an invoice's payments by reference, under the number of each of its loads; nothing if it can't be read."""
    with suppress(Odd):
        record = Record(invoice, "Invoice")
        payments = {paid.text("PaymentReference"): paid.money("Amount") for paid in record.parts("Payments")}
        return {load.text("LoadNumber"): payments for load in record.parts("Loads")}
    return {}


def _of_trip(answer: object) -> dict[str, Money]:
    """Return all payments of a trip by reference, as the answer to one of them tells; nothing if it can't be read."""
    with suppress(Odd):
        payments = Record(answer, "Trip").parts("CarrierPayments")
        return {paid.text("ReferenceNumber"): paid.money("Amount") for paid in payments}
    return {}
