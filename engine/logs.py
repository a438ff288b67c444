"""Logs: one JSON line per event, or coloured lines on a terminal, and no secret in either.

Events are named in the past tense with dots (`transaction.moved`). What other libraries log through the standard
library goes the same way.
"""

import logging
import re
import sys
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from functools import lru_cache, partial
from typing import Final, TextIO
from urllib.parse import quote, quote_plus

import msgspec
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

MASK: Final = "[masked]"

_SHORTEST = 6  # characters; anything shorter is part of ordinary words
_WORDS = r"token|secret|passwo?r?d|authorization|signature|credential|cookie|api_?key"
_NAME = re.compile(_WORDS, re.IGNORECASE)
_SPOKEN = (
    # Authorization headers, our own tokens, and a named secret inside a form, a URL, JSON or a printed mapping.
    (re.compile(r"\b(Bearer|Basic)\s+[\w.~+/=-]{8,}", re.IGNORECASE), rf"\1 {MASK}"),
    (re.compile(r"\bll_[\w-]{20,}"), MASK),
    (re.compile(rf"([\w-]*(?:{_WORDS})[\w-]*=)[^\s&'\"]+", re.IGNORECASE), rf"\1{MASK}"),
    (re.compile(rf"([\w-]*(?:{_WORDS})[\w-]*(['\"]?)\s*[:=]\s*(['\"])).*?(?<!\\)\3", re.IGNORECASE), rf"\1{MASK}\3"),
)
# Without one of these, in whatever case, none of the patterns above is there.
_SIGNS = (
    *("token", "secret", "passw", "authorization", "signature", "credential", "cookie", "api"),
    *("bearer", "basic", "ll_"),
)
_PLAIN = frozenset({str, int, float, bool, type(None)})
_LARGEST = 2**63


def configure(level: str, secrets: AbstractSet[str], stream: TextIO | None = None) -> None:
    """Send every log line of this process, from `level` up, to `stream` (standard error by default).

    `secrets` are values that must never be seen; it is read at each line, so what is added later is masked too.
    Raises KeyError for a level that is none of debug, info, warning, error and critical.
    """
    stream = stream or sys.stderr
    threshold = logging.getLevelNamesMapping()[level.upper()]
    said_by_all: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    written: list[Processor] = [
        structlog.processors.format_exc_info,  # plain text: no values of local variables
        _lines(stream, secrets),
    ]
    structlog.configure(
        processors=[*said_by_all, *written],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=partial(_Ours, stream),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=said_by_all,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *written],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(threshold)
    logging.getLogger("transitions").setLevel(logging.WARNING)  # it tells each check of a move, twice
    logging.captureWarnings(capture=True)
    logging.raiseExceptions = False  # a line that can't be written must not be printed unmasked instead


class _Ours:
    """What our own events are written by: the standard library's way costs more than the rest of a message's."""

    def __init__(self, stream: TextIO, name: str = "loadledger") -> None:
        self._stream = stream
        self.name = name

    def msg(self, line: str) -> None:
        """Write a line; one that can't be written is lost, as it would be in the standard library."""
        with suppress(OSError, ValueError):
            self._stream.write(f"{line}\n")
            self._stream.flush()

    debug = info = warning = error = critical = msg


def _lines(stream: TextIO, secrets: AbstractSet[str]) -> Processor:
    """Return what makes the line of an event: for people on a terminal, else JSON."""
    mask = Mask(secrets)
    console = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)

    def coloured(logger: WrappedLogger, method: str, event: EventDict) -> str:
        return console(logger, method, mask(event))

    def line(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
        if _PLAIN.issuperset(map(type, event.values())):
            with suppress(ValueError, OverflowError):  # text or numbers that JSON can't hold as they are
                text = _json(event)
                if mask.innocent(text):
                    return text
        return _json(mask(event))

    written = coloured if stream.isatty() else line

    def told(logger: WrappedLogger, method: str, event: EventDict) -> str:
        try:
            return written(logger, method, event)
        except Exception as error:  # noqa: BLE001 - a value that can't be told must not stop who tells it
            return _json({"event": "log.broke", "level": "error", "error": type(error).__name__})

    return told


def _json(event: object) -> str:
    return msgspec.json.encode(event).decode()


class Mask:
    """Hides secrets, by the name they are kept under and by value, and leaves plain JSON values only."""

    def __init__(self, secrets: AbstractSet[str]) -> None:
        self._secrets = secrets

    def __call__(self, event: EventDict) -> EventDict:
        """Return the event without a secret."""
        written = _written(frozenset(self._secrets))
        return {_clean(name, written): _plain(name, value, written) for name, value in event.items()}

    def innocent(self, text: str) -> bool:
        """Whether an event, as JSON, holds nothing that may be a secret; a glance that spares most of them the mask."""
        folded = text.casefold()
        return not any(sign in folded for sign in _SIGNS) and not any(
            way in text for way in _written(frozenset(self._secrets))
        )


@lru_cache(maxsize=8)
def _written(secrets: frozenset[str]) -> Sequence[str]:
    """Return every way known secrets may be written, the longest first so that no rest of one is left."""
    known = [secret for secret in secrets if len(secret) >= _SHORTEST]
    ways = {
        way
        for secret in known
        for way in (secret, repr(secret)[1:-1], _json(secret)[1:-1], quote(secret, ""), quote_plus(secret))
    }
    return sorted(ways, key=len, reverse=True)


def _plain(name: str, value: object, written: Sequence[str]) -> object:
    """Return `value` as JSON can hold it; numbers and flags are no secrets, whatever their name."""
    match value:
        case None | bool() | float():
            return value
        case int() if -_LARGEST <= value < _LARGEST:
            return value
        case _ if _NAME.search(name):
            return MASK
        case Mapping():
            return {_clean(str(key), written): _plain(str(key), inner, written) for key, inner in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_plain("", inner, written) for inner in value]
        case _:
            return _clean(str(value), written)


def _clean(text: str, written: Sequence[str]) -> str:
    for secret in written:
        text = text.replace(secret, MASK)
    for pattern, put in _SPOKEN:
        text = pattern.sub(put, text)
    return text.encode("utf-8", "backslashreplace").decode()
