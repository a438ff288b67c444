"""Each safeguard is needed: without it the judge finds a promise broken, and with it nothing."""

import pytest

from tests.simulation.removals import REMOVALS, Removal


@pytest.mark.parametrize("removal", REMOVALS, ids=lambda removal: removal.name)
def test_removed_safeguard_is_missed_at_once(removal: Removal) -> None:
    assert any(removal.caught(removal.run(seed, removed=True)) for seed in range(1, removal.seeds + 1))


@pytest.mark.parametrize("removal", REMOVALS, ids=lambda removal: removal.name)
def test_safeguard_in_its_place_leaves_nothing_to_find(removal: Removal) -> None:
    assert [removal.run(seed, removed=False).violations for seed in range(1, removal.seeds + 1)] == [[]] * removal.seeds
