"""The rules of a transaction's life, told a second time and from the outside: what the store is held against.

Nothing here knows the product. Facts, states, effects and phases are words, as people and the file know them.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

# Where each fact leads from each state; "a or b": without, and with, a document in accounting; "-": nowhere.
TABLE: Final = """
trigger             | unrecorded       | pending                     | exported                  | error                   | reverted         | paid
recorded            | pending / export | -                           | -                         | -                       | -                | -
export_confirmed    | -                | exported / attach           | -                         | -                       | -                | -
export_overtaken    | -                | pending                     | -                         | -                       | -                | -
export_rejected     | -                | error                       | -                         | -                       | -                | -
retry_requested     | -                | -                           | -                         | pending / export        | -                | -
source_changed      | -                | pending / export            | pending / export          | pending / export        | -                | -
source_withdrawn    | -                | reverted or pending / void  | exported / void           | reverted or error / void| -                | -
source_restored     | -                | -                           | -                         | -                       | pending / export | -
revert_requested    | -                | reverted or pending / void  | exported / void           | reverted or error / void| -                | -
void_confirmed      | -                | reverted                    | reverted                  | reverted                | -                | reverted
void_overtaken      | -                | pending / export            | -                         | -                       | -                | -
payment_recorded    | -                | -                           | exported / report_payment | -                       | -                | -
payment_completed   | -                | -                           | paid / report_payment     | -                       | -                | -
payment_reversed    | -                | -                           | exported                  | -                       | -                | exported
document_lost       | -                | -                           | error                     | -                       | -                | error
document_found      | -                | pending or -                | -                         | error or -              | error or -       | -
reexport_requested  | -                | -                           | -                         | -                       | pending / export | -
"""  # noqa: E501 - a table is read across

# Whereto a person may force each state, and what that wishes.
FORCED: Final = """
from     | pending | exported | error | reverted | paid
pending  | -       | yes      | yes   | yes      | -
exported | export  | -        | yes   | yes      | yes
error    | export  | yes      | -     | yes      | yes
reverted | export  | yes      | yes   | -        | -
paid     | -       | yes      | yes   | -        | -
"""

NEW_REVISION: Final = {"source_changed", "source_restored"}
DOCUMENT_GONE: Final = {"void_confirmed", "void_overtaken", "document_lost"}
# A document is gone and another one is wanted, or will be by whoever ends the error.
NEW_GENERATION: Final = {"document_lost", "void_overtaken", "reexport_requested", "source_restored"}
TAKEN_AWAY: Final = {"source_withdrawn": "tms", "revert_requested": "person", "forced": "person"}
WITHDRAWN: Final = 0  # what the TMS says of a withdrawn record, in place of an amount


def cells(table: str) -> Iterator[tuple[str, str, str]]:
    """Yield (row, column, text) of a table of words."""
    header, *rows = [[cell.strip() for cell in line.split("|")] for line in table.strip().splitlines()]
    for name, *row in rows:
        for column, text in zip(header[1:], row, strict=True):
            yield name, column, text


_FACTS: Final = {(fact, state): text for fact, state, text in cells(TABLE)}
_FORCED: Final = {(source, dest): text for source, dest, text in cells(FORCED)}


@dataclass(frozen=True)
class Wish:
    """A message to accounting that is not delivered, and what it was made for."""

    effect: str
    generation: int
    revision: int
    phase: str = "waiting"

    @property
    def in_flight(self) -> bool:
        return self.phase in {"sent", "in_doubt"}


@dataclass(frozen=True)
class Place:
    """Where a transaction stands. Every method says where it then stands, or None where the rules refuse it.

    `amount` is in dollars; `held` is what the TMS says while nothing may change; `history` is told in words.
    """

    state: str = "unrecorded"
    generation: int = 1
    revision: int = 1
    amount: int = 0
    document: bool = False
    wishes: tuple[Wish, ...] = ()
    held: int | None = None
    taken_by: str | None = None
    stands: bool = False  # a document was found though it was reverted, and nobody has said yet what is to become of it
    history: tuple[str, ...] = ()

    # -- what can be said of it -------------------------------------------------------------------------------

    @property
    def in_flight(self) -> Wish | None:
        return next((wish for wish in self.wishes if wish.in_flight), None)

    @property
    def waiting(self) -> Wish | None:
        return next((wish for wish in self.wishes if wish.phase == "waiting"), None)

    @property
    def dead(self) -> Wish | None:
        return next((wish for wish in self.wishes if wish.phase == "dead"), None)

    @property
    def next(self) -> Wish | None:
        """What the relay may take up: what is in doubt, or what waits while nothing is in flight."""
        under_way = self.in_flight
        return self.waiting if under_way is None else under_way if under_way.phase == "in_doubt" else None

    @property
    def phases(self) -> tuple[tuple[str, str], ...]:
        """What is wanted of accounting, and how far each has come."""
        return tuple((wish.effect, wish.phase) for wish in self.wishes)

    @property
    def going(self) -> bool:
        """Whether the last that is wanted of accounting, or was refused, is to take the document away."""
        return bool(self.wishes) and self.wishes[-1].effect == "void"

    @property
    def gone_there(self) -> bool:
        """Whether the TMS, not a person, took it away last, and it is gone, going, or there again."""
        return self.taken_by == "tms" and (self.state == "reverted" or self.going or self.stands)

    def overtaken(self, wish: Wish) -> bool:
        return (wish.generation, wish.revision) != (self.generation, self.revision)

    # -- facts ------------------------------------------------------------------------------------------------

    def fact(self, trigger: str, *, amount: int | None = None) -> "Place | None":
        """Follow the table; `amount` is what the TMS says now, if it is the TMS who speaks."""
        without, _, given = _FACTS[trigger, self.state].partition(" or ")
        text = given or without if self.document or self.in_flight else without
        if text == "-":
            return None
        dest, _, effect = text.partition(" / ")
        changed = replace(
            self,
            amount=amount or self.amount,
            held=None if amount is not None else self.held,
            document=(self.document or trigger == "document_found") and trigger not in DOCUMENT_GONE,
            generation=self.generation + (trigger in NEW_GENERATION),
            revision=self.revision + (trigger in NEW_REVISION),
        )
        return changed._step(trigger, dest, effect)

    def seen(self, amount: int) -> "tuple[Place, str]":
        """The TMS shows it; beside the place, what intake is told."""
        if self.state == "unrecorded":
            born = self.fact("recorded", amount=amount)
            assert born is not None
            return born, "new"
        if amount == self.amount and not self.gone_there:
            return replace(self, held=None), "unchanged"
        back = self.gone_there and self.state == "reverted"
        changed = self.fact("source_restored" if back else "source_changed", amount=amount)
        return (changed, "changed") if changed else (replace(self, held=amount), "held")

    def withdrawn(self) -> "tuple[Place, str]":
        """The TMS withdraws it; beside the place, what intake is told."""
        if self.state == "unrecorded":
            return self, "unchanged"
        if self.state == "reverted" or self.going:
            return replace(self, held=None), "unchanged"
        gone = self.fact("source_withdrawn", amount=WITHDRAWN)
        return (gone, "withdrawn") if gone else (replace(self, held=WITHDRAWN), "held")

    def found(self) -> "Place | None":
        """The reader of the books finds a document of it; what of an export was in doubt has arrived then."""
        arrived = self
        for wish in self.wishes:
            if (wish.effect, wish.phase) == ("export", "in_doubt"):
                arrived = self.becomes(wish, None if self.waiting else "waiting")
        return arrived.fact("document_found")

    # -- people -----------------------------------------------------------------------------------------------

    def forced(self, dest: str, *, named: bool = False) -> "Place | None":
        """A person forces it, perhaps naming the document there is; never while an outcome is unknown."""
        text = _FORCED[self.state, dest]
        if text == "-" or self.in_flight or (named and dest not in {"exported", "paid"}):
            return None
        anew = (self.state, dest) == ("reverted", "pending")
        changed = replace(self, generation=self.generation + anew, document=self.document or named)
        return changed._step("forced", dest, "" if text == "yes" else text)

    def retried(self) -> "Place | None":
        """A person tries again what was refused."""
        anew = self.fact("retry_requested")
        if anew is not None or self.dead is None:
            return anew
        again = tuple(replace(wish, phase="waiting") if wish.phase == "dead" else wish for wish in self.wishes)
        return replace(self, wishes=again)._step("message_revived", self.state, "")

    # -- the relay --------------------------------------------------------------------------------------------

    def becomes(self, wish: Wish, phase: str | None) -> "Place":
        """Bring one wish into a phase, or drop it."""
        rest = tuple(replace(each, phase=phase or "") if each == wish else each for each in self.wishes)
        return replace(self, wishes=tuple(each for each in rest if each.phase))

    def ended(self, wish: Wish, outcome: str) -> "Place":
        """A message ended: "yes", "no", "lost" (a no since the document is gone), "later" or "unknown"."""
        current = not self.overtaken(wish)
        replaced = not current or any(each.phase == "waiting" for each in self.wishes if each != wish)
        after: Place | None
        match outcome:
            case "yes":
                after = replace(self.becomes(wish, None), document=self.document or wish.effect == "export")
                after = after.fact(after._yes(wish.effect, current=current))
            case "no" | "lost":
                after = self.becomes(wish, None if replaced else "dead")
                if wish.effect == "export" and current:
                    lost = outcome == "lost"
                    after = replace(
                        after, document=after.document and not lost, generation=after.generation + lost
                    ).fact("export_rejected")
            case "later":
                waits = "in_doubt" if wish.phase == "in_doubt" else None if replaced else "waiting"
                after = self.becomes(wish, waits)
            case _:
                after = self.becomes(wish, "in_doubt")
        assert after is not None, f"the rules do not say what follows when {wish} of {self} ends with {outcome}"
        return after

    def restarted(self) -> "Place":
        """Whoever ran before is gone, and what was under way may have arrived."""
        sent = [wish for wish in self.wishes if wish.phase == "sent"]
        return self.becomes(sent[0], "in_doubt") if sent else self

    # -- steps ------------------------------------------------------------------------------------------------

    def _yes(self, effect: str, *, current: bool) -> str:
        """Return the fact of a yes: one that comes after a newer wish concludes nothing about that."""
        if effect == "export":
            return "export_confirmed" if current else "export_overtaken"
        wanted_again = self.state == "pending" and bool(self.wishes) and self.wishes[-1].effect == "export"
        return "void_overtaken" if wanted_again else "void_confirmed"

    def _step(self, name: str, dest: str, effect: str) -> "Place":
        """Make one move: a line of history, and a wish that replaces what has not left and what was refused."""
        wanted = (Wish(effect, self.generation, self.revision),) if effect in {"export", "void"} else ()
        ends_wishes = bool(wanted) or dest == "reverted" or name == "forced"
        kept = tuple(wish for wish in self.wishes if wish.in_flight) if ends_wishes else self.wishes
        source = None if self.state == "unrecorded" else self.state
        moved = replace(
            self,
            state=dest,
            wishes=kept + wanted,
            taken_by=TAKEN_AWAY.get(name, self.taken_by),
            stands=dest == "error" and (self.stands or (self.state, name) == ("reverted", "document_found")),
            history=(*self.history, f"{name}: {source} -> {dest}"),
        )
        takes_in = dest == "pending" or (dest == "exported" and name != "forced")
        if moved.held is None or not takes_in:
            return moved
        return (moved.withdrawn() if moved.held == WITHDRAWN else moved.seen(moved.held))[0]
