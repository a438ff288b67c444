"""Which QuickBooks customer or vendor stands for a party of the TMS: linked, else found by name, else created."""

import re
from typing import Final

from adapters.http import encode
from adapters.ports import Links
from adapters.quickbooks.client import Client, quoted
from adapters.quickbooks.creations import Creations
from adapters.quickbooks.faults import Refused
from adapters.quickbooks.flights import Flights
from adapters.quickbooks.forms import Form, Raw
from adapters.quickbooks.problems import rejected
from adapters.quickbooks.shapes import Named, readable
from state.transaction import Address, Party

_LONGEST_NAME: Final = 500
_LONGEST_COMPANY: Final = 100
_LONGEST_PHONE: Final = 30
_LONGEST_EMAIL: Final = 100
_UNFIT = re.compile(r"[:\x00-\x1f\x7f]+")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")

# Faults that say the name is there already: look again rather than refuse.
_EXISTS: Final = frozenset({"6240", "630"})
# Faults about one field of the new party, which only a person can correct.
_CONTACT: Final = frozenset({"2040", "2050", "2210"})


class Parties:
    """Customers and vendors. A link is kept durably before the id is used; one creation per name at a time."""

    def __init__(self, client: Client, links: Links, creations: Creations) -> None:
        self._client = client
        self._links = links
        self._creations = creations
        self._flights = Flights("party")
        self._doubted: set[tuple[str, str]] = set()

    def doubt(self, party: Party, form: Form) -> None:
        """Check the link of this party at the next use: QuickBooks just refused a reference of its document."""
        self._doubted.add((form.party, party.source_id))

    async def resolve(self, party: Party, form: Form) -> str:
        """Return the id of the party in QuickBooks, creating it if no one goes by its name.

        Raises Rejected if the name is held by an inactive, an ambiguous or the other kind of party, and OutcomeUnknown
        while nobody knows what came of the creation: then this document waits.
        """
        if linked := await self._linked(party, form):
            return linked
        names = tuple(dict.fromkeys(filter(None, (clean(party.accounting_name or ""), clean(party.name)))))
        if not names:
            raise rejected("party_missing", f"party {party.source_id} has no name that QuickBooks accepts")
        async with self._flights.alone(key(names[0])):
            if linked := await self._linked(party, form):
                return linked  # another document has seen to it meanwhile
            found = await self._named_or_new(party, names, form)
            await self._links.link(form.party.lower(), party.source_id, found, name=key(names[0]))
            return found

    async def _named_or_new(self, party: Party, names: tuple[str, ...], form: Form) -> str:
        """Return the party that goes by one of the names, or a new one that goes by the first."""
        name = key(names[0])
        held = await self._creations.held(form.party, name)
        if found := await self._found(names, form):
            return found
        creation = await self._creations.next(form.party, name, held, encode(card(party, names[0])), party.source_id)
        try:
            return await self._creations.send(form.party, name, creation)
        except Refused as refusal:
            if refusal.fault.code in _EXISTS:
                return await self._held(names, form)
            if refusal.fault.code in _CONTACT:
                raise rejected("party_refused", refusal.fault.text, refusal.trace) from refusal
            raise

    async def _linked(self, party: Party, form: Form) -> str | None:
        """Return the remembered id; one in doubt only if it is still active."""
        linked = await self._links.linked(form.party.lower(), party.source_id)
        if linked is None or (form.party, party.source_id) not in self._doubted:
            return linked
        raw = await self._client.read(form.party, linked, purpose="party")
        held = readable(raw, Named)
        if held is None or not held.active:
            return None
        self._doubted.discard((form.party, party.source_id))
        return linked

    async def _found(self, names: tuple[str, ...], form: Form) -> str | None:
        for name in names:
            rows = await self._named(form.party, name)
            active = [row for row in rows if row.active]
            if len(active) > 1:
                raise rejected("party_ambiguous", _listed(form.party, active))
            if active:
                return active[0].id
            if rows:
                raise rejected("party_inactive", _listed(form.party, rows))
        return None

    async def _named(self, entity: str, name: str) -> list[Named]:
        """Return the rows of that name, inactive ones too; case and the width of spaces do not matter."""
        pattern = quoted("%".join(name.replace("\\", " ").split()))
        where = f"DisplayName like {pattern} and Active in (true, false)"
        rows = await self._client.select(entity, where, purpose="party")
        named = (readable(raw, Named) for raw in rows)
        return [row for row in named if row is not None and key(row.display_name) == key(name)]

    async def _held(self, names: tuple[str, ...], form: Form) -> str:
        """Return the party that took the name meanwhile; raise Rejected if another kind of party holds it."""
        if found := await self._found(names, form):
            return found
        holders = await self._named(form.rival, names[0])
        raise rejected("party_name_taken", _listed(form.rival, holders) or f'an employee or other entry "{names[0]}"')


def clean(name: str) -> str:
    """Return a name that QuickBooks accepts: no colon, tab, newline or other control character, at most 500."""
    return " ".join(_UNFIT.sub(" ", name).split())[:_LONGEST_NAME].strip()


def key(name: str) -> str:
    """Return what two spellings of one name have in common."""
    return " ".join(name.split()).casefold()


def card(party: Party, name: str) -> Raw:
    """Return the new customer or vendor: a name QuickBooks accepts, the TMS's own spelling, and the contact.

    Contact details that QuickBooks would refuse are left out: they are no reason to hold a document.
    """
    whole = " ".join(party.name.split())
    optional: Raw = {
        "CompanyName": whole if len(whole) <= _LONGEST_COMPANY else None,
        "PrintOnCheckName": whole if len(whole) <= _LONGEST_COMPANY else None,
        "PrimaryEmailAddr": {"Address": party.email} if _fits_email(party.email) else None,
        "PrimaryPhone": {"FreeFormNumber": party.phone} if party.phone and len(party.phone) <= _LONGEST_PHONE else None,
        "BillAddr": _address(party.address) if party.address else None,
    }
    return {"DisplayName": name} | {field: value for field, value in optional.items() if value}


def _fits_email(email: str | None) -> bool:
    return bool(email) and len(email or "") <= _LONGEST_EMAIL and _EMAIL.fullmatch(email or "") is not None


def _address(address: Address) -> Raw:
    fields = {
        "Line1": address.street,
        "City": address.city,
        "CountrySubDivisionCode": address.region,
        "PostalCode": address.postal_code,
    }
    return {field: value for field, value in fields.items() if value}


def _listed(entity: str, rows: list[Named]) -> str:
    return ", ".join(f'{entity.lower()} {row.id} "{row.display_name}"' for row in rows)
