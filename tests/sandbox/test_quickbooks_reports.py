from datetime import timedelta
from decimal import Decimal
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from adapters.sandbox.quickbooks import Company, Fault
from adapters.sandbox.quickbooks.answers import as_xml
from adapters.sandbox.quickbooks.ledger import PAYABLE, RECEIVABLE
from adapters.sandbox.quickbooks.reports import REPORTS, report
from adapters.sandbox.quickbooks.stress import stress

Body = dict[str, Any]


def run(desk: Any, name: str, **parameters: str) -> Body:
    return report(name, parameters, desk.company)


def cells(row: Body) -> list[str]:
    return [cell["value"] for cell in row["ColData"]]


def flat(rows: Body) -> list[list[str]]:
    """Every line of a report, headings and totals included, from top to bottom."""
    lines: list[list[str]] = []
    for row in rows.get("Row", []):
        if "ColData" in row:
            lines.append(cells(row))
        if "Header" in row:
            lines.append(cells(row["Header"]))
        lines.extend(flat(row.get("Rows", {})))
        if "Summary" in row:
            lines.append(cells(row["Summary"]))
    return lines


def totals(shown: Body) -> list[str]:
    last = shown["Rows"]["Row"][-1]
    assert (last["type"], last["group"]) == ("Section", "GrandTotal")
    return cells(last["Summary"])


@pytest.fixture
def busy(desk: Any) -> Any:
    """A company on 2 March 2026 with documents of two years, some of them settled in part."""
    desk.invoice("1000.00", TxnDate="2025-12-20", DueDate="2026-01-19")
    invoice = desk.invoice("500.00", TxnDate="2026-02-01", DueDate="2026-03-03", DocNumber="LD-1")
    desk.bill("300.00", TxnDate="2026-01-05", DueDate="2026-01-05", DocNumber="C-9")
    desk.company.create(
        "Payment",
        {
            "CustomerRef": {"value": desk.customer["Id"]},
            "TotalAmt": Decimal("250.00"),
            "TxnDate": "2026-02-10",
            "PaymentRefNum": "ACH 7",
            "Line": [
                {"Amount": Decimal("200.00"), "LinkedTxn": [{"TxnId": invoice["Id"], "TxnType": "Invoice"}]},
            ],
        },
    )
    return desk


def test_trial_balance_shows_each_account_on_its_side_and_adds_up(busy: Any) -> None:
    shown = run(busy, "TrialBalance")
    assert [cells(row) for row in shown["Rows"]["Row"][:-1]] == [
        ["Accounts Receivable (A/R)", "1250.00", ""],
        ["Undeposited Funds", "250.00", ""],
        ["Accounts Payable (A/P)", "", "300.00"],
        ["Retained Earnings", "", "1000.00"],
        ["Linehaul Income", "", "500.00"],
        ["Purchased Transportation", "300.00", ""],
    ]
    assert totals(shown) == ["TOTAL", "1800.00", "1800.00"]
    assert shown["Rows"]["Row"][0]["ColData"][0]["id"] == busy.ref("Account", "Accounts Receivable (A/R)")["value"]


def test_trial_balance_of_an_earlier_day_knows_nothing_of_later_ones(busy: Any) -> None:
    shown = run(busy, "TrialBalance", start_date="2025-01-01", end_date="2025-12-31")
    assert [cells(row) for row in shown["Rows"]["Row"][:-1]] == [
        ["Accounts Receivable (A/R)", "1000.00", ""],
        ["Linehaul Income", "", "1000.00"],
    ]


def test_balance_sheet_balances(busy: Any) -> None:
    shown = run(busy, "BalanceSheet")
    lines = {line[0]: line[1] for line in flat(shown["Rows"]) if line[1]}
    assert lines["Total Accounts Receivable"] == "1250.00"
    assert lines["Net Income"] == "200.00"
    assert lines["Total Equity"] == "1200.00"
    assert lines["TOTAL ASSETS"] == lines["TOTAL LIABILITIES AND EQUITY"] == "1500.00"
    assert [row["group"] for row in shown["Rows"]["Row"]] == ["TotalAssets", "TotalLiabilitiesAndEquity"]


def test_profit_and_loss_goes_from_income_to_net_income(busy: Any) -> None:
    shown = run(busy, "ProfitAndLoss", start_date="2026-01-01", end_date="2026-12-31")
    assert flat(shown["Rows"]) == [
        ["Income", ""],
        ["Linehaul Income", "500.00"],
        ["Total Income", "500.00"],
        ["Cost of Goods Sold", ""],
        ["Purchased Transportation", "300.00"],
        ["Total Cost of Goods Sold", "300.00"],
        ["Gross Profit", "200.00"],
        ["Net Operating Income", "200.00"],
        ["Net Income", "200.00"],
    ]
    assert [row["group"] for row in shown["Rows"]["Row"]] == [
        "Income",
        "COGS",
        "GrossProfit",
        "NetOperatingIncome",
        "NetIncome",
    ]


def test_profit_and_loss_of_a_loss_is_negative_and_other_income_stands_apart(desk: Any) -> None:
    other = desk.company.create("Account", {"Name": "Interest", "AccountType": "Other Income"})
    item = {"Name": "Interest", "Type": "Service", "IncomeAccountRef": {"value": other["Id"]}}
    interest = desk.company.create("Item", item)
    desk.bill("300.00")
    body = desk.invoice_body("25.00")
    body["Line"][0]["SalesItemLineDetail"]["ItemRef"] = {"value": interest["Id"]}
    desk.company.create("Invoice", body)
    lines = dict(flat(run(desk, "ProfitAndLoss")["Rows"]))
    assert lines["Net Operating Income"] == "-300.00"
    assert (lines["Net Other Income"], lines["Net Income"]) == ("25.00", "-275.00")


def test_aged_receivables_sort_what_is_open_by_how_late_it_is(busy: Any) -> None:
    shown = run(busy, "AgedReceivables")
    assert [column["ColTitle"] for column in shown["Columns"]["Column"]] == [
        "",
        "Current",
        "1 - 30",
        "31 - 60",
        "61 - 90",
        "91 and over",
        "Total",
    ]
    # Due tomorrow: 300.00; since 19 January: 1000.00; unapplied since 10 February: 50.00.
    assert cells(shown["Rows"]["Row"][0]) == ["Acme Foods", "300.00", "-50.00", "1000.00", "", "", "1250.00"]
    assert totals(shown) == ["TOTAL", "300.00", "-50.00", "1000.00", "0.00", "0.00", "1250.00"]
    assert {"Name": "report_date", "Value": "2026-03-02"} in shown["Header"]["Option"]


def test_aged_receivables_of_an_earlier_day_go_by_payments_until_then(busy: Any) -> None:
    assert totals(run(busy, "AgedReceivables", report_date="2026-02-09"))[-1] == "1500.00"
    assert totals(run(busy, "AgedReceivables", report_date="2025-12-31"))[1:] == [
        "1000.00",
        *["0.00"] * 4,
        "1000.00",
    ]


def test_aged_receivables_detail_names_every_open_document(busy: Any) -> None:
    shown = run(busy, "AgedReceivableDetail")
    assert flat(shown["Rows"]) == [
        ["31 - 60 days past due", ""],
        ["2025-12-20", "Invoice", "", "Acme Foods", "2026-01-19", "1000.00", "1000.00"],
        ["Total for 31 - 60 days past due", "", "", "", "", "1000.00", "1000.00"],
        ["1 - 30 days past due", ""],
        ["2026-02-10", "Payment", "ACH 7", "Acme Foods", "2026-02-10", "-250.00", "-50.00"],
        ["Total for 1 - 30 days past due", "", "", "", "", "-250.00", "-50.00"],
        ["Current", ""],
        ["2026-02-01", "Invoice", "LD-1", "Acme Foods", "2026-03-03", "500.00", "300.00"],
        ["Total for Current", "", "", "", "", "500.00", "300.00"],
        ["TOTAL", "", "", "", "", "1250.00", "1250.00"],
    ]


def test_aged_payables_are_positive_where_we_owe(busy: Any) -> None:
    assert totals(run(busy, "AgedPayables"))[-1] == "300.00"
    shown = run(busy, "AgedPayableDetail")
    assert cells(shown["Rows"]["Row"][0]["Rows"]["Row"][0]) == [
        "2026-01-05",
        "Bill",
        "C-9",
        "Fast Carrier",
        "2026-01-05",
        "300.00",
        "300.00",
    ]
    assert [column["ColType"] for column in shown["Columns"]["Column"]][3] == "vend_name"


def test_credit_that_settles_an_invoice_leaves_nothing_open(desk: Any) -> None:
    invoice = desk.invoice("80.00")
    credit = desk.company.create("CreditMemo", desk.invoice_body("80.00"))
    links = (("Invoice", invoice), ("CreditMemo", credit))
    desk.company.create(
        "Payment",
        {
            "CustomerRef": {"value": desk.customer["Id"]},
            "TotalAmt": 0,
            "Line": [
                {"Amount": Decimal("80.00"), "LinkedTxn": [{"TxnId": held["Id"], "TxnType": kind}]}
                for kind, held in links
            ],
        },
    )
    assert run(desk, "AgedReceivables")["Rows"] == {}


@pytest.mark.parametrize("name", ["AgedReceivables", "AgedReceivableDetail"])
def test_aging_can_be_of_one_customer_only(busy: Any, name: str) -> None:
    other = busy.company.create("Customer", {"DisplayName": "Beta Foods"})
    busy.company.create("Invoice", busy.invoice_body("7.00") | {"CustomerRef": {"value": other["Id"]}})
    shown = run(busy, name, customer=other["Id"])
    assert totals(shown)[-1] == "7.00"
    assert shown["Header"]["Customer"] == other["Id"]


def test_aging_periods_can_be_chosen(busy: Any) -> None:
    shown = run(busy, "AgedReceivables", aging_period="15", num_periods="2")
    assert [column["ColTitle"] for column in shown["Columns"]["Column"]][1:-1] == ["Current", "1 - 15", "16 and over"]
    assert totals(shown) == ["TOTAL", "300.00", "0.00", "950.00", "1250.00"]


@pytest.mark.parametrize("name", sorted(REPORTS))
def test_empty_company_has_reports_without_rows(desk: Any, name: str) -> None:
    shown = run(desk, name)
    assert shown["Rows"] == {}
    assert {"Name": "NoReportData", "Value": "true"} in shown["Header"]["Option"]
    assert shown["Header"]["ReportName"] == name
    assert shown["Header"]["Currency"] == "USD"
    assert ET.fromstring(as_xml(shown)).tag.endswith("}Report")


@pytest.mark.parametrize(
    ("macro", "start", "end"),
    [
        ("Today", "2026-03-02", "2026-03-02"),
        ("yesterday", "2026-03-01", "2026-03-01"),
        ("this month", "2026-03-01", "2026-03-31"),
        ("this month-to-date", "2026-03-01", "2026-03-02"),
        ("last month", "2026-02-01", "2026-02-28"),
        ("this fiscal quarter", "2026-01-01", "2026-03-31"),
        ("last calendar quarter", "2025-10-01", "2025-12-31"),
        ("last fiscal year", "2025-01-01", "2025-12-31"),
        ("", "2026-01-01", "2026-03-02"),
    ],
)
def test_period_can_be_named(desk: Any, macro: str, start: str, end: str) -> None:
    header = run(desk, "ProfitAndLoss", date_macro=macro)["Header"]
    assert (header["StartPeriod"], header["EndPeriod"]) == (start, end)
    assert header["DateMacro"] == (macro.lower() or "this calendar year-to-date")


def test_report_of_all_time_has_no_first_day(busy: Any) -> None:
    shown = run(busy, "ProfitAndLoss", date_macro="All")
    assert "StartPeriod" not in shown["Header"]
    assert ["Total Income", "1500.00"] in flat(shown["Rows"])


def test_fiscal_year_may_begin_later(busy: Any) -> None:
    info = busy.company.find("CompanyInfo", "1")
    busy.company.books.commit([("CompanyInfo", info | {"FiscalYearStartMonth": "July"})])
    assert "Retained Earnings" not in [line[0] for line in flat(run(busy, "TrialBalance")["Rows"])]


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"start_date": "soon"}, "2070"),
        ({"start_date": "2026-03-02", "end_date": "2026-03-01"}, "2190"),
        ({"date_macro": "someday"}, "2170"),
        ({"accounting_method": "Cash"}, "5030"),
        ({"summarize_column_by": "Month"}, "5030"),
    ],
)
def test_parameters_that_make_no_sense_are_refused(desk: Any, parameters: dict[str, str], code: str) -> None:
    with pytest.raises(Fault) as refused:
        run(desk, "TrialBalance", **parameters)
    assert refused.value.code == code


@pytest.mark.parametrize("parameters", [{"aging_period": "0"}, {"num_periods": "many"}])
def test_aging_periods_are_numbers(desk: Any, parameters: dict[str, str]) -> None:
    with pytest.raises(Fault) as refused:
        run(desk, "AgedPayables", **parameters)
    assert refused.value.code == "2080"


@pytest.fixture(scope="module")
def worked() -> Company:
    """A company after random work in three currencies."""
    work, discrepancies = stress(1500, 7)
    assert discrepancies == []
    return work.company


def owed(company: Company, account_type: str, day: str) -> Decimal:
    """What the ledger holds on the accounts of a type by documents dated until a day."""
    accounts = {account["Id"] for account in company.all("Account") if account["AccountType"] == account_type}
    return sum(
        (
            posting.amount
            for (kind, identity), entry in company.books.ledger.entries()
            for posting in entry
            if posting.account in accounts and (company.find(kind, identity) or {})["TxnDate"] <= day
        ),
        Decimal(),
    )


@pytest.mark.parametrize("age", [0, 30, 60])
def test_reports_agree_with_the_ledger_after_random_work(worked: Company, age: int) -> None:
    day = (worked.today() - timedelta(days=age)).isoformat()
    for account_type, sign, names in (
        (RECEIVABLE, 1, ("AgedReceivables", "AgedReceivableDetail")),
        (PAYABLE, -1, ("AgedPayables", "AgedPayableDetail")),
    ):
        for name in names:
            shown = report(name, {"report_date": day}, worked)
            assert totals(shown)[-1] == f"{sign * owed(worked, account_type, day):.2f}"
    until = {"start_date": "2020-01-01", "end_date": day}
    _, debits, credits_ = totals(report("TrialBalance", until, worked))
    assert debits == credits_ != "0.00"
    lines = {line[0]: line[1] for line in flat(report("BalanceSheet", until, worked)["Rows"])}
    assert lines["TOTAL ASSETS"] == lines["TOTAL LIABILITIES AND EQUITY"]


def test_detail_shows_what_each_invoice_still_has_open(worked: Company) -> None:
    shown = report("AgedReceivableDetail", {"report_date": "2099-12-31"}, worked)  # no payment is dated after it
    lines = [row for section in shown["Rows"]["Row"][:-1] for row in section["Rows"]["Row"]]
    listed = {row["ColData"][1]["id"]: row["ColData"][6]["value"] for row in lines if cells(row)[1] == "Invoice"}
    open_now = {
        invoice["Id"]: f"{invoice.get('HomeBalance', invoice['Balance']):.2f}"
        for invoice in worked.all("Invoice")
        if invoice["Balance"]
    }
    assert listed == open_now != {}
