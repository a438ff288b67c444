"""How long to stay away after a failure."""

import random


def delay(failures: int, *, base: float, cap: float, chance: random.Random) -> float:
    """Return seconds to wait after `failures` failures in a row: doubling from `base`, at most `cap`, with jitter.

    The jitter takes off up to half, so that what failed together does not come back together.
    """
    full = min(cap, base * 2.0 ** min(failures, 30))
    return full * (1 - chance.random() / 2)
