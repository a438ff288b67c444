"""Who stands for a party in QuickBooks: links, names, suffixes, merges and contacts."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from adapters.http import Call
from adapters.ports import Rejected, Unavailable
from adapters.sandbox.quickbooks import Switches, hands
from state.transaction import Address, Kind, Party, Transaction
from tests.conformance.world import BILL, INVOICE, START, Memory, World, line, transaction

Open = Callable[..., Awaitable[World]]

ACME = Party("p-1", "Acme Freight, Inc.")
REFERENCE = {INVOICE: "CustomerRef", BILL: "VendorRef"}


def wanted(kind: Kind = INVOICE, party: Party = ACME, number: str = "LD-1") -> Transaction:
    return transaction(kind, f"source of {number}", number=number, party=party)


async def named(world: World, kind: Kind = INVOICE, party: Party = ACME, number: str = "LD-1") -> str:
    """Return the id of the party a new document would name."""
    order = await world.prepared(wanted(kind, party, number))
    return str(msgspec.json.decode(order.body)[REFERENCE[kind]]["value"])


async def refusal(world: World, kind: Kind = INVOICE, party: Party = ACME, number: str = "LD-1") -> Rejected:
    with pytest.raises(Rejected) as raised:
        await named(world, kind, party, number)
    return raised.value


def by_hand(world: World, kind: str, name: str) -> str:
    return str(hands.create(world.twin.company, kind, {"DisplayName": name})["Id"])


def names(world: World, kind: str) -> list[str]:
    return [held["DisplayName"] for held in world.held(kind)]


@pytest.mark.parametrize("held", ["ACME FREIGHT INC", "Acme  Freight Inc", "acme-freight, inc."])
async def test_party_is_found_whatever_its_case_spaces_and_punctuation(world: World, held: str) -> None:
    known = by_hand(world, "Customer", held)
    assert await named(world) == known
    assert len(world.held("Customer")) == 1


async def test_several_of_one_name_are_ambiguous_and_all_named(world: World) -> None:
    one, other = by_hand(world, "Customer", "Acme Freight Inc"), by_hand(world, "Customer", "ACME FREIGHT, INC.")
    problem = (await refusal(world)).problem
    assert problem.code == "party_ambiguous"
    assert f'customer {one} "Acme Freight Inc"' in problem.detail
    assert f'customer {other} "ACME FREIGHT, INC."' in problem.detail
    third = by_hand(world, "Customer", "Acme Two")
    world.clock.pass_time(seconds=6)
    assert await named(world, party=replace(ACME, accounting_name="Acme Two")) == third


async def test_ambiguity_that_a_person_has_just_put_right_is_not_told_again(world: World) -> None:
    one, other = by_hand(world, "Customer", "Acme Freight Inc"), by_hand(world, "Customer", "ACME FREIGHT, INC.")
    assert (await refusal(world)).problem.code == "party_ambiguous"
    hands.merge(world.twin.company, "Customer", one, other)
    assert await named(world) == one


async def test_accounting_name_comes_before_the_name_and_is_the_one_created(world: World) -> None:
    plain = by_hand(world, "Customer", "Acme Freight Inc")
    stated = by_hand(world, "Customer", "Acme Books")
    assert await named(world, party=replace(ACME, accounting_name="ACME BOOKS")) == stated
    assert await named(world, party=Party("p-2", ACME.name, accounting_name="Nobody's")) == plain
    await named(world, party=Party("p-3", "Globex", accounting_name="Globex Books"))
    assert "Globex Books" in names(world, "Customer")
    assert "Globex" not in names(world, "Customer")


@pytest.mark.parametrize("holder", ["Customer", "Employee"])
async def test_vendor_whose_name_others_hold_gets_a_suffix_and_is_found_by_it(world: World, holder: str) -> None:
    by_hand(world, holder, "ACME FREIGHT, INC.")
    vendor = await named(world, BILL)
    assert names(world, "Vendor") == ["Acme Freight, Inc. (V)"]
    assert world.held("Vendor")[0]["CompanyName"] == "Acme Freight, Inc."
    world.memory.links.clear()
    assert await named(world, BILL) == vendor
    assert all(call.status == 200 for call in world.calls if call.writes)


async def test_customer_whose_name_a_vendor_holds_gets_its_own_suffix(open_world: Open) -> None:
    world = await open_world(customer_suffix="(Broker)")
    by_hand(world, "Vendor", ACME.name)
    await named(world)
    assert names(world, "Customer") == ["Acme Freight, Inc. (Broker)"]


async def test_suffix_that_others_hold_too_is_put_twice_and_then_a_person_is_asked(world: World) -> None:
    by_hand(world, "Customer", "Acme")
    by_hand(world, "Employee", "Acme (V)")
    await named(world, BILL, Party("v-1", "Acme"))
    assert names(world, "Vendor") == ["Acme (V) (V)"]
    for name in ("Globex", "Globex (V)", "Globex (V) (V)", "Globex (V) (V) (V)"):
        by_hand(world, "Customer", name)
    world.clock.pass_time(seconds=6)
    problem = (await refusal(world, BILL, Party("v-2", "Globex"))).problem
    assert problem.code == "party_name_taken"
    assert '"Globex (V) (V) (V)"' in problem.detail


async def test_name_with_the_letter_of_a_suffix_is_another_name(world: World) -> None:
    by_hand(world, "Customer", "Acme")
    suffixed = await named(world, BILL, Party("v-1", "Acme"))
    assert await named(world, BILL, Party("v-2", "Acme V")) != suffixed


async def test_name_taken_since_the_list_was_read_leads_to_the_next_form(open_world: Open) -> None:
    world = await open_world(Switches(request_id_after_fault="replay"))

    def take(call: Call) -> None:
        if call.purpose == "party" and not world.held("Vendor"):
            by_hand(world, "Vendor", ACME.name)

    world.watchers.append(take)
    await named(world)
    assert names(world, "Customer") == ["Acme Freight, Inc. (C)"]


async def test_name_that_only_quickbooks_holds_for_the_same_is_the_same(open_world: Open) -> None:
    world = await open_world(Switches(same_name="loose"))
    customer = by_hand(world, "Customer", "Café Freight")
    assert await named(world, party=Party("c-1", "Cafe Freight")) == customer
    assert len(world.held("Customer")) == 1


@pytest.mark.parametrize("suffix", [True, False])
async def test_name_of_an_inactive_party_is_told(open_world: Open, *, suffix: bool) -> None:
    world = await open_world(Switches(inactive_suffix=suffix))
    hands.inactivate(world.twin.company, "Customer", by_hand(world, "Customer", "Acme Freight Inc"))
    assert (await refusal(world)).problem.code == "party_inactive"


async def gone(world: World, order: Any) -> None:
    """Let QuickBooks refuse a document for its party: prepared anew, the party is looked at."""
    with pytest.raises(Unavailable, match="looked up anew"):
        await world.quickbooks.exports.send(order)


@pytest.mark.parametrize("bumped", [True, False])
@pytest.mark.parametrize("kind", [INVOICE, BILL])
async def test_merged_party_is_followed_to_the_one_that_took_its_documents(
    open_world: Open, kind: Kind, *, bumped: bool
) -> None:
    world = await open_world(Switches(merge_bumps_documents=bumped))
    entity = REFERENCE[kind].removesuffix("Ref")
    sent = await world.exported(wanted(kind))
    [merged] = [each["Id"] for each in world.held(entity) if each["DisplayName"] == ACME.name]
    heir = by_hand(world, entity, "Acme Holdings")
    order = await world.prepared(wanted(kind, number="LD-2"))
    hands.merge(world.twin.company, entity, heir, merged)
    await gone(world, order)
    assert await named(world, kind, number="LD-2") == heir
    assert await named(world, kind, number="LD-3") == heir
    assert ACME.name not in names(world, entity)
    changed = transaction(kind, "source of LD-1", line("5"), number="LD-1", party=ACME, document=sent.document)
    await world.quickbooks.exports.send(await world.prepared(changed))


@pytest.mark.parametrize("kind", [INVOICE, BILL])
async def test_document_of_a_merged_party_can_be_updated_and_tells_whom_it_went_to(world: World, kind: Kind) -> None:
    sent = await world.exported(wanted(kind))
    entity = REFERENCE[kind].removesuffix("Ref")
    heir = by_hand(world, entity, "Acme Holdings")
    hands.merge(world.twin.company, entity, heir, world.memory.links[entity.lower(), "p-1"])
    changed = transaction(kind, "source of LD-1", line("5"), number="LD-1", party=ACME, document=sent.document)
    await world.quickbooks.exports.send(await world.prepared(changed))
    assert world.memory.links[entity.lower(), "p-1"] == heir


async def test_document_that_a_person_gave_to_another_tells_of_no_merge(world: World) -> None:
    sent = await world.exported(wanted())
    assert sent.document is not None
    other = by_hand(world, "Customer", "Someone Else")
    hands.edit(world.twin.company, "Invoice", sent.document.id, {"CustomerRef": {"value": other}})
    changed = transaction(INVOICE, "source of LD-1", line("5"), number="LD-1", party=ACME, document=sent.document)
    with pytest.raises(Rejected) as raised:
        await world.prepared(changed)
    assert raised.value.problem.code == "document_edited"
    assert await named(world, number="LD-2") != other


async def test_party_that_is_gone_without_a_trace_is_told_and_never_made_anew(world: World) -> None:
    order = await world.prepared(wanted())
    merged = world.memory.links["customer", "p-1"]
    hands.merge(world.twin.company, "Customer", by_hand(world, "Customer", "Acme Holdings"), merged)
    await gone(world, order)
    problem = (await refusal(world)).problem
    assert (problem.code, f"customer {merged}" in problem.detail) == ("party_gone", True)
    heir = await named(world, party=replace(ACME, accounting_name="Acme Holdings"))
    assert await named(world) == heir
    assert names(world, "Customer") == ["Acme Holdings"]


async def test_link_that_is_sound_is_doubted_once_and_the_refusal_then_told(world: World) -> None:
    order = await world.prepared(wanted())
    item = next(item for item in world.held("Item") if item["Name"] == "Linehaul")
    hands.inactivate(world.twin.company, "Item", item["Id"])
    await gone(world, order)
    hands.edit(world.twin.company, "Item", item["Id"], {"Active": True, "Name": "Linehaul"})
    order = await world.prepared(wanted())
    hands.inactivate(world.twin.company, "Item", item["Id"])
    with pytest.raises(Rejected) as raised:
        await world.quickbooks.exports.send(order)
    assert raised.value.problem.code == "reference_inactive"


async def test_thousands_of_names_cost_a_read_for_each_thousand_once_and_then_one_for_all_that_come_together(
    world: World,
) -> None:
    for number in range(2100):
        by_hand(world, "Vendor", f"Vendor {number}")
    world.clock.pass_time(days=1)
    await named(world)
    party = [call for call in world.calls if call.purpose == "party"]
    assert len(party) == 5  # customers, employees, and three pages of vendors
    world.clock.pass_time(minutes=10)
    documents = 60
    for number in range(documents):  # of which each is a party's first
        await named(world, BILL, Party(f"v-{number}", f"VENDOR {number}."), f"LD-{number}")
    more = [call for call in world.calls if call.purpose == "party"][len(party) :]
    assert {call.endpoint for call in more} == {"cdc"}
    assert len(more) <= documents / 10


NEW_YORK, TULSA = Address("1 Main St", "New York", "NY", "10001"), Address("9 Elm St", "Tulsa", "OK", "74101")


async def told(world: World, kind: Kind, party: Party, *, days: int = 0) -> None:
    """Prepare a document that came into the store so many days after the first."""
    document = replace(wanted(kind, party, f"LD-{days}"), created_at=START + timedelta(days=days))
    await world.prepared(document)


@pytest.mark.parametrize("position", ["honoured", "full"])
@pytest.mark.parametrize("novel", [False, True])
@pytest.mark.parametrize("kind", [INVOICE, BILL])
async def test_contact_that_changes_in_the_tms_is_passed_on_and_nothing_else_is_touched(
    open_world: Open, kind: Kind, position: Any, *, novel: bool
) -> None:
    world = await open_world(Switches(vendor_sparse=position, new_answer_fields=novel), update_contacts=True)
    entity = REFERENCE[kind].removesuffix("Ref")
    party = replace(ACME, email="old@acme.test", phone="555 0100", address=NEW_YORK)
    await told(world, kind, party)
    [held] = [each for each in world.held(entity) if each["DisplayName"] == ACME.name]
    hands.edit(world.twin.company, entity, held["Id"], {"PrimaryPhone": {"FreeFormNumber": "555 CORRECTED"}})
    await told(world, kind, replace(party, email="new@acme.test", address=TULSA), days=1)
    [now] = [each for each in world.held(entity) if each["Id"] == held["Id"]]
    assert now["PrimaryEmailAddr"] == {"Address": "new@acme.test"}
    assert now["BillAddr"]["City"] == "Tulsa"
    assert now["PrimaryPhone"] == {"FreeFormNumber": "555 CORRECTED"}
    assert (now["DisplayName"], now["CompanyName"]) == (held["DisplayName"], held["CompanyName"])


async def test_contact_stays_as_it_was_created_unless_configured(world: World) -> None:
    await told(world, INVOICE, replace(ACME, email="old@acme.test"))
    await told(world, INVOICE, replace(ACME, email="new@acme.test"), days=1)
    assert world.held("Customer")[0]["PrimaryEmailAddr"] == {"Address": "old@acme.test"}


async def test_contact_of_an_older_document_or_of_a_party_met_for_the_first_time_changes_nothing(
    open_world: Open,
) -> None:
    world = await open_world(update_contacts=True)
    body = {"DisplayName": ACME.name, "PrimaryEmailAddr": {"Address": "own@acme.test"}}
    hands.create(world.twin.company, "Customer", body)
    await told(world, INVOICE, replace(ACME, email="tms@acme.test"), days=5)
    await told(world, INVOICE, replace(ACME, email="older@acme.test"), days=1)
    await told(world, INVOICE, replace(ACME, email="tms@acme.test"), days=6)
    assert world.held("Customer")[0]["PrimaryEmailAddr"] == {"Address": "own@acme.test"}


async def test_vendor_with_a_masked_tax_identifier_is_left_alone(open_world: Open) -> None:
    world = await open_world(update_contacts=True)
    await told(world, BILL, replace(ACME, email="old@acme.test"))
    [vendor] = [each for each in world.held("Vendor") if each["DisplayName"] == ACME.name]
    hands.edit(world.twin.company, "Vendor", vendor["Id"], {"TaxIdentifier": "99-9999999"})
    await told(world, BILL, replace(ACME, email="new@acme.test"), days=1)
    [now] = [each for each in world.held("Vendor") if each["Id"] == vendor["Id"]]
    assert now["PrimaryEmailAddr"] == {"Address": "old@acme.test"}


async def test_failed_update_of_a_contact_holds_no_document_and_is_tried_with_the_next(open_world: Open) -> None:
    world = await open_world(update_contacts=True)
    await told(world, INVOICE, replace(ACME, email="old@acme.test"))
    world.twin.disruptions.arm([{"action": "drop_before_commit", "method": "POST", "match": "Customer"}])
    await told(world, INVOICE, replace(ACME, email="new@acme.test"), days=1)
    assert world.held("Customer")[0]["PrimaryEmailAddr"] == {"Address": "old@acme.test"}
    await told(world, INVOICE, replace(ACME, email="new@acme.test"), days=2)
    assert world.held("Customer")[0]["PrimaryEmailAddr"] == {"Address": "new@acme.test"}


async def test_restored_copy_that_knows_nobody_finds_the_suffixed_and_the_cut(world: World) -> None:
    by_hand(world, "Customer", "Acme")
    parties = [Party("v-1", "Acme"), Party("v-2", "n" * 600), Party("v-3", "Łukasz Trucking")]
    first = [await named(world, BILL, party) for party in parties]
    daemon = world.another(memory=Memory())
    for party, known in zip(parties, first, strict=True):
        order = await daemon.exports.prepare(world.claim(wanted(BILL, party)), "request")
        assert msgspec.json.decode(order.body)["VendorRef"]["value"] == known
    assert len(world.held("Vendor")) == 3
