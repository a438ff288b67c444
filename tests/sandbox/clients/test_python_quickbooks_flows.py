"""What the library does besides keeping entities: files, reports, mail, printing, currencies, notifications."""

from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from aiohttp import web
from anyio.from_thread import start_blocking_portal
from quickbooks import exceptions, objects
from quickbooks.objects import companycurrency, exchangerate, recurringtransaction

from adapters.sandbox import serve


@pytest.fixture(scope="module")
def customer(qb: Any) -> Any:
    made = objects.Customer()
    made.DisplayName = "Flow Foods"
    made.PrimaryEmailAddr = objects.EmailAddress()
    made.PrimaryEmailAddr.Address = "ap@example.com"
    return made.save(qb=qb)


@pytest.fixture
def invoice(qb: Any, customer: Any) -> Any:
    line = objects.SalesItemLine()
    line.Amount = 250
    line.SalesItemLineDetail = objects.SalesItemLineDetail()
    line.SalesItemLineDetail.ItemRef = objects.Item.filter(Name="Linehaul", qb=qb)[0].to_ref()
    made = objects.Invoice()
    made.CustomerRef = customer.to_ref()
    made.Line.append(line)
    return made.save(qb=qb)


def attached_to(invoice: Any) -> Any:
    reference = objects.AttachableRef()
    reference.EntityRef = invoice.to_ref()
    made = objects.Attachable()
    made.AttachableRef.append(reference)
    made.FileName, made.ContentType = "POD.txt", "text/plain"
    return made


def test_file_is_uploaded_from_disk_and_found_by_its_invoice(qb: Any, invoice: Any, tmp_path: Path) -> None:
    path = tmp_path / "POD.txt"
    path.write_bytes(b"delivered\n")
    made = attached_to(invoice)
    made._FilePath = str(path)
    saved = made.save(qb=qb)
    assert (saved.FileName, saved.Size) == ("POD.txt", 10)
    where = f"AttachableRef.EntityRef.Type = 'Invoice' AND AttachableRef.EntityRef.value = '{invoice.Id}'"
    assert [each.Id for each in objects.Attachable.where(where, qb=qb)] == [saved.Id]
    link = qb.session.get(f"{qb.api_url}/company/{qb.company_id}/download/{saved.Id}")
    assert qb.session.get(link.text).content == b"delivered\n"


def test_file_is_uploaded_from_memory_and_deleted(qb: Any, invoice: Any) -> None:
    made = attached_to(invoice)
    made._FileBytes = b"\x00\xffbytes"
    saved = made.save(qb=qb)
    assert saved.Size == 7
    saved.delete(qb=qb)
    with pytest.raises(exceptions.ObjectNotFoundException):
        objects.Attachable.get(saved.Id, qb=qb)


@pytest.mark.parametrize("name", ["TrialBalance", "AgedReceivables", "AgedPayables", "ProfitAndLoss", "BalanceSheet"])
def test_report_is_read(qb: Any, invoice: Any, name: str) -> None:
    shown = qb.get_report(name, {"accounting_method": "Accrual"})
    assert shown["Header"]["ReportName"] == name
    assert {"Header", "Columns", "Rows"} == shown.keys()


@pytest.mark.parametrize("name", ["AgedReceivableDetail", "AgedPayableDetail"])
def test_detailed_report_has_as_many_cells_as_columns(qb: Any, invoice: Any, name: str) -> None:
    shown = qb.get_report(name)
    for section in shown["Rows"].get("Row", []):
        for row in section.get("Rows", {}).get("Row", []):
            assert len(row["ColData"]) == len(shown["Columns"]["Column"])


def test_report_that_does_not_exist_is_not_found(qb: Any) -> None:
    with pytest.raises(exceptions.QuickbooksException):
        qb.get_report("Horoscope")


def test_invoice_is_printed(qb: Any, invoice: Any) -> None:
    assert invoice.download_pdf(qb=qb).startswith(b"%PDF-")


def test_invoice_is_mailed(qb: Any, invoice: Any) -> None:
    sent = invoice.send(qb=qb, send_to="billing+loads@example.com")["Invoice"]
    assert (sent["EmailStatus"], sent["BillEmail"]["Address"]) == ("EmailSent", "billing+loads@example.com")
    assert objects.Invoice.get(invoice.Id, qb=qb).email_sent


def test_tax_code_is_made_through_the_tax_service(qb: Any) -> None:
    agency = objects.TaxAgency()
    agency.DisplayName = "Flow Agency"
    rate = objects.TaxRateDetails()
    rate.TaxRateName, rate.RateValue, rate.TaxAgencyId = "Flow 5%", 5, agency.save(qb=qb).Id
    service = objects.TaxService()
    service.TaxCode = "Flow Tax"
    service.TaxRateDetails.append(rate)
    made = service.save(qb=qb)
    assert made.TaxCode == "Flow Tax"
    assert "Flow Tax" in {code.Name for code in objects.TaxCode.all(qb=qb)}


def test_currencies_and_rates_are_kept(stage: Callable[..., Any]) -> None:
    twin = stage()
    qb = twin.quickbooks(twin.auth(refresh_token=twin.sandbox.refresh_token))
    twin.sandbox.company.set_preferences({"CurrencyPrefs": {"MultiCurrencyEnabled": True}})
    currency = companycurrency.CompanyCurrency()
    currency.Code, currency.Name = "CAD", "Canadian Dollar"
    made = currency.save(qb=qb)
    assert [each.Code for each in companycurrency.CompanyCurrency.filter(Code="CAD", qb=qb)] == ["CAD"]
    assert companycurrency.CompanyCurrency.get(made.Id, qb=qb).Name == "Canadian Dollar"
    rate = exchangerate.ExchangeRate()
    rate.SourceCurrencyCode, rate.TargetCurrencyCode, rate.Rate, rate.AsOfDate = "CAD", "USD", 0.75, "2026-03-02"
    rate.save(qb=qb)
    where = "SourceCurrencyCode = 'CAD' AND AsOfDate = '2026-03-02'"
    assert [each.Rate for each in exchangerate.ExchangeRate.where(where, qb=qb)] == [0.75]


def test_recurring_invoice_is_planned(qb: Any, invoice: Any) -> None:
    planned = recurringtransaction.RecurringInvoice()
    planned.CustomerRef, planned.Line = invoice.CustomerRef, invoice.Line[:1]
    planned.RecurringInfo = recurringtransaction.RecurringInfo()
    planned.RecurringInfo.Name = "Monthly"
    planned.RecurringInfo.ScheduleInfo = recurringtransaction.ScheduleInfo()
    planned.RecurringInfo.ScheduleInfo.IntervalType = "Monthly"
    planned.RecurringInfo.ScheduleInfo.NumInterval = 1
    template = recurringtransaction.RecurringTransaction()
    template.Invoice = planned
    saved = template.save(qb=qb)
    assert saved.Invoice.RecurringInfo.Name == "Monthly"
    assert objects.Invoice.count(qb=qb) > 0


def test_preferences_are_saved(qb: Any) -> None:
    preferences = objects.Preferences.get(qb=qb)
    preferences.SalesFormsPrefs.AllowServiceDate = True
    preferences.save(qb=qb)
    assert objects.Preferences.get(qb=qb).SalesFormsPrefs.AllowServiceDate is True


def test_company_particulars_are_found(qb: Any) -> None:
    [info] = objects.CompanyInfo.all(qb=qb)
    assert info.CompanyName == "Blue Mesa Logistics LLC"
    assert objects.CompanyInfo.get(qb.company_id, qb=qb).CompanyName == info.CompanyName


def test_change_data_tells_of_several_kinds_and_of_what_was_deleted(qb: Any, invoice: Any) -> None:
    invoice.delete(qb=qb)
    answer = qb.change_data_capture("Invoice,Bill,Customer", "2099-01-01T00:00:00-08:00")
    assert answer["CDCResponse"][0]["QueryResponse"] == [{}, {}, {}]
    today = objects.Customer.all(qb=qb)[0].MetaData["LastUpdatedTime"]
    invoices, bills, customers = qb.change_data_capture("Invoice,Bill,Customer", today)["CDCResponse"][0][
        "QueryResponse"
    ]
    assert invoice.Id in {each["Id"] for each in invoices["Invoice"] if each.get("status") == "Deleted"}
    assert bills == {}
    assert customers["Customer"]


class Mailbox:
    """An app's own webhook endpoint."""

    def __init__(self) -> None:
        self.arrived = Event()
        self.taken: list[tuple[str, str]] = []

    async def take(self, request: web.Request) -> web.Response:
        self.taken.append((await request.text(), request.headers["intuit-signature"]))
        self.arrived.set()
        return web.Response()


@pytest.mark.parametrize("form", ["classic", "cloudevents"])
def test_notification_has_a_signature_the_library_accepts(twin: Any, qb: Any, invoice: Any, form: str) -> None:
    mailbox = Mailbox()
    app = web.Application()
    app.router.add_post("/hook", mailbox.take)
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(serve(app)) as base:
        receiver = {
            "url": f"{base}/hook",
            "verifier_token": "secret",
            "format": form,
            "bundle_seconds": 0,
            "entities": ["Invoice"],
        }
        assert qb.session.put(f"{twin.base}/_sandbox/webhooks", json=receiver).status_code == 200
        invoice.PrivateNote = "changed"
        invoice.save(qb=qb)
        assert mailbox.arrived.wait(10)
        qb.session.delete(f"{twin.base}/_sandbox/webhooks")
    body, signature = mailbox.taken[0]
    assert qb.validate_webhook_signature(body, signature, "secret")
    assert not qb.validate_webhook_signature(body + " ", signature, "secret")
    assert not qb.validate_webhook_signature(body, signature, "other")
    assert invoice.Id in body
