"""Logs: one JSON line per event, or coloured lines on a terminal, and no secret in either.

Events are named in the past tense with dots (`transaction.moved`). What other libraries log through the standard
library goes the same way.
"""

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from collections.abc import Set as AbstractSet
from typing import Any, Final, TextIO
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
    structlog.configure(
        processors=[*said_by_all, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=said_by_all,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,  # plain text: no values of local variables
                Mask(secrets),
                _lines(stream),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(threshold)
    logging.getLogger("transitions").setLevel(logging.WARNING)  # it tells each check of a move, twice
    logging.captureWarnings(capture=True)
    logging.raiseExceptions = False  # a line that can't be written must not be printed unmasked instead


def _lines(stream: TextIO) -> Processor:
    if stream.isatty():
        return structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    return structlog.processors.JSONRenderer(serializer=_json)


def _json(event: object, **_: object) -> str:
    return msgspec.json.encode(event).decode()


class Mask:
    """Hides secrets, by the name they are kept under and by value, and leaves plain JSON values only."""

    def __init__(self, secrets: AbstractSet[str]) -> None:
        self._secrets = secrets

    def __call__(self, _logger: WrappedLogger, _method: str, event: EventDict) -> MutableMapping[str, Any]:
        """Return the event without a secret."""
        written = self._written()
        return {_clean(name, written): _plain(name, value, written) for name, value in event.items()}

    def _written(self) -> list[str]:
        """Return every way a known secret may be written, the longest first so that no rest of one is left."""
        known = [secret for secret in self._secrets if len(secret) >= _SHORTEST]
        ways = {way for secret in known for way in (secret, repr(secret)[1:-1], quote(secret, ""), quote_plus(secret))}
        return sorted(ways, key=len, reverse=True)


def _plain(name: str, value: object, written: list[str]) -> object:
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


def _clean(text: str, written: list[str]) -> str:
    for secret in written:
        text = text.replace(secret, MASK)
    for pattern, put in _SPOKEN:
        text = pattern.sub(put, text)
    return text.encode("utf-8", "backslashreplace").decode()
