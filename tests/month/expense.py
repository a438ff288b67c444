"""What trips cost: external carriers, own companies, drivers, and what one company hauls for the other."""

from collections.abc import Container, Iterator
from datetime import date
from decimal import Decimal
from typing import Final

from tests.month.choices import SINCE, TERMS, Choices
from tests.month.drafts import Charge, Draft, Part, prefixed, telling
from tests.month.figures import ZERO, Json, Key, dollars
from tests.month.tenant import ARRIVED, RELEASED, Tenant, gone, invoiced, local_day

# fmt: off
_PAID: Final = {
    "PerTripRate":                    "Per Trip",
    "PerLoadRate":                    "Per Load",
    "TripValuePercentageRate":        "% of Trip Value",
    "CustomerLineHaulPercentageRate": "% of Line Haul",
    "FuelSurchargePercentageRate":    "% of Fuel Surcharge",
    "TotalMilesRate":                 "Total Miles",
    "LoadedMilesRate":                "Loaded Miles",
    "EmptyMilesRate":                 "Empty Miles",
    "PerMileRate":                    "Per Mile",
    "MileagePerDiemRate":             "Mileage Per Diem",
    "PerStopRate":                    "Per Stop",
    "PerCustomerStopRate":            "Per Customer Stop",
    "PerHourRate":                    "Per Hour",
}
_TAKEN: Final = {
    "TripValuePercentageDeductionRate": "% of Trip Value Deduction",
    "CustomerLineHaulDeductionRate":    "% of Line Haul Deduction",
    "PerMileDeductionRate":             "Per Mile Deduction",
    "ServiceFeeRate":                   "Service Fee",
}
# fmt: on
_LASTING: Final = frozenset({"carrier_bill", "carrier_credit", "subsidiary_bill", "driver_bill"})
_TURNS: Final = {"carrier_bill": ("carrier_credit",), "carrier_credit": ("carrier_bill",)}
_ROLES: Final = ("Driver1", "Driver2", "OwnerOperator")


def expense(tenant: Tenant, choices: Choices) -> Iterator[Draft]:
    """Yield what we owe for trips, not counting what is owed by statement."""
    if not choices["expense"]:
        return
    for trip in tenant.trips:
        if not gone(trip):
            yield from _carried(trip, tenant, choices)
            yield from _driven(trip, tenant, choices)
            yield from _owed(trip, tenant, choices)


def lasts(key: Key, tenant: Tenant, now: Container[Key]) -> bool:
    """Whether what was billed for a trip stays billed though it would not be now: what is owed is owed."""
    trip_id, _, driver_id = key.identity.partition("/")
    turned = any(key._replace(route=route) in now for route in _TURNS.get(key.route, ()))
    if turned or key.route not in _LASTING or trip_id not in tenant.hauling:
        return False
    return not driver_id or driver_id in _payees(tenant.hauling[trip_id], tenant)


def load_type(trip: Json) -> str:
    """Return whether others haul a trip, or our own trucks."""
    tendered = {"Broker": "brokerage", "Carrier": "asset"}.get(trip["TenderAsSubsidiaryType"] or "")
    by_whom = "brokerage" if trip["Carrier"] else "asset" if trip["Driver1"] or trip["OwnerOperator"] else ""
    return tendered or by_whom


def shared(trip: Json, load: Json) -> bool:
    """Whether one company of the tenant's invoices what another hauls."""
    return bool(load["InvoiceAs"] and trip["TenderAs"]) and load["InvoiceAs"] != trip["TenderAs"]


def _day(trip: Json) -> date | None:
    return local_day(trip["ReleasedAt"]) or local_day(trip["DeliveredAt"])


def _dated(trip: Json) -> bool:
    """Whether a trip is not from before the first date."""
    day = _day(trip)
    return day is None or day >= SINCE


def _number(trip: Json, choices: Choices) -> str:
    return prefixed("ATP", trip["LoadNumber"] or trip["TripNumber"], choices)


def _part(trip: Json, tenant: Tenant) -> Part:
    fleet = tenant.load_of(trip)["Fleet"] or {}
    return Part(trip["TenderAs"], fleet.get("Name", ""), load_type(trip))


def _own_company(trip: Json, tenant: Tenant) -> bool:
    """Whether a trip's carrier is a company of the tenant's own."""
    if not trip["Carrier"]:
        return False
    carrier = tenant.carriers[trip["Carrier"]["Id"]]
    return "Subsidiary" in {carrier["Type"], trip["TenderAsSubsidiaryType"]}


# --- carriers ------------------------------------------------------------------------------------------------------


def _carried(trip: Json, tenant: Tenant, choices: Choices) -> Iterator[Draft]:
    """Yield the bill of a trip's carrier, if it is due."""
    hired, day = trip["Carrier"], _day(trip)
    if not hired or trip["TenderAs"] != choices.company or not _dated(trip):
        return
    if _own_company(trip, tenant):
        route, due = "subsidiary_bill", choices["pay_subsidiary_carrier"] and invoiced(tenant.load_of(trip))
    else:
        route, due = "carrier_bill", _external_due(trip, tenant, choices)
    if not due:
        return
    assert day is not None
    carrier, part = tenant.carriers[hired["Id"]], _part(trip, tenant)
    total = dollars(hired["TotalPayable"])
    said = (
        trip["LoadNumber"],
        trip["TripNumber"],
        hired["CarrierInvoiceNumber"],
        "carrier pay on hold" if trip["CarrierPayOnHold"] else "",
    )
    yield Draft(
        key=Key(route, trip["Id"]),
        party=carrier["ExternalName"] or carrier["Name"],
        number=_number(trip, choices),
        day=day,
        due=local_day(trip["DueDate"]) or day + TERMS,
        charges=telling(_carrier_charges(hired, part)),
        total=total,
        part=part,
        says=tuple(filter(None, said)),
    )


def _external_due(trip: Json, tenant: Tenant, choices: Choices) -> bool:
    """Whether the bill of an external carrier is due, in the documented order of what keeps it away."""
    if trip["TenderAsSubsidiaryType"] == "Carrier" or choices["carrier_statements"]:
        return False
    billed = invoiced(tenant.load_of(trip))
    if choices["separate_carrier_invoice"]:
        came = trip["Carrier"]["CarrierInvoiceNumber"] or trip["Id"] in tenant.filed
        arrived = trip["ReleasedAt"] is not None or trip["Status"] in ARRIVED
        return bool(came) and (arrived or billed)
    if choices["carrier_bill_on"] == "release":
        return trip["ReleasedAt"] is not None or trip["Status"] in RELEASED
    return billed


def _carrier_charges(hired: Json, part: Part) -> list[Charge]:
    """Return what makes up the payable: linehaul and accessorials less e-checks, and their fees if they are in it."""
    charges = [Charge("linehaul", "Linehaul", dollars(hired["Linehaul"]), part)]
    details = hired["AccessorialsDetails"]
    charges += [Charge("accessorial", each["Type"], dollars(each["Total"]), part) for each in details]
    if not details:
        charges.append(Charge("accessorial", "Accessorials", dollars(hired["Accessorials"]), part))
    charges += _checks(hired, part)
    fees = _fees(hired, part)
    return charges + (fees if _sum(charges + fees) == dollars(hired["TotalPayable"]) else [])


def _checks(paid: Json, part: Part) -> list[Charge]:
    return [Charge("echeck", each["Type"], -dollars(each["Amount"]), part) for each in paid.get("EChecks") or []]


def _fees(paid: Json, part: Part) -> list[Charge]:
    return [Charge("echeck_fee", each["Type"], -dollars(each["Fee"]), part) for each in paid.get("EChecks") or []]


# --- drivers -------------------------------------------------------------------------------------------------------


def _driven(trip: Json, tenant: Tenant, choices: Choices) -> Iterator[Draft]:
    """Yield the bill of each who is paid for driving a trip, in the company that each belongs to."""
    load = tenant.load_of(trip)
    ours = _own_company(trip, tenant) or shared(trip, load)
    if (
        choices["ignore_driver_bills"]
        or choices["single_driver_bill"]
        or (choices["pay_subsidiary_carrier"] and ours)
        or not invoiced(load)
        or not _dated(trip)
    ):
        return
    for driver_id, pieces in _payees(trip, tenant).items():
        driver, day = tenant.drivers[driver_id], _day(trip)
        part = Part(choices.company, driver["Fleet"]["Name"], load_type(trip))
        charges = [charge for piece in pieces for charge in _earned(piece, part)]
        if driver["SubsidiaryId"] != choices.company_id or not charges:
            continue
        assert day is not None
        yield Draft(
            key=Key("driver_bill", f"{trip['Id']}/{driver_id}"),
            party=driver["Name"],
            number=_number(trip, choices),
            day=day,
            due=day + TERMS,
            charges=telling(charges),
            total=_sum(charges),
            part=part,
            says=(trip["LoadNumber"], trip["TripNumber"]),
        )


def _payees(trip: Json, tenant: Tenant) -> dict[str, list[Json]]:
    """Return who is paid for a trip and what for; an owner without a record of its own is the driver who owns."""
    found: dict[str, list[Json]] = {}
    for role in _ROLES:
        piece = trip[role]
        if piece is None:
            continue
        payee = piece["Id"]
        if payee not in tenant.drivers:
            driving = [trip[each] for each in _ROLES[:2] if trip[each]]
            payee = next(each["Id"] for each in driving if each["ContractorType"] == "OWNER_OPERATOR")
        found.setdefault(payee, []).append(piece)
    return found


def _earned(piece: Json, part: Part) -> Iterator[Charge]:
    for policy in piece.get("RatesV2") or []:
        for field, name in _PAID.items():
            for item in (policy.get(field) or {}).get("LineItems", []):
                yield Charge("driver_pay", name, dollars(item["Amount"]), part)
        for field, name in _TAKEN.items():
            for item in (policy.get(field) or {}).get("LineItems", []):
                yield Charge("driver_pay", name, -abs(dollars(item["Amount"])), part)
    for each in piece.get("AccessorialsDetails") or []:
        yield Charge("accessorial", each["Type"], dollars(each["Total"]), part)
    yield from _checks(piece, part)
    yield from _fees(piece, part)


# --- between companies ---------------------------------------------------------------------------------------------


def _owed(trip: Json, tenant: Tenant, choices: Choices) -> Iterator[Draft]:
    """Yield what we owe the other company for a trip of a load that we invoice: the trip's value."""
    load = tenant.load_of(trip)
    if choices["shared_billing"]:
        route, category, name = "intercompany_bill", "intercompany", "Intercompany"
    elif choices["pay_subsidiary_carrier"]:
        route, category, name = "subsidiary_bill", "linehaul", "Linehaul"
    else:
        return
    day = local_day(load["InvoicedAt"]) or _day(trip)
    if not shared(trip, load) or load["InvoiceAs"] != choices.company or not invoiced(load):
        return
    assert day is not None
    fleet = (load["Fleet"] or {}).get("Name", "")
    kinds = {load_type(each) for each in tenant.hauls_of(load)}
    kind = next((each for each in ("brokerage", "asset") if each in kinds), "")
    value = dollars(trip["TripValue"])
    if day >= SINCE:
        yield Draft(
            key=Key(route, trip["Id"]),
            party=trip["TenderAs"],
            number=_number(trip, choices),
            day=day,
            due=day + TERMS,
            charges=(Charge(category, name, value, _part(trip, tenant)),),
            total=value,
            part=Part(load["InvoiceAs"], fleet, kind),
            says=(trip["LoadNumber"], trip["TripNumber"]),
        )


def _sum(charges: list[Charge]) -> Decimal:
    return sum((each.amount for each in charges), ZERO)
