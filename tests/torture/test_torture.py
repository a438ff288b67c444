"""The real daemon, ended at any moment again and again while people work, leaves the right books."""

from pathlib import Path

from tests.torture.figures import Figures
from tests.torture.plan import Plan
from tests.torture.trial import trial

LIVES = 24


async def test_daemon_killed_again_and_again_leaves_the_books_right(tmp_path: Path) -> None:
    figures = Figures()
    async with trial(tmp_path / "world", Plan(seed=1, loads=16, workers=2), figures, warm=True) as world:
        await world.torture(LIVES)
    assert sum(figures.ends.values()) == LIVES
    assert figures.kills > LIVES * 0.8
    assert sum(figures.held.values()) > LIVES / 5
    assert figures.documents
