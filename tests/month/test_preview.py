"""A whole month is looked at, let go as it was seen, and held against what then was sent, byte for byte."""

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

import pytest

from adapters.http import encode
from adapters.quickbooks.forms import FORMS
from adapters.quickbooks.marker import fingerprint
from state.transaction import DocumentType
from tests.month.choices import EVERYTHING, FIRST_DAY, SEPARATE, Choices
from tests.month.figures import Key
from tests.month.office import Office, decoded
from tests.month.run import run
from tests.month.story import told

MONTH: Final = told(FIRST_DAY, 3, 60)
_NEW: Final = re.compile(r"<new \w+: ")
_FINGERPRINT: Final = re.compile(r"(?<= g1 )[0-9a-f]{10}")


class Filling:
    """Puts the ids that were sent where a preview says what is new; each new thing has one id, wherever it stands."""

    def __init__(self) -> None:
        self._ids: dict[str, str] = {}

    def filled(self, document: Any, sent: Any) -> bytes:
        """Return the body of a preview with the ids that came to be, and the fingerprint that follows from them."""
        body = self._fill(document["body"], sent)
        if body != document["body"]:
            form = FORMS[DocumentType(document["document_type"])]
            body["PrivateNote"] = _FINGERPRINT.sub(fingerprint(body, form), body["PrivateNote"])
        return encode(body)

    def _fill(self, seen: Any, sent: Any) -> Any:
        if isinstance(seen, dict) and isinstance(sent, dict):
            return {name: self._fill(each, sent.get(name)) for name, each in seen.items()}
        if isinstance(seen, list) and isinstance(sent, list):
            return [self._fill(each, other) for each, other in zip(seen, sent, strict=True)]
        if isinstance(seen, str) and _NEW.match(seen):
            return self._ids.setdefault(seen, sent)
        return seen


async def previewed(office: Office) -> dict[Key, Any]:
    """Return the preview of everything that waits for its release, page by page."""
    sources = {
        identity: Key(kind, source_id)
        for identity, kind, source_id in office.daemon.look("SELECT id, kind, source_id FROM transactions")
    }
    found: dict[Key, Any] = {}
    before = None
    while True:
        page = await office.ask("POST", "preview", {"unreleased": True, "limit": 100, "before": before})
        found |= {sources[each["id"]]: each for each in page["documents"]}
        before = page["next"]
        if before is None:
            return found


def differing(seen: Mapping[Key, Any], sent: Mapping[Key, list[bytes]]) -> Iterator[str]:
    """Yield what was not sent as it was seen, or not once."""
    filling = Filling()
    for key in sorted(seen.keys() | sent.keys()):
        bodies = sent.get(key, [])
        if key not in seen or len(bodies) != (not _stuck(seen, key)):
            yield f"{key}: seen {seen.get(key)}, sent {bodies}"
        for body in bodies:
            if body != filling.filled(seen[key], decoded(body)):
                yield f"{key}: seen {seen[key]['body']}, sent {body!r}"


def _stuck(seen: Mapping[Key, Any], key: Key) -> bool:
    """Whether something was seen to be refused, or to wait for what is."""
    awaited = {need["called"] for need in seen[key]["needs"] if need["ours"]}
    return bool(seen[key]["problem"]) or any(
        seen[other]["problem"] for other in seen if f"{other.route} {other.identity}" in awaited
    )


def left_alone(office: Office) -> Any:
    """Return all that looking must not change: the store but for counts of reads, and the books."""
    tables = ("transactions", "messages", "history", "attempts", "links", "creations", "settlements")
    store = {table: [tuple(row) for row in office.daemon.look(f"SELECT * FROM {table}")] for table in tables}
    company = office.accounting.company
    lists = ("Customer", "Vendor", "Item", "Account", "Class", "Department", "Term")
    return store, {name: company.all(name) for name in lists}, office.books().held, dict(office.sent)


@pytest.mark.parametrize("choices", [EVERYTHING, SEPARATE], ids=["by statement", "trip by trip"])
def test_what_was_seen_of_a_month_is_what_was_sent(choices: Choices) -> None:
    seen: dict[Key, Any] = {}

    async def looking(office: Office) -> None:
        before = left_alone(office)
        seen.update(await previewed(office))
        assert left_alone(office) == before
        assert await previewed(office) == seen
        for each in seen.values():
            sides = ("debit", "credit")
            sums = {sum(Decimal(posting[side]["amount"]) for posting in each["postings"]) for side in sides}
            assert len(sums) == 1
        hashes = {str(each["id"]): each["hash"] for each in seen.values() if each["hash"]}
        for part in (dict(list(hashes.items())[start : start + 1000]) for start in range(0, len(hashes), 1000)):
            released = await office.ask("POST", "release", {"reason": "looked at all of it", "previews": part})
            assert set(map(str, released["released"])) == set(part)
        await office.ask("POST", "release", {"reason": "let us see what they are refused for"})

    async def looking_back(office: Office) -> None:
        assert list(differing(seen, office.sent)) == []
        refused = office.daemon.look("SELECT id, problem FROM transactions WHERE state = 'error'")
        shown = {each["id"]: each["problem"] for each in seen.values() if each["problem"] and not each["waits"]}
        assert {identity: decoded(problem.encode()) for identity, problem in refused} == shown

    report = run(MONTH, choices.but(auto=False), looking_back, before=looking)
    assert len(seen) > 100
    assert len({each["document_type"] for each in seen.values()}) == len(DocumentType)
    assert report.differences == []
