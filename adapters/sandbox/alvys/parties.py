"""Who a freight broker works with: customers, carriers and drivers, odd names included."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from uuid import UUID

from adapters.sandbox.alvys.wire import Json, write_instant

SUBSIDIARY = "Blue Mesa Logistics LLC"
TRANSPORT = "Blue Mesa Transport LLC"
"""The tenant's legal entities: the broker, and the carrier that a month of everything has beside it."""

SUBSIDIARY_IDS: Mapping[str, str] = {
    SUBSIDIARY: "6f1d3c52-0d0a-4b57-9d0e-6f0c3d2b8a11",
    TRANSPORT: "b7a0d9e1-53c6-4f0e-8b53-94c1de7f2d36",
}
FLEET: Json = {"Id": "9a3e0f44-8f57-4c1e-8a35-2b9f6f1f7c02", "Name": "Blue Mesa Fleet", "InvoiceNumberPrefix": None}

NAME_AMBIGUOUS = "Copperline Distribution"
"""The customer whose name two customers in accounting bear, in different spellings."""

VERY_LONG = (
    "The Greater Southwestern Agricultural Producers and Cold Storage Warehousemen Cooperative Marketing "
    "Association of Arizona and New Mexico"
)

CUSTOMERS: tuple[tuple[str, int | None], ...] = (
    ("Great Lakes Produce", 30),
    ("Great Lakes Produce Inc.", 15),
    ("Łódź Freight GmbH", 45),
    ("O'Rourke & Sons", 30),
    ("Acme: Dallas Plant", 30),
    ("Tri-State Steel, Pipe & Supply, Inc.", 45),
    ("Prairie Grain Co-op ", 15),
    ("Señor Piña Import/Export", None),
    (VERY_LONG, 30),
    ('Big "D" Building Products', 15),
    ("Harborline Forwarding 3PL", 30),
    ("Summit Beverage Co.", 45),
    ("Zion's Peak Outfitters", None),
)
"""Every other customer, with its payment terms in days."""

CARRIERS: tuple[tuple[str, str | None], ...] = (
    ("Redtail Express LLC", None),
    ("Redtail Express Inc", None),
    ("Sunset Haulers", "Sunset Haulers (AP)"),
    ("J&J Trucking, Inc.", None),
    ("D'Angelo Transport", None),
    ("Nuñez Brothers Trucking", None),
    ("Lone Star Reefer", "Lone Star Refrigerated Transport LLC"),
    ("Mesa Verde Carriers ", None),
    ("Tumbleweed Logistics: Flatbed Division", None),
    ("A-1 Hotshot", None),
    ("Северный Путь LLC", None),
    ("Buckeye Van Lines", "Buckeye Van Lines Co"),
    ("Iron Horse Drayage", None),
    ("Cascade Freightways", None),
    ("Magnolia Motor Freight", None),
    ("High Plains Cartage & Storage", None),
    ("Bluebonnet Bulk", None),
    ("Kestrel Transport Group", "Kestrel Transport"),
)
"""Every carrier, with the name accounting knows it by where that is another."""

DRIVERS = ("Dale Whitcomb", "María José Ortega", "Terrence O'Neal", "Li Wei", "Bogdan Ilić", "Ruth Ann Sawyer")

PLACES: tuple[tuple[str, str, str], ...] = (
    ("Albuquerque", "NM", "87102"),
    ("Dallas", "TX", "75201"),
    ("Denver", "CO", "80216"),
    ("El Paso", "TX", "79901"),
    ("Fresno", "CA", "93706"),
    ("Kansas City", "MO", "64108"),
    ("Laredo", "TX", "78040"),
    ("Memphis", "TN", "38118"),
    ("Phoenix", "AZ", "85009"),
    ("Salt Lake City", "UT", "84104"),
)

LAST_NAMES = ("Avery", "Blake", "Cho", "Duarte", "Ellis", "Fontaine")


def new_id(chance: Random) -> str:
    """Draw an id as the vendor makes them."""
    return str(UUID(int=chance.getrandbits(128), version=4))


def at(day: date, hour: int, minute: int = 0) -> datetime:
    """Name an instant by its UTC day and hour."""
    return datetime.combine(day, time(hour, minute), UTC)


def address(chance: Random) -> Json:
    """Draw a postal address."""
    city, state, code = chance.choice(PLACES)
    street = f"{chance.randint(100, 9900)} Industrial Pkwy"
    return {"Street": street, "City": city, "State": state, "ZipCode": code}


def customers(chance: Random, first_day: date) -> list[Json]:
    """Write the customers; the one whose name is ambiguous comes last."""
    known = (*CUSTOMERS, (NAME_AMBIGUOUS, 30))
    return [customer(chance, first_day, position, name, terms) for position, (name, terms) in enumerate(known, 1)]


def carriers(chance: Random, first_day: date) -> list[Json]:
    """Write the carriers, all of them active."""
    return [_carrier(chance, first_day, position, *names) for position, names in enumerate(CARRIERS, 1)]


def drivers(chance: Random, first_day: date) -> list[Json]:
    """Write the drivers of the broker's own trucks."""
    kinds = ("COMPANY", "COMPANY", "OWNER_OPERATOR")
    return [
        driver(chance, first_day, position, name, kinds[(position - 1) % 3]) for position, name in enumerate(DRIVERS, 1)
    ]


def customer(chance: Random, first_day: date, position: int, name: str, terms: int | None) -> Json:
    """Write a customer, active since the longer the higher its position."""
    place, email = address(chance), f"ap{position}@customer.example"
    phone = f"505-555-{position:04d}"
    contact = {"Id": new_id(chance), "Name": f"Pat {chance.choice(LAST_NAMES)}", "Email": email, "Phone": phone}
    return {
        "Id": new_id(chance),
        "Name": name,
        "CompanyNumber": f"C-{1000 + position}",
        "Type": "Broker/3PL" if "3PL" in name else "Customer",
        "Status": "Active",
        "BillingAddress": place,
        "Email": [email],
        "Phone": [phone],
        "Fax": None,
        "DateCreated": write_instant(at(first_day - timedelta(days=30 * position), 16)),
        "InvoicingInformation": {
            "Address": place,
            "EmailAddresses": [email],
            "PhoneNumber": phone,
            "InvoicingName": name.strip(),
            "InvoicingNameAlias": None,
            "PaymentType": "ACH",
            "PaymentTermsInDays": terms,
        },
        "ExternalId": None,
        "Contacts": [contact],
        "SalesAgentId": None,
        "Notes": [],
    }


def _carrier(chance: Random, first_day: date, position: int, name: str, external_name: str | None) -> Json:
    since = write_instant(at(first_day - timedelta(days=20 * position), 16))
    factored = position % 7 == 0
    return {
        "Id": new_id(chance),
        "Name": name,
        "ExternalName": external_name,
        "ExternalAccountReference": None,
        "Address": address(chance),
        "McNum": f"{700100 + 37 * position}",
        "UsDotNum": f"{2100500 + 911 * position}",
        "Type": "Carrier",
        "Status": "Active",
        "CreatedAt": since,
        "CreatedBy": "Dana Ellis",
        "Source": "Manual",
        "UpdatedAt": since,
        "Notes": [],
        "ExternalIds": [],
        "PaymentMethod": "Factoring" if factored else chance.choice(("ACH", "Check")),
        "FactoringCompany": {"Id": new_id(chance), "Name": "Ridgeline Capital Factors"} if factored else None,
        "PaymentProvider": None,
    }


def driver(  # noqa: PLR0913 - each is one thing that tells drivers apart
    chance: Random,
    first_day: date,
    position: int,
    name: str,
    kind: str,
    *,
    subsidiary: str = SUBSIDIARY,
    fleet: Json = FLEET,
) -> Json:
    """Write a driver of a subsidiary's fleet."""
    hired = write_instant(at(first_day - timedelta(days=200 * position), 15))
    return {
        "Id": new_id(chance),
        "EmployeeId": f"D{position:03d}",
        "PhoneNumber": f"505-555-{2000 + position}",
        "Email": f"driver{position}@bluemesa.example",
        "Name": name,
        "Type": kind,
        "SubsidiaryId": SUBSIDIARY_IDS[subsidiary],
        "Address": address(chance),
        "Status": "Active",
        "HiredAt": hired,
        "Notes": [],
        "Fleet": fleet,
        "CreatedAt": hired,
        "IsActive": True,
    }
