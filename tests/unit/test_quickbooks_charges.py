import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.ports import Rejected
from adapters.quickbooks.charges import SLOTS, Answers, slot_of
from adapters.quickbooks.items import card, item_name
from adapters.quickbooks.plans import plan_of
from adapters.quickbooks.rolls import fold
from adapters.quickbooks.settings import Charges, Mapping
from adapters.quickbooks.shapes import Account, Company, Pair
from state.transaction import DocumentType, Line, Money

INVOICE, BILL, CREDIT = DocumentType.INVOICE, DocumentType.BILL, DocumentType.VENDOR_CREDIT

MAPPING = Mapping(
    revenue={"linehaul": "Linehaul", "detention": "Waiting", "accessorial": "Extras", "echeck_fee": "Fees"},
    expense={" Fuel  Surcharge": "5010", "fuel": "6000", "DEF": "6001", "DEFAULT": "5020"},
    liability={"Maintenance fund": "2310", "escrow": "2300", "default": "2390"},
)


def charge(category: str, name: str) -> Line:
    return Line(category, name, Money(5000))


@pytest.mark.parametrize(
    ("document_type", "category", "name", "target"),
    [
        (INVOICE, "linehaul", "Linehaul", "Linehaul"),
        (INVOICE, "accessorial", "DETENTION", "Waiting"),
        (INVOICE, "accessorial", "Lumper", "Extras"),
        (BILL, "fuel_surcharge", "Fuel Surcharge", "5010"),
        (BILL, "echeck", "E-check", "5020"),
        (BILL, "echeck_fee", "E-check", "Fees"),
        (BILL, "fuel", "def", "6001"),
        (CREDIT, "fuel", "Reefer Diesel", "6000"),
        (BILL, "toll", "Turnpike", "5020"),
        (BILL, "escrow", "maintenance  FUND", "2310"),
        (CREDIT, "escrow", "Cargo", "2300"),
        (BILL, "invented since", "Whatever", "5020"),
    ],
)
def test_charge_goes_by_its_name_then_its_category_then_the_default(
    document_type: DocumentType, category: str, name: str, target: str
) -> None:
    assert Answers(MAPPING).place(document_type, charge(category, name), "").target == target


BY_LOAD = Mapping(
    revenue={"Detention": "general specific", "accessorial": "general category", "default": "general default"},
    load_types={
        "asset": Charges(
            revenue={"Lumper": "asset specific", "accessorial": "asset category", "default": "asset default"}
        ),
        "brokerage": Charges(expense={"linehaul": "brokerage category"}),
    },
)


@pytest.mark.parametrize(
    ("load_type", "category", "name", "target"),
    [
        ("asset", "accessorial", "Lumper", "asset specific"),
        ("asset", "accessorial", "Detention", "general specific"),
        ("asset", "accessorial", "Tarp", "asset category"),
        ("asset", "linehaul", "Linehaul", "asset default"),
        ("brokerage", "accessorial", "Lumper", "general category"),
        ("brokerage", "linehaul", "Linehaul", "general default"),
        ("", "accessorial", "Lumper", "general category"),
        ("unheard of", "linehaul", "Linehaul", "general default"),
    ],
)
def test_each_key_is_looked_for_among_loads_of_the_type_first(
    load_type: str, category: str, name: str, target: str
) -> None:
    assert Answers(BY_LOAD).place(INVOICE, charge(category, name), load_type).target == target


@pytest.mark.parametrize(
    ("document_type", "category", "name", "load_type", "asked"),
    [
        (INVOICE, "other", "Storage", "", 'set "Storage" or "other" or "default" in mapping.revenue'),
        (BILL, "escrow", "Cargo", "", 'set "Cargo" or "escrow" or "default" in mapping.liability'),
        (BILL, "echeck_fee", "", "", 'set "echeck_fee" or "default" in mapping.revenue'),
        (
            BILL,
            "linehaul",
            "linehaul",
            "asset",
            'set "linehaul" or "default" in mapping.expense or mapping.asset.expense',
        ),
    ],
)
def test_charge_without_any_of_them_is_refused_with_the_keys_that_would_answer(
    document_type: DocumentType, category: str, name: str, load_type: str, asked: str
) -> None:
    answers = Answers(Mapping(load_types={"asset": Charges(revenue={"Lumper": "Lumper"})}))
    with pytest.raises(Rejected) as raised:
        answers.place(document_type, charge(category, name), load_type)
    assert raised.value.problem.code == "mapping_missing"
    assert raised.value.problem.detail == f'charge "{name}" (50.00 USD): {asked}'


def test_charge_that_is_called_default_is_not_the_default() -> None:
    answers = Answers(Mapping(expense={"default": "the default", "accessorial": "the category"}))
    assert answers.place(BILL, charge("accessorial", " Default "), "").target == "the category"


@pytest.mark.parametrize("category", SLOTS)
@pytest.mark.parametrize("document_type", [INVOICE, BILL, CREDIT])
def test_no_slot_lets_a_receivable_or_payable_account_in(document_type: DocumentType, category: str) -> None:
    slot = slot_of(document_type, category)
    for account_type in ("Accounts Receivable", "Accounts Payable", "Bank", "Credit Card", "Equity", ""):
        with pytest.raises(Rejected, match="account_type_wrong"):
            slot.admit(Account(id="1", name="X", account_type=account_type))


# fmt: off
FIT = {
    # on a bill        types of account that may stand there
    "linehaul":       {"Expense", "Other Expense", "Cost of Goods Sold"},
    "deduction":      {"Expense", "Other Expense", "Cost of Goods Sold",
                       "Other Current Liability", "Long Term Liability", "Other Current Asset"},
    "echeck":         {"Expense", "Other Expense", "Cost of Goods Sold",
                       "Other Current Liability", "Long Term Liability", "Other Current Asset"},
    "echeck_fee":     {"Income", "Other Income"},
    "escrow":         {"Other Current Liability", "Long Term Liability"},
}
# fmt: on


@pytest.mark.parametrize("category", FIT)
def test_slot_takes_accounts_of_its_types_and_says_which_if_another_stands_there(category: str) -> None:
    slot = slot_of(BILL, category)
    for account_type in {each for types in FIT.values() for each in types}:
        account = Account(id="1", name="Some account", account_type=account_type)
        if account_type in FIT[category]:
            assert slot.admit(account) is account
        else:
            with pytest.raises(Rejected) as raised:
                slot.admit(account)
            assert raised.value.problem.code == "account_type_wrong"
            assert all(fit in raised.value.problem.detail for fit in FIT[category])
            assert f'"Some account" is of type {account_type}' in raised.value.problem.detail


@given(st.text(), st.text())
def test_charges_that_are_two_become_items_of_two_names_that_are_accepted(one: str, other: str) -> None:
    names = item_name(one), item_name(other)
    for name in names:
        assert len(name) <= 100
        assert name == " ".join(name.split())
        assert not set(name) & set(":\t\n\r\x00\x7f")
        assert all(ord(character) < 256 for character in name)
    plain = [" ".join(each.split()) for each in (one, other)]
    if fold(one) != fold(other) and all(each.isascii() and each.isprintable() for each in plain):
        assert fold(names[0]) != fold(names[1])


@pytest.mark.parametrize(
    ("charge_name", "name"),
    [
        ("Detention", "Detention"),
        ("  Driver \t Assist\n", "Driver Assist"),
        ("Caf\u00e9 stop", "Caf\u00e9 stop"),
        ("Cafe\u0301 stop", "Caf\u00e9 stop"),
    ],
)
def test_item_bears_the_charges_own_name_where_it_can(charge_name: str, name: str) -> None:
    assert item_name(charge_name) == name


@pytest.mark.parametrize(
    "odd", ["Fee: late", "Tarp \U0001f69b", "D\u0435tention", "x" * 101, "\u6ede\u7559", "::", "a\x00b"]
)
def test_item_of_an_odd_name_is_told_from_what_remains_of_it(odd: str) -> None:
    remains = item_name(odd).rpartition(" ")[0]
    assert item_name(odd) != item_name(remains)
    assert 6 <= len(item_name(odd)) <= 100


def test_items_description_has_the_spelling_that_its_name_could_not() -> None:
    account = Account(id="79", name="Income", account_type="Income")
    plain = {"Name": "Detention", "Type": "Service", "IncomeAccountRef": {"value": "79"}}
    assert card("Detention", "Detention", account) == plain
    assert card("x" * 101, item_name("x" * 101), account)["Description"] == "x" * 101
    assert "Description" not in card("\u6ede\u7559", item_name("\u6ede\u7559"), account)


@pytest.mark.parametrize(
    ("stated", "bills", "segments"),
    [
        ("QuickBooks Online Simple Start", False, False),
        ("QuickBooks Online SimpleStart Free", False, False),
        ("QuickBooks Online Essentials", True, False),
        ("QuickBooks Online Plus", True, True),
        ("QUICKBOOKS ONLINE ADVANCED", True, True),
    ],
)
def test_plan_is_known_by_a_word_of_its_name(stated: str, *, bills: bool, segments: bool) -> None:
    company = Company(name_value=(Pair(name="OfferingSku", value=stated),))
    assert plan_of(company) == (stated, bills, segments)


def test_plan_of_another_name_is_not_guessed() -> None:
    assert plan_of(Company(name_value=(Pair(name="OfferingSku", value="QuickBooks Online Core"),))) is None
    assert plan_of(Company()) is None
