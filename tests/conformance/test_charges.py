"""Where charges are booked: slots, load types, the items that are made for accounts, plans, and lists that change."""

import asyncio
import dataclasses
import tomllib
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from msgspec.structs import replace
from structlog.testing import capture_logs

from adapters.ports import Finding, Order, OutcomeUnknown, Place, Rejected, Standing, Unavailable
from adapters.quickbooks import Charges, Mapping, QuickBooks
from adapters.sandbox.quickbooks import Switches, hands
from state.transaction import Charge, DocumentType, Kind, Line, Money, Segment, Transaction
from tests.conformance.world import BILL, CREDIT, INVOICE, World, holding, line, order_kind, transaction

Open = Callable[..., Awaitable[World]]

QUIET, PAUSE = 180, 5  # seconds, as the settings say unless told otherwise

WHOLE = Mapping(
    revenue={"linehaul": "Linehaul", "accessorial": "Accessorial Income", "echeck_fee": "4020", "default": "4000"},
    expense={
        "linehaul": "5000",
        "echeck": "Carrier Advances",
        "deduction": "Insurance",
        "Cash advance": "Driver Advances",
        "fuel": "Fuel",
        "default": "Accessorials Paid",
    },
    liability={"escrow": "Driver Escrow"},
)


async def prepared(world: World, quickbooks: QuickBooks, document: Transaction) -> Order:
    claim = world.claim(document)
    return await quickbooks.exports.prepare(claim, f"request-{claim.message.id}")


async def exported(world: World, quickbooks: QuickBooks, document: Transaction) -> Transaction:
    return holding(document, await quickbooks.exports.send(await prepared(world, quickbooks, document)))


async def refused(world: World, quickbooks: QuickBooks, document: Transaction) -> Rejected:
    with pytest.raises(Rejected) as raised:
        await prepared(world, quickbooks, document)
    return raised.value


def charged(world: World, kind: Kind) -> list[str]:
    """Return the names of what the lines of the one document of a kind are booked on."""
    entity = order_kind(kind)
    [document] = world.held(entity)
    listed, detail, ref = (
        ("Item", "SalesItemLineDetail", "ItemRef")
        if kind is INVOICE
        else ("Account", "AccountBasedExpenseLineDetail", "AccountRef")
    )
    names = {row["Id"]: row["Name"] for row in world.held(listed)}
    return [names[row[detail][ref]["value"]] for row in document["Line"] if row["DetailType"] == detail]


def items(world: World, name: str) -> list[dict[str, Any]]:
    return [item for item in world.held("Item") if item["Name"] == name]


def account(world: World, name: str) -> str:
    return next(str(row["Id"]) for row in world.held("Account") if row["Name"] == name)


@pytest.mark.parametrize("kind", [BILL, CREDIT])
async def test_charges_of_a_bill_go_to_the_accounts_of_their_slots(world: World, kind: Kind) -> None:
    lines = (
        line("1500"),
        line("-40", "echeck", "Comchek"),
        line("2", "echeck_fee", "Comchek"),
        line("-35", "deduction", "Occupational accident"),
        line("-50", "deduction", "cash  ADVANCE"),
        line("-100", "escrow", "Maintenance"),
        line("-80", "fuel", "Reefer Diesel"),
        line("-9", "toll", "Turnpike"),
    )
    await exported(world, world.another(mapping=WHOLE), transaction(kind, "trip-1", *lines))
    assert charged(world, kind) == [
        "Purchased Transportation",
        "Carrier Advances",
        "Accessorial Income",
        "Insurance",
        "Driver Advances",
        "Driver Escrow",
        "Fuel",
        "Accessorials Paid",
    ]


@pytest.mark.parametrize("load_type", ["asset", "brokerage", ""])
@pytest.mark.parametrize("kind", [INVOICE, BILL, CREDIT])
async def test_load_type_of_the_line_decides_where_its_tables_say_so(world: World, kind: Kind, load_type: str) -> None:
    own = {"asset": ("Fuel Surcharge", "Driver Pay"), "brokerage": ("Detention", "Owner-Operator Settlements")}
    by_load = {
        name: Charges(revenue={"linehaul": sold}, expense={"linehaul": paid}) for name, (sold, paid) in own.items()
    }
    segment = Segment(load_type=load_type)
    lines = (replace(line("10"), segment=segment), replace(line("5", "fuel_surcharge", "FSC"), segment=segment))
    mapping = Mapping(
        revenue={"linehaul": "Linehaul", "default": "Lumper"},
        expense={"linehaul": "5000", "default": "5020"},
        load_types=by_load,
    )
    await exported(world, world.another(mapping=mapping), transaction(kind, "x-1", *lines))
    general = ("Linehaul", "Purchased Transportation")
    first = own.get(load_type, general)[kind is not INVOICE]
    assert charged(world, kind) == [first, "Lumper" if kind is INVOICE else "Accessorials Paid"]


async def test_line_without_a_load_type_goes_by_the_documents(world: World) -> None:
    mapping = Mapping(expense={"default": "5000"}, load_types={"asset": Charges(expense={"default": "Driver Pay"})})
    bill = transaction(BILL, "trip-1", line("10"), replace(line("5"), segment=Segment(load_type="brokerage")))
    assert bill.content
    bill = replace(bill, content=replace(bill.content, segment=Segment(load_type="asset")))
    await exported(world, world.another(mapping=mapping), bill)
    assert charged(world, BILL) == ["Driver Pay", "Purchased Transportation"]


@pytest.mark.parametrize(
    ("kind", "charge", "mapping"),
    [
        (BILL, line("10"), Mapping(expense={"linehaul": "Linehaul Income"})),
        (BILL, line("10"), Mapping(expense={"linehaul": "Driver Escrow"})),
        (BILL, line("10"), Mapping(expense={"linehaul": "Accounts Payable (A/P)"})),
        (BILL, line("10", "deduction", "Loan"), Mapping(expense={"Loan": "Accounts Receivable (A/R)"})),
        (BILL, line("10", "escrow", "Cargo"), Mapping(liability={"escrow": "Operating Checking"})),
        (BILL, line("10", "escrow", "Cargo"), Mapping(liability={"escrow": "Insurance"})),
        (BILL, line("10", "echeck_fee", "Comchek"), Mapping(revenue={"echeck_fee": "Bank and Factoring Fees"})),
        (INVOICE, line("10"), Mapping(revenue={"linehaul": "Purchased Transportation"})),
    ],
    ids=lambda value: value.category if isinstance(value, Line) else "",
)
async def test_account_of_the_wrong_type_is_refused_before_anything_is_sent(
    world: World, kind: Kind, charge: Line, mapping: Mapping
) -> None:
    refusal = await refused(world, world.another(mapping=mapping), transaction(kind, "x-1", charge))
    assert refusal.problem.code == "account_type_wrong"
    assert " goes to " in refusal.problem.detail
    assert world.twin.log.writes == []


async def test_fee_of_an_echeck_without_a_place_stops_the_bill(world: World) -> None:
    bill = transaction(BILL, "trip-1", line("1500"), line("2", "echeck_fee", "Comchek"))
    refusal = await refused(world, world.another(mapping=Mapping(expense={"default": "5000"})), bill)
    assert refusal.problem.detail == (
        'charge "Comchek" (2.00 USD): set "Comchek" or "echeck_fee" or "default" in mapping.revenue'
    )


async def test_fee_of_an_echeck_goes_to_the_income_account_of_an_item(world: World) -> None:
    mapping = Mapping(expense={"default": "5000"}, revenue={"echeck_fee": "Detention"})
    bill = transaction(BILL, "trip-1", line("1500"), line("2", "echeck_fee", "Comchek"))
    await exported(world, world.another(mapping=mapping), bill)
    assert charged(world, BILL) == ["Purchased Transportation", "Accessorial Income"]


# -- items of ours ----------------------------------------------------------------------------------------------------

STORAGE = line("90", "accessorial", "Storage")
BY_ACCOUNT = Mapping(revenue={"default": "Accessorial Income"})


def invoice(*lines: Line, number: str = "LD-1") -> Transaction:
    return transaction(INVOICE, f"source of {number}", *lines, number=number)


async def test_charge_on_an_income_account_gets_an_item_of_its_own_once(world: World) -> None:
    quickbooks = world.another(mapping=BY_ACCOUNT)
    await exported(world, quickbooks, invoice(STORAGE, line("5", "other", "storage ")))
    [item] = items(world, "Storage")
    income = account(world, "Accessorial Income")
    assert (item["Type"], item["IncomeAccountRef"]["value"]) == ("Service", income)
    assert charged(world, INVOICE) == ["Storage", "Storage"]
    await prepared(world, world.another(mapping=BY_ACCOUNT), invoice(STORAGE, number="LD-2"))
    assert [call.endpoint for call in world.calls].count("item") == 1
    assert world.memory.links["item", f"{income} storage"] == item["Id"]


async def test_item_that_books_on_the_account_already_is_used(world: World) -> None:
    [item] = items(world, "Detention")
    await exported(world, world.another(mapping=BY_ACCOUNT), invoice(line("5", "accessorial", "DETENTION")))
    assert charged(world, INVOICE) == ["Detention"]
    assert item["Id"] in world.memory.links.values()
    assert [call.endpoint for call in world.calls].count("item") == 0


async def test_charge_that_is_booked_apart_by_load_type_has_an_item_for_each(world: World) -> None:
    by_load = {"asset": Charges(revenue={"default": "4000"}), "brokerage": Charges(revenue={"default": "4010"})}
    quickbooks = world.another(mapping=Mapping(load_types=by_load))
    lines = [replace(STORAGE, segment=Segment(load_type=each)) for each in ("asset", "brokerage", "asset")]
    await exported(world, quickbooks, invoice(*lines))
    assert charged(world, INVOICE) == ["Storage", "Storage (Fuel Surcharge Income)", "Storage"]
    [other] = items(world, "Storage (Fuel Surcharge Income)")
    assert other["IncomeAccountRef"]["value"] == account(world, "Fuel Surcharge Income")


async def test_item_is_never_used_once_it_books_elsewhere(world: World) -> None:
    quickbooks = world.another(mapping=BY_ACCOUNT)
    await prepared(world, quickbooks, invoice(STORAGE))
    [item] = items(world, "Storage")
    hands.edit(
        world.twin.company, "Item", item["Id"], {"IncomeAccountRef": {"value": account(world, "Linehaul Income")}}
    )
    await quickbooks.changes(world.clock.now)
    await exported(world, quickbooks, invoice(STORAGE, number="LD-2"))
    assert charged(world, INVOICE) == ["Storage (Accessorial Income)"]


async def test_item_that_a_person_renamed_stays_the_charges(world: World) -> None:
    quickbooks = world.another(mapping=BY_ACCOUNT)
    await prepared(world, quickbooks, invoice(STORAGE))
    [item] = items(world, "Storage")
    hands.rename(world.twin.company, "Item", item["Id"], "Lagerung")
    await exported(world, quickbooks, invoice(STORAGE, number="LD-2"))
    assert charged(world, INVOICE) == ["Lagerung"]


@pytest.mark.parametrize("suffix", [True, False])
async def test_item_that_a_person_made_inactive_is_not_replaced_behind_their_back(
    open_world: Open,
    suffix: bool,  # noqa: FBT001 - both cases
) -> None:
    world = await open_world(Switches(inactive_suffix=suffix))
    quickbooks = world.another(mapping=BY_ACCOUNT)
    order = await prepared(world, quickbooks, invoice(STORAGE))
    [item] = items(world, "Storage")
    hands.inactivate(world.twin.company, "Item", item["Id"])
    with pytest.raises(Unavailable, match="looked up anew"):
        await quickbooks.exports.send(order)
    refusal = await refused(world, quickbooks, invoice(STORAGE, number="LD-2"))
    assert refusal.problem.code == "item_inactive"
    assert f"item {item['Id']}" in refusal.problem.detail
    hands.edit(world.twin.company, "Item", item["Id"], {"Active": True, "Name": "Storage"})
    world.clock.pass_time(minutes=1)
    await exported(world, quickbooks, invoice(STORAGE, number="LD-2"))
    assert len(items(world, "Storage")) == 1


async def test_names_that_are_all_in_use_are_told_with_their_holders(world: World) -> None:
    income = {"value": account(world, "Linehaul Income")}
    for name in ("Storage", "storage (accessorial income)"):
        hands.create(world.twin.company, "Item", {"Name": name, "Type": "Service", "IncomeAccountRef": income})
    refusal = await refused(world, world.another(mapping=BY_ACCOUNT), invoice(STORAGE))
    assert refusal.problem.code == "item_name_taken"
    assert '"Storage"' in refusal.problem.detail
    assert '"storage (accessorial income)"' in refusal.problem.detail


async def test_nothing_is_made_for_a_document_one_of_whose_charges_has_no_place(world: World) -> None:
    mapping = Mapping(revenue={"accessorial": "Accessorial Income"})
    refusal = await refused(world, world.another(mapping=mapping), invoice(STORAGE, line("5", "other", "Odd")))
    assert refusal.problem.code == "mapping_missing"
    assert world.twin.log.writes == []


async def test_documents_that_need_one_new_item_make_it_once(world: World) -> None:
    quickbooks = world.another(mapping=BY_ACCOUNT)
    await asyncio.gather(*(prepared(world, quickbooks, invoice(STORAGE, number=f"LD-{n}")) for n in range(5)))
    assert [call.endpoint for call in world.calls].count("item") == 1


HOSTILE = (
    "Fee: late",
    "Tarp \U0001f69b",
    "D\u0435tention",
    "Detention",
    "x" * 600,
    "x" * 599,
    "\u6ede\u7559",
    "::",
    "a\tb\nc",
    "O'Brien's \\ 50% \"fee\"",
    " Storage ",
    "storage",
    "default",
    "Caf\u00e9",
    "Cafe\u0301",
    "'; select * from Item",
)


@pytest.mark.parametrize("text", ["stored", "fault", "mangled"])
async def test_charges_of_hostile_names_have_one_item_each(open_world: Open, text: Any) -> None:
    world = await open_world(Switches(beyond_latin1=text))
    known = len(world.held("Item"))
    for _ in range(2):  # once made, and once found by a process that forgot
        world.memory.links.clear()
        lines = [Line("accessorial", name, Money(100), "Fee") for name in HOSTILE]
        await prepared(world, world.another(mapping=BY_ACCOUNT), invoice(*lines))
        distinct = len(HOSTILE) - 2 - 1  # "Storage" and both spellings of one word are the same, "Detention" was there
        assert len(world.held("Item")) - known == distinct


@pytest.mark.parametrize("mode", ["replay", "ignore", "fault600"])
@pytest.mark.parametrize("action", ["commit_then_drop", "commit_then_500", "error_10000", "drop_before_commit"])
async def test_item_whose_creation_had_no_clear_answer_is_made_once(open_world: Open, action: str, mode: Any) -> None:
    world = await open_world(Switches(request_id=mode))
    quickbooks = world.another(mapping=BY_ACCOUNT)

    async def waits() -> float:
        with pytest.raises(OutcomeUnknown) as raised:
            await prepared(world, quickbooks, invoice(STORAGE))
        assert raised.value.retry_after is not None
        return raised.value.retry_after

    world.twin.disruptions.arm([{"action": action, "method": "POST", "match": "Item"}])
    assert await waits() == QUIET
    world.clock.pass_time(seconds=QUIET)
    if action in {"error_10000", "drop_before_commit"}:
        assert items(world, "Storage") == []
        assert await waits() == PAUSE
        world.clock.pass_time(seconds=PAUSE)
    await prepared(world, quickbooks, invoice(STORAGE))
    [item] = items(world, "Storage")
    assert list(world.memory.links.values()).count(item["Id"]) == 1


async def test_item_in_doubt_for_one_account_is_not_taken_for_another(world: World) -> None:
    world.twin.disruptions.arm([{"action": "commit_then_drop", "method": "POST", "match": "Item"}])
    with pytest.raises(OutcomeUnknown):
        await prepared(world, world.another(mapping=BY_ACCOUNT), invoice(STORAGE))
    other = world.another(mapping=Mapping(revenue={"default": "Linehaul Income"}))
    await exported(world, other, invoice(STORAGE, number="LD-2"))
    assert charged(world, INVOICE) == ["Storage (Linehaul Income)"]


async def test_item_created_while_we_were_asking_is_taken_over(world: World) -> None:
    income = {"value": account(world, "Accessorial Income")}

    def create(call: Any) -> None:
        if call.endpoint == "query" and call.purpose == "reference" and not items(world, "Storage"):
            body = {"Name": "STORAGE", "Type": "Service", "IncomeAccountRef": income}
            if not items(world, "STORAGE"):
                hands.create(world.twin.company, "Item", body)

    quickbooks = world.another(mapping=BY_ACCOUNT)
    await quickbooks.check()  # the lists are known
    world.watchers.append(create)
    await exported(world, quickbooks, invoice(STORAGE))
    assert charged(world, INVOICE) == ["STORAGE"]


# -- what a number, an id or a name may mean --------------------------------------------------------------------------


async def test_number_of_an_account_that_is_some_items_id_is_ambiguous(world: World) -> None:
    [item] = items(world, "Linehaul")
    hands.edit(world.twin.company, "Account", account(world, "Linehaul Income"), {"AcctNum": item["Id"]})
    refusal = await refused(world, world.another(mapping=Mapping(revenue={"default": item["Id"]})), invoice(STORAGE))
    assert refusal.problem.code == "reference_ambiguous"


async def test_id_means_an_item_where_items_are_meant_and_never_an_account(world: World) -> None:
    [item] = items(world, "Linehaul")
    await exported(world, world.another(mapping=Mapping(revenue={"default": item["Id"]})), invoice(STORAGE))
    assert charged(world, INVOICE) == ["Linehaul"]
    beyond = str(max(int(row["Id"]) for row in world.held("Item") if row["Id"] != account(world, "Linehaul Income")))
    assert beyond
    only_account = next(
        row["Id"] for row in world.held("Account") if row["Id"] not in {i["Id"] for i in world.held("Item")}
    )
    refusal = await refused(world, world.another(mapping=Mapping(revenue={"default": only_account})), invoice(STORAGE))
    assert refusal.problem.code == "reference_missing"


# -- plans ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [BILL, CREDIT])
@pytest.mark.parametrize("code", ["5020", "6000", "120"])
async def test_plan_without_bills_refuses_them_before_a_call_is_spent_and_takes_invoices(
    open_world: Open, kind: Kind, code: Any
) -> None:
    world = await open_world(Switches(missing_plan_code=code))
    hands.set_plan(world.twin.company, "Simple Start")
    refusal = await refused(world, world.quickbooks, transaction(kind, "trip-1"))
    assert refusal.problem.code == "plan_lacks_feature"
    assert "Simple Start" in refusal.problem.detail
    spent = len(world.calls)
    await refused(world, world.quickbooks, transaction(kind, "trip-2"))
    assert len(world.calls) == spent
    await world.exported(transaction())
    hands.set_plan(world.twin.company, "Essentials")
    world.clock.pass_time(minutes=1)
    await world.exported(transaction(kind, "trip-1"))


@pytest.mark.parametrize("reads", ["allowed", "refused"])
@pytest.mark.parametrize("code", ["5020", "6000", "120"])
async def test_changes_are_read_on_every_plan_whether_or_not_it_may_be_asked_about_bills(
    open_world: Open, reads: Any, code: Any
) -> None:
    world = await open_world(Switches(missing_plan_reads=reads, missing_plan_code=code))
    sent = await world.exported(transaction())
    assert sent.document
    hands.set_plan(world.twin.company, "Simple Start")
    world.clock.pass_time(days=2)
    for _ in range(2):
        hands.pay_invoice(world.twin.company, sent.document.id, 10)
        assert (DocumentType.INVOICE, sent.document.id) in await world.observed()
    hands.set_plan(world.twin.company, "Plus")
    world.clock.pass_time(days=2)
    bill = await world.exported(transaction(BILL, "trip-1"))
    assert bill.document
    assert (DocumentType.BILL, bill.document.id) in await world.observed()


async def checked(quickbooks: QuickBooks) -> dict[str, Finding]:
    return {finding.subject: finding for finding in await quickbooks.check()}


async def test_check_of_a_plan_without_bills_warns_of_what_is_left(world: World) -> None:
    hands.set_plan(world.twin.company, "Simple Start")
    found = await checked(world.quickbooks)
    assert not [finding for finding in found.values() if finding.standing is Standing.FAIL]
    assert found["plan"].standing is Standing.WARN
    assert "bills and vendor credits are left" in found["plan"].detail
    assert "export.expense" in found["plan"].fix
    assert not [subject for subject in found if subject.startswith("expense")]


@pytest.mark.parametrize(
    ("plan", "told"),
    [("Essentials", "neither classes nor locations"), ("Plus", "classes and locations"), ("Advanced", "classes")],
)
async def test_check_tells_what_a_plan_has(world: World, plan: str, told: str) -> None:
    hands.set_plan(world.twin.company, plan)
    found = (await checked(world.quickbooks))["plan"]
    assert found.standing is Standing.PASS
    assert told in found.detail


# -- lists that change ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "name", "change", "code"),
    [
        ("Account", "Purchased Transportation", {"Active": False}, "reference_inactive"),
        ("Account", "Purchased Transportation", {"Name": "Linehaul bought"}, "reference_missing"),
        ("Account", "Purchased Transportation", {"AccountType": "Equity"}, "account_type_wrong"),
        ("Account", "Operating Checking", {"Active": False}, "reference_inactive"),
        ("Item", "Linehaul", {"Active": False}, "reference_inactive"),
        ("Item", "Linehaul", {"Name": "Haul"}, "reference_missing"),
    ],
)
@pytest.mark.parametrize("suffix", [True, False])
async def test_place_that_breaks_is_told_at_the_next_look_before_any_document_fails(
    open_world: Open,
    suffix: bool,  # noqa: FBT001 - both cases
    kind: str,
    name: str,
    change: dict[str, Any],
    code: str,
) -> None:
    world = await open_world(Switches(inactive_suffix=suffix))
    await world.prepared(transaction())
    await world.prepared(transaction(BILL, "trip-1"))
    assert world.quickbooks.coverage.broken == {}
    row = next(row for row in world.held(kind) if row["Name"] == name)
    hands.edit(world.twin.company, kind, row["Id"], change)
    before = world.reads()
    with capture_logs() as logs:
        await world.quickbooks.changes(world.clock.now)
        await world.quickbooks.changes(world.clock.now)
    if suffix and change == {"Active": False}:
        code = "reference_missing"  # by that name there is none any more
    assert [(each["event"], each["code"]) for each in logs] == [("mapping.broken", code)]
    assert world.quickbooks.coverage.broken == {code: 1}
    assert world.reads() - before == 2  # the two looks, and no list
    hands.edit(world.twin.company, kind, row["Id"], {field: row[field] for field in change})
    with capture_logs() as logs:
        await world.quickbooks.changes(world.clock.now)
    assert [each["event"] for each in logs] == ["mapping.mended"]
    assert world.quickbooks.coverage.broken == {}


async def test_account_that_is_new_is_used_without_another_read_of_the_list(world: World) -> None:
    quickbooks = world.another(mapping=Mapping(expense={"default": "Reefer Fuel"}))
    assert (await refused(world, quickbooks, transaction(BILL, "trip-1"))).problem.code == "reference_missing"
    hands.create(world.twin.company, "Account", {"Name": "Reefer Fuel", "AccountType": "Expense"})
    await quickbooks.changes(world.clock.now)
    before = [call.purpose for call in world.calls].count("reference")
    await exported(world, quickbooks, transaction(BILL, "trip-1", line("10")))
    assert charged(world, BILL) == ["Reefer Fuel"]
    terms = 1  # which no document has asked for before
    assert [call.purpose for call in world.calls].count("reference") - before == terms


# -- the mapping as a table -------------------------------------------------------------------------------------------


def told(places: list[Place]) -> dict[tuple[str, str, str], Place]:
    return {(place.slot, place.load_type, place.charge): place for place in places}


async def test_mapping_is_told_line_by_line_with_what_stands_there(world: World) -> None:
    mapping = dataclasses.replace(WHOLE, load_types={"asset": Charges(expense={"linehaul": "Driver Escrow"})})
    places = told(list(await world.another(mapping=mapping).mapping([])))
    line_of = places["revenue", "", "linehaul"]
    assert line_of.target.startswith("Linehaul (id ")
    assert (line_of.type, line_of.state, line_of.standing) == ("Service, Income", "active", Standing.PASS)
    assert places["expense", "", "Cash advance"].type == "Other Current Asset"
    assert places["payable", "", "accounts payable account"].type == "Accounts Payable"
    wrong = places["expense", "asset", "linehaul"]
    assert (wrong.state, wrong.standing) == ("account_type_wrong", Standing.FAIL)
    assert not [place for place in places.values() if place.state == "gap"]  # both defaults stand


async def test_gaps_are_told_the_ones_that_documents_have_met_as_failures(world: World) -> None:
    mapping = Mapping(revenue={"linehaul": "Linehaul"}, expense={"linehaul": "5000", "Loan": "1310"})
    used = [
        Charge(DocumentType.INVOICE, "accessorial", "Storage", "asset"),
        Charge(DocumentType.INVOICE, "linehaul", "Linehaul", "asset"),
        Charge(DocumentType.BILL, "escrow", "Cargo"),
        Charge(DocumentType.BILL, "linehaul", "Loan"),
    ]
    places = told(list(await world.another(mapping=mapping).mapping(used)))
    storage = places["revenue", "asset", "Storage"]
    assert (storage.state, storage.standing) == ("gap", Standing.FAIL)
    assert storage.fix == 'Set "Storage" or "accessorial" or "default" in mapping.revenue.'
    assert places["liability", "", "Cargo"].standing is Standing.FAIL
    assert places["revenue", "", "accessorial"].standing is Standing.WARN
    assert ("revenue", "asset", "Linehaul") not in places
    loan = places["expense", "", "Loan"]
    assert (loan.state, loan.standing) == ("account_type_wrong", Standing.FAIL)  # fit for a deduction, not for this


async def test_starting_mapping_is_one_that_check_passes(world: World) -> None:
    used = [Charge(DocumentType.INVOICE, "accessorial", "DETENTION"), Charge(DocumentType.BILL, "fuel", "Fuel")]
    for known, detention in (([], "Detention"), (used, "DETENTION")):
        text = await world.quickbooks.starting_mapping(known)
        tables = tomllib.loads(text)["mapping"]
        assert tables["payable_account"] == "Accounts Payable (A/P)"
        assert tables["revenue"]["linehaul"] == "Linehaul"
        assert tables["expense"]["linehaul"] == "Purchased Transportation"
        assert tables["expense"]["echeck"] == "Carrier Advances"
        assert tables["liability"]["escrow"] == "Driver Escrow"
        found = await checked(world.another(mapping=Mapping(**tables)))
        assert not [finding for finding in found.values() if finding.standing is Standing.FAIL]
        assert tables["revenue"][detention] == "Detention"
        assert ("Lumper" in tables["revenue"]) is (known == [])


async def test_starting_mapping_of_hostile_names_can_be_read(world: World) -> None:
    odd = 'Fuel \u007f"x" # \\ \u2028]'
    hands.create(world.twin.company, "Item", {"Name": odd, "Type": "Service", "IncomeAccountRef": {"value": "13"}})
    text = await world.quickbooks.starting_mapping([])
    assert tomllib.loads(text)["mapping"]["revenue"][odd] == odd
