"""Loads and trips in the vendor's shape, drawn by chance around what a shipment fixes."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from random import Random

from adapters.sandbox.alvys.billing import charges
from adapters.sandbox.alvys.parties import SUBSIDIARY, address, at, new_id
from adapters.sandbox.alvys.wire import CENT, Json, money, write_instant

DISPATCHER = "Dana Ellis"
BILLER = "Kim Avery"
MOVING = frozenset({"In Transit"})
RELEASED = frozenset({"Released", "Invoiced"})
CARRIER_TERMS = timedelta(days=30)
HAS_PO = 0.7  # share of the loads with a purchase order
GETS_ADVANCE = 0.2  # share of the larger brokered trips
LARGER = 1000  # dollars of linehaul
PAYS_LINEHAUL = (78, 88)  # per cent of the customer's linehaul and fuel that goes to the carrier

ACCESSORIALS: dict[str, tuple[str, str, str]] = {
    "Detention": ("Hours", "57.29", "2.75"),
    "Lumper": ("Flat", "184.36", "1"),
    "Layover": ("Days", "233.33", "1.5"),
    "TONU": ("Flat", "250.00", "1"),
    "Stop-Off": ("Stops", "66.67", "2"),
    "Tarp": ("Flat", "99.95", "1"),
    "Hazmat Surcharge": ("Flat", "325.00", "1"),
}
"""Unit, usual rate and usual quantity of each accessorial; not every product of the two is whole cents."""


@dataclass(frozen=True)
class Shipment:
    """What is settled about a load before the rest is drawn."""

    number: str
    status: str
    customer: Json
    pickup: date
    delivered: datetime
    linehaul: Decimal
    fuel: Decimal
    accessorials: tuple[str, ...]
    credit: bool = False  # its accessorials are given back
    legs: int = 1  # trips, one after the other
    invoice_as: str = SUBSIDIARY
    tender_as: str = SUBSIDIARY

    @property
    def moved(self) -> bool:
        """Whether the freight has arrived."""
        return self.status in RELEASED or self.status == "Delivered"


def load_of(chance: Random, shipment: Shipment) -> Json:
    """Write the load of a shipment, not yet invoiced."""
    picked_up, delivered = at(shipment.pickup, 14), shipment.delivered
    booked = write_instant(picked_up - timedelta(days=2, minutes=chance.randint(1, 500)))
    latest = {"In Transit": picked_up, "Cancelled": picked_up - timedelta(days=1)}.get(shipment.status, delivered)
    cancelled = shipment.status == "Cancelled"
    arrived = shipment.moved
    sign = -1 if shipment.credit else 1
    miles = Decimal(chance.randint(900, 24000)) / 10
    load: Json = {
        "Id": new_id(chance),
        "LoadNumber": shipment.number,
        "OrderNumber": f"ORD-{chance.randint(10**5, 10**6)}-{shipment.number[-4:]}",
        "PONumber": f"PO{chance.randint(10**4, 10**5)}" if chance.random() < HAS_PO else None,
        "CustomerId": shipment.customer["Id"],
        "CustomerName": shipment.customer["Name"],
        "CustomerNumber": shipment.customer["CompanyNumber"],
        "Status": shipment.status,
        "LoadType": "Revenue",
        "CustomerType": [shipment.customer["Type"]],
        "Stops": stops(chance, picked_up, delivered, arrived=arrived),
        "Fleet": None,
        "InvoiceAs": shipment.invoice_as,
        "Linehaul": money(shipment.linehaul),
        "FuelSurcharge": money(shipment.fuel),
        "CustomerAccessorialsDetails": [accessorial(chance, name, sign) for name in shipment.accessorials],
        "CustomerMileage": mileage(miles),
        "InvoicedAmount": None,
        "ScheduledPickupAt": write_instant(picked_up),
        "ScheduledDeliveryAt": write_instant(delivered),
        "PickedUpAt": write_instant(picked_up) if arrived or shipment.status in MOVING else None,
        "DeliveredAt": write_instant(delivered) if arrived else None,
        "InvoicedAt": None,
        "LastInvoiceSentAt": None,
        "Notes": [],
        "CreatedAt": booked,
        "CreatedBy": DISPATCHER,
        "CancelledAt": write_instant(latest) if cancelled else None,
        "CancelledBy": DISPATCHER if cancelled else None,
        "References": [{"Name": "BOL", "Value": f"B{chance.randint(10**6, 10**7)}"}],
        "UpdatedAt": write_instant(jittered(chance, latest)),
        "UpdatedBy": DISPATCHER,
        "PaidAt": None,
        "TotalPaid": money(0),
        "Payments": [],
        "IsDeleted": False,
    }
    return load | charges(load)


def trip_of(chance: Random, load: Json, shipment: Shipment, leg: int, haulier: Json) -> Json:
    """Write one trip of a load; the haulier holds the fields that say who drives it."""
    legs = shipment.legs
    released = shipment.delivered + timedelta(hours=2) if shipment.status in RELEASED else None
    miles = load["CustomerMileage"]["Distance"]["Value"] / legs
    share = (load["CustomerRate"]["Amount"] / legs).quantize(CENT, ROUND_HALF_UP)
    moment = jittered(chance, released) if released else None
    brokered = haulier.get("Carrier") is not None
    invoice_came = brokered and haulier["Carrier"]["CarrierInvoiceNumber"] is not None
    return {
        "Id": new_id(chance),
        "TripNumber": f"{load['LoadNumber']}-{leg}",
        "Status": "Invoiced" if released and invoice_came else "Released" if released else shipment.status,
        "LoadNumber": load["LoadNumber"],
        "OrderNumber": load["OrderNumber"],
        "Stops": load["Stops"],
        "TenderAs": shipment.tender_as,
        "TenderAsSubsidiaryType": "Broker" if brokered else "Carrier",
        "TotalMileage": mileage(miles + 25),
        "EmptyMileage": mileage(Decimal(25)),
        "LoadedMileage": mileage(miles),
        "PickupDate": load["ScheduledPickupAt"],
        "DeliveryDate": load["ScheduledDeliveryAt"],
        "PickedUpAt": load["PickedUpAt"],
        "DeliveredAt": load["DeliveredAt"],
        "CarrierAssignedAt": load["CreatedAt"] if brokered else None,
        "ReleasedAt": write_instant(released) if released else None,
        "CarrierPaidAt": None,
        "DueDate": write_instant(released + CARRIER_TERMS) if released and brokered else None,
        "TripValue": money(share),
        "Truck": None,
        "Trailer": None,
        "Driver1": None,
        "Driver2": None,
        "OwnerOperator": None,
        "ReleasedBy": BILLER if released else None,
        "DispatchedBy": DISPATCHER,
        "CarrierPayOnHold": False,
        "Carrier": None,
        "UpdatedAt": write_instant(moment) if moment else load["UpdatedAt"],
        "UpdatedBy": BILLER if released else DISPATCHER,
        "IsDeleted": False,
        "References": [],
    } | haulier


def own_truck(chance: Random, driver: Json) -> Json:
    """Say that one of the tenant's own trucks drives a trip."""
    fleet = driver["Fleet"]
    return {
        "Truck": {"Id": new_id(chance), "Fleet": fleet},
        "Trailer": {"Id": new_id(chance), "EquipmentType": "Van", "Fleet": fleet},
        "Driver1": {"Id": driver["Id"], "ContractorType": driver["Type"], "Rates": [], "Fleet": fleet},
    }


def carrier_pay(chance: Random, carrier: Json, load: Json, legs: int, *, invoiced: bool) -> Json:
    """Say that a carrier drives a trip, and for how much: a share of what the customer pays for it."""
    freight = load["Linehaul"]["Amount"] + load["FuelSurcharge"]["Amount"]
    linehaul = (freight * chance.randint(*PAYS_LINEHAUL) / (100 * legs)).quantize(CENT, ROUND_HALF_UP)
    passed_on = [each["Type"] for each in load["CustomerAccessorialsDetails"] if each["Type"] != "Hazmat Surcharge"]
    details = [accessorial(chance, name) for name in passed_on]
    advanced = linehaul > LARGER and chance.random() < GETS_ADVANCE
    pay: Json = {
        "Id": carrier["Id"],
        "CarrierInvoiceNumber": f"INV-{chance.randint(1000, 99999)}" if invoiced else None,
        "Linehaul": money(linehaul),
        "AccessorialsDetails": details,
        "EChecks": [advance(chance, load)] if advanced else [],
    }
    return {"Carrier": pay | payable(pay)}


def payable(pay: Json) -> Json:
    """Return what a carrier is owed in all: linehaul and accessorials less the e-checks it already cashed."""
    accessorials = sum((each["Total"]["Amount"] for each in pay["AccessorialsDetails"]), Decimal(0))
    rate = pay["Linehaul"]["Amount"] + accessorials
    cashed = sum((each["Amount"]["Amount"] for each in pay["EChecks"]), Decimal(0))
    return {"Rate": money(rate), "Accessorials": money(accessorials), "TotalPayable": money(rate - cashed)}


def accessorial(chance: Random, name: str, sign: int = 1) -> Json:
    """Write an accessorial at its usual rate, more or less."""
    unit, usual, quantity = ACCESSORIALS[name]
    rate = sign * (Decimal(usual) + Decimal(chance.randint(-500, 500)).scaleb(-2))
    return extra(new_id(chance), name, rate, Decimal(quantity), unit)


def extra(key: str, name: str, rate: Decimal, quantity: Decimal, unit: str) -> Json:
    """Write an accessorial; its total is rounded to the cent."""
    return {
        "Id": key,
        "Type": name,
        "Total": money((rate * quantity).quantize(CENT, ROUND_HALF_UP)),
        "Rate": money(rate),
        "RateType": "Flat" if unit == "Flat" else "PerUnit",
        "Uom": unit,
        "Quantity": quantity,
        "IsPaid": False,
    }


def stops(chance: Random, picked_up: datetime, delivered: datetime, *, arrived: bool) -> list[Json]:
    """Write where a load is picked up and delivered."""
    return [
        {
            "$type": "appointment",
            "Id": new_id(chance),
            "AppointmentRequested": True,
            "AppointmentConfirmed": True,
            "AppointmentDate": write_instant(moment),
            "ScheduleType": "APPT",
            "StopType": kind,
            "Address": address(chance),
            "Status": "Completed" if arrived else "Scheduled",
            "ArrivedAt": write_instant(moment) if arrived else None,
            "DepartedAt": write_instant(moment + timedelta(hours=1)) if arrived else None,
            "References": [],
        }
        for kind, moment in (("Pickup", picked_up), ("Delivery", delivered))
    ]


def mileage(miles: Decimal) -> Json:
    """Write a distance."""
    return {"Distance": {"Value": miles.quantize(Decimal("0.1")), "UnitOfMeasure": "Miles"}, "Source": "PCMiler"}


def jittered(chance: Random, moment: datetime) -> datetime:
    """Move an instant on by up to ten minutes and some microseconds, as clocks do."""
    return moment + timedelta(seconds=chance.randint(1, 600), microseconds=chance.choice((0, 1, 40, 123457)))


def draw_accessorials(chance: Random) -> Iterable[str]:
    """Draw which accessorials an ordinary load has: mostly none or one."""
    usual = ("Detention", "Lumper", "Layover", "Stop-Off", "Tarp")
    return chance.sample(usual, chance.choice((0, 0, 1, 1, 1, 2, 3)))


def advance(chance: Random, load: Json) -> Json:
    """Write an e-check cashed on the road, with its fee."""
    return {
        "Id": new_id(chance),
        "CheckNumber": f"{chance.randint(10**8, 10**9)}",
        "Amount": money(chance.choice((150, 200, 300))),
        "Fee": money("4.50"),
        "Type": "Cash Advance",
        "IsPaid": True,
        "CreatedAt": load["ScheduledPickupAt"],
    }
