"""A backup is complete, checked, private and on the disk, or it is not there; work goes on meanwhile."""

import asyncio
import os
import sqlite3
import stat
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from state import backup
from state.backup import BackupFailed, back_up_stopped
from state.store import Filter
from state.trouble import StoreBusy
from tests.powerloss.disk import IOERR_WRITE, OK, the_disk

if TYPE_CHECKING:
    from tests.unit.conftest import Desk, OpenDesk

OWNER = {"pid": 2}


@pytest.fixture
def to(tmp_path: Path) -> Path:
    return tmp_path / "acme 2026-10-05.db"


def files(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir() if file.is_file()}


def size_and_mode(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_size, stat.S_IMODE(found.st_mode)


def labels(path: Path) -> list[str]:
    with closing(sqlite3.connect(f"file:{path}?immutable=1", uri=True)) as connection:
        return [label for (label,) in connection.execute("SELECT label FROM transactions ORDER BY id")]


class Held:
    """Holds a copy up between two pieces, until the test lets it go on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.reached, self.go_on = threading.Event(), threading.Event()
        self._pread = os.pread
        monkeypatch.setattr(os, "pread", self._wait)

    def _wait(self, file: int, size: int, offset: int) -> bytes:
        self.reached.set()
        assert self.go_on.wait(20)
        return self._pread(file, size, offset)


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Held:
    return Held(monkeypatch)


# -- of a running store -----------------------------------------------------------------------------------------------


async def test_backup_holds_all_that_was_committed_and_opens_as_a_store(
    desk: "Desk", open_desk: "OpenDesk", to: Path
) -> None:
    await desk.exported(load="1")
    await desk.new(load="2")

    copied = await desk.store.back_up(to)

    assert size_and_mode(to) == (copied, 0o600)
    assert files(to.parent) == {to.name}
    again = await open_desk(at=to)
    assert [each.label for each in await again.store.page(Filter())] == ["2", "1"]


async def test_work_goes_on_while_a_backup_is_made_and_is_not_in_it(desk: "Desk", to: Path, held: Held) -> None:
    await desk.new(load="before")
    copying = asyncio.create_task(desk.store.back_up(to))
    await asyncio.to_thread(held.reached.wait, 20)
    for load in range(40):
        await desk.new(load=f"{load}")
    await desk.execute("PRAGMA wal_autocheckpoint")
    held.go_on.set()
    await copying

    assert labels(to) == ["before"]
    assert (await desk.execute("PRAGMA wal_autocheckpoint"))[0][0] == 1000


async def test_database_is_still_locked_after_a_backup(desk: "Desk", path: Path, to: Path) -> None:
    await desk.store.back_up(to)

    with closing(sqlite3.connect(path, timeout=0)) as other, pytest.raises(sqlite3.OperationalError, match="locked"):
        other.execute("SELECT * FROM transactions")


async def test_second_backup_at_the_same_time_is_refused(desk: "Desk", to: Path, held: Held) -> None:
    copying = asyncio.create_task(desk.store.back_up(to))
    await asyncio.to_thread(held.reached.wait, 20)

    with pytest.raises(BackupFailed, match="another backup is being made"):
        await desk.store.back_up(to.with_name("second.db"))
    held.go_on.set()
    await copying

    await desk.store.back_up(to.with_name("third.db"))
    assert files(to.parent) == {to.name, "third.db"}


async def test_backup_of_a_caller_who_left_is_finished(desk: "Desk", to: Path, held: Held) -> None:
    copying = asyncio.create_task(desk.store.back_up(to))
    await asyncio.to_thread(held.reached.wait, 20)
    copying.cancel()
    await asyncio.wait([copying])
    held.go_on.set()
    task = desk.store._database._copying
    assert task

    await task
    assert labels(to) == []


async def test_store_that_is_closed_ends_the_backup_and_leaves_no_half_of_it(
    desk: "Desk", to: Path, held: Held
) -> None:
    copying = asyncio.create_task(desk.store.back_up(to))
    await asyncio.to_thread(held.reached.wait, 20)
    closing_down = asyncio.create_task(desk.store.close())
    await asyncio.to_thread(desk.store._database._closing.wait, 20)
    held.go_on.set()

    with pytest.raises(BackupFailed, match="the daemon was stopped meanwhile"):
        await copying
    await closing_down
    assert files(to.parent) == set()


async def test_damage_that_is_copied_is_found_and_the_copy_not_kept(
    desk: "Desk", open_desk: "OpenDesk", path: Path, to: Path
) -> None:
    await desk.store.close()
    again = await open_desk()
    [(page,)] = await again.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'links'")
    damage(path, page)

    with pytest.raises(BackupFailed, match="the file is damaged"):
        await again.store.back_up(to)
    assert files(to.parent) == set()


def damage(path: Path, page: int) -> None:
    file = os.open(path, os.O_WRONLY)  # closed by nobody: that would give up SQLite's locks
    os.pwrite(file, bytes(4096), (page - 1) * 4096)


async def test_disk_that_does_not_take_the_log_makes_no_backup(path: Path, open_desk: "OpenDesk", to: Path) -> None:
    disk = the_disk()
    path.parent.mkdir()
    with disk.mounted(), disk.watching(path.parent):
        desk = await open_desk()
        disk.fault = lambda step, name: IOERR_WRITE if step == "write" and name == path.name else OK
        with pytest.raises(BackupFailed, match="the log can't be brought into the database: the disk failed"):
            await desk.store.back_up(to)
        disk.fault = None
        await desk.store.back_up(to)
        await desk.store.close()


# -- where it may go --------------------------------------------------------------------------------------------------


def beside(path: Path) -> Path:
    return path.with_name("acme.db-journal")


def there(path: Path) -> Path:
    (path.parent.parent / "there.db").symlink_to("nowhere")
    return path.parent.parent / "there.db"


@pytest.mark.parametrize(
    ("place", "words"),
    [
        (lambda _: Path("acme.db"), "is not a path from the root"),
        (beside, "could be taken for a part of the database itself"),
        (lambda path: path.parent / "none" / "acme.db", "is no folder here"),
        (lambda path: path.parent / ("n" * 300) / "acme.db", "File name too long"),
        (there, "is there already, and is not replaced"),
    ],
)
async def test_backup_goes_nowhere_where_it_could_do_harm(
    desk: "Desk", path: Path, place: Callable[[Path], Path], words: str
) -> None:
    with pytest.raises(BackupFailed, match=words):
        await desk.store.back_up(place(path))


async def test_backup_leaves_room_on_its_disk(desk: "Desk", to: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backup, "_TO_SPARE", 1 << 60)

    with pytest.raises(BackupFailed, match=r"bytes left and 1,152,921,[0-9,]+ are needed"):
        await desk.store.back_up(to)


async def test_backup_that_can_not_be_written_says_why_and_is_not_kept(
    desk: "Desk", to: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(BackupFailed, match="No space left on device"):
        await desk.store.back_up(to)
    assert files(to.parent) == set()


# -- of a stopped store -----------------------------------------------------------------------------------------------


async def test_stopped_store_is_copied_as_it_is(desk: "Desk", path: Path, open_desk: "OpenDesk", to: Path) -> None:
    await desk.new(load="1")
    await desk.crash()

    assert back_up_stopped(path, to, OWNER) == size_and_mode(to)[0]

    assert labels(to) == ["1"]
    assert files(path.parent) == {"acme.db", "acme.db.lock"}
    assert (await open_desk()).store.epoch == 2  # who copies is no owner of the books


async def test_running_store_is_not_copied_behind_its_back(desk: "Desk", path: Path, to: Path) -> None:
    with pytest.raises(StoreBusy):
        back_up_stopped(path, to, OWNER)


def test_store_that_is_not_there_is_not_copied(path: Path, to: Path) -> None:
    with pytest.raises(BackupFailed, match="there is no database at"):
        back_up_stopped(path, to, OWNER)
    assert not path.parent.exists()


async def test_stopped_store_that_another_program_reads_is_not_copied(desk: "Desk", path: Path, to: Path) -> None:
    await desk.store.close()
    with closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN")
        other.execute("SELECT * FROM transactions").fetchall()
        with pytest.raises(BackupFailed, match="can't be brought into the database: database is locked"):
            back_up_stopped(path, to, OWNER)


@pytest.mark.parametrize(("content", "words"), [(b"Dear accountant, " * 100, "not a database"), (b"", "no store")])
def test_file_that_is_no_store_is_not_copied(path: Path, to: Path, content: bytes, words: str) -> None:
    path.parent.mkdir()
    path.write_bytes(content)

    with pytest.raises(BackupFailed, match=words):
        back_up_stopped(path, to, OWNER)
    assert files(to.parent) == set()
