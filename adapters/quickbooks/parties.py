"""Which QuickBooks customer or vendor stands for a party of the TMS: linked, else found by name, else created."""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Final, NamedTuple

import msgspec
import structlog

from adapters.http import encode
from adapters.ports import Links, Rejected
from adapters.quickbooks.books import Copy, written_for
from adapters.quickbooks.cards import card
from adapters.quickbooks.client import Client
from adapters.quickbooks.contacts import Contacts
from adapters.quickbooks.creations import Creations
from adapters.quickbooks.faults import Refused
from adapters.quickbooks.flights import Flights
from adapters.quickbooks.forms import FORMS, Form
from adapters.quickbooks.names import LONGEST, key, spelled, suffixed, unsuffixed
from adapters.quickbooks.problems import rejected
from adapters.quickbooks.roster import Roster
from adapters.quickbooks.settings import Settings
from adapters.quickbooks.shapes import Named, readable
from state.outbox import Phase
from state.transaction import Party

# A name, then with one suffix, and so on: as often as others may hold all the names before.
_MOST_SUFFIXES: Final = 3

# The fault that says the name is there already: look again rather than refuse.
_TAKEN: Final = "6240"
# Faults about one field of the new party, which only a person can correct.
_CONTACT: Final = frozenset({"2040", "2050", "2210"})

_FORM_OF: Final = {form.entity: form for form in FORMS.values()}

log = structlog.get_logger(__name__)


class Match(NamedTuple):
    """Who a party is in QuickBooks: its id, or the name under which it is to be created; `gone` was merged into it."""

    id: str = ""
    name: str = ""
    gone: str = ""


class Parties:
    """Customers and vendors. A link is kept durably before the id is used; one creation per name at a time."""

    def __init__(
        self, settings: Settings, client: Client, links: Links, creations: Creations, clock: Callable[[], datetime]
    ) -> None:
        self._client = client
        self._clock = clock
        self._links = links
        self._creations = creations
        self._suffixes = {"Customer": f" {settings.customer_suffix}", "Vendor": f" {settings.vendor_suffix}"}
        self._roster = Roster(client, self._suffixes, clock)
        self._contacts = Contacts(client, links, settings)
        self._flights = Flights("party")
        self._doubted: set[tuple[str, str]] = set()
        self._proven: set[tuple[str, str]] = set()
        self._witnessed: set[tuple[str, str]] = set()

    def doubt(self, party: Party, form: Form) -> bool:
        """Check the link of this party at the next use: QuickBooks just refused a reference of its document.

        Return whether that may help: not if the link was found sound after the last refusal.
        """
        each = (form.party, party.source_id)
        if each in self._proven:
            self._proven.discard(each)
            return False
        self._doubted.add(each)
        return True

    async def witnessed(self, party: Party, form: Form, document_id: str) -> None:
        """Remember a document of this party, one each run: after a merge, documents tell whose they are by now."""
        each = (form.party, party.source_id)
        if each not in self._witnessed:
            await self._links.link(_document_of(form.party), party.source_id, f"{form.entity} {document_id}")
            self._witnessed.add(each)

    async def resolve(self, party: Party, entity: str, told_at: datetime | None = None) -> str:
        """Return the id of the party in QuickBooks, creating it if no one goes by its name.

        Contact details the TMS told since the last ones are passed on, if that is wanted; `told_at` says when it told
        these. Raises Rejected if the link is dead, the name inactive, ambiguous or held by others in all its forms, and
        OutcomeUnknown while nobody knows what came of the creation: then this document waits.
        """
        found = await self._linked(party, entity) or await self._matched(party, entity)
        if told_at is not None:
            await self._contacts.keep_up(party, entity, found, told_at)
        return found

    async def find(self, party: Party, entity: str) -> Match:
        """Return what `resolve` would find, or create; nothing is created here, and nothing remembered."""
        linked = await self._linked(party, entity)
        return Match(linked) if linked else await self._find(party, _names(party), entity, self._clock())

    async def _linked(self, party: Party, entity: str) -> str | None:
        """Return the remembered id, unless it is in doubt."""
        linked = await self._links.linked(entity.lower(), party.source_id)
        return None if (entity, party.source_id) in self._doubted else linked

    async def _matched(self, party: Party, entity: str) -> str:
        """Return the party as it was found, else a new one; keep the link."""
        names, asked = _names(party), self._clock()
        async with self._flights.alone(key(names[0])):
            if linked := await self._linked(party, entity):
                return linked  # another document has seen to it meanwhile
            match = await self._find(party, names, entity, asked)
            if match.gone:
                await self._merged(party, entity, match)
            identity = match.id or await self._new(party, names, entity)
            await self._links.link(entity.lower(), party.source_id, identity, name=key(names[0]))
            self._doubted.discard((entity, party.source_id))
            return identity

    async def _find(self, party: Party, names: Sequence[str], entity: str, asked: datetime) -> Match:
        """Return whom a dead link's party is by now, else whoever goes by its name, else the name for a new one.

        A dead link is not followed by a new party, since a person did away with the one it led to.
        """
        dead = await self._links.linked(entity.lower(), party.source_id)
        if dead and (living := await self._living(party, entity, dead)):
            return living
        held = await self._creations.held(entity, key(names[0]))
        if dead or (held is not None and held.phase is not Phase.WAITING):
            await self._roster.refresh(self._clock())
        else:
            await self._roster.refresh()
        if found := await self._surely_found(names, entity, asked):
            return Match(found)
        if dead:
            raise rejected("party_gone", f'{entity.lower()} {dead}, which stood for "{party.name}"')
        return Match(name=self._free(names, entity))

    async def _living(self, party: Party, entity: str, linked: str) -> Match | None:
        """Return a doubted id if it is active after all, or the id it was merged into.

        Nothing but its documents tells what became of a party that is gone; one made inactive was not merged.
        """
        raw = await self._client.read(entity, linked, purpose="party")
        held = readable(raw, Named)
        if held is not None and held.active:
            self._proven.add((entity, party.source_id))
            return Match(linked)
        told = await self._links.linked(_document_of(entity), party.source_id) if raw is None else None
        if told is None:
            return None
        kind, _, identity = told.partition(" ")
        document = await self._client.read(kind, identity, purpose="party")
        return await self._heir(party, _FORM_OF[kind], linked, Copy.of(document)) if document else None

    async def follow(self, party: Party, form: Form, copy: Copy) -> Match | None:
        """Return whom a document of this party is with by now, if that is because its party was merged into another."""
        linked = await self._links.linked(form.party.lower(), party.source_id)
        if linked is None or await self._client.read(form.party, linked, purpose="party") is not None:
            return None
        return await self._heir(party, form, linked, copy)

    async def adopt(self, party: Party, form: Form, match: Match) -> None:
        """Remember whom a party was merged into."""
        await self._merged(party, form.party, match)
        await self._links.link(form.party.lower(), party.source_id, match.id)

    async def former(self, party: Party, entity: str) -> list[str]:
        """Return the ids that stood for this party before they were merged into others."""
        return (await self._links.linked(_former(entity), party.source_id) or "").split()

    async def _heir(self, party: Party, form: Form, gone: str, copy: Copy) -> Match | None:
        """Return whom a document went to with the party that is gone.

        Only a document that is otherwise as we wrote it, and for this very party, tells of a merge.
        """
        known = (gone, *await self.former(party, form.party))
        heir = copy.held.party.value
        if heir in {"", gone} or not written_for(copy, form, known):
            return None
        return Match(heir, gone=gone)

    async def _merged(self, party: Party, entity: str, match: Match) -> None:
        """Remember for whom documents of this party may have been written."""
        known = (match.gone, *await self.former(party, entity))
        await self._links.link(_former(entity), party.source_id, " ".join(dict.fromkeys(known)))
        log.info("party.merged", entity=entity, id=match.gone, into=match.id)

    async def _new(self, party: Party, names: Sequence[str], entity: str) -> str:
        """Return a new party under the first form of its name that is free, or whoever turns out to have it."""
        name, taken = key(names[0]), set[str]()
        while True:
            display = self._free(names, entity, taken)
            held = await self._creations.held(entity, name)
            body = encode(card(party, display, entity))
            creation = await self._creations.next(entity, name, held, body, party.source_id)
            try:
                identity = await self._creations.send(entity, name, creation)
            except Refused as refusal:
                if refusal.fault.code in _CONTACT:
                    raise rejected("party_refused", refusal.fault.text, refusal.trace) from refusal
                if refusal.fault.code != _TAKEN:
                    raise
                await self._roster.refresh(self._clock())
                if found := self._found(names, entity) or self._alike(display, entity):
                    return found
                taken.add(display)
            else:
                display = msgspec.json.decode(creation.body)["DisplayName"]  # sent again, it is as it was
                self._roster.add(entity, Named(id=identity, display_name=display))
                return identity

    async def _surely_found(self, names: Sequence[str], entity: str, asked: datetime) -> str | None:
        """Return whoever goes by one of the names; that is refused by a list not older than the question only."""
        try:
            return self._found(names, entity)
        except Rejected:
            await self._roster.refresh(asked)
            return self._found(names, entity)

    def _found(self, names: Sequence[str], entity: str) -> str | None:
        """Return the one party that goes by the first name that anyone goes by, with the fewest suffixes."""
        suffix = self._suffixes[entity]
        for name in names:
            base, own = unsuffixed(name, suffix)
            inactive: list[Named] = []
            for count in range(own, own + _MOST_SUFFIXES + 1):
                spellings = (base, spelled(base, LONGEST - count * len(suffix)))
                rows = self._roster.called(entity, spellings, count)
                if any(row.active for row in rows):
                    return _one(entity, rows)
                inactive += rows
            if inactive:
                return _one(entity, inactive)
        return None

    def _alike(self, display: str, entity: str) -> str | None:
        """Return the party whose name QuickBooks holds for the same, though nobody seems to have it."""
        return None if self._roster.holders(display) else _one(entity, self._roster.alike(entity, display))

    def _free(self, names: Sequence[str], entity: str, taken: Collection[str] = ()) -> str:
        """Return the first form of a name that nobody has, as far as is known; raise Rejected if there is none."""
        title = next((name for name in names if spelled(name)), None)
        if title is None:
            raise rejected("party_missing", f'no letter of "{names[0]}" is one that every QuickBooks company takes')
        forms = self._forms(title, entity)
        for form in forms:
            if form not in taken and not self._roster.holders(form):
                return form
        holders = [each for form in forms for each in self._roster.holders(form)]
        listed = ", ".join(_listed(owner, [row]) for owner, row in holders)
        raise rejected("party_name_taken", listed or f'someone that QuickBooks does not show: "{spelled(title)}"')

    def _forms(self, title: str, entity: str) -> list[str]:
        """Return a name as it may be spelled in QuickBooks, with more and more suffixes."""
        suffix = self._suffixes[entity]
        base, own = unsuffixed(title, suffix)
        return [suffixed(base, suffix, own + more) for more in range(_MOST_SUFFIXES + 1)]


def _names(party: Party) -> tuple[str, ...]:
    """Return what a party goes by, the name for accounting first; raise Rejected if it has no name."""
    names = tuple(dict.fromkeys(name for name in (party.accounting_name or "", party.name) if key(name)))
    if not names:
        raise rejected("party_missing", f"party {party.source_id} has no name to go by")
    return names


def _one(entity: str, rows: Sequence[Named]) -> str | None:
    """Return the one active row; raise Rejected if there are several, or inactive ones only."""
    active = [row for row in rows if row.active]
    if len(active) > 1:
        raise rejected("party_ambiguous", _listed(entity, active))
    if rows and not active:
        raise rejected("party_inactive", _listed(entity, rows))
    return active[0].id if active else None


def _document_of(entity: str) -> str:
    """Return under which kind a document of a party is remembered."""
    return f"document of {entity.lower()}"


def _former(entity: str) -> str:
    """Return under which kind the ids that stood for a party before are remembered."""
    return f"former {entity.lower()}"


def _listed(entity: str, rows: Sequence[Named]) -> str:
    ordered = sorted(rows, key=lambda row: (len(row.id), row.id))
    return ", ".join(f'{entity.lower()} {row.id} "{row.display_name}"' for row in ordered)
