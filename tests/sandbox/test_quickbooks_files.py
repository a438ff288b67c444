from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import aiohttp
import msgspec
import pytest

from adapters.sandbox import serve
from adapters.sandbox.quickbooks import Fault, Limits, QuickBooksSandbox
from adapters.sandbox.quickbooks.attachments import content_of, uploads
from adapters.sandbox.quickbooks.query import run

REALM = "9130350000000001"
POD = b"%PDF-1.4\n\r\n--not a boundary\n\x00\xff"


def code_of(attempt: Callable[[], object]) -> str:
    with pytest.raises(Fault) as refused:
        attempt()
    return refused.value.code


def linked_to(kind: str, document: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"EntityRef": {"type": kind, "value": document["Id"]}, "IncludeOnSend": False}]


PART = b'--B\nContent-Disposition: form-data; name="file_%s_01"\n'
NOT_JSON = PART % b"metadata" + b"\n{\n" + PART % b"content" + b"\nx\n--B--"
NOT_BASE64 = PART % b"content" + b"Content-Transfer-Encoding: base64\n\n!\n--B--"


class App:
    """A connected app and the desk of its company."""

    def __init__(self, sandbox: QuickBooksSandbox, session: aiohttp.ClientSession, desk: Any) -> None:
        self.sandbox, self.session, self.desk = sandbox, session, desk

    async def call(self, method: str, target: str, **how: Any) -> tuple[int, Any]:
        async with self.session.request(method, f"/v3/company/{REALM}/{target}", **how) as answer:
            content = await answer.read()
            is_json = answer.content_type == "application/json"
            return answer.status, msgspec.json.decode(content) if is_json else content

    async def upload(self, *files: tuple[str, bytes, dict[str, Any] | None]) -> Any:
        form = aiohttp.FormData()
        for number, (name, content, metadata) in enumerate(files, start=1):
            if metadata is not None:
                encoded = msgspec.json.encode(metadata).decode()
                form.add_field(f"file_metadata_{number:02}", encoded, content_type="application/json")
            form.add_field(f"file_content_{number:02}", content, filename=name, content_type="application/pdf")
        status, answered = await self.call("POST", "upload", data=form)
        assert status == 200
        return answered["AttachableResponse"]


@pytest.fixture
async def connect(clock: Any, desk: Any) -> AsyncIterator[Callable[..., Any]]:
    async with AsyncExitStack() as stack:

        async def build(**limits: Any) -> App:
            sandbox = QuickBooksSandbox(limits=Limits(None, None, None, **limits), clock=clock)
            base = await stack.enter_async_context(serve(sandbox.app()))
            token = sandbox.tokens.refresh("sandbox-refresh", tell_hard_expiry=False)["access_token"]
            headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
            session = await stack.enter_async_context(aiohttp.ClientSession(base, headers=headers))
            return App(sandbox, session, type(desk)(sandbox.company))

        yield build


async def test_uploaded_file_is_linked_and_comes_back_whole(connect: Any, clock: Any) -> None:
    app = await connect()
    invoice = app.desk.invoice()
    metadata = {
        "AttachableRef": linked_to("Invoice", invoice),
        "FileName": "POD-1.pdf",
        "ContentType": "application/pdf",
    }
    (answered,) = await app.upload(("x.pdf", POD, metadata))
    made = answered["Attachable"]
    assert (made["FileName"], made["Size"], made["SyncToken"]) == ("POD-1.pdf", len(POD), "0")
    assert made["FileAccessUri"] == f"/v3/company/{REALM}/download/{made['Id']}"
    assert "_content" not in made
    status, link = await app.call("GET", f"download/{made['Id']}")
    assert (status, link.decode()) == (200, made["TempDownloadUri"])
    async with aiohttp.ClientSession() as stranger:
        async with stranger.get(made["TempDownloadUri"]) as file:
            assert (file.content_type, await file.read()) == ("application/pdf", POD)
        async with stranger.get(made["TempDownloadUri"] + "0") as file:
            assert file.status == 403
        clock.move(minutes=16)
        async with stranger.get(made["TempDownloadUri"]) as file:
            assert file.status == 403


async def test_files_of_one_upload_are_stored_or_refused_by_themselves(connect: Any) -> None:
    app = await connect()
    nothing = {"AttachableRef": linked_to("Invoice", {"Id": "999"})}
    good, bad = await app.upload(("a.pdf", b"a", None), ("b.pdf", b"b", nothing))
    assert (good["Attachable"]["FileName"], good["Attachable"]["Size"]) == ("a.pdf", 1)
    assert bad["Fault"]["Error"][0]["code"] == "6050"
    assert app.sandbox.company.books.count("Attachable") == 1


async def test_upload_above_its_size_is_refused(connect: Any) -> None:
    app = await connect(upload_bytes=1000)
    form = aiohttp.FormData()
    form.add_field("file_content_01", b"y" * 1000, filename="y")
    status, answered = await app.call("POST", "upload", data=form)
    assert (status, answered["Fault"]["Error"][0]["code"]) == (400, "6030")


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_upload_is_read_with_bare_line_ends_and_as_base64_too(end: str) -> None:
    body = end.join(
        [
            "--B",
            'Content-Disposition: form-data; name="file_metadata_01"',
            "Content-Type: application/json",
            "",
            '{"FileName": "a.txt", "Note": "n"}',
            "",
            "--B",
            'Content-Disposition: form-data; name="file_content_01"; filename="b.txt"',
            "Content-Type: text/plain",
            "Content-Transfer-Encoding: base64",
            "",
            "aGVsbG8=",
            "",
            "--B--",
            "",
        ]
    )
    (upload,) = uploads(body.encode(), "multipart/form-data; boundary=B")
    assert upload.metadata == {"FileName": "a.txt", "Note": "n"}
    assert (upload.file.content, upload.file.file_name) == (b"hello", "b.txt")


@pytest.mark.parametrize(
    ("code", "content_type", "body"),
    [
        ("6041", "application/json", b"{}"),
        ("6041", "multipart/form-data; boundary=B", b"--B\r\n\r\n--B--\r\n"),
        ("6041", "multipart/form-data; boundary=B", b'--B\nX: name="file_content_01"\n\nx\n--B--'),
        ("6040", "multipart/form-data; boundary=B", NOT_JSON),
        ("6041", "multipart/form-data; boundary=B", NOT_BASE64),
    ],
)
def test_unreadable_upload_is_refused(code: str, content_type: str, body: bytes) -> None:
    assert code_of(lambda: uploads(body, content_type)) == code


def test_note_needs_no_file_and_has_its_length(desk: Any) -> None:
    made = desk.company.create("Attachable", {"Note": "n" * 2000, "AttachableRef": linked_to("Vendor", desk.vendor)})
    assert "FileAccessUri" not in made
    assert code_of(lambda: desk.company.create("Attachable", {"Note": "n" * 2001})) == "2050"
    assert code_of(lambda: desk.company.create("Attachable", {"Category": "Image"})) == "2020"
    assert content_of(made) == b""


@pytest.mark.parametrize("bumps", [True, False])
def test_linking_an_attachable_changes_the_document_as_switched(desk_with: Any, *, bumps: bool) -> None:
    desk = desk_with(attachment_bumps_document=bumps)
    invoice = desk.invoice()
    made = desk.company.create("Attachable", {"Note": "seen", "AttachableRef": linked_to("Invoice", invoice)})
    assert desk.held("Invoice", invoice["Id"])["SyncToken"] == ("1" if bumps else "0")
    desk.company.update("Attachable", {**made, "Note": "seen twice"})
    assert desk.held("Invoice", invoice["Id"])["SyncToken"] == ("1" if bumps else "0")
    desk.company.delete("Attachable", made["Id"])
    assert desk.held("Invoice", invoice["Id"])["SyncToken"] == ("2" if bumps else "0")


def test_attachables_are_found_by_what_they_are_linked_to(desk: Any) -> None:
    first, second = desk.invoice(), desk.invoice()
    for invoice in (first, second, second):
        desk.company.create("Attachable", {"Note": "seen", "AttachableRef": linked_to("Invoice", invoice)})
    statement = (
        "select * from Attachable where AttachableRef.EntityRef.Type = 'invoice' "
        f"and AttachableRef.EntityRef.value = '{second['Id']}'"
    )
    assert len(run(statement, desk.company)["Attachable"]) == 2
    assert run(statement.replace("invoice", "bill"), desk.company) == {}


async def test_file_keeps_its_content_when_its_facts_are_updated(connect: Any) -> None:
    app = await connect()
    (answered,) = await app.upload(("a.pdf", POD, None))
    made = answered["Attachable"]
    body = {
        "Id": made["Id"],
        "SyncToken": "0",
        "sparse": True,
        "AttachableRef": linked_to("Invoice", app.desk.invoice()),
    }
    status, updated = await app.call("POST", "attachable?operation=update", json=body)
    assert (status, updated["Attachable"]["Size"]) == (200, len(POD))
    full = {"Id": made["Id"], "SyncToken": "1", "FileName": "b.pdf"}
    _, updated = await app.call("POST", "attachable", json=full)
    assert (updated["Attachable"]["FileName"], updated["Attachable"]["Size"]) == ("b.pdf", len(POD))
    assert content_of(app.sandbox.company.find("Attachable", made["Id"])) == POD


async def test_invoice_is_printed(connect: Any) -> None:
    app = await connect()
    invoice = app.desk.invoice(DocNumber="LD-(1)")
    status, printed = await app.call("GET", f"invoice/{invoice['Id']}/pdf", headers={"Accept": "application/pdf"})
    assert status == 200
    assert printed.startswith(b"%PDF-1.4")
    assert b"(Invoice LD-\\(1\\)) Tj" in printed
    start = int(printed.rsplit(b"startxref\n", 1)[1].split()[0])
    assert printed[start:].startswith(b"xref")
    status, refused = await app.call("GET", "invoice/99/pdf")
    assert (status, refused["Fault"]["Error"][0]["code"]) == (400, "610")


async def test_mailed_invoice_says_so_and_takes_the_address(connect: Any) -> None:
    app = await connect()
    invoice = app.desk.invoice()
    target = f"invoice/{invoice['Id']}/send"
    assert (await app.call("POST", target))[1]["Fault"]["Error"][0]["code"] == "6420"
    assert (await app.call("POST", target, params={"sendTo": "nobody"}))[1]["Fault"]["Error"][0]["code"] == "2210"
    _, sent = await app.call("POST", target, params={"sendTo": "ap@example.com"})
    made = sent["Invoice"]
    assert (made["EmailStatus"], made["BillEmail"]["Address"]) == ("EmailSent", "ap@example.com")
    assert (made["DeliveryInfo"]["DeliveryType"], made["SyncToken"]) == ("Email", "1")
    assert (await app.call("POST", target))[0] == 200
    order = app.desk.company.create("PurchaseOrder", app.desk.bill_body())
    _, sent = await app.call("POST", f"purchaseorder/{order['Id']}/send", params={"sendTo": "sales@example.com"})
    assert sent["PurchaseOrder"]["POEmail"]["Address"] == "sales@example.com"


async def test_invoice_that_can_be_paid_online_has_a_link_when_asked(connect: Any) -> None:
    app = await connect()
    invoice = app.desk.invoice(AllowOnlineACHPayment=True, BillEmail={"Address": "ap@example.com"})
    target = f"invoice/{invoice['Id']}"
    assert "InvoiceLink" not in (await app.call("GET", target))[1]["Invoice"]
    _, shown = await app.call("GET", target, params={"include": "invoiceLink"})
    assert shown["Invoice"]["InvoiceLink"].startswith("https://")
