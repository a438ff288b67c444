"""Which name in accounting stands for a party of the TMS, and which parties are one to it."""

import re
import unicodedata
from typing import Final

LONGEST: Final = 500
_MARK: Final = re.compile(r" ~[0-9a-f]{10}$")
_SUFFIX: Final = re.compile(r"( \([VC]\)){1,3}$")
_LAST_OF_LATIN_1: Final = "\xff"


def words(name: str) -> tuple[str, ...]:
    """Return what tells a name from another: its words, without regard to case, spaces and punctuation."""
    plain = re.sub(r"[.'\u2019]", "", unicodedata.normalize("NFKC", name).casefold())
    return tuple(re.findall(r"[^\W_]+|[&%#@*+]", plain))


def stands_for(held: str, wanted: str) -> bool:
    """Whether a name in accounting is that of a party: its words, but for letters that are not taken there.

    A name that loses letters ends in a mark of the whole; one that another kind of party bears, in a suffix.
    """
    name = plain(held)
    if name == (marked := _MARK.sub("", name)):
        return words(name) == words(wanted)
    lossy = len(wanted) > LONGEST or max(wanted) > _LAST_OF_LATIN_1
    return lossy and bool(set(words(marked)) <= {*words(wanted), *words(_bare(wanted))})


def plain(held: str) -> str:
    """Return a name in accounting without the suffix that tells it from another kind of party."""
    return _SUFFIX.sub("", held)


def suffixed(held: str) -> bool:
    """Whether a name in accounting bears such a suffix."""
    return _SUFFIX.search(held) is not None


def _bare(name: str) -> str:
    """Return a name without the accents that Latin-1 does not have."""
    return "".join(letter if letter <= _LAST_OF_LATIN_1 else unicodedata.normalize("NFD", letter)[0] for letter in name)
