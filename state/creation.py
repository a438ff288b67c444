"""A party on its way into accounting: what a document needs may have to be made first, exactly once too."""

from datetime import datetime

import msgspec

from state.outbox import Phase


class Creation(msgspec.Struct, frozen=True):
    """The creation of one customer or vendor, by its name. Phases and counts mean what they mean for a message.

    `request_id` and `body` are the request as it last left; while in doubt it is sent again as it was. `due_at` is
    when an absence begins to count, or, once it is dead, when it may be tried anew.
    """

    phase: Phase
    request_id: str
    body: bytes
    due_at: datetime
    round: int = 0
    reads: int = 0
    tries: int = 0
