"""Attachables: notes and files, what they are linked to, and uploads of several parts."""

import base64
import binascii
import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import msgspec

from adapters.sandbox.quickbooks.books import Bookkeeping, Change
from adapters.sandbox.quickbooks.faults import Fault, missing, unsupported_property
from adapters.sandbox.quickbooks.journal import decode
from adapters.sandbox.quickbooks.kinds import KINDS, PATHS
from adapters.sandbox.quickbooks.rules import Facts, Object

CONTENT: Final = "_content"
"""Where an attachable keeps its file, as base64 text; shown to nobody."""
_MOST_LINKS: Final = 10_000


def complete_attachment(_kind: str, draft: Object, old: Object | None, company: Bookkeeping) -> None:
    """Fill in a note or a file, and check what it is linked to."""
    if CONTENT not in draft and old is not None and CONTENT in old:
        draft |= {key: old[key] for key in _OF_THE_FILE if key in old and key not in draft}
    if "FileName" not in draft and "Note" not in draft:
        raise missing("Note")
    links = draft.get("AttachableRef", [])
    if len(links) > _MOST_LINKS:
        raise Fault("6050", f"Invalid entity reference : at most {_MOST_LINKS:,} links", element="AttachableRef")
    for link in links:
        link["EntityRef"] = _entity(link.get("EntityRef"), company)
        link.setdefault("IncludeOnSend", False)


_OF_THE_FILE: Final = (CONTENT, "Size", "FileName", "ContentType")


def _entity(held: object, company: Facts) -> Object:
    kind = PATHS.get(str(held.get("type", "")).lower()) if isinstance(held, dict) else None
    if kind is None or not isinstance(held, dict) or company.find(kind, str(held.get("value"))) is None:
        raise Fault("6050", "Invalid entity reference : there is no such entity", element="EntityRef")
    return {"type": kind, "value": str(held["value"])}


def relink_attachment(old: Object | None, new: Object | None, company: Facts) -> list[Change]:
    """Return the objects that an attachable is newly linked to or no longer; they change by that."""
    changes: list[Change] = []
    if company.switches.attachment_bumps_document:
        for kind, identity in sorted(_linked(old) ^ _linked(new)):
            held = company.find(kind, identity)
            if held is not None and KINDS[kind].role != "attachment":
                changes.append((kind, held))
    return changes


def _linked(attachable: Object | None) -> set[tuple[str, str]]:
    refs = (link["EntityRef"] for link in (attachable or {}).get("AttachableRef", ()))
    return {(ref["type"], ref["value"]) for ref in refs}


class Part(NamedTuple):
    """One part of an upload."""

    name: str
    file_name: str
    content_type: str
    content: bytes


class Upload(NamedTuple):
    """One file of an upload and what was said about it, which may be nothing."""

    metadata: Object
    file: Part


def uploads(body: bytes, content_type: str) -> list[Upload]:
    """Return the files of a multipart body, each `file_content_NN` with its `file_metadata_NN`. Raises Fault."""
    boundary = re.search(r'boundary="?([^";]+)"?', content_type)
    if boundary is None:
        raise Fault("6041", "Invalid file : the request is not multipart/form-data")
    parts = {part.name: part for part in _parts(body, boundary[1].strip().encode())}
    files = {name.removeprefix(_FILE): part for name, part in parts.items() if name.startswith(_FILE)}
    if not files:
        raise Fault("6041", "Invalid file : the request has no file_content part")
    return [Upload(_metadata(parts.get(_METADATA + number)), part) for number, part in files.items()]


_FILE: Final = "file_content_"
_METADATA: Final = "file_metadata_"


def _parts(body: bytes, boundary: bytes) -> Iterator[Part]:
    """Yield the parts; line ends may be bare, as some clients write them."""
    for raw in re.split(rb"(?:^|\r?\n)--" + re.escape(boundary) + rb"(?:--)?[ \t]*(?=\r?\n|$)", body)[1:-1]:
        head, _, content = re.sub(rb"^\r?\n", b"", raw, count=1).partition(_blank_line(raw))
        headers = dict(_header(line) for line in head.decode("utf-8", "replace").splitlines() if ":" in line)
        disposition = headers.get("content-disposition", "")
        if headers.get("content-transfer-encoding", "").lower() == "base64":
            content = _from_base64(content)
        yield Part(
            _parameter("name", disposition),
            _parameter("filename", disposition),
            headers.get("content-type", "application/octet-stream"),
            content,
        )


def _blank_line(raw: bytes) -> bytes:
    return (
        b"\r\n\r\n"
        if b"\r\n\r\n" in raw and (b"\n\n" not in raw or raw.index(b"\r\n\r\n") < raw.index(b"\n\n"))
        else b"\n\n"
    )


def _header(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name.strip().lower(), value.strip()


def _parameter(name: str, disposition: str) -> str:
    found = re.search(rf'(?:^|[;\s]){name}="?([^";]*)"?', disposition)
    return found[1] if found else ""


def _from_base64(content: bytes) -> bytes:
    try:
        return base64.b64decode(b"".join(content.split()), validate=True)
    except binascii.Error:
        raise Fault("6041", "Invalid file : the content is not base64") from None


def _metadata(part: Part | None) -> Object:
    if part is None:
        return {}
    try:
        decoded: Any = decode(part.content)
    except msgspec.DecodeError:
        raise Fault("6040", "Not an Attachable : the metadata is not JSON") from None
    if not isinstance(decoded, dict):
        raise unsupported_property("Attachable")
    return decoded


def attachable_of(upload: Upload) -> Object:
    """Return the body of the attachable that an upload makes, with its file under `_content`."""
    metadata, file = upload
    return {
        **metadata,
        "FileName": metadata.get("FileName") or file.file_name or "attachment",
        "ContentType": metadata.get("ContentType") or file.content_type,
        "Size": len(file.content),
        CONTENT: base64.b64encode(file.content).decode(),
    }


def content_of(attachable: Object) -> bytes:
    """Return an attachable's file; a note has none and is empty."""
    return base64.b64decode(attachable.get(CONTENT, ""))
