"""What loads bring in: customers' invoices, supplements to them, and what was paid on them."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
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
        found += [invoice_withdrawn(invoice) for invoice in others if invoice_gone(invoice, lost)]
        found += await self.invoices([invoice for invoice in others if not invoice_gone(invoice, lost)], hauls)
        paid = _paid(found) if self._settings.rules.customer_payments else []
        supplements = [_supplements(key, hauls, lost) for load in hauls.loads if (key := glimpse(load, "Id"))]
        return [*found, *paid, *supplements]

    async def invoices(self, invoices: Sequence[object], hauls: Hauls) -> list[Sourced]:
        """Return what invoices that stand become, with the payments on them."""
        taken = [invoice for invoice in invoices if takes(self._skipped, invoice_skip(invoice, self._settings))]
        standing = newest(taken)
        self._skipped[Skip.SUPERSEDED] += len(taken) - len(standing)
        customers = await self._directory.customers({_customer(invoice) for invoice in standing} - {""})
        found: list[Sourced] = []
        for invoice in standing:
            billed = customer_invoice(invoice, customers.get(_customer(invoice)), hauls, self._settings)
            billed = unless_zero(billed, self._settings)
            self._skipped[Skip.ZERO_VALUED] += billed.withdrawn
            found += [billed, *self._payments(invoice, billed)]
        return found

    def _of_load(self, load: object, hauls: Hauls, lost: Collection[str]) -> list[Sourced]:
        """Return what a load itself says of its own invoice: that it is gone, or can't be found."""
        if glimpse(load, "Id") in lost or taken_back(load, hauls):
            return [load_withdrawn(load)]
        return [] if gone(load) or glimpse(load, "LoadNumber") else [unreadable_load(load)]

    def _payments(self, raw: object, invoice: Sourced) -> list[Sourced]:
        """Return what was paid on an invoice, without what we reported ourselves."""
        if not self._settings.rules.customer_payments or invoice.content is None:
            return []
        every = parts(raw, "Payments")
        taken = [each for each in every if takes(self._skipped, payment_skip(each, self._settings))]
        settled = Origin(invoice.kind, invoice.source_id)
        return [customer_payment(each, settled, invoice.content, self._settings) for each in taken]


def _paid(found: Sequence[Sourced]) -> Iterator[Roster]:
    """Yield the rosters of what is paid on invoices: nothing on one that is gone.

    The payments on a load's own invoice and on the supplements to it all begin with the load's id: one roster lists
    them. Of an invoice that can't be read it is not known what is paid on it.
    """
    families: defaultdict[str, list[Sourced]] = defaultdict(list)
    for each in found:
        families[each.source_id.partition("/")[0]].append(each)
    for first, family in families.items():
        paid = frozenset(each.source_id for each in family if each.kind in _PAYMENTS)
        invoices = {each.source_id: each for each in family if each.kind not in _PAYMENTS}
        if first in invoices and not any(each.problem for each in invoices.values()):
            yield Roster(_PAYMENTS, first, paid)
            continue
        for key, invoice in invoices.items():
            if key != first and not invoice.problem:
                yield Roster(_PAYMENTS, key, frozenset(each for each in paid if each.startswith(f"{key}/")))


def _supplements(key: str, hauls: Hauls, lost: Collection[str]) -> Roster:
    """Return the roster of the supplements to a load's invoice: that one was taken back shows nowhere else."""
    named = {invoice_id(each) for each in hauls.invoices if is_supplement(each)}
    return Roster(_INVOICES, key, frozenset() if key in lost else frozenset(named))


def _customer(invoice: object) -> str:
    """Return the id of the customer an invoice names, blank if it can't be read."""
    return glimpse(part(invoice, "Customer"), "Id")
