"""The numbers that documents bear: the record's own, after what tells its sort if that is wanted, never too long."""

import hashlib
from typing import Final

from adapters.alvys.settings import Settings

LONGEST: Final = 21  # characters that accounting takes
_MARK: Final = 6  # hexadecimal digits that keep two shortened numbers apart


def document_number(prefix: str, number: str, settings: Settings) -> str:
    """Return `number`, with its prefix under `number_prefix`; blank stays blank.

    One that is too long keeps its end, which tells more than its start, and gets a mark made of all of it: two that
    are cut to the same end stay two, and the same one is cut the same way each time.
    """
    lead = f"{prefix}-" if settings.rules.number_prefix and prefix and number else ""
    if len(lead + number) <= LONGEST:
        return lead + number
    mark = hashlib.sha256(number.encode()).hexdigest()[:_MARK]
    return f"{lead}{number[len(lead) + _MARK + 1 - LONGEST :]}~{mark}"
