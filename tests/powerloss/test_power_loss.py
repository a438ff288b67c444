"""No power cut takes back what the store has promised; and the layer that shows it would see it otherwise."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from state import database
from tests.powerloss.cuts import Cuts
from tests.powerloss.device import Device
from tests.powerloss.disk import Created, Deleted, Disk, Step, Synced, Truncated, Written, the_disk

BLOCK = bytes(range(256)) * 32


@pytest.fixture
def disk() -> Iterator[Disk]:
    with the_disk().mounted():
        yield the_disk()


@pytest.fixture
def cuts(disk: Disk, tmp_path: Path) -> Cuts:
    return Cuts(disk, tmp_path)


# -- the store --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [1, 2])
async def test_power_cut_at_any_moment_takes_nothing_back_that_was_promised(cuts: Cuts, seed: int) -> None:
    assert [str(loss) for loss in await cuts.day(seed, images=80)] == []


async def test_commit_that_is_not_synced_before_it_is_acknowledged_is_found_out(
    cuts: Cuts, monkeypatch: pytest.MonkeyPatch
) -> None:
    weaken(monkeypatch, "NORMAL")

    lost = {loss.words.partition(",")[0] for loss in await cuts.day(2, images=60)}

    assert {"lost: ('announced'", "lost: ('ended'", "lost: ('kept'"} <= lost


async def test_database_that_is_never_synced_is_found_damaged(cuts: Cuts, monkeypatch: pytest.MonkeyPatch) -> None:
    weaken(monkeypatch, "OFF")

    losses = await cuts.day(1, images=40)

    assert any(loss.words.startswith("damaged: ") for loss in losses)


async def test_seed_makes_the_same_day_again(cuts: Cuts) -> None:
    first, second = [await cuts.record(1, waves=6) for _ in range(2)]

    assert first == second
    assert len(first.promises) > 10


def weaken(monkeypatch: pytest.MonkeyPatch, synchronous: str) -> None:
    pragmas = [pragma for pragma in database._PRAGMAS if "synchronous" not in pragma]
    monkeypatch.setattr(database, "_PRAGMAS", (*pragmas, f"PRAGMA synchronous = {synchronous}"))


# -- the device -------------------------------------------------------------------------------------------------------


def left(*steps: Step, before: bytes | None = None) -> set[bytes | None]:
    """Return what power cuts after these steps leave of a file that held `before`."""
    device = Device({} if before is None else {"file": before})
    for step in steps:
        device.take(step)
    return {device.left(random.Random(seed)).get("file") for seed in range(200)}


def test_what_was_synced_is_there() -> None:
    assert left(Written("file", 2, b"xy"), Synced("file", folder=False), before=b"abcdef") == {b"abxyef"}


def test_what_was_not_synced_is_there_or_not() -> None:
    assert left(Written("file", 2, b"xy"), before=b"abcdef") == {b"abcdef", b"abxyef"}


def test_unsynced_writes_arrive_in_any_order() -> None:
    assert {b"1", b"2"} <= left(Written("file", 0, b"1"), Written("file", 0, b"2"), before=b"0")


def test_unsynced_write_may_arrive_in_part() -> None:
    found = left(Written("file", 0, BLOCK), before=bytes(len(BLOCK)))
    halves = {(each[:512] == BLOCK[:512], each[512:1024] == BLOCK[512:1024]) for each in found if each}

    assert halves == {(False, False), (False, True), (True, False), (True, True)}


def test_file_may_have_grown_without_the_bytes_that_belong_there() -> None:
    found = {each[-512:] for each in left(Written("file", 0, BLOCK), before=b"") if each and len(each) == len(BLOCK)}

    assert {bytes(512), BLOCK[-512:]} < found  # nothing, what was written, and what lay there before


def test_unsynced_truncation_happened_or_not() -> None:
    assert left(Truncated("file", 1), before=b"abc") == {b"a", b"abc"}


def test_file_is_there_for_good_once_its_folder_is_synced() -> None:
    written = (Created("file"), Written("file", 0, b"new"))

    assert {None, b"", b"new"} <= left(*written)
    assert left(*written, Synced("file", folder=False)) == {None, b"new"}
    assert left(*written, Synced("file", folder=True)) == {b"new"}


def test_deleted_file_comes_back_until_its_folder_is_synced() -> None:
    assert left(Deleted("file", folder=False), before=b"old") == {None, b"old"}
    assert left(Deleted("file", folder=True), before=b"old") == {None}
