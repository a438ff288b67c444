"""What customers paid, as the TMS has it recorded on their invoices."""

from adapters.alvys.mapping.common import dated, identity, sourced
from adapters.alvys.mapping.numbers import document_number
from adapters.alvys.record import Record
from adapters.alvys.settings import Settings
from state.transaction import Content, Kind, Line, Origin, Sourced


def customer_payment(raw: object, settled: Origin, invoice: Content, settings: Settings) -> Sourced:
    """Return a payment on an invoice, with what the invoice says beside it."""
    key = f"{settled.source_id}/{identity(raw, 'Id')}"
    named = Sourced(Kind.CUSTOMER_PAYMENT, key, invoice.number or invoice.load_number, withdrawn=True)
    return sourced(named, lambda: _payment(Record(raw, "Payment"), settled, invoice, settings))


def _payment(payment: Record, settled: Origin, invoice: Content, settings: Settings) -> Content:
    amount = payment.money("Amount")
    names = (payment.text(field).strip() for field in ("CheckNumber", "PaymentReference", "Id"))
    number = next(filter(None, names), "")
    told = f"Payment {number} on invoice {invoice.number}"
    return Content(
        party=invoice.party,
        number=document_number("", number, settings),
        issued_on=dated(payment.day("PaymentDate", settings.timezone), payment),
        due_on=None,
        lines=(Line("other", "Payment", amount, told, invoice.segment),),
        total=amount,
        load_number=invoice.load_number,
        memo=told,
        segment=invoice.segment,
        settles=settled,
    )
