"""What would be sent, without sending it: the steps of the real send, but for those that make something."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import anyio

from adapters.http import encode
from adapters.ports import (
    Conflict,
    Finding,
    Need,
    Order,
    OutcomeUnknown,
    Present,
    Preview,
    Rejected,
    Standing,
    VendorError,
    Verdict,
)
from adapters.quickbooks.books import Request
from adapters.quickbooks.drafts import Draft, Found
from adapters.quickbooks.exports import Exports
from adapters.quickbooks.forms import FORMS
from adapters.quickbooks.pointers import NewItem, Pointer
from adapters.quickbooks.postings import Chart, postings
from adapters.quickbooks.references import References
from adapters.quickbooks.settings import Settings
from state.outbox import Claim
from state.problem import Problem

PASS, WARN, FAIL = Standing

_AT_ONCE: Final = 8  # documents that are drafted at the same time
_THERE: Final = "it is in the books as it is wanted: nothing would be sent"

# fmt: off
_CHECKS: Final[Mapping[str, tuple[str, ...]]] = {
    # check     the codes, or beginnings of codes, of what it can find
    "plan":     ("plan_",),
    "period":   ("period_",),
    "mapping":  ("mapping_", "reference_", "account_", "item_", "payable_account_"),
    "party":    ("party_",),
    "number":   ("number_", "duplicate_"),
}
# fmt: on

Known = Mapping[Pointer, Need | str | VendorError]


@dataclass(slots=True)
class _Sketch:
    """A preview in the making: what is wrong with it, in the order in which the real send would meet it."""

    claim: Claim
    draft: Draft | None = None
    found: Found | None = None
    body: bytes | None = None
    problems: list[Problem] = field(default_factory=list)
    waits: str = ""
    settled: str = ""
    looked_up: bool = False

    def note(self, error: VendorError) -> None:
        """Take in what a step met; raise what concerns the whole company."""
        match error:
            case Rejected():
                self.problems.append(error.problem)
            case OutcomeUnknown():
                self.waits = self.waits or str(error)
            case _:
                raise error

    @property
    def order(self) -> Order | None:
        """The request as it would be looked up, None if it would not get so far."""
        fit = self.body is not None and self.draft is not None and not self.problems
        return Order(self.claim, "", self.body or b"") if fit else None


class Previews:
    """Foresees exports. Only reads, and remembers nothing but lists."""

    def __init__(self, settings: Settings, exports: Exports, references: References) -> None:
        self._settings = settings
        self._exports = exports
        self._drafts = exports.drafts
        self._references = references

    async def of(self, claims: Sequence[Claim]) -> Mapping[int, Preview]:
        """Return each preview by message id; what several documents need is looked for once."""
        sketches = [_Sketch(claim) for claim in claims]
        limit = anyio.CapacityLimiter(_AT_ONCE)
        failed: list[VendorError] = []

        async def sketch(each: _Sketch) -> None:
            async with limit:
                try:
                    await self._sketch(each)
                except VendorError as error:
                    failed.append(error)
                    tasks.cancel_scope.cancel()

        async with anyio.create_task_group() as tasks:
            for each in sketches:
                tasks.start_soon(sketch, each)
        if failed:
            raise failed[0]
        known = await self._foreseen(sketches)
        for each in sketches:
            await self._write(each, known)
        await self._look_up(sketches)
        return {each.claim.message.id: await self._preview(each, known) for each in sketches}

    async def _sketch(self, each: _Sketch) -> None:
        """Draft a document, unless it has left already; what forbids to send it does not forbid to show it."""
        if each.claim.message.body is not None:
            each.body, each.waits = each.claim.message.body, "it has left, and its outcome is not known yet"
            return
        try:
            await self._drafts.admit(each.claim)
        except VendorError as error:
            each.note(error)
        try:
            each.draft = await self._drafts.draft(each.claim)
        except VendorError as error:
            each.note(error)

    async def _foreseen(self, sketches: Iterable[_Sketch]) -> Known:
        """Return what is, or would be made, of everything the drafts point at that is not sure to be there."""
        known: dict[Pointer, Need | str | VendorError] = {}
        for pointer in (pointer for each in sketches if each.draft for pointer in each.draft.news):
            if pointer not in known:
                try:
                    known[pointer] = await self._drafts.foresee(pointer)
                except (Rejected, OutcomeUnknown) as error:
                    known[pointer] = error
        return known

    async def _write(self, each: _Sketch, known: Known) -> None:
        """Write the exact request, if all that it points at is there or would be made."""
        if each.draft is None:
            return
        there: dict[Pointer, Need | str] = {}
        for pointer in each.draft.news:
            if isinstance(found := known[pointer], VendorError):
                each.note(found)
                return
            there[pointer] = found
        try:
            each.found = await self._drafts.foreseen(each.draft, there)
            each.body = encode(self._drafts.body(each.draft, each.found))
        except VendorError as error:
            each.note(error)

    async def _look_up(self, sketches: Iterable[_Sketch]) -> None:
        """Look for them in the books, all at once, as the relay does before it sends."""
        orders = {each.claim.message.id: order for each in sketches if (order := each.order)}
        verdicts: Mapping[int, Verdict] = await self._exports.look_up(list(orders.values()))
        for each in sketches:
            if (verdict := verdicts.get(each.claim.message.id)) is not None:
                each.looked_up = True
                match verdict:
                    case Conflict(problem):
                        each.problems.append(problem)
                    case Present():
                        each.settled = _THERE

    async def _preview(self, each: _Sketch, known: Known) -> Preview:
        form, draft = FORMS[each.claim.transaction.kind.document_type], each.draft
        made = {
            str(need): pointer.new.account
            for pointer in (draft.news if draft else ())
            if isinstance(pointer.new, NewItem) and isinstance(need := known[pointer], Need)
        }
        body = Request.of(Order(each.claim, "", each.body)).body if each.body is not None else None
        chart = await Chart.of(self._references, made) if body else None
        needs = (known[pointer] for pointer in draft.news) if draft else ()
        return Preview(
            digest=draft.digest if draft else "",
            changes=body.get("Id") if body else None,
            body=each.body,
            postings=postings(body, form, chart, self._settings.home_currency) if body and chart else (),
            needs=tuple(dict.fromkeys(need for need in needs if isinstance(need, Need))),
            checks=tuple([await self._check(name, codes, each) for name, codes in _CHECKS.items()]),
            problem=each.problems[0] if each.problems else None,
            waits=each.waits,
            settled=each.settled,
        )

    async def _check(self, name: str, codes: tuple[str, ...], each: _Sketch) -> Finding:
        """Return how one check of a document stands; one that something else prevented warns."""
        for problem in each.problems:
            if problem.code.startswith(codes):
                return Finding(name, FAIL, f"{problem.cause} ({problem.detail})", problem.fix)
        match name:
            case "plan":
                return Finding(name, PASS, (await self._references.plan()).name or "not named")
            case "period":
                closed = (await self._references.preferences()).closed_until
                return Finding(name, PASS, f"books closed up to {closed}" if closed else "books open")
            case "number":
                return await self._number(each)
            case _:
                looked = each.draft is not None if name == "mapping" else each.found is not None
                return Finding(name, PASS, "found") if looked else Finding(name, WARN, "not looked at")

    async def _number(self, each: _Sketch) -> Finding:
        content = each.claim.transaction.content
        if each.draft is not None and each.draft.form.number not in each.draft.raw:
            return Finding("number", WARN, "QuickBooks gives it a number of its own")
        if not each.looked_up:
            return Finding("number", WARN, "not looked for")
        return Finding(
            "number", PASS, f"{content.number if content else ''}: {'there already' if each.settled else 'free'}"
        )
