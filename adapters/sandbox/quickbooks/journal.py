import weakref
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import msgspec

decode: Final = msgspec.json.Decoder(float_hook=Decimal).decode
"""JSON bytes to plain objects; a number with a decimal point becomes Decimal, never float."""
encode: Final = msgspec.json.Encoder(decimal_format="number").encode
"""Plain objects to JSON bytes; Decimal becomes a number."""


class Journal:
    """An append-only file with one JSON record a line, each handed to the operating system before `append` returns.

    A record is whole or absent: a last line cut by a kill is dropped when the file is opened again.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("a+b", buffering=0)
        weakref.finalize(self, self._file.close)
        self._drop_torn_line()

    def _drop_torn_line(self) -> None:
        self._file.seek(0)
        whole = self._file.read().rfind(b"\n") + 1
        self._file.truncate(whole)

    def replay(self) -> Iterator[dict[str, Any]]:
        """Yield every record, oldest first. Raises msgspec.DecodeError when a whole line is damaged."""
        self._file.seek(0)
        for line in self._file.readlines():
            record: dict[str, Any] = decode(line)
            yield record

    def append(self, record: dict[str, Any]) -> None:
        """Write one record; the file is in append mode, so it lands at the end."""
        self._file.write(encode(record) + b"\n")
