"""A small month, whole: what both companies' daemons make of it equals what the TMS's data come to."""

from dataclasses import replace
from decimal import Decimal
from typing import Final

import msgspec
import pytest

from adapters.sandbox.alvys import SUBSIDIARY, TRANSPORT, Switches
from adapters.sandbox.quickbooks import hands
from state.transaction import Kind
from tests.month.__main__ import correcting
from tests.month.books import key_of
from tests.month.choices import EVERYTHING, FIRST_DAY, SEPARATE, Choices
from tests.month.comparison import compared
from tests.month.doings import EVERY
from tests.month.drafts import FORMS
from tests.month.office import Office
from tests.month.run import Report, run
from tests.month.story import told

MONTH: Final = told(FIRST_DAY, 2, 60)


def proven(report: Report) -> Report:
    """Return the report of a month that ended as it should."""
    assert report.differences == []
    return report


def test_every_route_is_computed() -> None:
    assert {f"{kind}" for kind in Kind} == FORMS.keys()


@pytest.mark.parametrize("choices", [EVERYTHING, SEPARATE], ids=["by statement", "trip by trip"])
def test_books_of_a_month_are_what_the_tms_data_come_to(choices: Choices) -> None:
    ours, theirs = (proven(run(MONTH, choices.of(each), correcting)) for each in (SUBSIDIARY, TRANSPORT))
    assert ours.documents.total() > 100
    assert ours.told == EVERY  # by people: the TMS hears of no payment that it had first
    assert 0 < ours.amounts["intercompany_bill"] == theirs.amounts["intercompany_invoice"]
    assert 0 < ours.amounts["intercompany_invoice"] == theirs.amounts["intercompany_bill"]


def test_cent_that_is_wrong_is_told() -> None:
    async def tampering(office: Office) -> None:
        company = office.accounting.company
        invoice = next(each for each in company.all("Invoice") if key_of(each))
        first, *others = (line for line in invoice["Line"] if line["DetailType"] == "SalesItemLineDetail")
        changed = [first | {"Amount": first["Amount"] + Decimal("0.01")}, *others]
        hands.edit(company, "Invoice", invoice["Id"], {"Line": changed})

    before, after = run(MONTH, SEPARATE, tampering).looks
    assert before == []
    total, line, *accounts = after
    assert ("its total should be" in total, "its line 1 should be" in line) == (True, True)
    assert [each.partition(":")[0].partition(" ")[0] for each in accounts] == ["account", "account"]


def test_document_that_nobody_asked_for_is_told() -> None:
    async def adding(office: Office) -> None:
        company = office.accounting.company
        bill = next(each for each in company.all("Bill") if key_of(each))
        note = "[loadledger blue-mesa fuel_bill nobody g1 0123456789]"
        company.create("Bill", {name: bill[name] for name in ("VendorRef", "TxnDate", "Line")} | {"PrivateNote": note})

    before, after = run(MONTH, SEPARATE, adding).looks
    assert before == []
    assert after[0].startswith("fuel_bill nobody: should not be there")


@pytest.mark.parametrize(
    ("choices", "switches"),
    [
        (EVERYTHING, Switches(driver_owes="shortfall", fuel_discounts="within")),
        (SEPARATE, Switches(fuel_discounts="negative", rate_deductions="positive", echeck_fees="within")),
    ],
    ids=["by statement", "trip by trip"],
)
def test_what_is_in_doubt_about_the_tms_makes_no_difference(choices: Choices, switches: Switches) -> None:
    proven(run(MONTH, choices, switches=switches))


def test_all_of_it_can_be_looked_at_before_any_of_it_is_sent() -> None:
    held: list[int] = []

    async def looking(office: Office) -> None:
        rows = office.daemon.look("SELECT count(*) FROM transactions WHERE state IN ('pending', 'error')")
        assert office.books().held == {}
        assert office.sent == {}
        assert rows[0][0] == len(office.wanted())
        held.append(rows[0][0])

    async def looking_back(office: Office) -> None:
        books = office.books()
        sent = {key: books.read(books.held[key].form, _decoded(bodies[0])) for key, bodies in office.sent.items()}
        whole = {key: replace(each, due=books.held[key].due) for key, each in sent.items()}
        assert list(compared(whole, books.held, alike=str.__eq__)) == []
        assert all(each.due in {None, books.held[key].due} for key, each in sent.items())

    proven(run(MONTH, SEPARATE, looking_back, before=looking))
    assert held


def _decoded(body: bytes) -> dict[str, object]:
    found: dict[str, object] = msgspec.json.Decoder(float_hook=Decimal).decode(body)
    return found
