"""Attach: files of the TMS come to a transaction's document, each once.

A wish is for whatever files there are by the time it is taken up. What is to be attached is frozen by the files' ids,
and announced, before the first of them leaves; their contents are fetched on the way. Before anything is sent,
accounting is asked what hangs on the document. What is known to hang there is remembered: a file that a person took
off again stays off.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final

import msgspec
from typing_extensions import override

from adapters.ports import Absent, Accounting, File, FileSort, Links, Order, Present, Rejected, Sender, Tms, Verdict
from state.lifecycle import State
from state.moves import Recorded
from state.outbox import Claim, Receipt
from state.store import Store
from state.transaction import Kind, Origin, Sourced, Transaction

ATTACHED: Final = "attachment"
"""The kind of link that remembers a file's place on a document."""
STAMPED: Final = "stamp"
"""The kind of link that remembers the stamp under which the files of a record were last looked for."""

_STANDING: Final = frozenset({State.EXPORTED, State.PAID})  # a document that is to change gets its files after that


class _Frozen(msgspec.Struct):
    """What is to be attached, and to which document; nothing if there is nothing to do."""

    document: str = ""
    files: tuple[File, ...] = ()


def attaching(filed: Mapping[Kind, frozenset[FileSort]], wanted: Collection[FileSort]) -> frozenset[Kind]:
    """Return the kinds whose documents get any of the files that are wanted."""
    return frozenset(kind for kind, sorts in filed.items() if sorts & set(wanted))


class Revisits:
    """Has the files of a record looked for again once the TMS stamped it anew, though its content is the same.

    What changes content changes the document, and is looked for after that anyway. Each stamp counts once: what is read
    again for its overlap costs nothing.
    """

    def __init__(self, store: Store, kinds: Collection[Kind], wake: Callable[[], None]) -> None:
        self._store = store
        self._kinds = kinds
        self._wake = wake

    async def seen(self, sourced: Sourced, result: Recorded) -> None:
        """Take note of a record that was read, and of what came of it."""
        if not sourced.stamp or sourced.kind not in self._kinds:
            return
        key = f"{sourced.kind} {sourced.source_id}"
        if await self._store.memory.linked(STAMPED, key) == sourced.stamp:
            return
        origin = Origin(sourced.kind, sourced.source_id)
        if result is Recorded.UNCHANGED and await self._store.look_for_files(origin):
            self._wake()
        await self._store.memory.link(STAMPED, key, sourced.stamp)


class Attachments(Sender):
    """The sender of files, from the TMS to accounting. Documents get what is `wanted` of what the TMS has for them."""

    def __init__(self, tms: Tms, accounting: Accounting, links: Links, wanted: Collection[FileSort]) -> None:
        self._tms = tms
        self._accounting = accounting
        self._links = links
        self._wanted = frozenset(wanted)
        self._missing: dict[int, frozenset[str]] = {}  # by message, the files that the last look-up did not find

    @override
    async def prepare(self, claim: Claim, request_id: str) -> Order:
        """Freeze which files are to be attached: those of the TMS that are not known to hang on the document.

        Raises Rejected if the TMS refuses to say which there are.
        """
        transaction = claim.transaction
        if transaction.document is None or transaction.state not in _STANDING:
            return Order(claim, request_id, msgspec.json.encode(_Frozen()))
        sorts = self._tms.filed.get(transaction.kind, frozenset()) & self._wanted
        files = await self._tms.files(transaction, sorts) if sorts else ()
        document = transaction.document.id
        new = [file for file in files if await self._links.linked(ATTACHED, _key(transaction, document, file)) is None]
        return Order(claim, request_id, msgspec.json.encode(_Frozen(document, tuple(new))))

    @override
    async def look_up(self, orders: Sequence[Order]) -> Mapping[int, Verdict]:
        """Return what accounting says of each order, with one read for each document that is to get anything.

        A document that is gone took the wish with it.
        """
        return {order.claim.message.id: await self._verdict(order) for order in orders}

    async def _verdict(self, order: Order) -> Verdict:
        transaction, frozen = order.claim.transaction, _frozen(order)
        if not frozen.files or transaction.document is None or transaction.document.id != frozen.document:
            return Present(Receipt())
        found = await self._accounting.attached(transaction.kind.document_type, frozen.document, frozen.files)
        missing: set[str] = set()
        for file in frozen.files:
            key = _key(transaction, frozen.document, file)
            if file.id in found:
                await self._links.link(ATTACHED, key, found[file.id])
            elif await self._links.linked(ATTACHED, key) is None:
                missing.add(file.id)
        if not missing:
            return Present(Receipt())
        self._missing[order.claim.message.id] = frozenset(missing)
        return Absent()

    @override
    async def send(self, order: Order) -> Receipt:
        """Attach what the look-up did not find, file by file.

        One that is refused, by either side, does not keep the others off; then Rejected is raised at the end. Any other
        error ends it at once: Unavailable if the next file has not left, OutcomeUnknown if nobody knows.
        """
        transaction, frozen = order.claim.transaction, _frozen(order)
        missing = self._missing.pop(order.claim.message.id)
        refused: list[Rejected] = []
        for place, file in enumerate(frozen.files):
            if file.id in missing:
                try:
                    await self._attach(transaction, frozen.document, file, f"{order.request_id}-{place}")
                except Rejected as error:
                    refused.append(error)
        if refused:
            raise refused[0]
        return Receipt()

    async def _attach(self, transaction: Transaction, document: str, file: File, request_id: str) -> None:
        content = await self._tms.content(transaction, file)
        attached = await self._accounting.attach(transaction.kind.document_type, document, file, content, request_id)
        await self._links.link(ATTACHED, _key(transaction, document, file), attached)


def _frozen(order: Order) -> _Frozen:
    return msgspec.json.decode(order.body, type=_Frozen)


def _key(transaction: Transaction, document: str, file: File) -> str:
    """Return what names a file's place on a document."""
    return f"{transaction.kind.document_type} {document} {file.id}"
