"""Payments told to Alvys: per load for a customer's, per trip for a carrier's, named by a reference for ever."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, time
from decimal import Decimal
from typing import Final

import msgspec
from typing_extensions import override

from adapters.alvys.client import Client
from adapters.alvys.directory import chunks
from adapters.alvys.faults import PAYMENT_DIFFERS, PAYMENT_REFUSED
from adapters.alvys.record import CURRENCIES, Odd, Record
from adapters.alvys.settings import Settings
from adapters.http import encode
from adapters.ports import Absent, Conflict, Order, Present, Rejected, Sender, Verdict
from state.outbox import Claim, PaymentReport, Receipt
from state.transaction import Content, Kind, Money

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


class _Recorded(msgspec.Struct, rename="pascal"):
    """What we need of the answer to either: the customer payment's id."""

    id: str = ""


class Payments(Sender):
    """The sender of payment reports."""

    def __init__(self, client: Client, settings: Settings) -> None:
        self._client = client
        self._settings = settings

    @override
    async def prepare(self, claim: Claim, request_id: str) -> Order:
        """Freeze the report as the vendor's request body; raises Rejected if there is nothing to report on."""
        content, report = claim.transaction.content, claim.message.report
        if content is None or report is None:
            raise Rejected(PAYMENT_REFUSED.seen("there is no content or no payment to report"))
        if report.amount.currency not in _NUMBERS:
            raise Rejected(PAYMENT_REFUSED.seen(f"no number is known for the currency {report.amount.currency}"))
        body = _FORMS[claim.transaction.kind](content, report, self._noon(report))
        return Order(claim, request_id, encode(body))

    @override
    async def look_up(self, orders: Sequence[Order]) -> Mapping[int, Verdict]:
        """Return which customer payments are on their invoices already, with one search per chunk of loads.

        Carrier payments can't be read back, and sending one again is safe: the vendor documents the reference as
        the key of idempotency. The same holds for a customer payment whose invoice can't be read.
        """
        verdicts: dict[int, Verdict] = {order.claim.message.id: Absent() for order in orders}
        sent = {
            order.claim.message.id: msgspec.json.decode(order.body, type=CustomerPayment)
            for order in orders
            if order.claim.transaction.kind is Kind.CUSTOMER_INVOICE
        }
        numbers = sorted({payment.load_number for payment in sent.values()})
        for chunk in chunks(numbers, self._settings.invoice_chunk):
            invoices = await self._client.search("invoices/search", {"LoadNumbers": chunk})
            held = {key: money for invoice in invoices for key, money in _held(invoice).items()}
            for message, payment in sent.items():
                if (money := held.get((payment.load_number, payment.reference_number))) is not None:
                    verdicts[message] = _verdict(payment, money)
        return verdicts

    @override
    async def send(self, order: Order) -> Receipt:
        """Post the frozen body once; Rejected is the vendor's definite no, OutcomeUnknown an unclear end."""
        path = PATHS[order.claim.transaction.kind]
        answer = await self._client.post(path, order.body, writes=True, refusal=PAYMENT_REFUSED)
        return Receipt(trace=answer.decode(_Recorded).id)

    def _noon(self, report: PaymentReport) -> datetime:
        return datetime.combine(report.paid_on, _NOON, self._settings.timezone).astimezone(UTC)


def _customer_payment(content: Content, report: PaymentReport, paid_at: datetime) -> CustomerPayment:
    return CustomerPayment(
        load_number=content.load_number,
        amount=_amount(report.amount),
        payment_date=paid_at,
        reference_number=report.reference,
        invoice_number=content.number or None,
        payment_method=report.method,
        note=report.note,
    )


def _carrier_payment(content: Content, report: PaymentReport, paid_at: datetime) -> CarrierPayment:
    if not content.trip_id:
        raise Rejected(PAYMENT_REFUSED.seen("the bill names no trip"))
    return CarrierPayment(
        trip_id=content.trip_id,
        amount=_amount(report.amount),
        payment_date=paid_at,
        reference_number=report.reference,
        payment_method=report.method,
        note=report.note,
    )


_FORMS: Final = {Kind.CUSTOMER_INVOICE: _customer_payment, Kind.CARRIER_BILL: _carrier_payment}


def _amount(money: Money) -> Amount:
    return Amount(money.amount, _NUMBERS[money.currency])


def _held(raw: object) -> dict[tuple[str, str], Money]:
    """Return an invoice's payments by load number and reference; what can't be read is left out."""
    with suppress(Odd):
        invoice = Record(raw, "Invoice")
        loads = [load.text("LoadNumber") for load in invoice.parts("Loads")]
        paid = {payment.text("PaymentReference"): payment.money("Amount") for payment in invoice.parts("Payments")}
        return {(load, reference): money for load in loads for reference, money in paid.items()}
    return {}


def _verdict(payment: CustomerPayment, held: Money) -> Verdict:
    told = Money.of(payment.amount.amount, CURRENCIES[payment.amount.currency])
    if held == told:
        return Present(Receipt())
    return Conflict(PAYMENT_DIFFERS.seen(f"{payment.reference_number}: {held} held, {told} to be told"))
