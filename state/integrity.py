"""Is the file what was written to it? As far as SQLite can tell."""

import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from state.trouble import StoreDamaged, trouble

# A check reads the whole file: 4 s a GB where the disk is fast. Up to this size, about 100,000 transactions, it is
# made at each start, beyond it only after an end that was not clean. A backup is always checked, whatever its size.
_SWIFT = 256 * 1024 * 1024


def worth_checking(path: Path) -> bool:
    """Whether the file is to be checked before it is used: it is soon done, or the last owner left its log behind."""
    log = Path(f"{path}-wal")
    return path.stat().st_size <= _SWIFT or (log.exists() and log.stat().st_size > 0)


def check(connection: sqlite3.Connection) -> None:
    """Raise StoreDamaged if pages are torn, lost or out of order, or rows are not what the schema demands."""
    [found] = connection.execute("PRAGMA quick_check(1)").fetchone()
    if found != "ok":
        raise StoreDamaged(f"the file is damaged ({found}); restore a backup")


def check_copy(path: Path) -> None:
    """Raise StoreDamaged unless the file, which nobody has open, is a store and sound to the last index entry."""
    with closing(sqlite3.connect(f"file:{quote(str(path))}?immutable=1", uri=True)) as connection:
        try:
            [found] = connection.execute("PRAGMA integrity_check(1)").fetchone()
            connection.execute("SELECT name FROM legal_entity").fetchall()
        except sqlite3.Error as error:
            raise (trouble(error) or StoreDamaged(f"the copy is no store: {error}")) from error
    if found != "ok":
        raise StoreDamaged(f"the file is damaged ({found}); restore an older backup")
