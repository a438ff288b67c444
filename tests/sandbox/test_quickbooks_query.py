from collections.abc import Callable
from typing import Any

import pytest

from adapters.sandbox.quickbooks import Fault, hands
from adapters.sandbox.quickbooks.changes import changes
from adapters.sandbox.quickbooks.query import run


def ids(desk: Any, statement: str) -> list[str]:
    return [row["Id"] for rows in run(statement, desk.company).values() if isinstance(rows, list) for row in rows]


def code_of(attempt: Callable[[], object]) -> str:
    with pytest.raises(Fault) as refused:
        attempt()
    return refused.value.code


@pytest.fixture
def stocked(desk: Any, clock: Any) -> Any:
    for position in range(5):
        desk.invoice(f"{(position + 1) * 9}.00", DocNumber=f"LD-{position}", TxnDate=f"2026-02-0{position + 1}")
        clock.move(minutes=1)
    return desk


MATCHES = [
    ("SELECT * FROM Invoice WHERE DocNumber = 'LD-3'", {"4"}),
    ("select * from invoice where docnumber in ('ld-0', 'LD-4','none')", {"1", "5"}),
    ("select * from Invoice where Id in ('2','3','99')", {"2", "3"}),
    ("select * from Invoice where TotalAmt > '9' and TotalAmt <= '36.00'", {"2", "3", "4"}),
    ("select * from Invoice where Balance = '18.0'", {"2"}),
    ("select * from Invoice where TxnDate >= '2026-02-04'", {"4", "5"}),
    ("select * from Invoice where TxnDate < CURRENT_DATE and TxnDate > '2026-02-04'", {"5"}),
    ("select * from Invoice where DocNumber like 'LD%' and DocNumber like '%-2'", {"3"}),
    ("select * from Invoice where MetaData.LastUpdatedTime > '2026-03-02T10:14:12-08:00'", {"5"}),
    ("select * from Invoice where MetaData.LastUpdatedTime >= '2026-03-02T18:14:12Z'", {"4", "5"}),
    ("select * from Invoice where CustomerRef = '1' MAXRESULTS 1000", {"1", "2", "3", "4", "5"}),
]


@pytest.mark.parametrize(("statement", "found"), MATCHES)
def test_conditions_select_rows(stocked: Any, statement: str, found: set[str]) -> None:
    assert set(ids(stocked, statement)) == found


def test_pages_and_order_are_kept(stocked: Any) -> None:
    assert ids(stocked, "select * from Invoice ORDERBY TotalAmt DESC STARTPOSITION 2 MAXRESULTS 2") == ["4", "3"]
    assert ids(stocked, "select * from Invoice order by Id asc startposition 5") == ["5"]
    page = run("select * from Invoice orderby Id startposition 4 maxresults 2", stocked.company)
    assert (page["startPosition"], page["maxResults"]) == (4, 2)


def test_default_page_is_100_and_the_largest_1000(desk: Any) -> None:
    for _ in range(1001):
        desk.company.create("PaymentMethod", {"Name": f"M{desk.company.books.count('PaymentMethod')}"})
    assert len(ids(desk, "select * from PaymentMethod")) == 100
    assert len(ids(desk, "select * from PaymentMethod maxresults 5000")) == 1000


def test_count_and_no_match_have_their_own_shapes(stocked: Any) -> None:
    assert run("select count(*) from Invoice where TxnDate > '2026-02-03'", stocked.company) == {"totalCount": 2}
    assert run("select * from Invoice where DocNumber = 'none'", stocked.company) == {}


def test_total_count_beside_rows_follows_the_switch(desk_with: Any) -> None:
    desk = desk_with(query_total_count=True)
    desk.invoice()
    desk.invoice()
    assert run("select * from Invoice maxresults 1", desk.company)["totalCount"] == 2
    desk = desk_with()
    desk.invoice()
    assert "totalCount" not in run("select * from Invoice", desk.company)


def test_escaped_apostrophe_is_part_of_the_name(desk: Any) -> None:
    party = desk.company.create("Customer", {"DisplayName": "O'Rourke & Sons"})
    assert ids(desk, r"select * from Customer where DisplayName = 'O\'Rourke & Sons'") == [party["Id"]]
    assert code_of(lambda: ids(desk, "select * from Customer where DisplayName = 'O'Rourke & Sons'")) == "4000"


def test_inactive_names_are_shown_only_when_asked_for(desk: Any) -> None:
    hands.inactivate(desk.company, "Customer", desk.customer["Id"])
    assert ids(desk, "select * from Customer") == []
    assert ids(desk, f"select * from Customer where Id = '{desk.customer['Id']}'") == []
    assert ids(desk, "select * from Customer where Active in (true, false)") == [desk.customer["Id"]]
    assert ids(desk, "select * from Customer where Active = false") == [desk.customer["Id"]]


def test_sku_is_not_among_all_properties(desk: Any) -> None:
    item = desk.ref("Item", "Tarp")["value"]
    hands.edit(desk.company, "Item", item, {"Sku": "T-1"})
    assert "Sku" not in run("select * from Item where Name = 'Tarp'", desk.company)["Item"][0]
    assert run("select *, Sku from Item where Name = 'Tarp'", desk.company)["Item"][0]["Sku"] == "T-1"


def test_listed_properties_alone_come_back(stocked: Any) -> None:
    row = run("select Id, DocNumber from Invoice where Id = '1'", stocked.company)["Invoice"][0]
    assert row == {"domain": "QBO", "sparse": False, "Id": "1", "DocNumber": "LD-0"}


def test_singletons_can_be_queried(desk: Any) -> None:
    assert run("select * from Preferences", desk.company)["Preferences"][0]["SalesFormsPrefs"]["CustomTxnNumbers"]
    assert run("select * from CompanyInfo", desk.company)["CompanyInfo"][0]["CompanyName"]


@pytest.mark.parametrize(
    ("code", "statement"),
    [
        ("4000", "select * frm Invoice"),
        ("4000", "select * from Invoice where"),
        ("4000", "select * from Invoice where Id = '1' or Id = '2'"),
        ("4000", "select * from Invoice where Id = '1"),
        ("4000", "select * from Invoice where Id != '1'"),
        ("4001", "select * from Spaceship"),
        ("4001", "select * from Invoice startposition 0"),
        ("4001", "select * from Invoice where Id > '1'"),
        ("4001", "select * from Invoice where PrivateNote = 'x'"),
        ("4001", "select * from Payment where DocNumber = 'x'"),
        ("4001", "select * from Invoice where MetaData.LastUpdatedTime > 'noon'"),
    ],
)
def test_bad_statement_is_refused_with_its_code(stocked: Any, code: str, statement: str) -> None:
    assert code_of(lambda: run(statement, stocked.company)) == code


def test_zero_start_has_the_vendors_words(desk: Any) -> None:
    with pytest.raises(Fault, match=r"QueryValidationError: value 0 is too small\. Min allowed value is 1"):
        run("select * from Invoice startposition 0", desk.company)


def test_private_note_can_be_filtered_where_the_switch_says_so(desk_with: Any) -> None:
    desk = desk_with(private_note_filter="allowed")
    invoice = desk.invoice(PrivateNote="marker")
    desk.invoice()
    assert ids(desk, "select * from Invoice where PrivateNote = 'marker'") == [invoice["Id"]]


def test_query_may_lag_behind_the_books(desk_with: Any, clock: Any) -> None:
    desk = desk_with(query_lag_seconds=3)
    old, gone = desk.invoice("9.00", DocNumber="LD-1"), desk.invoice("8.00", DocNumber="LD-2")
    clock.move(seconds=3)
    desk.invoice("7.00", DocNumber="LD-3")
    desk.company.update("Invoice", old | {"DocNumber": "LD-4"})
    desk.company.update("Invoice", desk.held("Invoice", old["Id"]) | {"DocNumber": "LD-5"})
    desk.company.delete("Invoice", gone["Id"])
    asked = "select * from Invoice where DocNumber in ('LD-1', 'LD-2', 'LD-3', 'LD-4', 'LD-5') orderby Id"
    clock.move(seconds=2)
    assert ids(desk, asked) == ["1", "2"]
    assert desk.held("Invoice", old["Id"])["DocNumber"] == "LD-5"
    clock.move(seconds=1)
    assert ids(desk, asked) == ["1", "3"]


SINCE = "2026-03-02T00:00:00-08:00"


def test_changes_come_by_time_with_the_deleted_last(stocked: Any) -> None:
    hands.pay_invoice(stocked.company, "1", "9.00")
    stocked.company.delete("Invoice", "2")
    groups = changes("Invoice,Bill,Payment", SINCE, stocked.company, 30)["QueryResponse"]
    assert [row["Id"] for row in groups[0]["Invoice"]] == ["3", "4", "5", "1", "2"]
    assert groups[0]["Invoice"][-1] == {
        "domain": "QBO",
        "status": "Deleted",
        "Id": "2",
        "MetaData": {"LastUpdatedTime": "2026-03-02T10:16:12-08:00"},
    }
    assert groups[1] == {}
    assert groups[2]["Payment"][0]["TotalAmt"] == 9


def test_changes_leave_out_what_did_not_change_since(stocked: Any) -> None:
    groups = changes("Invoice", "2026-03-02T18:14:12+00:00", stocked.company, 30)["QueryResponse"]
    assert [row["Id"] for row in groups[0]["Invoice"]] == ["4", "5"]


def test_changes_end_at_1000_objects(desk: Any) -> None:
    for position in range(600):
        desk.company.create("PaymentMethod", {"Name": f"M{position}"})
        desk.company.create("Term", {"Name": f"T{position}", "DueDays": 1})
    groups = changes("Term,PaymentMethod,Customer", SINCE, desk.company, 30)["QueryResponse"]
    assert [group.get("maxResults", 0) for group in groups] == [606, 394, 0]


def test_deleted_ones_do_not_fit_behind_1000_live_ones(desk: Any) -> None:
    gone = desk.bill()
    for _ in range(999):
        desk.bill("1.00")
    desk.company.delete("Bill", gone["Id"])
    rows = changes("Bill", SINCE, desk.company, 30)["QueryResponse"][0]["Bill"]
    assert (len(rows), rows[-1]["status"]) == (1000, "Deleted")
    desk.bill("1.00")
    rows = changes("Bill", SINCE, desk.company, 30)["QueryResponse"][0]["Bill"]
    assert (len(rows), rows[-1].get("status")) == (1000, None)


@pytest.mark.parametrize("code", ["4001", "2190"])
def test_changes_older_than_the_look_back_are_refused(desk_with: Any, code: str) -> None:
    desk = desk_with(changes_too_old_code=code)
    assert code_of(lambda: changes("Invoice", "2026-01-01T00:00:00-08:00", desk.company, 30)) == code


@pytest.mark.parametrize(
    ("code", "entities", "since"),
    [
        ("2020", "", SINCE),
        ("2020", "Invoice", ""),
        ("2000", "Spaceship", SINCE),
        ("4001", "Invoice", "2026-03-02T00:00:00 00:00"),
    ],
)
def test_bad_change_request_is_refused(desk: Any, code: str, entities: str, since: str) -> None:
    assert code_of(lambda: changes(entities, since, desk.company, 30)) == code
