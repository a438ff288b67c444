"""What differs between the books and what they should hold, each difference in a sentence."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields

from tests.month.booking import Outcome
from tests.month.books import Books
from tests.month.drafts import same_number
from tests.month.figures import Document, Key, Refusal, by_account
from tests.month.parties import stands_for, suffixed, words


def differences(wanted: Mapping[Key, Outcome], books: Books, refused: Mapping[Key, str]) -> Iterator[str]:
    """Yield what differs: documents, refusals (by their code in the daemon's store), parties, and the ledger."""
    documents = {key: each for key, each in wanted.items() if isinstance(each, Document)}
    yield from compared(documents, books.held)
    for key in books.double:
        yield f"{_named(key)}: the books hold it twice"
    for key, outcome in wanted.items():
        if isinstance(outcome, Refusal) and refused.get(key) not in outcome.codes:
            yield f"{_named(key)}: should be refused as {_listed(outcome.codes)}, and is {refused.get(key, 'not')}"
    for key in refused.keys() - wanted.keys():
        yield f"{_named(key)}: is refused as {refused[key]}, and should not be there at all"
    for key in refused.keys() & documents.keys():
        yield f"{_named(key)}: is refused as {refused[key]}"
    yield from _parties(documents, books)
    yield from _ledger(by_account(iter(documents.values())), books.ledger)


def compared(
    wanted: Mapping[Key, Document], held: Mapping[Key, Document], alike: Callable[[str, str], bool] = stands_for
) -> Iterator[str]:
    """Yield what differs between two sets of documents; `alike` tells whether two names are one party's."""
    for key in sorted(wanted.keys() | held.keys()):
        if key not in held:
            yield f"{_named(key)}: is not there; it should be {_shown(wanted[key])}"
        elif key not in wanted:
            yield f"{_named(key)}: should not be there, and is {_shown(held[key])}"
        else:
            yield from (
                f"{_named(key)} {held[key].number}: {each}" for each in _document(wanted[key], held[key], alike)
            )


def _document(wanted: Document, held: Document, alike: Callable[[str, str], bool]) -> Iterator[str]:
    plain = {each.name for each in fields(Document)} - {"party", "number", "due", "lines", "note"}
    for name in sorted(plain):
        said, found = getattr(wanted, name), getattr(held, name)
        if said != found:
            yield f"its {name.strip('_')} should be {said!r}, and is {found!r}"
    if not alike(held.party, wanted.party):
        yield f"its party should be {wanted.party!r}, and is {held.party!r}"
    if not same_number(wanted.number, held.number):
        yield f"its number should be {wanted.number!r}, and is {held.number!r}"
    # Left out, it is derived from the terms, and there are none.
    derived = None if wanted.form in {"VendorCredit", "Payment"} else wanted.due or wanted.day
    if held.due != derived:
        yield f"it should be due on {derived}, and is on {held.due}"
    yield from (f"its note lacks {text!r}" for text in wanted.note.split("\n") if text not in held.note)
    if len(wanted.lines) != len(held.lines):
        yield f"it should have {len(wanted.lines)} lines, and has {len(held.lines)}"
    for place, (line, other) in enumerate(zip(wanted.lines, held.lines, strict=False), 1):
        if line != other:
            yield f"its line {place} should be {line}, and is {other}"


def _parties(documents: Mapping[Key, Document], books: Books) -> Iterator[str]:
    """Yield parties that are several in the books, several that are one there, and needless suffixes."""
    by_name, by_id = defaultdict(set), defaultdict(set)
    for key, document in documents.items():
        if key in books.raw:
            kind, identity = books.party_of(key)
            by_name[kind, words(document.party)].add(identity)
            by_id[kind, identity].add(words(document.party))
    for (kind, name), ids in by_name.items():
        if len(ids) > 1:
            yield f"{kind} {' '.join(name)} is several: {sorted(ids)}"
        if any(suffixed(books.name_of(kind, each)) for each in ids) and not books.rivals(kind, name):
            yield f"{kind} {' '.join(name)} bears a suffix, and no other kind of party is called so"
    for (kind, identity), names in by_id.items():
        if len(names) > 1:
            yield f"{kind} {identity} is all of {sorted(map(' '.join, names))}"


def _ledger(wanted: Mapping[str, int], held: Mapping[str, int]) -> Iterator[str]:
    for account in sorted(wanted.keys() | held.keys()):
        if wanted.get(account, 0) != held.get(account, 0):
            yield (
                f"account {account}: documents should post {wanted.get(account, 0) / 100:,.2f},"
                f" and the ledger has {held.get(account, 0) / 100:,.2f}"
            )


def _named(key: Key) -> str:
    return f"{key.route} {key.identity}"


def _shown(document: Document) -> str:
    return f"{document.form} {document.number} over {document.total} of {document.party!r}, {document.day}"


def _listed(codes: frozenset[str]) -> str:
    return " or ".join(sorted(codes))
