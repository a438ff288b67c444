"""The requests QuickBooks understands: paths, queries, paging, and faults turned into errors."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final, Literal, NamedTuple, get_args
from urllib.parse import quote_plus

import msgspec

from adapters.http import Answer, Http, encode, unclear
from adapters.ports import OutcomeUnknown, VendorError
from adapters.quickbooks.auth import Tokens
from adapters.quickbooks.faults import Refused, error_for, error_in, in_object
from adapters.quickbooks.forms import Raw
from adapters.quickbooks.settings import Settings
from adapters.quickbooks.shapes import Company, Instant, Preferences, Read, readable

# What budgets and metrics call the endpoints.
ENDPOINTS: Final = (
    "token",
    "query",
    "read",
    "cdc",
    "preferences",
    "companyinfo",
    "batch",
    "upload",
    "invoice",
    "bill",
    "vendorcredit",
    "payment",
    "customer",
    "vendor",
    "item",
)

Purpose = Literal["look_up", "document", "party", "reference", "change", "check"]
"""What a read is for; QuickBooks meters successful reads, and no writes.

look_up: whether a wish has come true · document: what is to be changed or removed · party: customers and vendors ·
reference: lists and preferences · change: what changed, and what follows from it · check: whether a company is fit,
and its plan.
"""
PURPOSES: Final[tuple[str, ...]] = get_args(Purpose)

PAGE: Final = 1000  # rows; the vendor's largest page, for queries and for changes alike
_JSON: Final = "application/json; charset=utf-8"
_MINOR_VERSION: Final = {"minorversion": "75"}
_REMOVALS: Final = frozenset({"delete", "void"})  # operations an address names; the others go without saying
_ROOM: Final = 6000  # characters of an encoded address for one IN list, of about 8,000 that servers take in all


@dataclass(frozen=True, slots=True)
class Reply:
    """A usable answer: its object, and the vendor's trace id. `writes` says what an odd shape would mean."""

    data: Raw
    trace: str
    writes: bool

    @property
    def at(self) -> datetime | None:
        """The vendor's time, if the answer states it."""
        instant = readable(self.data, Instant)
        return instant.time if instant else None

    def member(self, name: str) -> Raw:
        """Return the object the answer wraps; raise the unclear error if it is not there."""
        member = self.data.get(name)
        if not isinstance(member, dict):
            raise unclear(f"the answer holds no {name}", writes=self.writes)
        return member

    def shaped(self, name: str, shape: type[Read]) -> Read:
        """Return the object the answer wraps as `shape`; raise the unclear error if it does not fit."""
        found = readable(self.member(name), shape)
        if found is None:
            raise unclear(f"the answer's {name} has an unknown shape", writes=self.writes)
        return found


class Change(NamedTuple):
    """One change of the books: of which entity, and whether to create, update, delete or void; with what option."""

    entity: str
    operation: str
    body: bytes
    option: str = ""


class Client:
    """One company's API. Every method raises the vendor errors; reads may be repeated, writes carry a request id."""

    def __init__(self, settings: Settings, http: Http, tokens: Tokens) -> None:
        self._root = f"{settings.api_url.rstrip('/')}/v3/company/{settings.realm_id}"
        self._realm = settings.realm_id
        self._http = http
        self._tokens = tokens

    async def select(self, entity: str, where: str, *, purpose: Purpose) -> list[Raw]:
        """Return every row of `entity` that meets `where`, page by page; a row that moved between pages once."""
        rows: dict[str, Raw] = {}
        start = 1
        while True:
            page = await self.page(entity, where, order="Id", start=start, purpose=purpose)
            rows |= {str(row["Id"]): row for row in page}
            if len(page) < PAGE:
                return list(rows.values())
            start += PAGE

    async def page(self, entity: str, where: str, *, order: str, start: int, purpose: Purpose) -> list[Raw]:
        """Return one page of rows; `start` counts from one."""
        paging = f"orderby {order} startposition {start} maxresults {PAGE}"
        statement = f"select * from {entity} where {where} {paging}"  # noqa: S608 - no SQL; values come through `quoted`
        reply = await self._get("query", endpoint="query", purpose=purpose, params={"query": statement})
        return _rows(reply.member("QueryResponse"), entity)

    async def select_in(self, entity: str, field: str, values: Iterable[str], *, purpose: Purpose) -> list[Raw]:
        """Return the rows of `entity` whose `field` is one of `values`, in as few queries as an address can hold."""
        rows: list[Raw] = []
        for literals in _lists(sorted(set(values))):
            rows += await self.select(entity, f"{field} in ({literals})", purpose=purpose)
        return rows

    async def read(self, entity: str, object_id: str, *, purpose: Purpose) -> Raw | None:
        """Return one object as it is now, or None if it was deleted."""
        try:
            reply = await self._get(f"{entity.lower()}/{object_id}", endpoint="read", purpose=purpose)
        except Refused as refusal:
            if refusal.fault.code == "610":
                return None
            raise
        return reply.member(entity)

    async def write(self, change: Change, request_id: str) -> Reply:
        """Send one change.

        The request id is documented to make a repetition return the first result; that is disputed, so it is a
        second belt and never the proof.
        """
        path = change.entity.lower()
        named = change.operation in _REMOVALS or change.option
        params = {"requestid": request_id} | ({"operation": change.operation} if named else {})
        params |= {"include": change.option} if change.option else {}
        return await self._call("POST", path, endpoint=path, writes=True, params=params, body=change.body)

    async def batch(self, changes: Mapping[str, Change], request_id: str) -> dict[str, Reply | VendorError]:
        """Send several changes in one call; return, by their names in it, the answer to each or what it failed with.

        Names have at most 10 characters, the request id at most 36. The changes run in any order and do not see each
        other. Refused is raised only if the call was refused as such, so that none of them was made.
        """
        items = [
            {"bId": name, "operation": change.operation, change.entity: msgspec.Raw(change.body)}
            | ({"optionsData": change.option} if change.option else {})
            for name, change in changes.items()
        ]
        body = encode({"BatchItemRequest": items})
        try:
            params = {"requestid": request_id}
            reply = await self._call("POST", "batch", endpoint="batch", writes=True, params=params, body=body)
        except Refused as refusal:
            if refusal.status < HTTPStatus.BAD_REQUEST:
                raise OutcomeUnknown(f"a batch was refused as if carried out: {refusal}") from refusal
            raise
        answers: defaultdict[object, list[Raw]] = defaultdict(list)
        for each in _objects(reply.data.get("BatchItemResponse")):
            answers[str(each.get("bId"))].append(each)
        return {name: _of_item(answers[name], reply.trace) for name in changes}

    async def upload(self, said: bytes, name: str, media: str, content: bytes, request_id: str) -> Reply:
        """Send one file, with what is `said` of it as JSON, and return what was made of it.

        The name has plain letters only. Unconfirmed: whether the request id counts for uploads.
        """
        boundary = f"loadledger-{hashlib.sha256(content).hexdigest()}"
        parts = (
            (b'name="file_metadata_01"', b"application/json", said),
            (f'name="file_content_01"; filename="{name}"'.encode(), media.encode(), content),
        )
        lines: list[bytes] = []
        for disposition, kind, inside in parts:
            head = (b"Content-Disposition: form-data; " + disposition, b"Content-Type: " + kind)
            lines += [b"--" + boundary.encode(), *head, b"", inside]
        body = b"\r\n".join((*lines, b"--" + boundary.encode() + b"--", b""))
        params, media = {"requestid": request_id}, f"multipart/form-data; boundary={boundary}"
        reply = await self._call(
            "POST", "upload", endpoint="upload", writes=True, params=params, body=body, media=media
        )
        [answered] = _objects(reply.data.get("AttachableResponse")) or [Raw()]
        if faults := in_object(answered):
            raise error_for(faults, writes=True, status=HTTPStatus.OK, trace=reply.trace)
        return Reply(Reply(answered, reply.trace, writes=True).member("Attachable"), reply.trace, writes=True)

    async def changes(
        self, entities: Sequence[str], since: datetime, *, purpose: Purpose
    ) -> tuple[dict[str, list[Raw]], datetime | None]:
        """Return the objects of each entity changed since then, tombstones among them, and the vendor's time."""
        params = {"entities": ",".join(entities), "changedSince": since.isoformat(timespec="seconds")}
        reply = await self._get("cdc", endpoint="cdc", purpose=purpose, params=params)
        groups: dict[str, list[Raw]] = {entity: [] for entity in entities}
        for response in _objects(reply.data.get("CDCResponse")):
            for group in (response, *_objects(response.get("QueryResponse"))):
                if faults := in_object(group):
                    raise error_for(faults, writes=False, status=HTTPStatus.OK, trace=reply.trace)
                for entity in groups.keys() & group.keys():
                    groups[entity] += _rows(group, entity)
        return groups, reply.at

    async def preferences(self) -> Preferences:
        """Return the company's preferences."""
        reply = await self._get("preferences", endpoint="preferences", purpose="reference")
        return reply.shaped("Preferences", Preferences)

    async def company(self) -> Company:
        """Return who the company is and which plan it has."""
        reply = await self._get(f"companyinfo/{self._realm}", endpoint="companyinfo", purpose="check")
        return reply.shaped("CompanyInfo", Company)

    async def _get(
        self, path: str, *, endpoint: str, purpose: Purpose, params: Mapping[str, str] | None = None
    ) -> Reply:
        return await self._call("GET", path, endpoint=endpoint, writes=False, purpose=purpose, params=params or {})

    async def _call(  # noqa: PLR0913 - one function, so that every request has the same care
        self,
        method: str,
        path: str,
        *,
        endpoint: str,
        writes: bool,
        params: Mapping[str, str],
        purpose: str = "",
        body: bytes | None = None,
        media: str = _JSON,
    ) -> Reply:
        """Send a request, once more with fresh access if that was refused: a 401 is given before anything is done."""

        async def ask(access: str) -> Answer:
            return await self._http.request(
                method,
                f"{self._root}/{path}",
                endpoint=endpoint,
                writes=writes,
                purpose=purpose,
                body=body,
                headers=_headers(access, body, media),
                params={**params, **_MINOR_VERSION},
            )

        access = await self._tokens.access()
        answer = await ask(access)
        if answer.status == HTTPStatus.UNAUTHORIZED:
            answer = await ask(await self._tokens.access(stale=access))
        return _reply(answer)


def _headers(access: str, body: bytes | None, media: str) -> dict[str, str]:
    headers = {"Authorization": f"Bearer {access}", "Accept": "application/json"}
    return headers | ({"Content-Type": media} if body is not None else {})


def _reply(answer: Answer) -> Reply:
    trace = answer.headers.get("intuit_tid", "")
    if error := error_in(answer, trace):
        raise error
    data: Any = answer.json()
    if not isinstance(data, dict):
        raise answer.unclear("the answer is not an object")
    return Reply(data, trace, answer.writes)


def _of_item(answers: Sequence[Raw], trace: str) -> Reply | VendorError:
    """Return the one answer to an item of a batch; several, or none, say nothing for certain."""
    if len(answers) != 1:
        return OutcomeUnknown(f"the batch holds {len(answers)} answers to it")
    if faults := in_object(answers[0]):
        return error_for(faults, writes=True, status=HTTPStatus.OK, trace=trace)
    return Reply(answers[0], trace, writes=True)


def _objects(value: object) -> list[Raw]:
    """Return the objects of a list, and nothing of anything else."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _rows(group: Raw, entity: str) -> list[Raw]:
    """Return the objects of one entity; one without an id is nobody's."""
    return [row for row in _objects(group.get(entity)) if "Id" in row]


def _lists(values: Iterable[str]) -> Iterator[str]:
    """Yield the values as the insides of IN lists as long as an address allows: some hundreds, well below a page."""
    held, room = "", _ROOM
    for literal in map(quoted, values):
        length = len(quote_plus(f",{literal}"))
        if held and length > room:
            yield held
            held, room = "", _ROOM
        held, room = f"{held},{literal}" if held else literal, room - length
    if held:
        yield held


def quoted(value: str) -> str:
    """Return `value` as a literal of the query language."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
