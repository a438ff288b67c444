"""Who and what a month of everything has beside the usual cast: a second subsidiary's drivers, and all trucks."""

from collections.abc import Mapping
from datetime import date, timedelta
from random import Random

from adapters.sandbox.alvys import parties
from adapters.sandbox.alvys.month import Cast
from adapters.sandbox.alvys.parties import TRANSPORT, at, new_id
from adapters.sandbox.alvys.wire import Json, write_instant

MERIDIAN, SONORA = "Meridian Retail Group", "Sonora Home Centers"
SUMMARY_CUSTOMERS = (MERIDIAN, SONORA)
"""Customers who get one invoice over many loads."""

MORE_CUSTOMERS: tuple[tuple[str, int | None], ...] = (
    ("Great Lakes Produce", 30),
    ("Summit Beverage Co.", 15),
    (MERIDIAN, 45),
    (SONORA, 30),
)
"""The first two bear the very names of other customers."""

NAMESAKE, OTHER_NAMESAKE = "C-1015", "C-1016"
"""Company numbers of the two."""

IDLE = "Odell Brandt"
"""An owner-operator who drives nothing and owes for his truck all the same."""

TRANSPORT_DRIVERS: tuple[tuple[str, str], ...] = (
    ("Hollis Greer", "COMPANY"),
    ("Anja Ødegård", "OWNER_OPERATOR"),
    ("Curtis Bell Jr.", "CONTRACTOR"),
    (IDLE, "OWNER_OPERATOR"),
)

TRANSPORT_FLEET: Json = {
    "Id": "4c5e6bd0-7d0c-4a4f-9f0b-0a6a3f9a2b17",
    "Name": "Blue Mesa Transport Fleet",
    "InvoiceNumberPrefix": "BT-",
}

MAKES: Mapping[str, str] = {"COMPANY": "Freightliner", "OWNER_OPERATOR": "Kenworth", "CONTRACTOR": "Volvo"}


def everyone(chance: Random, first_day: date) -> Cast:
    """Draw the usual cast and those beside it."""
    usual = Cast.of(chance, first_day)
    beyond = len(usual.customers) + 1
    customers = [
        parties.customer(chance, first_day, position, name, terms)
        for position, (name, terms) in enumerate(MORE_CUSTOMERS, beyond)
    ]
    beyond = len(usual.drivers) + 1
    drivers = [
        parties.driver(chance, first_day, position, name, kind, subsidiary=TRANSPORT, fleet=TRANSPORT_FLEET)
        for position, (name, kind) in enumerate(TRANSPORT_DRIVERS, beyond)
    ]
    return Cast(
        usual.customers + customers,
        usual.carriers,
        usual.drivers + drivers,
        usual.reserved | {*SUMMARY_CUSTOMERS, IDLE},
    )


def summary_customers(customers: list[Json]) -> list[Json]:
    """Say which customers are invoiced by summary; the API does not show it."""
    wanted = [each for each in customers if each["Name"] in SUMMARY_CUSTOMERS]
    return [{"Id": each["Id"], "InvoiceType": "Summary"} for each in wanted]


def owner_of(driver: Json) -> str | None:
    """Return the id of the owner-operator a driver is, or None."""
    return f"OO-{driver['EmployeeId']}" if driver["Type"] == "OWNER_OPERATOR" else None


def truck_of(chance: Random, first_day: date, driver: Json) -> Json:
    """Write the truck a driver drives; its fuel card says whether fuel is taken off the driver's pay."""
    position, owner = int(driver["EmployeeId"].lstrip("D")), owner_of(driver)
    number = f"T{400 + position}"
    card: Json = {
        "id": new_id(chance),
        "CardNumber": f"7083{9100 + position}",
        "Provider": "Pilot",
        "DeductFuel": owner is not None,
        "ApplyFuelDiscount": True,
        "DeductFromId": driver["Id"] if owner else None,
        "DeductFromName": driver["Name"] if owner else None,
        "DeductFromSubsidiary": driver["SubsidiaryId"] if owner else None,
        "DeductFromContractorType": driver["Type"] if owner else None,
        "FuelTypeConfigs": [],
    }
    return {
        "Id": new_id(chance),
        "TruckNum": number,
        "VinNumber": f"1XKAD49X{position:09d}",
        "Year": 2018 + position % 7,
        "Make": MAKES[driver["Type"]],
        "LicenseNum": f"NM{7000 + position}",
        "LicenseState": "NM",
        "LicenseCountry": "US",
        "Status": "Active",
        "SubsidiaryId": driver["SubsidiaryId"],
        "NumberOfAxles": 3,
        "Fleet": driver["Fleet"],
        "GrossWeight": {"Value": 80000, "UnitOfMeasure": "Pounds"},
        "EmptyWeight": {"Value": 17500, "UnitOfMeasure": "Pounds"},
        "FuelType": "Diesel",
        "FuelCards": [card],
        "Notes": [],
        "CreatedAt": write_instant(at(first_day - timedelta(days=300 + position), 16)),
        "References": [{"Name": "Driver", "Value": driver["Id"]}],
    }
