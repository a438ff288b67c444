"""The schema: numbered files, each applied once and in one commit, forward only."""

import hashlib
import sqlite3
from importlib import resources

from state.trouble import StoreMismatch


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the schema to this program's version, one file and one commit at a time, forward only."""
    tables = [row["name"] for row in connection.execute("SELECT name FROM sqlite_schema")]
    if tables and "migrations" not in tables:
        raise StoreMismatch("the file is a database, but not a store of loadledger")
    connection.execute(
        "CREATE TABLE IF NOT EXISTS migrations (number INTEGER PRIMARY KEY, checksum TEXT NOT NULL) STRICT"
    )
    applied = {row["number"]: row["checksum"] for row in connection.execute("SELECT number, checksum FROM migrations")}
    known = {
        int(entry.name[:4]): entry.read_text()
        for entry in resources.files("state").joinpath("migrations").iterdir()
        if entry.name.endswith(".sql")
    }
    for number, checksum in applied.items():
        if number not in known or _checksum(known[number]) != checksum:
            raise StoreMismatch(f"the store has schema {number}, which this version of loadledger does not know")
    for number in sorted(known.keys() - applied.keys()):
        connection.executescript(
            f"BEGIN IMMEDIATE;\n{known[number]}\n"
            f"INSERT INTO migrations VALUES ({number}, '{_checksum(known[number])}');\nCOMMIT;"
        )


def _checksum(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
