"""A layer between SQLite and the file system that writes down everything SQLite asks for, and can refuse it.

It is a VFS of the very library the interpreter uses: the default one, with the calls that change something replaced.
Syncs are written down and not carried out, since the power cut is acted out; `device` knows what would be left.
"""

import _sqlite3
import ctypes
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ctypes import CFUNCTYPE, c_char_p, c_int, c_int64, c_void_p
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

OK, FULL = 0, 13
IOERR_READ, IOERR_WRITE, IOERR_SYNC, IOERR_TRUNCATE, CORRUPT = 266, 778, 1034, 1546, 11

# What a file is opened as. The first sync of a new journal is one of its folder too.
_DATABASE, _JOURNALS = 0x100, 0x800 | 0x4000 | 0x80000


class Created(NamedTuple):
    """A file was opened that was not there, or not known to be there for good."""

    name: str


class Written(NamedTuple):
    """Bytes were written, and may not have reached the medium."""

    name: str
    offset: int
    data: bytes


class Truncated(NamedTuple):
    """A file got another size."""

    name: str
    size: int


class Synced(NamedTuple):
    """What was written to a file is on the medium; with `folder`, what was created or deleted beside it is too."""

    name: str
    folder: bool


class Deleted(NamedTuple):
    """A file was removed; with `folder`, for good."""

    name: str
    folder: bool


Step = Created | Written | Truncated | Synced | Deleted
_Call = Callable[..., int]
Fault = Callable[[str, str], int]  # (what is asked: read, write, truncate, sync, delete; file name) -> a result code


class _Methods(ctypes.Structure):
    _fields_ = (
        ("version", c_int),
        *((name, c_void_p) for name in ("close", "read", "write", "truncate", "sync")),
        ("others", c_void_p * 13),
    )


class _Vfs(ctypes.Structure):
    _fields_ = (
        *((name, c_int) for name in ("version", "file_size", "longest_path")),
        *((name, c_void_p) for name in ("next", "name", "data", "open", "delete", "access", "full_path")),
        ("loading", c_void_p * 4),
        ("randomness", c_void_p),
        ("others", c_void_p * 7),
    )


_OPEN = CFUNCTYPE(c_int, c_void_p, c_void_p, c_void_p, c_int, c_void_p)
_DELETE = CFUNCTYPE(c_int, c_void_p, c_void_p, c_int)
_RANDOMNESS = CFUNCTYPE(c_int, c_void_p, c_int, c_void_p)
_CLOSE = CFUNCTYPE(c_int, c_void_p)
_TRANSFER = CFUNCTYPE(c_int, c_void_p, c_void_p, c_int, c_int64)
_TRUNCATE = CFUNCTYPE(c_int, c_void_p, c_int64)
_SYNC = CFUNCTYPE(c_int, c_void_p, c_int)


def _library() -> ctypes.CDLL:
    """Return the SQLite that `sqlite3` uses: what its extension module is linked with is found through it."""
    library = ctypes.CDLL(_sqlite3.__file__)
    library.sqlite3_vfs_find.restype = ctypes.POINTER(_Vfs)
    library.sqlite3_vfs_find.argtypes = [c_char_p]
    library.sqlite3_vfs_register.argtypes = [c_void_p, c_int]
    library.sqlite3_vfs_unregister.argtypes = [c_void_p]
    library.sqlite3_randomness.argtypes = [c_int, c_void_p]
    return library


class Disk:
    """The layer. While it is mounted, every database this process opens lies on it.

    It must live as long as the last connection opened on it: `the_disk` is one that always does.
    """

    def __init__(self) -> None:
        self.log: list[Step] = []
        self.fault: Fault | None = None
        self._folder: Path | None = None
        self._names: dict[int, str] = {}  # address of an open file -> its name, if it lies in the watched folder
        self._known: set[str] = set()  # files that are there for good
        self._new: set[str] = set()  # journals that are not
        self._methods: dict[int, _Methods] = {}  # address of a table of methods -> ours in its place
        self._library = _library()
        self._below = self._library.sqlite3_vfs_find(None)
        self._vfs = _Vfs.from_buffer_copy(self._below.contents)
        self._called = ctypes.create_string_buffer(b"powerloss")
        self._callbacks: dict[str, Any] = {  # kept: SQLite holds no reference that Python knows of
            "open": _OPEN(self._open),
            "delete": _DELETE(self._delete),
            "randomness": _RANDOMNESS(self._randomness),
        }
        self._vfs.name = ctypes.addressof(self._called)
        for name, callback in self._callbacks.items():
            setattr(self._vfs, name, ctypes.cast(callback, c_void_p))

    @contextmanager
    def mounted(self) -> Iterator[None]:
        """Be what every database lies on that is opened meanwhile."""
        self._library.sqlite3_vfs_register(ctypes.byref(self._vfs), 1)
        try:
            yield
        finally:
            self._library.sqlite3_vfs_unregister(ctypes.byref(self._vfs))

    @contextmanager
    def watching(self, folder: Path, fault: Fault | None = None) -> Iterator[list[Step]]:
        """Yield the log of what is asked for in `folder`, whose files of now are there for good.

        `fault` is asked before each step for the code it ends with. Salts are drawn the same way each time.
        """
        self.log, self.fault, self._folder = [], fault, folder
        self._known, self._new = {file.name for file in folder.iterdir()}, set()
        self._library.sqlite3_randomness(0, None)
        try:
            yield self.log
        finally:
            self.fault, self._folder = None, None

    # -- what SQLite calls ------------------------------------------------------------------------------------

    def _open(self, _vfs: int, path: int | None, file: int, flags: int, out: int | None) -> int:
        code: int = _OPEN(self._below.contents.open)(ctypes.addressof(self._below.contents), path, file, flags, out)
        methods = c_void_p.from_address(file)
        if code or path is None or not flags & (_DATABASE | _JOURNALS):
            return code
        at = Path(ctypes.string_at(path).decode())
        if at.parent == self._folder:
            self._names[file] = at.name
            if at.name not in self._known:
                self._known.add(at.name)
                self.log.append(Created(at.name))
                if flags & _JOURNALS:
                    self._new.add(at.name)
        methods.value = ctypes.addressof(self._ours(methods.value or 0))
        return code

    def _delete(self, _vfs: int, path: int, folder: int) -> int:
        at = Path(ctypes.string_at(path).decode())
        watched = at.parent == self._folder
        if code := self._refused("delete", at.name if watched else None):
            return code
        code = int(_DELETE(self._below.contents.delete)(ctypes.addressof(self._below.contents), path, 0))
        if watched and code == OK:
            self._known.discard(at.name)
            self.log.append(Deleted(at.name, bool(folder)))
        return code

    @staticmethod
    def _randomness(_vfs: int, size: int, out: int) -> int:
        ctypes.memmove(out, bytes(range(1, 252)) * (size // 251 + 1), size)
        return size

    def _ours(self, address: int) -> _Methods:
        """Return the table of methods to put in the place of the one at `address`."""
        if address not in self._methods:
            below = _Methods.from_address(address)
            ours = _Methods.from_buffer_copy(below)
            callbacks = {
                "close": _CLOSE(partial(self._close, _CLOSE(below.close))),
                "read": _TRANSFER(partial(self._read, _TRANSFER(below.read))),
                "write": _TRANSFER(partial(self._write, _TRANSFER(below.write))),
                "truncate": _TRUNCATE(partial(self._truncate, _TRUNCATE(below.truncate))),
                "sync": _SYNC(self._sync),
            }
            for name, callback in callbacks.items():
                setattr(ours, name, ctypes.cast(callback, c_void_p))
            self._methods[address] = ours
            self._callbacks |= {f"{address} {name}": callback for name, callback in callbacks.items()}
        return self._methods[address]

    def _close(self, close: _Call, file: int) -> int:
        self._names.pop(file, None)
        return close(file)

    def _read(self, read: _Call, file: int, out: int, size: int, offset: int) -> int:
        return self._refused("read", self._names.get(file)) or read(file, out, size, offset)

    def _write(self, write: _Call, file: int, data: int, size: int, offset: int) -> int:
        name = self._names.get(file)
        code = self._refused("write", name)
        if code not in {OK, FULL}:
            return code
        size = size // 2 if code == FULL else size  # what still went in
        if name:
            self.log.append(Written(name, offset, ctypes.string_at(data, size)))
        return write(file, data, size, offset) or code

    def _truncate(self, truncate: _Call, file: int, size: int) -> int:
        name = self._names.get(file)
        if code := self._refused("truncate", name):
            return code
        if name:
            self.log.append(Truncated(name, size))
        return truncate(file, size)

    def _sync(self, file: int, _flags: int) -> int:
        name = self._names.get(file)
        if code := self._refused("sync", name):
            return code
        if name:
            self.log.append(Synced(name, name in self._new))
            self._new.discard(name)
        return OK

    def _refused(self, asked: str, name: str | None) -> int:
        """Return the code a step is refused with, or OK; files outside the watched folder have no name here."""
        return self.fault(asked, name) if self.fault and name else OK


@cache
def the_disk() -> Disk:
    """Return the one disk of this process."""
    return Disk()
