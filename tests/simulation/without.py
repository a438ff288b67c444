"""The product with one of its safeguards taken away: each is a patch made here, and no switch in the product."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from datetime import datetime
from itertools import count
from typing import Any
from unittest.mock import patch

from msgspec.structs import replace

import adapters.alvys.payments
import adapters.quickbooks.auth
import engine.daemon
import engine.intake
import engine.judgement
import engine.payments
import engine.relay
import state.commit
import state.database
import state.messages
import state.moves
import state.ownership
import state.store
from adapters.ports import Absent, Order, Present, VendorError, Verdict
from adapters.quickbooks import books, drafts, exports, sending
from adapters.quickbooks.books import Copy, Request
from state.outbox import Claim, InDoubt, Outcome, Phase, Receipt
from state.transaction import Transaction

Patch = Callable[[], AbstractContextManager[Any]]


def everything(*patches: Patch) -> Patch:
    """Return a patch that makes all of these."""

    @contextmanager
    def all_of_them() -> Iterator[None]:
        with ExitStack() as stack:
            for each in patches:
                stack.enter_context(each())
            yield

    return all_of_them


def nothing() -> AbstractContextManager[Any]:
    """Leave the product as it is."""
    return nullcontext()


def _statement(name: str, *parts: tuple[str, str]) -> AbstractContextManager[Any]:
    """Change a statement of the store by exchanging parts of it."""
    statement = state.commit._STATEMENTS[name]
    for part, other in parts:
        if part not in statement:
            raise LookupError(f"the statement {name} has no {part}")
        statement = statement.replace(part, other)
    return patch.dict(state.commit._STATEMENTS, {name: statement})


# -- the protocol of the outbox -------------------------------------------------------------------------------------


def stable_id() -> AbstractContextManager[Any]:
    """Name each request anew, the same one after a lost answer too."""
    numbers, prepare = count(), engine.relay.Relay._prepare

    async def prepared(self: Any, claim: Claim) -> Order | None:
        order = await prepare(self, claim)
        return replace(order, request_id=f"{next(numbers):032x}") if order else None

    return patch.object(engine.relay.Relay, "_prepare", prepared)


@contextmanager
def intent_first() -> Iterator[None]:
    """Write down that a request leaves only when its end is known."""
    unsaid: dict[int, tuple[Claim, str, bytes]] = {}
    announce_all, finish_all = state.store.Store.announce_all, state.store.Store.finish_all

    async def announced(_: Any, requests: Sequence[tuple[Claim, str, bytes]]) -> list[Claim]:
        unsaid.update({claim.message.id: (claim, request_id, body) for claim, request_id, body in requests})
        return [
            replace(claim, message=replace(message, phase=Phase.SENT, attempts=message.attempts + 1, body=body))
            for claim, _, body in requests
            for message in [claim.message]
        ]

    async def finished(self: Any, endings: Sequence[Any]) -> Any:
        ended = [ending.claim.message.id for ending in endings]
        await announce_all(self, [unsaid.pop(message) for message in ended if message in unsaid])
        return await finish_all(self, endings)

    with (
        patch.object(state.store.Store, "announce_all", announced),
        patch.object(state.store.Store, "finish_all", finished),
    ):
        yield


def doubt() -> AbstractContextManager[Any]:
    """Take an unknown outcome for a failure."""

    def failed(self: Any, claim: Claim, reason: str, retry_after: float | None) -> Outcome:
        return self._postponed(claim, reason, retry_after)  # type: ignore[no-any-return]

    return patch.object(engine.judgement.Judgement, "_unknown", failed)


def quiet_period() -> AbstractContextManager[Any]:
    """Look for what is in doubt at once."""
    unknown = engine.judgement.Judgement._unknown

    def hasty(self: Any, claim: Claim, reason: str, retry_after: float | None) -> Outcome:
        outcome = unknown(self, claim, reason, retry_after)
        return replace(outcome, until=self.after(0)) if isinstance(outcome, InDoubt) else outcome

    return patch.object(engine.judgement.Judgement, "_unknown", hasty)


def doubt_at_boot() -> AbstractContextManager[Any]:
    """Leave what was under way when the process ended as it is."""
    return _statement("doubt_all_sent", ("phase = 'sent'", "FALSE"))


def quiet_from_boot() -> AbstractContextManager[Any]:
    """Count the quiet period from the send, even if nobody knows how long the dead process went on."""
    return _statement("doubt_all_sent", ("max(sent_at, :boot)", "sent_at"))


def look_up() -> AbstractContextManager[Any]:
    """Take every document for missing."""

    async def nowhere(_: Any, orders: Sequence[Order]) -> dict[int, Verdict]:
        return {order.claim.message.id: Absent() for order in orders}

    return patch.object(exports.Exports, "look_up", nowhere)


def second_read() -> AbstractContextManager[Any]:
    """Believe the first read that finds nothing."""
    return patch.object(engine.relay, "_AGREEING_READS", 1)


def marker_check() -> AbstractContextManager[Any]:
    """Take any document of the right number and money for ours."""

    def anybodys(request: Request, copies: Sequence[Copy]) -> Verdict:
        held = [copy for copy in copies if not copy.held.gone]
        return books._judge_mine(request, held[0]) if held else Absent()

    return patch.object(exports, "judge_creation", anybodys)


def money_check() -> AbstractContextManager[Any]:
    """Take a document with our marker for done, whatever it says."""
    return patch.object(books, "_judge_mine", lambda _, copy: Present(Receipt(copy.document)))


def untouched_check() -> AbstractContextManager[Any]:
    """Update a document whoever changed it."""
    return patch.object(drafts, "refuse_unless_untouched", lambda *_: None)


def items_judged_alone() -> AbstractContextManager[Any]:
    """Take every item of an answered batch for done."""
    outcome = sending._outcome

    async def carried_out(*of: Any) -> Receipt | VendorError:
        result = await outcome(*of)
        return Receipt() if isinstance(result, VendorError) else result

    return patch.object(sending, "_outcome", carried_out)


def one_in_flight() -> AbstractContextManager[Any]:
    """Take up a newer wish for a transaction while the outcome of an older one is unknown."""
    return _statement("claim", ("e.phase <> 'waiting' OR e.id", "e.phase = 'waiting' AND e.id"))


def overtaking() -> AbstractContextManager[Any]:
    """Let an older revision that lands conclude that the newest has."""
    return patch.object(state.messages, "_fact", lambda _work, _before, success, **_: success)


# -- owners, restarts and readers -----------------------------------------------------------------------------------


@contextmanager
def exclusive_lock() -> Iterator[None]:
    """Let anybody open the store."""
    pragmas = [each for each in state.database._PRAGMAS if "EXCLUSIVE" not in each]
    with (
        patch.object(state.ownership.Ownership, "_take", lambda *_: None),
        patch.object(state.database, "_PRAGMAS", pragmas),
    ):
        yield


def compare_and_swap() -> AbstractContextManager[Any]:
    """Announce a message whatever became of it since it was claimed."""
    return _statement("announce", (" AND phase = :phase AND attempts = :attempts AND revision = :revision", ""))


def epoch() -> AbstractContextManager[Any]:
    """Let an owner announce who is the owner no longer."""
    return _statement("announce", ("AND (SELECT max(epoch) FROM runs) = :epoch", ""))


def attempt_numbers() -> AbstractContextManager[Any]:
    """Let two attempts at a message bear one number."""
    return _statement("begin_attempt", ("INSERT INTO", "INSERT OR IGNORE INTO"))


def catching_up() -> AbstractContextManager[Any]:
    """Send before the store knows what the books show since it last looked."""
    begin = engine.daemon.Daemon.__init__

    def begun(self: Any, *given: Any, **named: Any) -> None:
        begin(self, *given, **named)
        self._caught_up = True

    return patch.object(engine.daemon.Daemon, "__init__", begun)


def adopting() -> AbstractContextManager[Any]:
    """Take in a record that the books know already as if nobody had heard of it."""
    return patch.object(state.moves, "adopt", lambda *_: None)


def counted_tellings() -> AbstractContextManager[Any]:
    """Name what the TMS is told by what was paid before it, instead of counting it."""
    stem = adapters.alvys.payments._stem

    def named(transaction: Transaction) -> str:
        return f"{stem(transaction)}{transaction.paid.minor if transaction.paid else 0}-"

    return patch.object(adapters.alvys.payments, "_stem", named)


def asking_for_the_unwanted() -> AbstractContextManager[Any]:
    """Look for no documents that are reverted here, or that nobody knows of."""

    async def nothing_there(_: Any) -> bool:
        return False

    return patch.object(engine.payments.Payments, "_confront", nothing_there)


def cursor_last() -> AbstractContextManager[Any]:
    """Move the cursor before what it passes is in the store."""
    read = engine.intake.Intake._read

    async def forgotten(self: Any, since: datetime, until: datetime) -> Any:
        await self._store.memory.advance(self._cursor, until)
        return await read(self, since, until)

    return patch.object(engine.intake.Intake, "_read", forgotten)


# -- access ---------------------------------------------------------------------------------------------------------


def keeping_tokens() -> AbstractContextManager[Any]:
    """Use new access before the refresh token that came with it is kept."""

    async def used(self: Any) -> Any:
        return await self._refreshed()

    return patch.object(adapters.quickbooks.auth.Tokens, "_renewed", used)


def single_refresher() -> AbstractContextManager[Any]:
    """Let everyone who finds the access old renew it."""
    begin = adapters.quickbooks.auth.Tokens.__init__

    def begun(self: Any, *given: Any) -> None:
        begin(self, *given)
        self._lock = nullcontext()

    return patch.object(adapters.quickbooks.auth.Tokens, "__init__", begun)
