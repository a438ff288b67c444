"""Each safeguard is needed: without it the judge finds a promise broken, and with it nothing."""

import pytest

from tests.simulation.removals import REMOVALS, SEEDS, Removal


@pytest.mark.parametrize("removal", REMOVALS, ids=lambda removal: removal.name)
def test_removed_safeguard_is_missed_and_one_in_its_place_leaves_nothing_to_find(removal: Removal) -> None:
    for seed in range(1, SEEDS + 1):
        assert removal.run(seed, removed=False).violations == []
        if removal.caught(removal.run(seed, removed=True)):
            return
    pytest.fail(f"{removal.breaks} was not seen to break in {SEEDS} seeds")
