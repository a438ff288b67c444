"""Attachables: files that hang on documents, and how one gets there.

A file bears a marker in its note, which tells of which file of the TMS it is, whatever people rename:

    Proof of delivery [loadledger acme file 8d0c2f]
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Final
from urllib.parse import quote, unquote

from adapters.http import encode
from adapters.ports import File, OutcomeUnknown, Rejected
from adapters.quickbooks.client import Client, quoted
from adapters.quickbooks.forms import FORMS, Raw
from adapters.quickbooks.problems import rejected
from adapters.quickbooks.settings import Settings
from state.transaction import DocumentType

_LARGEST: Final = (
    100 * 2**20 - 2**14
)  # bytes; 100 MB are documented for a request, which says a little more than the file
_LONGEST_NAME: Final = 100  # characters; a thousand are documented
_ODD: Final = re.compile(r"[^A-Za-z0-9._ ()-]+")
_MARKER: Final = re.compile(r"\[loadledger (\S+) file (\S+)\]")
# Documented file types are more; these are what loads and trips have.
_MEDIA: Final[Mapping[str, str]] = {
    ".pdf": "application/pdf",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".png": "image/png",
    ".gif": "image/gif",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
}


class Attachments:
    """The files of documents."""

    def __init__(self, settings: Settings, client: Client) -> None:
        self._entity = settings.entity
        self._client = client

    async def on(self, document_type: DocumentType, document_id: str, files: Sequence[File]) -> Mapping[str, str]:
        """Return which of some files hang on a document already: QuickBooks' ids by the TMS's.

        A file is known by our marker; one that bears none, since a person attached it, by its name and size.
        """
        entity = FORMS[document_type].entity
        where = (
            f"AttachableRef.EntityRef.Type = {quoted(entity)} and AttachableRef.EntityRef.value = {quoted(document_id)}"
        )
        rows = await self._client.select("Attachable", where, purpose="look_up")
        marked = {marker: str(raw["Id"]) for raw in rows if (marker := self._marker(raw))}
        by_hand = {_looks(raw): str(raw["Id"]) for raw in rows if not self._marker(raw)}
        nameless = {name: identity for (name, _), identity in by_hand.items()}
        found: dict[str, str] = {}
        for file in files:
            name = _name(file).casefold()
            twin = nameless.get(name) if file.size is None else by_hand.get((name, file.size))
            if identity := marked.get(file.id, twin):
                found[file.id] = identity
        return found

    async def attach(
        self, document_type: DocumentType, document_id: str, file: File, content: bytes, request_id: str
    ) -> str:
        """Upload a file for a document, once, and return QuickBooks' id of it.

        It is not sent to customers with the document. Raises Rejected if the file is too large, or of a type that
        QuickBooks does not take, and the vendor errors as they are met.
        """
        media = _MEDIA.get(PurePath(file.name).suffix.lower())
        if media is None:
            raise rejected("file_type_refused", file.name)
        if len(content) > _LARGEST:
            raise rejected("file_too_large", f"{file.name}, {len(content):,} bytes")
        reference = {"type": FORMS[document_type].entity, "value": document_id}
        said: Raw = {
            "AttachableRef": [{"EntityRef": reference, "IncludeOnSend": False}],
            "FileName": _name(file),
            "ContentType": media,
            "Note": f"{file.sort.replace('_', ' ').capitalize()} {self._mark(file)}",
        }
        try:
            reply = await self._client.upload(encode(said), _name(file), media, content, request_id)
        except Rejected as error:
            raise Rejected(error.problem.seen(f"{file.name}: {error.problem.detail}"), error.trace) from error
        if not (identity := reply.data.get("Id")):
            raise OutcomeUnknown("the answer does not say what was attached")
        return str(identity)

    def _mark(self, file: File) -> str:
        return f"[loadledger {quote(self._entity, safe='')} file {quote(file.id, safe='')}]"

    def _marker(self, raw: Raw) -> str | None:
        """Return the id of the file that our marker names."""
        found = _MARKER.search(str(raw.get("Note") or ""))
        return unquote(found[2]) if found and unquote(found[1]) == self._entity else None


def _looks(raw: Raw) -> tuple[str, int]:
    """Return what tells an unmarked file from others."""
    size = raw.get("Size")
    return str(raw.get("FileName") or "").casefold(), int(size) if size is not None else -1


def _name(file: File) -> str:
    """Return a name that QuickBooks takes and a form can carry: plain letters, its suffix kept."""
    path = PurePath(_ODD.sub("_", file.name))
    return f"{path.stem[:_LONGEST_NAME]}{path.suffix[:10]}"
