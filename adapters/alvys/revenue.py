"""What loads bring in: customers' invoices, supplements to them, and what was paid on them."""

from collections import Counter
from collections.abc import Collection, Sequence
from typing import Final

from adapters.alvys.directory import Directory
from adapters.alvys.hauls import Hauls, gone, part, parts
from adapters.alvys.mapping.common import unless_zero
from adapters.alvys.mapping.invoices import (
    customer_invoice,
    invoice_id,
    invoice_withdrawn,
    is_supplement,
    load_withdrawn,
    unreadable_load,
)
from adapters.alvys.mapping.payments import customer_payment
from adapters.alvys.record import glimpse
from adapters.alvys.selection.common import Skip, takes
from adapters.alvys.selection.invoices import invoice_gone, invoice_skip, newest, payment_skip, taken_back
from adapters.alvys.settings import Settings
from adapters.ports import Roster
from state.transaction import Kind, Origin, Sourced

_INVOICES: Final = frozenset({Kind.CUSTOMER_INVOICE})
_PAYMENTS: Final = frozenset({Kind.CUSTOMER_PAYMENT})


class Revenue:
    """The revenue side of what was gathered. `skipped` counts what is left alone."""

    def __init__(self, directory: Directory, settings: Settings, skipped: Counter[Skip]) -> None:
        self._directory = directory
        self._settings = settings
        self._skipped = skipped

    async def of(self, hauls: Hauls) -> list[Sourced | Roster]:
        """Return what the invoices over the loads become, each identity once, and what of theirs is gone."""
        lost = {key for load in hauls.loads if gone(load) and (key := glimpse(load, "Id"))}
        found = [each for load in hauls.loads for each in self._of_load(load, hauls, lost)]
        others = [invoice for invoice in hauls.invoices if invoice_id(invoice) not in lost]
        for invoice in others:
            if invoice_gone(invoice, lost):
                found += self._withdrawn(invoice_withdrawn(invoice))
        found += await self.invoices([invoice for invoice in others if not invoice_gone(invoice, lost)], hauls)
        return found + [_supplements(key, hauls, lost) for load in hauls.loads if (key := glimpse(load, "Id"))]

    async def invoices(self, invoices: Sequence[object], hauls: Hauls) -> list[Sourced | Roster]:
        """Return what invoices that stand become, with the payments on them."""
        taken = [invoice for invoice in invoices if takes(self._skipped, invoice_skip(invoice, self._settings))]
        standing = newest(taken)
        self._skipped[Skip.SUPERSEDED] += len(taken) - len(standing)
        customers = await self._directory.customers({_customer(invoice) for invoice in standing} - {""})
        found: list[Sourced | Roster] = []
        for invoice in standing:
            billed = customer_invoice(invoice, customers.get(_customer(invoice)), hauls, self._settings)
            billed = unless_zero(billed, self._settings)
            self._skipped[Skip.ZERO_VALUED] += billed.withdrawn
            found += self._withdrawn(billed) if billed.withdrawn else [billed, *self._payments(invoice, billed)]
        return found

    def _of_load(self, load: object, hauls: Hauls, lost: Collection[str]) -> list[Sourced | Roster]:
        """Return what a load itself says of its own invoice: that it is gone, or can't be found."""
        if glimpse(load, "Id") in lost or taken_back(load, hauls):
            return self._withdrawn(load_withdrawn(load))
        return [] if gone(load) or glimpse(load, "LoadNumber") else [unreadable_load(load)]

    def _withdrawn(self, invoice: Sourced) -> list[Sourced | Roster]:
        """Return an invoice that is gone, and that nothing is paid on it."""
        paid = Roster(_PAYMENTS, invoice.source_id, frozenset())
        return [invoice, paid] if self._settings.rules.customer_payments else [invoice]

    def _payments(self, raw: object, invoice: Sourced) -> list[Sourced | Roster]:
        """Return what was paid on an invoice, without what we reported ourselves, and the roster of it."""
        if not self._settings.rules.customer_payments or invoice.content is None:
            return []
        every = parts(raw, "Payments")
        taken = [each for each in every if takes(self._skipped, payment_skip(each, self._settings))]
        settled = Origin(invoice.kind, invoice.source_id)
        paid = [customer_payment(each, settled, invoice.content, self._settings) for each in taken]
        return [*paid, Roster(_PAYMENTS, invoice.source_id, frozenset(each.source_id for each in paid))]


def _supplements(key: str, hauls: Hauls, lost: Collection[str]) -> Roster:
    """Return the roster of the supplements to a load's invoice: that one was taken back shows nowhere else."""
    named = {invoice_id(each) for each in hauls.invoices if is_supplement(each)}
    return Roster(_INVOICES, key, frozenset() if key in lost else frozenset(named))


def _customer(invoice: object) -> str:
    """Return the id of the customer an invoice names, blank if it can't be read."""
    return glimpse(part(invoice, "Customer"), "Id")
