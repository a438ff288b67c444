"""Contact details after a party was created: passed on when they change in the TMS, if that is wanted.

Not a creation: an update sets fields to given values and names the version it is based on, so it may be repeated and
overwrites nobody. It needs none of the exactly-once protocol, and no document waits for it.
"""

import hashlib
import re
from datetime import datetime
from typing import Final

import msgspec
import structlog

from adapters.http import encode
from adapters.ports import Links, VendorError
from adapters.quickbooks.cards import contact
from adapters.quickbooks.client import Change, Client
from adapters.quickbooks.faults import Refused
from adapters.quickbooks.forms import Raw
from adapters.quickbooks.settings import Settings
from state.transaction import Party

_UNSUPPORTED: Final = "2010"
_PROPERTY: Final = re.compile(r"Property Name:(?P<field>\w+) specified is unsupported")
_DIGITS: Final = 32
_MASKED: Final = "TaxIdentifier"

log = structlog.get_logger(__name__)


class Told(msgspec.Struct, frozen=True):
    """The contact that QuickBooks was last told, and when the TMS had told it to us."""

    contact: Raw
    at: datetime


class Contacts:
    """What QuickBooks was told of how to reach each party."""

    def __init__(self, client: Client, links: Links, settings: Settings) -> None:
        self._client = client
        self._links = links
        self._wanted = settings.update_contacts

    async def keep_up(self, party: Party, entity: str, identity: str, told_at: datetime) -> None:
        """Pass on what changed since the last time, and nothing else: what people correct in QuickBooks stays.

        A document older than what was told last says nothing new, and of a party that is met for the first time
        nothing is known to have changed. A failure is logged; the next document of the party tries again.
        """
        if not self._wanted:
            return
        kept = await self._links.linked(_contact_of(entity), party.source_id)
        last = msgspec.json.decode(kept, type=Told) if kept else None
        if last is not None and told_at < last.at:
            return
        now = contact(party, entity)
        changed = {field: value for field, value in now.items() if last and last.contact.get(field) != value}
        if changed:
            try:
                await self._update(entity, identity, changed)
            except Refused as refusal:
                log.warning("party.contact_refused", entity=entity, id=identity, code=refusal.fault.code)
            except VendorError as error:
                log.warning("party.contact_waits", entity=entity, id=identity, error=type(error).__name__)
                return
        if last is None or last.contact != now:
            body = msgspec.json.encode(Told(now, told_at)).decode()
            await self._links.link(_contact_of(entity), party.source_id, body)

    async def _update(self, entity: str, identity: str, changed: Raw) -> None:
        """Change some fields of a card and keep the others.

        Sparse updates are documented for customers; for vendors that is unconfirmed, so the others go along as they
        were read. A vendor's tax identifier comes back masked and can't: such a vendor is left alone.
        """
        held = await self._client.read(entity, identity, purpose="party")
        if held is None or held.get(_MASKED):
            log.warning("party.contact_left", entity=entity, id=identity)
            return
        token = {"Id": held["Id"], "SyncToken": held["SyncToken"]}
        body = (held if entity == "Vendor" else token) | changed | {"sparse": True}
        while True:
            try:
                await self._client.write(Change(entity, "update", encode(body)), _request_id(identity, body))
            except Refused as refusal:
                # QuickBooks answers with new fields that it does not take back.
                field = found["field"] if (found := _PROPERTY.search(refusal.fault.detail)) else ""
                if refusal.fault.code != _UNSUPPORTED or field in changed or field not in body:
                    raise
                del body[field]
            else:
                return


def _contact_of(entity: str) -> str:
    """Return under which kind the contact of a party is remembered."""
    return f"contact of {entity.lower()}"


def _request_id(identity: str, body: Raw) -> str:
    return hashlib.sha256(identity.encode() + encode(body)).hexdigest()[:_DIGITS]
