"""The disk fills up, fails or lies: nothing leaves that is not written down, and nothing written down is lost."""

import asyncio
import os
import random
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from adapters.ports import Order
from state import integrity, ownership
from state.commit import Work
from state.creation import Creation
from state.lifecycle import State
from state.outbox import Claim, Phase
from state.store import Filter
from state.trouble import StoreDamaged, StoreError, StoreFailed, StoreFull, StoreMismatch
from tests.powerloss.disk import CORRUPT, FULL, IOERR_READ, IOERR_SYNC, IOERR_TRUNCATE, IOERR_WRITE, OK, Disk, the_disk
from tests.unit.fakes import Bench

if TYPE_CHECKING:
    from tests.unit.conftest import Desk, OpenDesk


@pytest.fixture
def disk(path: Path) -> Iterator[Disk]:
    """Watch the folder of the store, so that its disk can be made to fail."""
    path.parent.mkdir()
    with the_disk().mounted(), the_disk().watching(path.parent):
        yield the_disk()


@pytest.fixture
async def desk(disk: Disk, open_desk: "OpenDesk") -> "Desk":
    return await open_desk()


class Nth:
    """A fault at one step only: the `nth` of those that are asked for."""

    def __init__(self, code: int, nth: int, asked: set[str]) -> None:
        self.struck = False
        self._code, self._left, self._asked = code, nth, asked

    def __call__(self, asked: str, _name: str) -> int:
        if asked in self._asked:
            self._left -= 1
        if self._left or self.struck:
            return OK
        self.struck = True
        return self._code


def always(code: int, *asked: str) -> Callable[[str, str], int]:
    return lambda step, _: code if step in asked else OK


def full_but_for_the_reserve(path: Path) -> Callable[[str, str], int]:
    return lambda step, _: FULL if step == "write" and Path(f"{path}.reserve").exists() else OK


def size(path: Path) -> int:
    return path.stat().st_size


def blocks(path: Path) -> int:
    """Return how much of the disk is held back beside a database."""
    reserve = Path(f"{path}.reserve")
    return reserve.stat().st_blocks if reserve.exists() else 0


async def standing(desk: "Desk") -> list[Phase]:
    """Return the phases of all that is not done."""
    return [each.phase for each in await desk.store.backlog()]


# -- each step, failing once ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "asked", "stride"),
    [(IOERR_SYNC, {"sync"}, 1), (IOERR_WRITE, {"write"}, 9), (FULL, {"write"}, 9), (CORRUPT, {"read"}, 5)],
    ids=["sync fails", "write fails", "disk is full", "page is torn"],
)
async def test_step_of_the_disk_that_fails_leaves_one_document_and_nothing_sent_unannounced(
    disk: Disk, open_desk: "OpenDesk", tmp_path: Path, code: int, asked: set[str], stride: int
) -> None:
    nth, struck = 1, True
    while struck:
        path = tmp_path / f"{nth}" / "acme.db"
        path.parent.mkdir()
        with disk.watching(path.parent):
            bench = Bench(await open_desk(at=path), replays=False, interval=1_000)
            await bench.desk.execute("PRAGMA cache_size = 1")  # so that pages are read again
            await bench.desk.new("100.00", load="1")
            await bench.desk.new("100.00", load="2")
            disk.fault = fault = Nth(code, nth, asked)
            with suppress(StoreError, ExceptionGroup):
                await bench.drain()
                await bench.desk.store.close()
            struck, disk.fault = fault.struck, None
            await give_up(bench.desk)

            bench.restart(await open_desk(at=path))
            for order in bench.exports.sent:
                known = await bench.desk.store.attempts(order.claim.transaction.id)
                assert order.request_id in {attempt.request_id for attempt in known}
            await bench.drain()
            await bench.desk.store.close()
        for load in ("1", "2"):
            assert [held.minor for held in bench.books.live(f"id of {load}")] == [10_000]
        nth += stride
    assert nth > 3 * stride


async def give_up(desk: "Desk") -> None:
    """End as the daemon does when its store is in trouble: it tries to say so, and ends."""
    if not desk.store._database._writer.done():
        with suppress(StoreError):
            await desk.store.close()


# -- full -------------------------------------------------------------------------------------------------------------


async def test_outcome_of_what_was_sent_is_recorded_on_a_full_disk(
    desk: "Desk", disk: Disk, path: Path, open_desk: "OpenDesk"
) -> None:
    await desk.new()
    claim = await desk.announced()
    disk.fault = full_but_for_the_reserve(path)

    assert (await desk.finish(claim, desk.yes())).state is State.EXPORTED
    await desk.store.close()

    disk.fault = None
    again = await open_desk()
    assert await standing(again) == []
    assert [each.state for each in await again.store.page(Filter())] == [State.EXPORTED]
    assert (await again.execute("SELECT count(*) FROM runs WHERE stopped_at IS NOT NULL"))[0][0] == 1


async def test_secret_that_was_given_out_and_party_that_was_made_are_kept_on_a_full_disk(
    desk: "Desk", disk: Disk, path: Path
) -> None:
    disk.fault = full_but_for_the_reserve(path)
    memory, creation = desk.store.memory, Creation(Phase.SENT, "request", b"{}", desk.clock.now)

    with pytest.raises(StoreFull):
        await memory.record("customer", "Acme", creation)
    await memory.record("customer", "Acme", replace(creation, phase=Phase.IN_DOUBT))
    await memory.link("customer", "id of Acme", "58")
    await memory.keep("refresh", "newest")

    assert await memory.linked("customer", "id of Acme") == "58"
    assert await memory.secret("refresh") == "newest"


async def test_nothing_new_is_written_or_announced_on_a_full_disk_but_all_can_be_read(
    desk: "Desk", disk: Disk, path: Path
) -> None:
    await desk.new(load="1")
    claim = await desk.claim()
    disk.fault = full_but_for_the_reserve(path)

    for _ in range(2):  # the first finds out, the second is told
        with pytest.raises(StoreFull, match=f"{path}: the disk is full; make room on it"):
            await desk.record(load="2")
        with pytest.raises(StoreFull):
            await desk.store.announce_all([(claim, "request", b"{}")])
    assert [each.label for each in await desk.store.page(Filter())] == ["1"]
    assert await standing(desk) == [Phase.WAITING]


async def test_outcome_that_no_room_is_left_for_is_in_doubt_at_the_next_start(
    desk: "Desk", disk: Disk, open_desk: "OpenDesk"
) -> None:
    await desk.new()
    claim = await desk.announced()
    disk.fault = always(FULL, "write")

    with pytest.raises(StoreFull):
        await desk.finish(claim, desk.yes())
    with pytest.raises(StoreFull):
        await desk.store.page(Filter())
    with pytest.raises(StoreFull):
        await desk.store.close()

    disk.fault = None
    assert await standing(await open_desk()) == [Phase.IN_DOUBT]


async def test_store_without_room_to_work_in_does_not_start(
    open_desk: "OpenDesk", path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ownership, "_ROOM", 1 << 60)

    for _ in range(2):
        with pytest.raises(StoreFull, match=r"has \d+ MiB left and 1099511627776 are needed; make room, and go on"):
            await open_desk()
    assert size(path) == 0


@pytest.mark.parametrize(("code", "kind"), [(28, StoreFull), (122, StoreFull), (27, StoreFull), (5, OSError)])
async def test_store_that_can_not_hold_room_back_does_not_start(
    open_desk: "OpenDesk", monkeypatch: pytest.MonkeyPatch, code: int, kind: type[Exception]
) -> None:
    def refuse(*_: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "posix_fallocate", refuse)

    with pytest.raises(kind):
        await open_desk()


async def test_room_is_held_back_while_the_store_is_open_and_given_back_at_the_end(desk: "Desk", path: Path) -> None:
    assert blocks(path) * 512 >= 16 * 1024 * 1024

    await desk.store.close()

    assert blocks(path) == 0


async def test_request_under_way_when_the_disk_fills_up_is_waited_for_and_its_outcome_recorded(
    desk: "Desk", disk: Disk, path: Path, open_desk: "OpenDesk", monkeypatch: pytest.MonkeyPatch
) -> None:
    bench, refused = Bench(desk, concurrency=2), asyncio.Event()
    for load in ("slow", "quick", "never"):
        await desk.new(load=load)
    announce_all = desk.store.announce_all

    async def announced(requests: Sequence[tuple[Claim, str, bytes]]) -> list[Claim | Exception]:
        try:
            return await announce_all(requests)
        except StoreFull:
            refused.set()
            raise

    async def while_sent(order: Order) -> None:
        if order.claim.transaction.label == "slow":
            await refused.wait()
        else:
            disk.fault = full_but_for_the_reserve(path)

    monkeypatch.setattr(desk.store, "announce_all", announced)
    bench.exports.before_send = while_sent
    with pytest.raises(StoreFull):
        await bench.drain()
    await desk.store.close()

    disk.fault = None
    again = await open_desk()
    assert {each.label: each.state for each in await again.store.page(Filter())} == {
        "slow": State.EXPORTED,
        "quick": State.EXPORTED,
        "never": State.PENDING,
    }
    assert await standing(again) == [Phase.WAITING]


# -- failed, damaged --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("code", "step"), [(IOERR_WRITE, "write"), (IOERR_SYNC, "sync")])
async def test_store_whose_disk_failed_takes_nothing_more(desk: "Desk", disk: Disk, code: int, step: str) -> None:
    await desk.new()
    claim = await desk.claim()
    disk.fault = always(code, step)
    with pytest.raises(StoreFailed, match=r"the disk failed; look at it \(dmesg\) before starting again"):
        await desk.store.announce_all([(claim, "request", b"{}")])
    disk.fault = None

    with pytest.raises(StoreFailed):
        await desk.store.announce_all([(claim, "request", b"{}")])
    with pytest.raises(StoreFailed):
        await desk.store.claim(["accounting"], 1)
    await give_up(desk)


async def test_page_that_is_found_torn_ends_all_work_and_undoes_its_neighbours(desk: "Desk", disk: Disk) -> None:
    for load in range(40):
        await desk.new(load=str(load))
    await desk.execute("PRAGMA cache_size = 1")
    disk.fault = always(CORRUPT, "read")

    with pytest.raises(StoreDamaged, match="the file is damaged; restore a backup"):
        await desk.store.page(Filter())
    disk.fault = None
    with pytest.raises(StoreDamaged):
        await desk.record(load="new")
    await give_up(desk)


async def test_disk_that_fails_while_a_failed_neighbour_is_undone_ends_all_work(desk: "Desk", disk: Disk) -> None:
    for load in range(40):
        await desk.new(load=str(load))
    await desk.execute("PRAGMA cache_size = 1")

    def fails(work: Work) -> None:
        disk.fault = always(IOERR_READ, "read")  # what comes after it is run once it was undone
        raise LookupError("it went wrong")

    failed, read = await asyncio.gather(
        desk.store._database.run(fails), desk.store.page(Filter()), return_exceptions=True
    )

    disk.fault = None
    assert (type(failed), type(read)) == (StoreFailed, StoreFailed)
    with pytest.raises(StoreFailed):
        await desk.record(load="new")
    await give_up(desk)


@pytest.mark.parametrize(("code", "step"), [(IOERR_READ, "read"), (IOERR_WRITE, "write"), (IOERR_TRUNCATE, "truncate")])
async def test_disk_that_fails_at_the_start_is_told_and_the_file_given_up(
    desk: "Desk", disk: Disk, path: Path, open_desk: "OpenDesk", tmp_path: Path, code: int, step: str
) -> None:
    await desk.new()
    left = left_by_a_power_cut(path, tmp_path / "left")
    with disk.watching(left.parent, always(code, step)):
        for _ in range(2):
            with pytest.raises(StoreFailed, match=r"acme\.db: the disk failed"):
                await open_desk(at=left)

    assert len(await (await open_desk(at=left)).store.page(Filter())) == 1


def left_by_a_power_cut(path: Path, folder: Path, *, log: bool = True) -> Path:
    """Copy an open database with the log beside it."""
    folder.mkdir()
    for suffix in ("", "-wal") if log else ("",):
        shutil.copy(f"{path}{suffix}", folder / f"{path.name}{suffix}")
    return folder / path.name


async def wipe(desk: "Desk", table: str, path: Path) -> None:
    """Put zeros in the place of the first page of a table in another file."""
    [(page,)] = await desk.execute(f"SELECT rootpage FROM sqlite_schema WHERE name = '{table}'")
    with path.open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(bytes(4096))


@pytest.mark.parametrize(("swift", "clean", "checked"), [(10**9, True, True), (0, True, False), (0, False, True)])
async def test_file_is_checked_at_the_start_if_that_is_soon_done_or_the_end_was_not_clean(
    open_desk: "OpenDesk",
    path: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    swift: int,
    *,
    clean: bool,
    checked: bool,
) -> None:
    await (await open_desk()).store.close()
    desk = await open_desk()
    left = left_by_a_power_cut(path, tmp_path / "left", log=not clean)
    await wipe(desk, "links", left)
    monkeypatch.setattr(integrity, "_SWIFT", swift)

    with pytest.raises(StoreDamaged, match=r"acme\.db: the file is damaged") if checked else nullcontext():
        await open_desk(at=left)


def damaged(path: Path) -> Iterator[None]:
    """Put something wrong into one page of a database after the other."""
    content, chance = path.read_bytes(), random.Random(1)
    for page in range(len(content) // 4096):
        start = page * 4096 + (100 if page == 0 else 0)
        for wrong in (chance.randbytes(64), bytes(4096 * (page + 1) - start)):
            path.write_bytes(content[:start] + wrong + content[start + len(wrong) :])
            yield


async def test_damaged_page_is_found_at_the_start_or_does_no_harm(
    desk: "Desk", path: Path, open_desk: "OpenDesk"
) -> None:
    for load in range(30):
        await desk.new(load=str(load))
    await desk.store.close()

    found = 0
    for _ in damaged(path):
        try:
            again = await open_desk()
        except (StoreDamaged, StoreMismatch):
            found += 1
        else:
            assert len(await again.store.page(Filter())) == 30
            await again.store.close()
    assert found > size(path) // 4096
