"""QuickBooks Online as the engine's accounting system."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date, datetime

from typing_extensions import override

from adapters.http import Http
from adapters.ports import Accounting, Changes, File, Finding, Foresight, Links, Place, Preview, Vault
from adapters.quickbooks.attachments import Attachments
from adapters.quickbooks.auth import Tokens
from adapters.quickbooks.changes import Watch
from adapters.quickbooks.charges import Charges
from adapters.quickbooks.check import Inspection
from adapters.quickbooks.client import Client
from adapters.quickbooks.coverage import Coverage
from adapters.quickbooks.creations import Creations
from adapters.quickbooks.exports import Exports
from adapters.quickbooks.items import Items
from adapters.quickbooks.parties import Parties
from adapters.quickbooks.previews import Previews
from adapters.quickbooks.references import References
from adapters.quickbooks.settings import Settings
from adapters.quickbooks.starting import starting
from adapters.quickbooks.voids import Voids
from state.outbox import Claim
from state.transaction import Charge, DocumentType


class QuickBooks(Accounting, Foresight):
    """One QuickBooks company. `tokens` tells how long the connection lasts, `coverage` what the mapping lacks."""

    def __init__(
        self, settings: Settings, http: Http, vault: Vault, links: Links, clock: Callable[[], datetime]
    ) -> None:
        self.tokens = Tokens(settings, http, vault, clock)
        client = Client(settings, http, self.tokens)
        self._references = references = References(client, settings, clock)
        creations = Creations(client, links, settings, clock)
        parties = Parties(settings, client, links, creations, clock)
        charges = Charges(settings.mapping, references, Items(client, links, creations, references))
        self.exports = Exports(settings, client, references, parties, charges, clock)
        self._previews = Previews(settings, self.exports, references)
        self.voids = Voids(settings, client, references)
        self._attachments = Attachments(settings, client)
        self.coverage = Coverage(settings.mapping, charges, references)
        self._watch = Watch(settings, client, references, clock, self.coverage.look)
        self._inspection = Inspection(settings, references, self.coverage, self.tokens)

    @override
    async def changes(self, since: datetime) -> Changes:
        """Return every invoice and bill that changed since then, at least once, with its payments."""
        return await self._watch.changes(since)

    @override
    async def preview(self, claims: Sequence[Claim]) -> Mapping[int, Preview]:
        """Return, by message id, what preparing and looking up would come to now; nothing is made and nothing kept."""
        return await self._previews.of(claims)

    @override
    async def stands(self, document_type: DocumentType, document_id: str) -> bool:
        """Whether a document is there and not voided, read by its id."""
        return await self._watch.stands(document_type, document_id)

    @override
    async def closed_until(self) -> date | None:
        """Return the last day of the closed books, None if they are open."""
        return (await self._references.preferences()).closed_until

    @override
    async def attached(self, document_type: DocumentType, document_id: str, files: Sequence[File]) -> Mapping[str, str]:
        """Return which of some files hang on a document already."""
        return await self._attachments.on(document_type, document_id, files)

    @override
    async def attach(
        self, document_type: DocumentType, document_id: str, file: File, content: bytes, request_id: str
    ) -> str:
        """Attach a file to a document, once, and return QuickBooks' id of it."""
        return await self._attachments.attach(document_type, document_id, file, content, request_id)

    @override
    async def check(self) -> Sequence[Finding]:
        """Say line by line whether connection, plan, preferences, accounts and mapping are fit."""
        return await self._inspection.findings()

    async def mapping(self, used: Collection[Charge]) -> Sequence[Place]:
        """Return the mapping line by line, then the gaps: `used` are the charges that documents have had so far."""
        return await self.coverage.places(used)

    async def starting_mapping(self, used: Collection[Charge]) -> str:
        """Return a `[mapping]` to begin with, guessed from the company's items and chart of accounts."""
        return starting(await self._references.accounts(), await self._references.items(), used)
