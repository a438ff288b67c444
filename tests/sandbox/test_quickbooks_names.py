from collections.abc import Callable
from typing import Any

import pytest

from adapters.sandbox.quickbooks import Fault, hands


def code_of(attempt: Callable[[], object]) -> str:
    with pytest.raises(Fault) as refused:
        attempt()
    return refused.value.code


@pytest.mark.parametrize("kind", ["Customer", "Vendor", "Employee"])
def test_name_is_taken_over_customers_vendors_and_employees_whatever_its_case(desk: Any, kind: str) -> None:
    with pytest.raises(Fault, match="The name supplied already exists") as refused:
        desk.company.create(kind, {"DisplayName": "ACME foods"})
    assert refused.value.code == "6240"
    everyone = "customer, vendor or employee" in refused.value.detail
    assert everyone is (kind != "Customer")


def test_party_without_any_name_is_refused_and_a_persons_parts_make_one(desk: Any) -> None:
    assert code_of(lambda: desk.company.create("Customer", {"Notes": "who"})) == "6080"
    person = desk.company.create("Vendor", {"GivenName": "Pat", "FamilyName": "O'Rourke"})
    assert person["DisplayName"] == "Pat O'Rourke"


@pytest.mark.parametrize("name", ["Acme: Dallas Plant", "Acme\tFoods", "Acme\nFoods"])
def test_name_with_a_separator_is_refused(desk: Any, name: str) -> None:
    assert code_of(lambda: desk.company.create("Customer", {"DisplayName": name})) == "2040"


def test_names_have_their_lengths(desk: Any) -> None:
    assert code_of(lambda: desk.company.create("Customer", {"DisplayName": "n" * 501})) == "2050"
    assert desk.company.create("Customer", {"DisplayName": "n" * 500})
    assert code_of(lambda: desk.company.create("Term", {"Name": "n" * 32, "DueDays": 1})) == "2050"


@pytest.mark.parametrize(("position", "kept"), [("trimmed", "Ends in blanks"), ("kept", " Ends in blanks  ")])
def test_white_space_around_a_name_follows_the_switch(desk_with: Any, position: str, kept: str) -> None:
    desk = desk_with(name_whitespace=position)
    assert desk.company.create("Customer", {"DisplayName": " Ends in blanks  "})["DisplayName"] == kept


@pytest.mark.parametrize("kind", ["Customer", "Vendor", "Employee"])
@pytest.mark.parametrize("name", ["Café  Freight", "CAFE FREIGHT"])
def test_names_that_differ_by_accents_or_blanks_follow_the_switch(desk_with: Any, kind: str, name: str) -> None:
    for position in ("case", "loose"):
        desk = desk_with(same_name=position)
        desk.company.create("Vendor", {"DisplayName": "Café Freight"})
        if position == "case":
            assert desk.company.create(kind, {"DisplayName": name})["DisplayName"] == name
        else:
            assert code_of(lambda: desk.company.create(kind, {"DisplayName": name})) == "6240"  # noqa: B023 - at once


@pytest.mark.parametrize(("position", "kept"), [("honoured", "Acct 7"), ("full", None)])
def test_sparse_vendor_follows_the_switch(desk_with: Any, position: str, kept: str | None) -> None:
    desk = desk_with(vendor_sparse=position)
    vendor = desk.company.create("Vendor", {"DisplayName": "Roadrunner Two", "AcctNum": "Acct 7"})
    body = {"Id": vendor["Id"], "SyncToken": vendor["SyncToken"], "DisplayName": "Roadrunner Two", "Vendor1099": True}
    changed = desk.company.update("Vendor", body, sparse=True)
    assert (changed["Vendor1099"], changed.get("AcctNum")) == (True, kept)


def test_letters_beyond_latin_follow_the_switch(desk_with: Any) -> None:
    party = {"DisplayName": "Łódź Freight GmbH"}
    assert desk_with().company.create("Customer", party)["DisplayName"] == "Łódź Freight GmbH"
    mangled = desk_with(beyond_latin1="mangled").company.create("Customer", party)
    assert mangled["DisplayName"] == "?ód? Freight GmbH"
    desk = desk_with(beyond_latin1="fault")
    assert code_of(lambda: desk.company.create("Customer", party)) == "2040"
    assert desk.company.create("Customer", {"DisplayName": "Müller"})["DisplayName"] == "Müller"


def test_sub_customer_carries_its_parents_name_down_to_five_levels(desk: Any) -> None:
    parent = desk.customer
    for level in range(1, 5):
        body = {"DisplayName": f"Level {level}", "ParentRef": {"value": parent["Id"]}, "Job": True}
        parent = desk.company.create("Customer", body)
    assert parent["FullyQualifiedName"] == "Acme Foods:Level 1:Level 2:Level 3:Level 4"
    deepest = {"DisplayName": "Level 5", "ParentRef": {"value": parent["Id"]}}
    assert code_of(lambda: desk.company.create("Customer", deepest)) == "6180"


def test_renamed_party_shows_its_new_name_on_old_documents(desk: Any) -> None:
    invoice = desk.invoice()
    hands.rename(desk.company, "Customer", desk.customer["Id"], "Acme Foods LLC")
    assert desk.held("Invoice", invoice["Id"])["CustomerRef"]["name"] == "Acme Foods LLC"
    assert desk.held("Invoice", invoice["Id"])["SyncToken"] == "0"
    assert desk.company.create("Vendor", {"DisplayName": "Acme Foods"})


@pytest.mark.parametrize("suffix", [True, False])
def test_inactive_party_cannot_be_used_and_frees_its_name_as_switched(desk_with: Any, *, suffix: bool) -> None:
    desk = desk_with(inactive_suffix=suffix)
    inactive = hands.inactivate(desk.company, "Customer", desk.customer["Id"])
    assert inactive["DisplayName"] == ("Acme Foods (deleted)" if suffix else "Acme Foods")
    assert code_of(desk.invoice) == "2500"
    if not suffix:
        assert code_of(lambda: desk.company.create("Customer", {"DisplayName": "Acme Foods"})) == "6240"
    back = hands.edit(desk.company, "Customer", desk.customer["Id"], {"Active": True})
    assert back["DisplayName"] == "Acme Foods"


def test_list_names_are_unique_within_their_parent(desk: Any) -> None:
    parent = desk.ref("Class", "Brokerage")
    assert code_of(lambda: desk.company.create("Class", {"Name": "brokerage"})) == "6240"
    below = {"Name": "Brokerage", "ParentRef": parent}
    assert desk.company.create("Class", below)["FullyQualifiedName"] == "Brokerage:Brokerage"
    assert code_of(lambda: desk.company.create("Class", below)) == "6240"


def test_explicit_empty_parent_breaks_as_seen_on_the_wire(desk: Any) -> None:
    assert code_of(lambda: desk.company.create("Department", {"Name": "X", "ParentRef": {"value": None}})) == "6000"


def test_account_takes_its_classification_from_its_type(desk: Any) -> None:
    assert desk.company.create("Account", {"Name": "Loan", "AccountType": "Long Term Liability"})["Classification"] == (
        "Liability"
    )
    assert code_of(lambda: desk.company.create("Account", {"Name": "What"})) == "6010"
    assert code_of(lambda: desk.company.create("Account", {"Name": 'Fuel "A"', "AccountType": "Expense"})) == "2040"


def test_item_to_sell_needs_an_income_account(desk: Any) -> None:
    assert code_of(lambda: desk.company.create("Item", {"Name": "Storage", "Type": "Service"})) == "2020"


def test_list_entries_are_not_deleted(desk: Any) -> None:
    assert code_of(lambda: desk.company.delete("Customer", desk.customer["Id"])) == "500"


def test_seed_lacks_what_the_month_is_meant_to_miss(desk: Any) -> None:
    names = {item["Name"] for item in desk.company.all("Item")}
    assert {"Linehaul", "Fuel Surcharge", "Detention", "Lumper", "Layover", "TONU", "Stop-Off", "Tarp"} <= names
    assert not any("Storage" in name or "Hazmat" in name for name in names)


def test_plan_below_plus_has_no_classes(desk: Any) -> None:
    hands.set_plan(desk.company, "Essentials")
    assert code_of(lambda: desk.company.create("Class", {"Name": "X"})) == "5020"
    assert desk.company.preference("AccountingInfoPrefs", "ClassTrackingPerTxnLine") is False
    assert desk.bill()
