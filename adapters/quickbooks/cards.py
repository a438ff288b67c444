"""A party's card in QuickBooks: its names, and how to reach it. Pure.

Every company takes Latin letters; details that QuickBooks would refuse are left out, since they are no reason to hold
a document.
"""

import re
from typing import Final

from adapters.quickbooks.forms import Raw
from adapters.quickbooks.names import key, legible
from state.transaction import Address, Party

_LONGEST_COMPANY: Final = 100
_LONGEST_PHONE: Final = 30
_LONGEST_EMAIL: Final = 100
_LONGEST_LINE: Final = 500
_EMAIL: Final = re.compile(r"[!-?A-~]+@[!-?A-~]+\.[!-?A-~]+")


def card(party: Party, name: str, entity: str) -> Raw:
    """Return the new customer or vendor: a name QuickBooks accepts, the TMS's own spelling, and the contact."""
    own = legible(party.name)
    whole = key(own) == key(party.name) and len(own) <= _LONGEST_COMPANY
    return (
        {"DisplayName": name}
        | ({"CompanyName": own, "PrintOnCheckName": own} if whole else {})
        | contact(party, entity)
    )


def contact(party: Party, entity: str) -> Raw:
    """Return how to reach a party, and of a vendor whether what it is paid is reported on form 1099."""
    phone = legible(party.phone or "")
    optional: Raw = {
        "PrimaryEmailAddr": {"Address": party.email} if _fits_email(party.email) else None,
        "PrimaryPhone": {"FreeFormNumber": phone} if len(phone) <= _LONGEST_PHONE and phone else None,
        "BillAddr": _address(party.address) if party.address else None,
        "Vendor1099": True if entity == "Vendor" and party.on_1099 else None,
    }
    return {field: value for field, value in optional.items() if value}


def _fits_email(email: str | None) -> bool:
    return bool(email) and len(email or "") <= _LONGEST_EMAIL and _EMAIL.fullmatch(email or "") is not None


def _address(address: Address) -> Raw:
    fields = {
        "Line1": address.street,
        "City": address.city,
        "CountrySubDivisionCode": address.region,
        "PostalCode": address.postal_code,
    }
    plain = {field: legible(value)[:_LONGEST_LINE] for field, value in fields.items()}
    return {field: value for field, value in plain.items() if value}
