"""Names of customers and vendors: when two are one, and how each is spelled so that QuickBooks takes it. Pure."""

import hashlib
import re
import unicodedata
from collections.abc import Callable
from typing import Final

LONGEST: Final = 500  # characters of a DisplayName, documented
_DIGITS: Final = 10  # of the digest that tells apart what QuickBooks can't hold whole
_LATIN: Final = 0xFF  # documented: up to here text is safe; above, characters are refused, damaged or kept

# Signs that are read aloud, so they tell names apart: "A+ Freight", "100% Freight". Other punctuation does not.
_SPOKEN: Final = frozenset("&%#@*")
# Punctuation within a word; all other stands between words: "J.B. Hunt" and "JB Hunt", "O'Brien" and "OBrien".
_WITHIN: Final = frozenset(".'’‘ʼ`")  # noqa: RUF001 - look-alikes are the point
_LEGAL: Final = dict.fromkeys(map(ord, "™℠®©"), "")
_MARKED: Final = re.compile(r"(?<= )(~[0-9a-f]{10})\s*$")  # what `spelled` may end in; it stands for the whole name
_INITIALS: Final = re.compile(r"\b(\w) (?=\w\b)")

# fmt: off
# What has a plain spelling that Unicode does not know of. Letters among these still count as other letters.
_PLAIN: Final[dict[str, str]] = {
    "‘": "'", "’": "'", "‚": "'", "‛": "'", "′": "'", "ʼ": "'", "“": '"', "”": '"', "„": '"', "″": '"',  # noqa: RUF001
    "‐": "-", "‑": "-", "‒": "-", "–": "-", "—": "-", "―": "-", "−": "-", "⁄": "/",  # noqa: RUF001
    "Ł": "L", "ł": "l", "Đ": "D", "đ": "d", "Œ": "OE", "œ": "oe", "ı": "i", "Ħ": "H", "ħ": "h", "Ŧ": "T", "ŧ": "t",  # noqa: RUF001
}
# fmt: on


def key(name: str) -> str:
    """Return what the spellings of one name have in common: case, spaces, punctuation and invisible signs aside.

    Letters that only look alike, or differ by an accent, stay different: two parties are never taken for one.
    """
    if marked := _MARKED.search(name):
        return marked[1]
    folded = _compatible(_compatible(name.translate(_LEGAL)).casefold())
    words = " ".join(folded.translate(_FOLDED).split())
    return _INITIALS.sub(r"\1", words)


def spelled(name: str, longest: int = LONGEST) -> str:
    """Return a name as QuickBooks takes it, blank if nothing is left of it: Latin letters, no colon, tab or newline.

    What loses a letter or its end on the way is marked with a digest of the whole, so that it stays one of a kind, and
    every spelling of the name bears the same mark.
    """
    whole = key(name)
    text = " ".join(legible(name).replace(":", " ").split())
    if not key(text):
        return ""
    if len(text) <= longest and key(text) == whole:
        return text
    mark = _digest(whole)
    return f"{text[: longest - len(mark) - 1].rstrip()} {mark}"


def legible(text: str) -> str:
    """Return a text on one line in the characters that every company takes, as like the original as they allow."""
    composed = unicodedata.normalize("NFC", text.translate(_LEGAL))
    return " ".join(composed.translate(_LATINS).split())


def alike(name: str) -> str:
    """Return what is left of a name without accents too: QuickBooks may compare like that where it says "taken"."""
    return "".join(each for each in unicodedata.normalize("NFKD", key(name)) if not unicodedata.combining(each))


def unsuffixed(name: str, suffix: str) -> tuple[str, int]:
    """Return a name without the suffixes at its end, and how many there were."""
    text, count = " ".join(name.split()), 0
    while text.casefold().endswith(suffix.casefold()):
        text, count = text[: -len(suffix)], count + 1
    return text, count


def suffixed(name: str, suffix: str, count: int) -> str:
    """Return a name as QuickBooks takes it, with so many suffixes, within the limit; blank if nothing is left of it."""
    text = spelled(name, LONGEST - count * len(suffix))
    return text and text + count * suffix


def _digest(whole: str) -> str:
    """Return the mark of a name that QuickBooks can't hold whole."""
    return "~" + hashlib.sha256(whole.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGITS]


def _compatible(text: str) -> str:
    return unicodedata.normalize("NFKC", text)


def _folded(char: str) -> str:
    """Return what one character, compatible and of lower case, counts for in a comparison."""
    if char in _WITHIN or _invisible(char):
        return ""
    if char in _SPOKEN:
        return f" {char} "
    return " " if unicodedata.category(char)[0] in "PZ" or unicodedata.category(char) == "Cc" else char


def _latin(char: str) -> str:
    """Return one character as Latin text; nothing, if it has no such spelling."""
    if _invisible(char):
        return ""
    if char in _PLAIN:
        return _PLAIN[char]
    if ord(char) <= _LATIN:
        return " " if unicodedata.category(char) == "Cc" else char
    compatible = _compatible(char)
    if compatible != char:
        return "".join(map(_latin, compatible))
    base = "".join(each for each in unicodedata.normalize("NFKD", char) if ord(each) <= _LATIN)
    return base or (" " if unicodedata.category(char)[0] in "PZ" else "")


class _Table(dict[int, str]):
    """A table for `str.translate` that asks a function once for each character that it meets."""

    def __init__(self, spell: Callable[[str], str]) -> None:
        self._spell = spell

    def __missing__(self, code: int) -> str:
        self[code] = self._spell(chr(code))
        return self[code]


_FOLDED: Final = _Table(_folded)
_LATINS: Final = _Table(_latin)


def _invisible(char: str) -> bool:
    """Whether a character only steers how others are shown: joiners, directions, soft hyphens, variants."""
    return unicodedata.category(char) == "Cf" or "\ufe00" <= char <= "\ufe0f"
