from collections.abc import Callable
from typing import Any

import pytest

from adapters.sandbox.quickbooks import Fault, hands
from adapters.sandbox.quickbooks.customfields import shown

ASKED = frozenset({"enhancedallcustomfields"})


def code_of(attempt: Callable[[], object]) -> str:
    with pytest.raises(Fault) as refused:
        attempt()
    return refused.value.code


def value(number: str, text: str) -> list[dict[str, str]]:
    return [{"DefinitionId": number, "Name": "any", "Type": "StringType", "StringValue": text}]


def test_old_field_carries_its_value_under_the_companys_label(desk: Any) -> None:
    hands.name_custom_fields(desk.company, ["Load #", "Driver"])
    invoice = desk.invoice(CustomField=value("1", "LD-1"))
    assert invoice["CustomField"] == [
        {"DefinitionId": "1", "Name": "Load #", "Type": "StringType", "StringValue": "LD-1"},
        {"DefinitionId": "2", "Name": "Driver", "Type": "StringType"},
    ]


def test_value_without_its_field_is_dropped_without_a_word(desk: Any) -> None:
    assert desk.invoice(CustomField=value("1", "LD-1"))["CustomField"] == []
    hands.name_custom_fields(desk.company, ["Load #"])
    assert "StringValue" not in desk.invoice(CustomField=value("2", "LD-1"))["CustomField"][0]


@pytest.mark.parametrize("position", ["fault", "cut"])
def test_long_value_of_an_old_custom_field_follows_the_switch(desk_with: Any, position: str) -> None:
    desk = desk_with(long_custom_field=position)
    hands.name_custom_fields(desk.company, ["Load #"])
    assert desk.invoice(CustomField=value("1", "x" * 31))["CustomField"][0]["StringValue"] == "x" * 31
    if position == "fault":
        assert code_of(lambda: desk.invoice(CustomField=value("1", "x" * 32))) == "2050"
    else:
        assert desk.invoice(CustomField=value("1", "x" * 32))["CustomField"][0]["StringValue"] == "x" * 31


def test_there_are_three_old_fields_with_labels_of_thirty_characters(desk: Any) -> None:
    with pytest.raises(ValueError, match="three"):
        hands.name_custom_fields(desk.company, ["1", "2", "3", "4"])
    hands.name_custom_fields(desk.company, ["x" * 30])
    assert code_of(lambda: hands.name_custom_fields(desk.company, ["x" * 31])) == "2050"


def test_newer_field_is_kept_and_shown_only_to_calls_that_ask(desk: Any) -> None:
    number = hands.define_custom_field(desk.company, "Lane", ["Invoice"])
    assert desk.invoice(CustomField=value(number, "DAL-TUL"))["CustomField"] == []
    body = desk.invoice_body(CustomField=value(number, "DAL-TUL" * 9))
    invoice = desk.company.create("Invoice", body, options=ASKED)
    assert invoice["CustomField"][0]["StringValue"] == "DAL-TUL" * 9
    assert shown(invoice, frozenset())["CustomField"] == []
    assert shown(invoice, ASKED)["CustomField"] == invoice["CustomField"]


def test_call_that_does_not_ask_loses_no_newer_value(desk: Any) -> None:
    number = hands.define_custom_field(desk.company, "Lane", ["Invoice"])
    invoice = desk.company.create("Invoice", desk.invoice_body(CustomField=value(number, "DAL")), options=ASKED)
    body = desk.invoice_body(Id=invoice["Id"], SyncToken="0", CustomField=value(number, "other"))
    assert desk.company.update("Invoice", body)["CustomField"][0]["StringValue"] == "DAL"


def test_newer_field_of_another_kind_is_dropped_without_a_word(desk: Any) -> None:
    number = hands.define_custom_field(desk.company, "Lane", ["Estimate"])
    body = desk.invoice_body(CustomField=value(number, "DAL"))
    assert desk.company.create("Invoice", body, options=ASKED)["CustomField"] == []
    assert desk.company.create("Estimate", body, options=ASKED)["CustomField"][0]["StringValue"] == "DAL"


def test_newer_fields_have_types(desk: Any) -> None:
    number = hands.define_custom_field(desk.company, "Miles", ["Invoice"], "NumberType")
    sent = [{"DefinitionId": number, "Type": "NumberType", "NumberValue": 250}]
    made = desk.company.create("Invoice", desk.invoice_body(CustomField=sent), options=ASKED)
    assert made["CustomField"][0]["NumberValue"] == 250
    assert code_of(lambda: hands.define_custom_field(desk.company, "X", ["Invoice"], "ColourType")) == "2170"


@pytest.mark.parametrize(("plan", "room"), [("Simple Start", 0), ("Essentials", 3), ("Plus", 4), ("Advanced", 12)])
def test_plan_decides_how_many_newer_fields_there_are(desk: Any, plan: str, room: int) -> None:
    hands.set_plan(desk.company, plan)
    for number in range(room):
        hands.define_custom_field(desk.company, f"Field {number}", ["Invoice"])
    assert code_of(lambda: hands.define_custom_field(desk.company, "One more", ["Invoice"])) == "5020"
