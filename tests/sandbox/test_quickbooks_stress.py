from decimal import Decimal
from typing import Any

import pytest
from click.testing import CliRunner

from adapters.sandbox.quickbooks import hands, stress
from adapters.sandbox.quickbooks.audit import discrepancies
from adapters.sandbox.quickbooks.ledger import Posting


@pytest.mark.parametrize("seed", range(3))
def test_random_work_leaves_books_that_agree_at_every_step(seed: int) -> None:
    work, found = stress.stress(500, seed, every=25, parties=15)
    assert found == []
    assert sum(work.done.values()) == 500
    assert sum(work.refused.values()) < 150
    assert len(work.done) == 14


def test_same_seed_does_the_same_work() -> None:
    first, second = (stress.stress(200, 7, parties=10)[0] for _ in range(2))
    assert first.company.books.ledger.trial_balance() == second.company.books.ledger.trial_balance()
    assert first.refused == second.refused


def test_command_tells_its_rate_and_verdict() -> None:
    told = CliRunner().invoke(stress.main, ["--operations", "50", "--seed", "2"])
    assert told.exit_code == 0
    assert "50 operations with seed 2" in told.output
    assert "the books agree" in told.output


def test_command_fails_when_the_books_disagree(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stress, "discrepancies", lambda _: iter(["a cent is missing"]))
    told = CliRunner().invoke(stress.main, ["--operations", "5"])
    assert told.exit_code == 1
    assert "a cent is missing" in told.output


def spoil_posting(desk: Any) -> None:
    desk.company.books.ledger.post("Invoice", "1", (Posting("1", Decimal(1)),))


def spoil_balance(desk: Any) -> None:
    desk.company.books.commit([("Invoice", {**desk.company.find("Invoice", "1"), "Balance": Decimal("1.00")})])


def spoil_payment(desk: Any) -> None:
    payment = desk.company.all("Payment")[0]
    desk.company.books.commit([("Payment", {**desk.company.find("Payment", payment["Id"]), "Line": []})])


def spoil_deposit(desk: Any) -> None:
    deposit = desk.company.all("Deposit")[0]
    desk.company.books.commit([], [("Deposit", deposit["Id"], "2026-03-02T10:11:12-08:00")])


@pytest.mark.parametrize("spoil", [spoil_posting, spoil_balance, spoil_payment, spoil_deposit])
def test_audit_finds_what_does_not_agree(desk: Any, spoil: Any) -> None:
    hands.pay_invoice(desk.company, desk.invoice()["Id"], "800.00")
    hands.deposit(desk.company, [hands.pay_invoice(desk.company, desk.invoice()["Id"], "1800.00")["Id"]])
    assert list(discrepancies(desk.company)) == []
    spoil(desk)
    assert list(discrepancies(desk.company)) != []
