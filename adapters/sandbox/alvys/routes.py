"""What else happens in a month of everything: each load of a name here is billed in a way of its own. Pure."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from decimal import Decimal
from random import Random
from uuid import NAMESPACE_OID, uuid5

from adapters.sandbox.alvys.billing import charges, regenerated, supplemental_invoice
from adapters.sandbox.alvys.freight import advance, extra, payable
from adapters.sandbox.alvys.month import Special
from adapters.sandbox.alvys.parties import TRANSPORT
from adapters.sandbox.alvys.payments import paid_by
from adapters.sandbox.alvys.wire import Json, money, read_instant, write_instant

OWN_COMPANY_ID = "0b9f7a52-6c1e-4a0e-9f0d-5f8f0c1c7a31"
"""The carrier's record of the tenant's own trucking company."""

CARRIED: Mapping[str, Special] = {
    "own_company": Special(own_truck=False),
    "own_authority": Special(own_truck=False),
    "pay_on_hold": Special(own_truck=False),
    "overdrawn": Special(own_truck=False),
}
PAID_FOR: Mapping[str, Special] = {
    "short_pay": Special(own_truck=True),
    "supplemented": Special(own_truck=True),
    "paid": Special(own_truck=True),
    "part_paid": Special(own_truck=True),
}


def own_company(carrier: Json) -> Json:
    """Write the carrier's record of the tenant's own trucking company, after an ordinary one."""
    return (
        carrier
        | {"Id": OWN_COMPANY_ID, "Name": TRANSPORT, "ExternalName": None, "Type": "Subsidiary"}
        | {
            "FactoringCompany": None,
            "PaymentMethod": "ACH",
        }
    )


def carried(name: str, trip: Json, chance: Random) -> Json:
    """Return a trip with a carrier as the load of this name has it; no statement settles it."""
    carrier = trip["Carrier"] | {"CarrierInvoiceNumber": None}
    match name:
        case "own_company":
            carrier |= {"Id": OWN_COMPANY_ID}
        case "own_authority":
            trip = trip | {"TenderAsSubsidiaryType": "Carrier"}
        case "pay_on_hold":
            trip = trip | {"CarrierPayOnHold": True}
        case "overdrawn":
            cashed = advance(chance, {"ScheduledPickupAt": trip["PickupDate"]})
            cashed |= {"Amount": money(carrier["Rate"]["Amount"] + Decimal("75.00"))}
            carrier |= {"EChecks": [cashed]}
            carrier |= payable(carrier)
    return trip | {"Carrier": carrier, "Status": "Released"}


def paid_for(name: str, load: Json, invoice: Json, customer: Json) -> tuple[Json, list[Json]]:
    """Return an invoiced load and the invoices over it as the load of this name has them."""
    return _PAID_FOR[name](load, invoice, customer)


def _short_paid(load: Json, invoice: Json, _: Json) -> tuple[Json, list[Json]]:
    """Write off what the customer did not pay: an accessorial below zero."""
    lost = extra(_id(load, "Short Pay"), "Short Pay", Decimal("-35.50"), Decimal(1), "Flat")
    load = load | {"CustomerAccessorialsDetails": [*load["CustomerAccessorialsDetails"], lost]}
    load |= charges(load)
    return load | {"InvoicedAmount": load["CustomerRate"]}, [regenerated(invoice, [load])]


def _supplemented(load: Json, invoice: Json, customer: Json) -> tuple[Json, list[Json]]:
    """Bill a lumper that came up afterwards."""
    moment = read_instant(invoice["InvoicedDate"]) + timedelta(days=1)
    lumper = extra(_id(load, "Lumper"), "Lumper", Decimal("142.00"), Decimal(1), "Flat")
    return load, [invoice, supplemental_invoice(f"{load['LoadNumber']}-1", load, customer, moment, [lumper])]


def _paid(load: Json, invoice: Json, _: Json) -> tuple[Json, list[Json]]:
    """Let the customer pay in two checks."""
    total = invoice["Total"]["Amount"]
    first = (total / 3).quantize(Decimal("0.01"))
    return _settled(load, invoice, {"ck 1": first, "ck 2": total - first})


def _part_paid(load: Json, invoice: Json, _: Json) -> tuple[Json, list[Json]]:
    """Let the customer pay a part."""
    return _settled(load, invoice, {"wire 1": Decimal("100.00")})


def _settled(load: Json, invoice: Json, amounts: Mapping[str, Decimal]) -> tuple[Json, list[Json]]:
    moment = write_instant(read_instant(invoice["InvoicedDate"]) + timedelta(days=2))
    payments = [
        {
            "Id": _id(load, reference),
            "PaymentDate": moment,
            "Amount": money(amount),
            "CheckNumber": reference.removeprefix("ck ") if reference.startswith("ck ") else None,
            "PaymentReference": reference,
        }
        for reference, amount in amounts.items()
    ]
    paid = sum(amounts.values(), Decimal(0))
    load = load | {
        "Payments": [{"Id": each["Id"], "Amount": each["Amount"], "PaidAt": moment} for each in payments],
        "TotalPaid": money(paid),
    }
    if paid >= invoice["Total"]["Amount"]:
        load |= {"Status": "Completed", "PaidAt": moment}
    return load, [invoice | paid_by(invoice, payments)]


def _id(load: Json, name: str) -> str:
    return str(uuid5(NAMESPACE_OID, f"{load['Id']}/{name}"))


_PAID_FOR: Mapping[str, Callable[[Json, Json, Json], tuple[Json, list[Json]]]] = {
    "short_pay": _short_paid,
    "supplemented": _supplemented,
    "paid": _paid,
    "part_paid": _part_paid,
}
