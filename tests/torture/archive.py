"""Backups of a store, and the person who brings one back."""

import shutil
from pathlib import Path


class Archive:
    """Keeps one copy of a store that nobody has open: the file, and the log beside it that a killed owner leaves."""

    def __init__(self, store: Path) -> None:
        self._files = (store, store.with_name(f"{store.name}-wal"))

    def keep(self) -> None:
        """Copy the store as it is, in place of the copy before."""
        for file in self._files:
            _copy(file).unlink(missing_ok=True)
            if file.exists():
                shutil.copyfile(file, _copy(file))

    def bring_back(self) -> bool:
        """Put the copy in the store's place; say whether there was one."""
        if not _copy(self._files[0]).exists():
            return False
        for file in self._files:
            file.unlink(missing_ok=True)
            if _copy(file).exists():
                shutil.copyfile(_copy(file), file)
        return True


def _copy(file: Path) -> Path:
    return file.with_name(f"{file.name}.copy")
