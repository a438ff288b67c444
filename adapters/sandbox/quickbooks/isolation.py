"""What the items of one batch may not see: what the other items of it created."""

from collections.abc import Iterator
from contextlib import contextmanager


class Isolation:
    """Hides from a batch's later items what its earlier ones made; outside a batch nothing is hidden."""

    def __init__(self) -> None:
        self._running = False
        self._created: set[tuple[str, str]] = set()
        self._hidden: set[tuple[str, str]] = set()

    @contextmanager
    def batch(self) -> Iterator[None]:
        """Keep the items of a batch apart while the context lasts."""
        self._running = True
        try:
            yield
        finally:
            self._running = False
            self._created.clear()
            self._hidden.clear()

    def add(self, kind: str, identity: str) -> None:
        """Note what the current item created."""
        if self._running:
            self._created.add((kind, identity))

    def share(self, kind: str, identity: str) -> None:
        """Let every item see something that was created on the way."""
        self._created.discard((kind, identity))

    def end_item(self) -> None:
        """Hide what the item that ends here created."""
        self._hidden |= self._created
        self._created.clear()

    def hides(self, kind: str, identity: str) -> bool:
        """Say whether an object came from another item of the batch."""
        return (kind, identity) in self._hidden
