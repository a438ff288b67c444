"""Where the tests of whole processes begin."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.integration.stage import LOADS, Office, Stage


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def office(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> AsyncIterator[Office]:
    """Open an office in which the month is booked; a module says with LOADS how many loads it has."""
    stage = Stage(tmp_path_factory.mktemp("office"))
    loads = getattr(request.module, "LOADS", LOADS)
    async with stage.world(loads=loads) as world, stage.daemon(world) as daemon:
        await daemon.settled((await world.owed()).total() + len(world.planted))
        yield Office(stage, world, daemon)
