"""What one world under torture is like."""

from random import Random
from typing import NamedTuple, Self

_STORMY = 0.3  # the share of worlds in which the vendors' answers go wrong too


class Plan(NamedTuple):
    """What is decided of a world before it begins."""

    seed: int
    loads: int  # few, so that each look at the books is quick, or enough for a backlog
    workers: int  # of the relay; the fewer there are, the more orders one request carries
    stormy: bool = False
    set_back: bool = False

    @classmethod
    def drawn(cls, seed: int, *, set_back: bool) -> Self:
        """Leave to chance what is not given."""
        chance = Random(f"plan {seed}")
        loads, workers = chance.choice((24, 24, 72)), chance.choice((1, 2, 8))
        return cls(seed, loads, workers, stormy=chance.random() < _STORMY, set_back=set_back)
