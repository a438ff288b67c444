"""Names that are hard to handle, with who is meant by each: written down, not derived from any rule of the product."""

from collections.abc import Iterator
from random import Random
from typing import NamedTuple


class Spelling(NamedTuple):
    """One way to write one party's name. Spellings of one party have the same `who`."""

    who: str
    text: str
    loosely: str = ""
    """Who is meant where accents do not tell names apart, if that is somebody else."""


NAMELESS = ("...", " \t\n", "株式会社", "🚚🚛", "\u202e\u200b", ":", "شركة النقل", "-- ' --")
"""Names of which nothing is left."""

_WORDS = ("Blue Mesa", "Roadrunner", "North Star", "Two Rivers", "Prairie Wind", "Iron Horse", "Lone Pine", "Red Rock")
_KINDS = ("Freight", "Trucking", "Logistics", "Carriers", "Transport")
_CYRILLIC = str.maketrans("aceopxy", "асеорху")  # noqa: RUF001 - look-alikes are the point


def spellings(random: Random, wanted: int) -> list[Spelling]:
    """Return so many spellings, in a random order."""
    found = [*_written(), *_long(random), *_drawn(random, wanted)]
    random.shuffle(found)
    return found[:wanted]


def _written() -> Iterator[Spelling]:
    # fmt: off
    for who, texts in {
        "obrien":     ("O'Brien's Sons", "O’Briens Sons", "o'briens' SONS", "OBriens Sons"),  # noqa: RUF001
        "hunt":       ("J.B. Hale Inc.", "JB Hale, Inc", "J. B. Hale Inc"),
        "backslash":  ("Back\\slash\\ Lines", "Back slash Lines", "back\\slash 'lines'"),
        "percent":    ("100% Freight", "100 % freight"),
        "hundred":    ("100 Freight", "'100' Freight"),
        "all":        ("% Freight",),
        "under":      ("A_B_Freight", "A B Freight", "AB Freight"),
        "and":        ("A&B Freight", "A & B  Freight"),
        "plus":       ("A+B Freight",),
        "quoted":     ('"Quoted" Carriers', "“Quoted” Carriers", "Quoted Carriers"),
        "colon":      ("Colon: Dallas:Plant", "Colon\tDallas\r\nPlant", "COLON DALLAS PLANT"),
        "dash":       ("-- Dash Lines", "Dash–Lines", "-dash lines-"),  # noqa: RUF001
        "wide":       ("ＷＩＤＥ　Ｌｉｎｅｓ", "Wide Lines", "wide\u00a0lines"),  # noqa: RUF001
        "ligature":   ("Oﬃce ﬂeet", "Office Fleet"),
        "hidden":     ("Hid\u200bden\u2060 Lines\ufe0f", "Hidden\u00ad Lines", "\u202bHidden Lines\u202c"),
        "zalgo":      ("Z̷̢a̸l̵g̶o Lines", "Z̷̢A̸L̵G̶O LINES"),
        "plain zalgo": ("Zalgo Lines",),
        "emoji":      ("🚚 Speedy", "🚚 SPEEDY!"),
        "no emoji":   ("Speedy",),
        "arabic":     ("شركة Red Sea 12", "شركة RED SEA 12"),
        "hebrew":     ("חברה Red Sea 12",),
        "red sea":    ("Red Sea 12",),
        "han":        ("東 Orient Lines",),
        "other han":  ("西 Orient Lines",),
        "digits":     ("٣ Cargo", ),
        "other digits": ("٤ Cargo", ),
        "marked":     ("Brand™ Foods", "Brand Foods®"),
        "surrogate":  ("\ud83d Half Lines",),
        "null":       ("Nu\x00ll Lines", "Nu ll Lines"),
        "suffix v":   ("Suffix V",),
        "suffix c":   ("Suffix C",),
        "deleted":    ("Gone Lines (deleted)",),
        "not deleted": ("Gone Lines",),
        "brackets":   ("(V)",),
        "polish":     ("Łódź Lines", "ŁÓDŹ LINES"),
        "null word":  ("null",),
        "sql":        ("x'; drop table Customer; --", "X ' drop table, customer"),
        "escaped":    ("\\'", ) * 0 or ("a\\' or '1'='1",),
    }.items():
        for text in texts:
            yield Spelling(who, text)
    # fmt: on
    for text in ("Zoë Lines", "Zoe\u0308 Lines"):
        yield Spelling("zoë", text, "zoe")
    yield Spelling("zoe", "Zoe Lines")
    yield Spelling("lodz", "Lodz Lines")
    yield Spelling("lódz", "Lódz Lines", "lodz")


def _long(random: Random) -> Iterator[Spelling]:
    for length in (499, 500, 501, 600):
        head = f"Long {length} ".ljust(length - 1, "n")
        for end in "ab":
            yield Spelling(f"long {length} {end}", head + end)
            yield Spelling(f"long {length} {end}", (head + end).upper().replace(" ", "  "))
    words = [f"w{random.randrange(1000)}" for _ in range(150)]
    for end in ("east", "west"):
        yield Spelling(f"words {end}", " ".join([*words, end]))
        yield Spelling(f"words {end}", ", ".join([*words, end]) + ".")


def _drawn(random: Random, wanted: int) -> Iterator[Spelling]:
    """Yield endless companies, each spelled in some ways, and now and then its double in look-alike letters."""
    for number in range(wanted):
        name = f"{random.choice(_WORDS)} {number} {random.choice(_KINDS)} Inc"
        for _ in range(random.randrange(1, 4)):
            yield Spelling(name, _respelled(random, name))
        if number % 5 == 0:
            yield Spelling(f"not {name}", name.translate(_CYRILLIC))


def _respelled(random: Random, name: str) -> str:
    words = name.split()
    gap = random.choice((" ", "  ", ", ", " - ", "\t", ": ", " / ", "\u3000"))
    cased = random.choice((str, str.upper, str.lower, str.title))
    return (
        random.choice(("", "(", " ", "\ufeff")) + gap.join(map(cased, words)) + random.choice(("", ".", ",", " ", ")"))
    )
