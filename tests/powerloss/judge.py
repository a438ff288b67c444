"""What a database file holds, in the judge's own words and SQL: nothing here is the product's."""

import hashlib
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

Fact = tuple[Any, ...]

# Facts that stay true whatever happens later, so that a promise of long ago can be looked for at the end.
_FACTS = {
    "said": "SELECT reason FROM history WHERE actor = 'tester'",
    "moved": "SELECT transaction_id, version FROM history",
    "announced": "SELECT message_id, number, request_id, body_digest FROM attempts",
    "ended": "SELECT message_id, number, outcome FROM attempts WHERE outcome IS NOT NULL",
    "linked": "SELECT key, target FROM links",
    "observed": "SELECT document_id FROM observations",
    "ran": "SELECT epoch FROM runs",
    "stopped": "SELECT epoch FROM runs WHERE stopped_at IS NOT NULL",
}
# Numbers that only rise: what was promised may have risen further.
_RISING = {
    "kept": "SELECT name, CAST(value AS INTEGER) FROM secrets",
    "advanced": "SELECT name, value / 1000000 - unixepoch('2026-10-05') FROM cursors",
}
_LEFT = "phase IN ('sent', 'in_doubt')"
_OPENING_CHANGES = {"runs", "messages", "attempts"}


class Seen(NamedTuple):
    """What there is to say of one database file."""

    damage: tuple[str, ...] = ()  # what SQLite itself finds wrong with it
    content: str = ""  # a fingerprint of every row
    settled: str = ""  # the same without what opening a store changes
    facts: frozenset[Fact] = frozenset()
    rising: Mapping[Fact, int] = MappingProxyType({})
    left: frozenset[Fact] = frozenset()  # messages that left and have no known outcome
    sent: int = 0  # those of them that are not in doubt

    def holds(self, fact: Fact) -> bool:
        """Whether something that was promised is so."""
        return self.rising.get(fact[:2], -1) >= fact[2] if fact[0] in _RISING else fact in self.facts


def look(path: Path) -> Seen:
    """Read a whole database file; one that can't be read at all has that as its damage."""
    with closing(sqlite3.connect(path)) as connection:
        try:
            return _look(connection)
        except sqlite3.DatabaseError as error:
            return Seen((str(error),))


def changed(before: Seen, after: Seen, promised: Iterable[Fact]) -> list[str]:
    """Say what opening a store changed and should not have: what left is in doubt, and all else is as it was."""
    complaints = {
        "opening damaged it": bool(after.damage),
        "opening lost something": not all(after.holds(fact) for fact in promised),
        "opening changed something": before.settled != after.settled,
        "what left is not in doubt": before.left != after.left or bool(after.sent),
    }
    return [words for words, applies in complaints.items() if applies]


def _look(connection: sqlite3.Connection) -> Seen:
    def rows(sql: str) -> list[Fact]:
        return connection.execute(sql).fetchall()

    damage = tuple(text for (text,) in rows("PRAGMA integrity_check") if text != "ok")
    damage += tuple(f"orphan {row}" for row in rows("PRAGMA foreign_key_check"))
    schema = rows("SELECT type, name, sql FROM sqlite_schema ORDER BY name")
    names = [name for kind, name, _ in schema if kind == "table"]
    tables = {name: rows(f"SELECT * FROM {name} ORDER BY 1, 2") for name in names if not name.startswith("sqlite_")}
    content = _digest(schema, tables)
    if not tables.get("runs"):
        return Seen(damage, content)
    settled = {name: held for name, held in tables.items() if name not in _OPENING_CHANGES}
    settled["messages"] = rows(f"SELECT * FROM messages WHERE NOT {_LEFT} ORDER BY id")
    return Seen(
        damage,
        content,
        _digest(schema, settled),
        frozenset((name, *row) for name, sql in _FACTS.items() for row in rows(sql)),
        {(name, key): value for name, sql in _RISING.items() for key, value in rows(sql)},
        frozenset(rows(f"SELECT id, transaction_id, attempts, request_id, body FROM messages WHERE {_LEFT}")),
        len(rows("SELECT 1 FROM messages WHERE phase = 'sent'")),
    )


def _digest(*parts: object) -> str:
    return hashlib.blake2b(repr(parts).encode(), digest_size=16).hexdigest()
