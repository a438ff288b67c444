from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from adapters.http import encode
from adapters.ports import Rejected
from adapters.quickbooks.books import Copy
from adapters.quickbooks.cards import card
from adapters.quickbooks.forms import FORMS
from adapters.quickbooks.mapping import Resolved, compose, marked, merge
from adapters.quickbooks.marker import fingerprint, fingerprints, marker, parse, split
from adapters.quickbooks.pointers import Pointer, replaced
from adapters.quickbooks.rolls import Roll
from adapters.quickbooks.shapes import Account, Item, PaymentMethod
from state.lifecycle import State
from state.transaction import Address, Content, Kind, Line, Money, Party, Transaction, TransactionId

INVOICE, BILL = Kind.CUSTOMER_INVOICE, Kind.CARRIER_BILL
NOW = datetime(2026, 3, 2, tzinfo=UTC)
LINEHAUL = Line("linehaul", "Linehaul", Money(180010), "Dallas TX - Tulsa OK")
DETENTION = Line("accessorial", "Detention", Money(9000))


def content(*lines: Line, **changes: Any) -> Content:
    charges = lines or (LINEHAUL, DETENTION)
    total = Money(sum(line.amount.minor for line in charges))
    plain = Content(
        Party("c-1", "Acme"), "LD-1", date(2026, 3, 2), date(2026, 4, 1), charges, total, "LD-1", memo="Load 1"
    )
    return replace(plain, **changes)


def transaction(of: Content, kind: Kind = INVOICE, source_id: str = "inv-1") -> Transaction:
    return Transaction(
        id=TransactionId(1),
        kind=kind,
        source_id=source_id,
        label="LD-1",
        state=State.PENDING,
        version=1,
        generation=1,
        revision=1,
        content=of,
        digest=of.digest(),
        total=of.total,
        paid=None,
        document=None,
        problem=None,
        in_flight=False,
        created_at=NOW,
        updated_at=NOW,
    )


def composed(of: Content, kind: Kind = INVOICE, *, source_id: str = "inv-1", numbered: bool = True) -> dict[str, Any]:
    resolved = Resolved(
        at("10"),
        tuple(at(str(20 + n)) for n, _ in enumerate(of.lines)),
        term=at("3"),
        payable=at("33") if kind is BILL else None,
    )
    return written(of, resolved, kind, source_id, numbered=numbered)


def at(identity: str) -> Pointer:
    return Pointer(f"what is called {identity}", identity)


def written(
    of: Content, resolved: Resolved, kind: Kind = INVOICE, source_id: str = "inv-1", *, numbered: bool = True
) -> dict[str, Any]:
    form = FORMS[kind.document_type]
    filled = replaced(compose(of, form, resolved, numbered=numbered), lambda pointer: pointer.id)
    return marked(filled, form, "acme", transaction(of, kind, source_id), of.memo)


def test_invoice_has_exactly_the_fields_we_own() -> None:
    document = composed(content())
    note = document.pop("PrivateNote")
    assert document == {
        "CustomerRef": {"value": "10"},
        "DocNumber": "LD-1",
        "TxnDate": "2026-03-02",
        "DueDate": "2026-04-01",
        "SalesTermRef": {"value": "3"},
        "EmailStatus": "NotSet",
        "Line": [
            {
                "DetailType": "SalesItemLineDetail",
                "Amount": Decimal("1800.10"),
                "Description": "Dallas TX - Tulsa OK",
                "SalesItemLineDetail": {"ItemRef": {"value": "20"}, "TaxCodeRef": {"value": "NON"}},
            },
            {
                "DetailType": "SalesItemLineDetail",
                "Amount": Decimal("90.00"),
                "Description": "Detention",
                "SalesItemLineDetail": {"ItemRef": {"value": "21"}, "TaxCodeRef": {"value": "NON"}},
            },
        ],
    }
    assert note.startswith("Load 1\n[loadledger acme customer_invoice inv-1 g1 ")


def test_bill_is_never_billable_and_names_its_payable_account() -> None:
    document = composed(content(LINEHAUL), BILL)
    assert document["APAccountRef"] == {"value": "33"}
    assert document["VendorRef"] == {"value": "10"}
    assert "EmailStatus" not in document
    detail = document["Line"][0]["AccountBasedExpenseLineDetail"]
    assert detail == {"AccountRef": {"value": "20"}, "BillableStatus": "NotBillable"}


def test_company_with_its_own_numbers_gets_none_from_us() -> None:
    assert "DocNumber" not in composed(content(number="X" * 50), numbered=False)


def test_number_that_does_not_fit_is_refused_not_cut() -> None:
    assert composed(content(number=" " + "9" * 21))["DocNumber"] == "9" * 21
    with pytest.raises(Rejected) as raised:
        composed(content(number="9" * 22))
    assert raised.value.problem.code == "number_too_long"


@given(st.lists(st.integers(-(10**12), 10**12), min_size=1, max_size=8))
def test_cents_reach_the_wire_exactly(cents: list[int]) -> None:
    lines = [Line("linehaul", "Linehaul", Money(amount)) for amount in cents]
    wire = encode(composed(content(*lines)))
    sent = msgspec.json.Decoder(float_hook=Decimal).decode(wire)
    assert [Decimal(line["Amount"]).scaleb(2) for line in sent["Line"]] == cents


@given(entity=st.text(min_size=1), source=st.text(min_size=1), memo=st.text(), after=st.text())
def test_marker_comes_back_whatever_stands_around_it(entity: str, source: str, memo: str, after: str) -> None:
    mark = marker(entity, transaction(content(), source_id=source), "0123456789")
    note = f"{memo.replace('[loadledger', '')}{mark}{after}"
    assert parse(note) == mark
    assert split(note)[1] == after


@pytest.mark.parametrize(
    "note", [None, "", "[loadledger acme customer_invoice inv-1]", "[loadledger acme gift inv-1 g1 0123456789]"]
)
def test_note_without_a_whole_marker_has_none(note: str | None) -> None:
    assert parse(note) is None


def held(document: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """What QuickBooks makes of a document: computed fields, line ids, a subtotal."""
    lines = [line | {"Id": str(n), "LineNum": n} for n, line in enumerate(document["Line"], 1)]
    total = sum(line["Amount"] for line in lines)
    subtotal = {"Amount": total, "DetailType": "SubTotalLineDetail", "SubTotalLineDetail": {}}
    computed = {
        "Id": "145",
        "SyncToken": "0",
        "domain": "QBO",
        "TotalAmt": total,
        "Balance": total,
        "DueDate": "2026-04-01",
    }
    return {**document, **computed, "Line": [*lines, subtotal], "TxnTaxDetail": {"TotalTax": 0}, **changes}


@pytest.mark.parametrize("due_on", [date(2026, 4, 1), None], ids=["due date sent", "due date derived"])
def test_untouched_document_still_fits_its_fingerprint(due_on: date | None) -> None:
    document = composed(content(due_on=due_on))
    written = parse(document["PrivateNote"])
    assert written is not None
    assert written.fingerprint in fingerprints(held(document), FORMS[INVOICE.document_type])
    assert written.fingerprint in fingerprints(
        held(document, PrivateNote=document["PrivateNote"] + " paid late"), FORMS[INVOICE.document_type]
    )


@pytest.mark.parametrize(
    "change",
    [
        {"CustomerRef": {"value": "11"}},
        {"TxnDate": "2026-03-03"},
        {"DueDate": "2026-05-01"},
        {"TotalAmt": Decimal("1890.11")},
        {"PrivateNote": "Load 2"},
        {"Line": []},
    ],
    ids=lambda change: next(iter(change)),
)
def test_touched_document_no_longer_fits_its_fingerprint(change: dict[str, Any]) -> None:
    document = composed(content())
    written = parse(document["PrivateNote"])
    assert written is not None
    assert written.fingerprint not in fingerprints(held(document, **change), FORMS[INVOICE.document_type])


def test_long_memo_is_cut_and_the_marker_is_whole() -> None:
    note = composed(content(memo="é" * 5000))["PrivateNote"]
    assert len(note) == 4000
    assert parse(note) is not None


def test_update_keeps_what_people_added_and_drops_what_quickbooks_computed() -> None:
    form = FORMS[INVOICE.document_type]
    before = held(
        composed(content(LINEHAUL)), ClassRef={"value": "7"}, EmailStatus="EmailSent", BillAddr={"Line1": "x"}
    )
    before["Line"][0]["SalesItemLineDetail"]["ClassRef"] = {"value": "8"}
    before["Line"][0]["SalesItemLineDetail"] |= {"Qty": 1, "UnitPrice": Decimal("1800.10")}
    before["Line"].insert(1, {"Id": "9", "DetailType": "DescriptionOnly", "Description": "Thank you"})
    wanted = composed(content(replace(LINEHAUL, amount=Money(200000)), DETENTION))
    update = merge(before, wanted, form)
    assert update["Id"] == "145"
    assert update["SyncToken"] == "0"
    assert (update["ClassRef"], update["EmailStatus"], update["BillAddr"]) == (
        {"value": "7"},
        "EmailSent",
        {"Line1": "x"},
    )
    assert not {"TotalAmt", "Balance", "TxnTaxDetail", "domain"} & update.keys()
    assert [line.get("Id") for line in update["Line"]] == ["1", None, "9"]
    detail = update["Line"][0]["SalesItemLineDetail"]
    assert detail["ClassRef"] == {"value": "8"}
    assert not {"Qty", "UnitPrice"} & detail.keys()
    assert fingerprint(update, form) == fingerprint(wanted, form)


def test_update_without_fitting_terms_drops_the_old_ones() -> None:
    wanted = composed(content())
    del wanted["SalesTermRef"]
    assert "SalesTermRef" not in merge(held(composed(content())), wanted, FORMS[INVOICE.document_type])


@pytest.mark.parametrize(
    ("change", "due"),
    [({}, "2026-05-31"), ({"TxnDate": "2026-03-09"}, None), ({"CustomerRef": {"value": "7"}}, None)],
)
def test_due_date_that_was_never_ours_stays_until_what_it_was_derived_from_is_another(
    change: dict[str, Any], due: str | None
) -> None:
    wanted = composed(content(due_on=None))
    assert "DueDate" not in wanted
    merged = merge(held(wanted) | {"DueDate": "2026-05-31"}, wanted | change, FORMS[INVOICE.document_type])
    assert merged.get("DueDate") == due


def test_update_to_another_party_does_not_keep_the_old_address() -> None:
    before = held(composed(content()), CustomerRef={"value": "99"}, BillAddr={"Line1": "x"})
    assert "BillAddr" not in merge(before, composed(content()), FORMS[INVOICE.document_type])


@pytest.mark.parametrize("odd", [{"TotalAmt": "a lot"}, {"Line": [7]}, {"TxnDate": "soon"}, {"CustomerRef": "Acme"}])
def test_document_of_an_unknown_shape_is_known_by_its_id_and_fits_nothing(odd: dict[str, Any]) -> None:
    document = composed(content())
    copy = Copy.of(held(document) | odd)
    assert (copy.held.id, copy.held.doc_number, copy.held.total_amt) == ("145", "LD-1", None)
    assert copy.marker is not None
    assert copy.marker.fingerprint not in fingerprints(copy.raw, FORMS[INVOICE.document_type])


ACCOUNTS = [
    Account(id="80", name="Fuel", fully_qualified_name="Cost:Fuel", acct_num="6000"),
    Account(id="81", name="Fuel", fully_qualified_name="Overhead:Fuel", acct_num="80"),
    Account(id="82", name="Tolls", fully_qualified_name="Tolls"),
]


@pytest.mark.parametrize(
    ("wanted", "ids"),
    [
        ("6000", ["80"]),
        ("cost:fuel", ["80"]),
        ("82", ["82"]),
        ("tolls ", ["82"]),
        ("Fuel", ["80", "81"]),
        ("80", ["80", "81"]),
        ("x", []),
    ],
)
def test_account_is_found_by_id_number_full_name_or_name(wanted: str, ids: list[str]) -> None:
    assert [account.id for account in Roll(ACCOUNTS).called(wanted)] == ids


def test_item_without_an_income_account_is_not_for_sale() -> None:
    assert not Item(id="1", name="Parts", type="Inventory").sellable
    assert PaymentMethod(id="1", name="ACH").handles[2] == {"ACH"}


def test_contact_details_that_would_be_refused_are_left_out() -> None:
    party = Party("c-1", "N" * 101, email="a@b, c", phone="5" * 31, address=Address("1 Main St", "", "TX", ""))
    assert card(party, "N", "Customer") == {
        "DisplayName": "N",
        "BillAddr": {"Line1": "1 Main St", "CountrySubDivisionCode": "TX"},
    }


@pytest.mark.parametrize(("entity", "told"), [("Vendor", {"Vendor1099": True}), ("Customer", {})])
def test_vendor_on_1099_says_so_on_its_card(entity: str, told: dict[str, bool]) -> None:
    own = {"CompanyName": "Ann Wu Trucking", "PrintOnCheckName": "Ann Wu Trucking"}
    party = Party("d-1", "Ann Wu Trucking", on_1099=True)
    assert card(party, "Ann Wu Trucking (V)", entity) == {"DisplayName": "Ann Wu Trucking (V)"} | own | told


def test_card_holds_the_tms_own_spelling_only_where_it_is_whole() -> None:
    assert card(Party("c-1", "A: B"), "A B", "Customer")["CompanyName"] == "A: B"
    assert card(Party("c-1", "Łukasz"), "Lukasz [1]", "Customer") == {"DisplayName": "Lukasz [1]"}


def test_update_leaves_out_what_is_not_taken_back_in_lines_too() -> None:
    wanted = written(content(), Resolved(at("10"), (at("1"), at("2"))))
    novel = {"Novelty": {"value": "1"}}
    [first, second] = wanted["Line"]
    detail = first["SalesItemLineDetail"] | novel
    held = wanted | novel | {"Line": [first | novel | {"Id": "1", "SalesItemLineDetail": detail}, second]}
    update = merge(held, wanted, FORMS[INVOICE.document_type], {"Novelty"})
    assert update["Line"][0]["Id"] == "1"
    assert b"Novelty" not in encode(update)
