"""What own trucks and their drivers run up in a month: fuel, tolls and deductions."""

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from random import Random
from uuid import NAMESPACE_OID, uuid5

from adapters.sandbox.alvys.ensemble import IDLE, owner_of
from adapters.sandbox.alvys.parties import PLACES, SUBSIDIARY_IDS, at, new_id
from adapters.sandbox.alvys.switches import Switches
from adapters.sandbox.alvys.wire import CENT, Json, money, write_instant

OFFICE = "Kim Avery"
HAD_ADVANCE = 0.3  # share of the drivers in a pay period
NAMES_OF_SUBSIDIARIES = {key: name for name, key in SUBSIDIARY_IDS.items()}

FUELS: Mapping[str, tuple[str, int]] = {
    "Truck Diesel": ("3.659", 3),
    "DEF": ("4.199", 1),
    "Reefer Diesel": ("3.599", 1),
}
"""Price of a gallon and how often it is bought, beside the others."""

AGENCIES = ("EZ Pass", "NTTA", "KTA Kansas Turnpike", "E-470")

DUES: Mapping[str, tuple[tuple[str, str, str], ...]] = {
    "COMPANY": (("Insurance", "Occupational accident", "-18.75"),),
    "CONTRACTOR": (("Insurance", "Occupational accident", "-38.50"), ("ELD", "ELD rental", "-15.00")),
    "OWNER_OPERATOR": (
        ("Lease", "Truck lease", "-875.00"),
        ("Insurance", "Cargo and liability", "-212.33"),
        ("ELD", "ELD rental", "-15.00"),
    ),
}
"""Category, description and amount of what each type of driver owes every pay period."""


def fuel_bought(chance: Random, driver: Json, truck: Json, day: date) -> Json:
    """Write one purchase of fuel; with it now and then a cash advance from the pump's card."""
    kind = chance.choices(list(FUELS), [weight for _, weight in FUELS.values()])[0]
    gallons = Decimal(chance.randint(30, 1500)).scaleb(-1)
    pumped = (gallons * Decimal(FUELS[kind][0])).quantize(CENT, ROUND_HALF_UP)
    discount = (pumped * Decimal("0.03")).quantize(CENT, ROUND_HALF_UP)
    advance = chance.choice((0, 0, 0, 0, 50))
    fee = Decimal("1.25") if advance else Decimal(0)
    city, state, _ = chance.choice(PLACES)
    return {
        "Id": new_id(chance),
        "TransactionId": f"{truck['FuelCards'][0]['CardNumber']}-{chance.randint(10**6, 10**7)}",
        "SubsidiaryId": driver["SubsidiaryId"],
        "SubsidiaryName": NAMES_OF_SUBSIDIARIES[driver["SubsidiaryId"]],
        "TruckId": truck["Id"],
        "TruckNumber": truck["TruckNum"],
        "DriverId": driver["Id"],
        "DriverName": driver["Name"],
        "OwnerOperatorId": owner_of(driver),
        "OwnerOperatorName": driver["Name"] if owner_of(driver) else None,
        "Source": "Pilot",
        "Type": kind,
        "Category": "Fuel",
        "Description": None,
        "Location": {"Name": f"Pilot {city}", "City": city, "State": state, "Country": "US"},
        "FuelTotal": money(pumped),
        "Fees": money(fee),
        "Discounts": money(discount),
        "Advances": money(advance),
        "Total": money(pumped + fee + advance - discount),
        "Quantity": {"Value": gallons, "UnitOfMeasure": "Gallons"},
        "TransactionDate": write_instant(at(day, chance.randint(8, 22), chance.randint(0, 59))),
    }


def shown_fuel(bought: Json, switches: Switches) -> Json:
    """Show a purchase of fuel, its discount as the switch says."""
    off = bought["Discounts"]["Amount"]
    match switches.fuel_discounts:
        case "negative":
            return bought | {"Discounts": money(-off)}
        case "within":
            return bought | {"FuelTotal": money(bought["FuelTotal"]["Amount"] - off)}
        case _:
            return bought


def toll_paid(chance: Random, driver: Json, truck: Json, day: date) -> Json:
    """Write one toll, posted the day after."""
    passed = at(day, chance.randint(5, 22), chance.randint(0, 59))
    return {
        "Id": new_id(chance),
        "SubsidiaryId": driver["SubsidiaryId"],
        "TransactionId": f"TX{chance.randint(10**8, 10**9)}",
        "TransponderId": f"TP-{truck['TruckNum']}",
        "Source": "PrePass",
        "Agency": chance.choice(AGENCIES),
        "UnitId": truck["Id"],
        "UnitNumber": truck["TruckNum"],
        "LicenseState": truck["LicenseState"],
        "LicensePlate": truck["LicenseNum"],
        "PrePaid": chance.choice((True, False)),
        "ExitPlazaName": f"Plaza {chance.randint(1, 40)}",
        "ExitTime": write_instant(passed),
        "Amount": money(Decimal(chance.randint(125, 4875)).scaleb(-2)),
        "Fee": money(chance.choice(("0", "0", "0.25"))),
        "PostedAt": write_instant(passed + timedelta(days=1)),
        "TransactionDate": write_instant(passed),
    }


def deduction(key: str, driver: Json, day: date, what: tuple[str, str, Decimal], group: str) -> Json:
    """Write a deduction from a driver's pay, not yet taken; what is its category, description and amount."""
    category, description, amount = what
    return {
        "Id": key,
        "Type": "Deduction",
        "GroupId": str(uuid5(NAMESPACE_OID, f"{driver['Id']}/{group}")),
        "Description": description,
        "Category": category,
        "Amount": money(amount),
        "DriverId": driver["Id"],
        "TruckId": None,
        "OwnerOperatorId": owner_of(driver),
        "Date": write_instant(at(day, 0)),
        "IsPaid": False,
        "CreatedAt": write_instant(at(day, 13)),
        "CreatedBy": OFFICE,
    }


def dues(chance: Random, driver: Json, day: date) -> list[Json]:
    """Write what a driver owes for a pay period; some had money in advance, one pays it back in two parts."""
    owed = [
        deduction(new_id(chance), driver, day, (category, description, Decimal(amount)), description)
        for category, description, amount in DUES[driver["Type"]]
    ]
    if driver["Name"] == IDLE:
        halves = (("Cash advance (part 1)", Decimal("-166.67")), ("Cash advance (part 2)", Decimal("-166.66")))
        owed += [
            deduction(new_id(chance), driver, day, ("Cash Advance", text, amount), "advance") for text, amount in halves
        ]
    elif chance.random() < HAD_ADVANCE:
        advance = ("Cash Advance", "Cash advance", Decimal(-chance.choice((100, 150, 200))))
        owed.append(deduction(new_id(chance), driver, day, advance, "advance"))
    return owed


def days_of(chance: Random, first: date, last: date, most: int) -> list[date]:
    """Draw up to so many days of a period, in order."""
    span = (last - first).days + 1
    chosen = sorted(chance.sample(range(span), min(span, chance.randint(1, most))))
    return [first + timedelta(days=offset) for offset in chosen]
