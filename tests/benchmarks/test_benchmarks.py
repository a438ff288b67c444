from typing import TYPE_CHECKING

from tests.benchmarks.vendors import run, vendor

if TYPE_CHECKING:
    from pathlib import Path


def test_backlog_leaves_through_the_engine_and_is_counted(tmp_path: "Path") -> None:
    with vendor("fake") as met:
        found = run("drain", {"address": met.address, "documents": 40, "database": str(tmp_path / "ledger.db")})

    assert found["documents"] == 40
    assert min(found.values()) > 0
