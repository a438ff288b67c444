"""Bills that may turn out negative: a credit then, of a kind of its own, with every sign turned."""

from collections.abc import Callable
from typing import NamedTuple

from msgspec.structs import replace

from adapters.alvys.record import Odd
from state.transaction import Content, Kind, Money, Sourced


class Sides(NamedTuple):
    """The kind that a record takes if we owe, and the one it takes if we are owed."""

    bill: Kind
    credit: Kind

    def withdrawn(self, source_id: str, label: str = "") -> list[Sourced]:
        """Return a record as neither of them."""
        return [Sourced(kind, source_id, label or source_id, withdrawn=True) for kind in self]

    def of(self, bill: Sourced) -> list[Sourced]:
        """Return a record that was read as a bill as the one that its total makes it, and not as the other."""
        content = bill.content
        if content is not None:
            return self.sourced(bill.source_id, bill.label, lambda: content)
        return self.withdrawn(bill.source_id, bill.label) if bill.withdrawn else [bill]

    def sourced(self, source_id: str, label: str, content: Callable[[], Content]) -> list[Sourced]:
        """Return a record as the one that its total makes it, and not as the other; or why it can't be read."""
        try:
            owed = content()
        except Odd as error:
            return [Sourced(self.bill, source_id, label, problem=error.problem)]
        if owed.total.minor < 0:
            kind, other, owed = self.credit, self.bill, _turned(owed)
        else:
            kind, other = self
        return [Sourced(kind, source_id, label, content=owed), Sourced(other, source_id, label, withdrawn=True)]


def _turned(content: Content) -> Content:
    def turned(money: Money) -> Money:
        return Money(-money.minor, money.currency)

    lines = tuple(replace(line, amount=turned(line.amount)) for line in content.lines)
    return replace(content, lines=lines, total=turned(content.total))
