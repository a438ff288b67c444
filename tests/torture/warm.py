"""A process that has imported the daemon and forks one for each order it reads; for many lives in little time.

A forked daemon is a process of its own and does all that one does after its imports. Orders and answers are lines of
JSON: `{"environment", "log"}` in; out come `{"pid"}`, what the daemon announces, and `{"code"}` once it has ended.
"""

import os
import sys
from collections.abc import Iterator
from typing import Any

import msgspec

from engine import cli


def serve(orders: Iterator[bytes]) -> None:
    """Carry out order after order, one daemon at a time."""
    for line in orders:
        order = msgspec.json.decode(line)
        there, ours = os.pipe()  # the daemon dies at the end of this pipe, and so with us
        pid = os.fork()
        if not pid:
            os.close(ours)
            _be_born(order, there)
        os.close(there)
        _, status = os.waitpid(pid, 0)
        os.close(ours)
        _answer(code=os.waitstatus_to_exitcode(status))


def _be_born(order: dict[str, Any], there: int) -> None:
    """Become a daemon, and never return."""
    _answer(pid=os.getpid())  # by the child, so that nothing it says comes before
    os.environ.update(order["environment"])
    os.dup2(there, 0)
    os.dup2(os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), 2)
    try:
        cli.main(["run", "--announce", "--die-with-parent"], prog_name="loadledger")
    except SystemExit as end:
        os._exit(int(end.code or 0))
    finally:
        os._exit(1)


def _answer(**facts: int) -> None:
    os.write(1, msgspec.json.encode(facts) + b"\n")


if __name__ == "__main__":
    serve(iter(sys.stdin.buffer.readline, b""))
