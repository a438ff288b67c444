"""Statements that a start or a pass runs must cost the same however much is finished in the store."""

import re
import sqlite3
from contextlib import closing
from importlib import resources

import pytest

from state.commit import _STATEMENTS

_LARGE = re.compile(
    r"SCAN (messages|transactions|attempts|history|m|t|a|e)\b(?! USING INDEX (one_in_flight|messages_))"
)
_PATH = (
    *("begin_run", "unclean_run", "doubt_all_sent", "end_open_attempts", "end_run", "wake_payments", "unpaying"),
    *("claim", "next_due", "announce", "begin_attempt", "end_attempt", "bury_message", "postpone_message"),
    *(
        "doubt_message",
        "drop_message",
        "waits_behind",
        "messages",
        "revive_messages",
        "newest_wish",
        "withdraw_wishes",
        "withdraw_files",
        "attaches",
        "wish",
    ),
    *(
        "find",
        "unmoved",
        "find_by_source",
        "find_by_document",
        "insert",
        "move",
        "revise",
        "record_change",
        "last_withdrawal",
    ),
)


@pytest.mark.parametrize("name", _PATH)
def test_statement_of_a_start_or_a_pass_goes_through_no_finished_rows(name: str) -> None:
    schema = resources.files("state").joinpath("migrations")
    with closing(sqlite3.connect(":memory:")) as connection:
        for file in sorted(schema.iterdir(), key=lambda each: each.name):
            if file.name.endswith(".sql"):
                connection.executescript(file.read_text())
        statement = _STATEMENTS[name]
        values = dict.fromkeys(re.findall(r":(\w+)", statement))
        plan = [step[3] for step in connection.execute(f"EXPLAIN QUERY PLAN {statement}", values)]

    assert not [step for step in plan if _LARGE.match(step)]
