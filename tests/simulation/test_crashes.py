"""The daemon dies here and there on each path: nothing is doubled, nothing is lost, and the path comes to its end."""

from itertools import islice

import pytest

from tests.simulation import without
from tests.simulation.crashes import Point, died, pairs, points, singles
from tests.simulation.paths import PATHS, Path

STRIDE = 19
EXPORT = PATHS[0]


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.name)
def test_daemon_that_dies_on_a_path_takes_it_to_its_end_in_its_next_life(path: Path) -> None:
    for at in singles(path, stride=STRIDE):
        report, _ = died(path, *at)
        assert (at, report.violations, report.lives > 1) == (at, [], True)


def test_daemon_that_dies_on_the_way_back_too_exports_one_document() -> None:
    for at in islice(pairs(EXPORT, stride=37), 12):
        report, _ = died(EXPORT, *at)
        assert (at, report.violations, report.lives) == (at, [], 3)


def test_path_is_seen_with_its_statements_and_its_steps() -> None:
    seen = points(EXPORT)
    assert len([point for point in seen if point.step]) > 20
    assert len([point for point in seen if point.statement]) > 80
    assert set(seen) < set(points(EXPORT, every=True))


def test_some_death_is_not_survived_without_the_doubt_at_boot() -> None:
    seen = [point for point in points(EXPORT) if point.step][20:]
    with without.doubt_at_boot():
        assert any(died(EXPORT, point)[0].violations for point in seen)


def test_point_beyond_the_path_is_never_reached() -> None:
    assert died(EXPORT, Point(step=100_000))[0].lives == 1
