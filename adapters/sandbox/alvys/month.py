"""A month in the life of a freight broker with some trucks of its own, the same one for the same seed."""

from calendar import monthrange
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from random import Random

from adapters.sandbox.alvys import freight, parties
from adapters.sandbox.alvys.billing import invoice_for
from adapters.sandbox.alvys.wire import Json, write_instant

OWN_TRUCKS = 0.25  # share of the loads the broker hauls itself
CARRIER_INVOICE_CAME = 0.8  # share of the trips whose carrier has sent its invoice
SETTLING_DAYS = 6  # between the last pickup and the end of the month: transit, release, invoice


@dataclass(frozen=True)
class Special:
    """How a load of the month differs from the ordinary ones; None leaves it to chance."""

    status: str = "Invoiced"
    own_truck: bool | None = None
    freight: Decimal | None = None  # linehaul; the fuel surcharge is 0 then
    accessorials: tuple[str, ...] | None = None
    credit: bool = False
    legs: int = 1
    name_taken: bool = False
    period_closed: bool = False


PLANTED: Mapping[str, Special] = {
    "number_taken": Special(),
    "period_closed": Special(own_truck=True, period_closed=True),
    "mapping_missing": Special(accessorials=("Hazmat Surcharge",)),
    "name_taken": Special(name_taken=True),
}
"""Problems accounting will have with a load: one load each."""

NOTABLE: Mapping[str, Special] = {
    "tonu": Special(own_truck=False, freight=Decimal(0), accessorials=("TONU",)),
    "zero_value": Special(own_truck=True, freight=Decimal(0), accessorials=()),
    "cancelled": Special(status="Cancelled", own_truck=False),
    "credit": Special(accessorials=("Detention",), credit=True, own_truck=True),
    "two_carriers": Special(own_truck=False, legs=2),
    "two_carriers_again": Special(own_truck=False, legs=2),
    "released": Special(status="Released", own_truck=False),
    "released_own_truck": Special(status="Released", own_truck=True),
    "released_late": Special(status="Released", own_truck=False),
    "in_transit": Special(status="In Transit"),
    "in_transit_too": Special(status="In Transit"),
    "delivered": Special(status="Delivered"),
}
"""Loads that are unusual and yet no problem."""


@dataclass(frozen=True)
class Month:
    """A generated month: every object in the shape the API shows it, amounts exact to the cent.

    `planted` names the load number of each problem planted for accounting: `number_taken` (its number is on another
    customer's document there), `period_closed` (invoiced on the last day of the month before), `mapping_missing` (an
    accessorial nothing matches) and `name_taken` (its customer is called like a vendor). `notable` names other unusual
    loads. A month too small for all of them has the first ones, planted before notable.
    """

    first_day: date
    customers: list[Json]
    carriers: list[Json]
    drivers: list[Json]
    loads: list[Json]
    trips: list[Json]
    invoices: list[Json]
    planted: dict[str, str]
    notable: dict[str, str]
    subsidiary: str = parties.SUBSIDIARY

    def load(self, number: str) -> Json:
        """Return the load with this number. Raises KeyError."""
        for load in self.loads:
            if load["LoadNumber"] == number:
                return load
        raise KeyError(number)


def generate(first_day: date, seed: int, loads: int = 60) -> Month:
    """Make up the month that starts on a day; the same arguments make the same month. Raises ValueError."""
    if first_day.day != 1 or loads < len(PLANTED):
        raise ValueError(f"a month starts on its first day and has at least {len(PLANTED)} loads")
    return _Author(first_day, Random(f"{first_day}/{seed}"), loads).month()  # noqa: S311 - repeatable, not secret


class _Author:
    """Writes the loads one after the other."""

    def __init__(self, first_day: date, chance: Random, loads: int) -> None:
        self.first_day = first_day
        self.chance = chance
        self.count = loads
        self.customers = parties.customers(chance, first_day)
        self.carriers = parties.carriers(chance, first_day)
        self.drivers = parties.drivers(chance, first_day)
        self.loads: list[Json] = []
        self.trips: list[Json] = []
        self.invoices: list[Json] = []

    def month(self) -> Month:
        specials = {**PLANTED, **NOTABLE}
        positions = self.chance.sample(range(self.count), min(self.count, len(specials)))
        named = dict(zip(specials, positions, strict=False))
        by_position = {position: specials[name] for name, position in named.items()}
        for position in range(self.count):
            self.write(position, by_position.get(position, Special()))
        numbers = {name: self.number(position) for name, position in named.items()}
        return Month(
            first_day=self.first_day,
            customers=self.customers,
            carriers=self.carriers,
            drivers=self.drivers,
            loads=self.loads,
            trips=self.trips,
            invoices=self.invoices,
            planted={name: numbers[name] for name in PLANTED},
            notable={name: number for name, number in numbers.items() if name in NOTABLE},
        )

    def number(self, position: int) -> str:
        """Return a load's number; no two months share one, up to ten thousand loads in each."""
        months = (self.first_day.year - 2020) * 12 + self.first_day.month
        return str(1_000_000 + 10_000 * months + position + 1)

    def write(self, position: int, special: Special) -> None:
        shipment = self.shipment(position, special)
        load = freight.load_of(self.chance, shipment)
        self.write_trips(load, shipment, special)
        if special.status == "Invoiced":
            load = self.invoice(load, shipment, special)
        self.loads.append(load)

    def shipment(self, position: int, special: Special) -> freight.Shipment:
        chance = self.chance
        days = monthrange(self.first_day.year, self.first_day.month)[1] - SETTLING_DAYS
        pickup = self.first_day + timedelta(days=position * days // self.count)
        if special.period_closed:
            pickup = self.first_day - timedelta(days=5)
        linehaul, fuel = special.freight, Decimal(0)
        if linehaul is None:
            linehaul = Decimal(chance.randint(45_000, 680_000)).scaleb(-2)
            fuel = (linehaul * chance.choice((0, 9, 14, 18, 22)) / 100).quantize(Decimal("0.01"))
        drawn = special.accessorials
        return freight.Shipment(
            number=self.number(position),
            status=special.status,
            customer=self.customers[-1] if special.name_taken else chance.choice(self.customers[:-1]),
            pickup=pickup,
            delivered=parties.at(pickup + timedelta(days=chance.randint(1, 3)), chance.randint(13, 19)),
            linehaul=linehaul,
            fuel=fuel,
            accessorials=tuple(freight.draw_accessorials(chance)) if drawn is None else drawn,
            credit=special.credit,
            legs=special.legs,
        )

    def write_trips(self, load: Json, shipment: freight.Shipment, special: Special) -> None:
        chance = self.chance
        own = chance.random() < OWN_TRUCKS if special.own_truck is None else special.own_truck
        for leg in range(1, shipment.legs + 1):
            if special.status == "Cancelled":
                haulier: Json = {}
            elif own:
                haulier = freight.own_truck(chance, chance.choice(self.drivers))
            else:
                came = shipment.status in freight.RELEASED and chance.random() < CARRIER_INVOICE_CAME
                carrier = chance.choice(self.carriers)
                haulier = freight.carrier_pay(chance, carrier, load, shipment.legs, invoiced=came)
            self.trips.append(freight.trip_of(chance, load, shipment, leg, haulier))

    def invoice(self, load: Json, shipment: freight.Shipment, special: Special) -> Json:
        """Invoice a load some days after its delivery, and return it as it is then."""
        moment = updated = self.invoiced_at(shipment)
        if special.period_closed:
            moment = parties.at(self.first_day - timedelta(days=1), 16)
            updated = parties.at(self.first_day + timedelta(days=1), 15)
        self.invoices.append(invoice_for(load, shipment.customer, moment))
        stamp = write_instant(moment)
        return load | {
            "InvoicedAmount": load["CustomerRate"],
            "InvoicedAt": stamp,
            "LastInvoiceSentAt": stamp,
            "UpdatedAt": write_instant(freight.jittered(self.chance, updated)),
            "UpdatedBy": freight.BILLER,
        }

    def invoiced_at(self, shipment: freight.Shipment) -> datetime:
        """Draw when a delivered load is invoiced: in business hours, when the day is the same in UTC and at home."""
        day = shipment.delivered.date() + timedelta(days=self.chance.randint(0, 2))
        return max(parties.at(day, self.chance.randint(15, 21)), shipment.delivered + timedelta(hours=2))
