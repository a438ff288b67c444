"""The whole path as real processes: a month of freight reaches the books, once and to the cent."""

import signal
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.integration.stage import Office, Stage

pytestmark = pytest.mark.asyncio(loop_scope="module")

PLANTED = {
    "number_taken": "number_taken",
    "period_closed": "period_closed",
    "mapping_missing": "mapping_missing",
    "name_ambiguous": "party_ambiguous",
}


async def test_month_is_booked_once_and_every_planted_problem_is_named(office: "Office") -> None:
    world, everything = office.world, await office.daemon.everything()
    await world.judge()
    errors = {each["label"]: each["problem"]["code"] for each in everything if each["state"] == "error"}
    assert errors == {world.planted[name]: code for name, code in PLANTED.items()}
    assert {each["state"] for each in everything} == {"exported", "error"}
    assert all(each["problem"]["fix"] for each in everything if each["problem"])


async def test_parties_and_lines_are_booked_as_the_tms_has_them(office: "Office") -> None:
    tms, books = await office.world.alvys.books(), await office.world.quickbooks.books()
    invoices = {each["Number"]: each for each in tms["invoices"]}
    names = {each["Id"]: each["DisplayName"] for each in books["Customer"]}
    ours = [each for each in books["Invoice"] if "loadledger" in each.get("PrivateNote", "")]
    assert ours
    for each in ours:
        source = invoices[each["DocNumber"]]
        assert names[each["CustomerRef"]["value"]] == " ".join(source["Customer"]["Name"].replace(":", " ").split())
        amounts = [line["Amount"] for line in each["Line"] if line["DetailType"] == "SalesItemLineDetail"]
        wanted = [line["Amount"]["Amount"] for line in source["LineItems"] if line["Amount"]["Amount"]]
        assert sorted(amounts) == sorted(wanted)


async def test_what_is_read_again_and_again_changes_nothing(office: "Office") -> None:
    before = await office.daemon.everything()
    writes = (await office.world.quickbooks.requests())["writes"]
    await office.daemon.passed("intake.freight", 3)
    await office.daemon.passed("payments", 3)
    assert await office.daemon.everything() == before
    assert (await office.world.quickbooks.requests())["writes"] == writes


async def test_second_daemon_on_a_database_is_refused_and_told_who_holds_it(office: "Office") -> None:
    code, said = await office.stage.refused(office.world)
    assert (code, "Traceback" in said) == (1, False)
    assert str(office.daemon.process.pid) in said
    assert await office.daemon.everything()


async def test_port_in_use_is_said_in_a_sentence(office: "Office") -> None:
    taken = office.world.quickbooks.facts["api_url"].removeprefix("http://")
    other = str(office.stage.place / "other.db")
    code, said = await office.stage.refused(office.world, HTTP_LISTEN=taken, DATABASE=other)
    assert (code, "Traceback" in said) == (1, False)
    assert "address already in use" in said


async def test_wrong_configuration_ends_with_2_and_every_problem(office: "Office") -> None:
    other = office.stage.place / "never.db"
    wrong = {"FIRST_DATE": "tomorrow", "QUICKBOOKS_REALM_ID": "", "RELAY_INTERVAL": "-1", "ALVYS_CLIENT_IDD": "x"}
    code, said = await office.stage.refused(office.world, DATABASE=str(other), **wrong)
    assert (code, "Traceback" in said) == (2, False)
    assert [name for name in wrong if f"LOADLEDGER_{name}" not in said] == []
    assert not other.exists()


async def test_signal_ends_the_daemon_in_order_and_the_next_one_goes_on(stage: "Stage") -> None:
    async with stage.world() as world:
        async with stage.daemon(world) as daemon:
            before = await daemon.settled((await world.owed()).total() + len(world.planted))
            assert await daemon.end(signal.SIGTERM) == 0
        with closing(sqlite3.connect(stage.place / "ledger.db")) as books:
            assert books.execute("SELECT count(*), count(stopped_at) FROM runs").fetchone() == (1, 1)
        for other in ({"QUICKBOOKS_REALM_ID": "42"}, {"ENTITY": "red-mesa"}):
            code, said = await stage.refused(world, **other)
            assert (code, "Traceback" in said, "blue-mesa" in said) == (3, False, True)
        async with stage.daemon(world) as daemon:
            await daemon.passed("intake.freight")
            assert await daemon.everything() == before
            await world.judge()
            assert await daemon.end(signal.SIGINT) == 0
