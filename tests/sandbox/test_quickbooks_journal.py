from pathlib import Path
from typing import Any

import pytest

from adapters.sandbox.quickbooks import Company, QuickBooksSandbox, hands


def state_of(company: Company) -> dict[str, Any]:
    kinds = ("Preferences", "CompanyInfo", "Account", "Customer", "Vendor", "Invoice", "Bill", "Payment", "BillPayment")
    return {kind: company.all(kind) for kind in kinds} | {"balance": company.books.ledger.trial_balance()}


def test_books_survive_a_kill(tmp_path: Path, clock: Any, desk: Any) -> None:
    first = QuickBooksSandbox(clock=clock, directory=tmp_path)
    assert not first.resumed
    work = type(desk)(first.company)
    invoice = work.invoice("0.10", "1799.90", DocNumber="LD-1")
    hands.pay_invoice(first.company, invoice["Id"], "800.00")
    gone = work.bill()
    first.company.delete("Bill", gone["Id"])
    clock.move(hours=1)
    second = QuickBooksSandbox(clock=clock, directory=tmp_path)
    assert second.resumed
    assert state_of(second.company) == state_of(first.company)
    assert second.company.books.tombstones["Bill"] == {gone["Id"]: "2026-03-02T10:11:12-08:00"}
    assert int(second.company.books.next_id("Invoice")) == int(gone["Id"]) + 1
    assert [held["Id"] for held in second.company.books.by("Invoice", "DocNumber", "LD-1")] == [invoice["Id"]]


def test_tokens_survive_a_kill(tmp_path: Path, clock: Any) -> None:
    first = QuickBooksSandbox(clock=clock, directory=tmp_path)
    clock.move(days=2)
    issued = first.tokens.refresh("sandbox-refresh", tell_hard_expiry=False)
    second = QuickBooksSandbox(clock=clock, directory=tmp_path)
    assert second.refresh_token == issued["refresh_token"] != "sandbox-refresh"
    assert second.tokens.is_good(issued["access_token"])
    assert second.tokens.refresh(second.refresh_token, tell_hard_expiry=False)["access_token"] != issued["access_token"]


def test_torn_last_line_is_dropped_and_the_file_goes_on(tmp_path: Path, clock: Any, desk: Any) -> None:
    work = type(desk)(QuickBooksSandbox(clock=clock, directory=tmp_path).company)
    bill = work.bill()
    journal = tmp_path / "quickbooks.jsonl"
    with journal.open("ab") as file:
        file.write(b'{"books":{"changes":[["Bill",{"Id":"2"')
    second = QuickBooksSandbox(clock=clock, directory=tmp_path).company
    assert [held["Id"] for held in second.all("Bill")] == [bill["Id"]]
    hands.pay_bill(second, bill["Id"], 1)
    third = QuickBooksSandbox(clock=clock, directory=tmp_path).company
    assert len(third.all("BillPayment")) == 1


def test_payment_and_what_it_pays_are_one_line(tmp_path: Path, clock: Any, desk: Any) -> None:
    work = type(desk)(QuickBooksSandbox(clock=clock, directory=tmp_path).company)
    bill = work.bill()
    journal = tmp_path / "quickbooks.jsonl"
    lines = len(journal.read_bytes().splitlines())
    hands.pay_bill(work.company, bill["Id"], 1)
    assert len(journal.read_bytes().splitlines()) == lines + 1


def test_wiped_books_stay_wiped(tmp_path: Path, clock: Any, desk: Any) -> None:
    first = QuickBooksSandbox(clock=clock, directory=tmp_path)
    type(desk)(first.company).bill()
    first.reset_company()
    second = QuickBooksSandbox(clock=clock, directory=tmp_path)
    assert second.company.books.was_wiped
    assert second.company.all("Bill") == []
    assert int(second.company.books.next_id("Bill")) > 1


def test_damaged_line_in_the_middle_is_not_passed_over(tmp_path: Path, clock: Any) -> None:
    QuickBooksSandbox(clock=clock, directory=tmp_path)
    journal = tmp_path / "quickbooks.jsonl"
    journal.write_bytes(b"{broken\n" + journal.read_bytes())
    with pytest.raises(ValueError, match="malformed"):
        QuickBooksSandbox(clock=clock, directory=tmp_path)
