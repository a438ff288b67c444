"""A month in the life of a freight broker with some trucks of its own, the same one for the same seed."""

from calendar import monthrange
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Self

from adapters.sandbox.alvys import freight, parties
from adapters.sandbox.alvys.billing import invoice_for, marked_invoiced
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
    customer: str | None = None  # by name or company number; among the ordinary ones if None
    period_closed: bool = False
    invoice_as: str = parties.SUBSIDIARY
    tender_as: str = parties.SUBSIDIARY


PLANTED: Mapping[str, Special] = {
    "number_taken": Special(),
    "period_closed": Special(own_truck=True, period_closed=True),
    "mapping_missing": Special(accessorials=("Hazmat Surcharge",)),
    "name_ambiguous": Special(customer=parties.NAME_AMBIGUOUS),
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
    accessorial nothing matches) and `name_ambiguous` (two customers there are called like its customer). `notable`
    names other unusual loads. A month too small for all of them has the first ones, planted before notable.
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
    trucks: list[Json] = field(default_factory=list)
    fuel: list[Json] = field(default_factory=list)
    tolls: list[Json] = field(default_factory=list)
    deductions: list[Json] = field(default_factory=list)
    carrier_statements: list[Json] = field(default_factory=list)
    driver_statements: list[Json] = field(default_factory=list)
    settled: list[Json] = field(default_factory=list)
    invoicing: list[Json] = field(default_factory=list)

    def load(self, number: str) -> Json:
        """Return the load with this number. Raises KeyError."""
        for load in self.loads:
            if load["LoadNumber"] == number:
                return load
        raise KeyError(number)


def generate(first_day: date, seed: int, loads: int = 60) -> Month:
    """Make up the month that starts on a day; the same arguments make the same month. Raises ValueError."""
    check(first_day, loads)
    chance = Random(f"{first_day}/{seed}")  # noqa: S311 - repeatable, not secret
    return Author(first_day, chance, loads, Cast.of(chance, first_day)).month()


def check(first_day: date, loads: int) -> None:
    """Raise ValueError for what is no month."""
    if first_day.day != 1 or loads < len(PLANTED):
        raise ValueError(f"a month starts on its first day and has at least {len(PLANTED)} loads")


@dataclass(frozen=True)
class Cast:
    """Who takes part in a month; those of a reserved name appear only where a special load names them."""

    customers: list[Json]
    carriers: list[Json]
    drivers: list[Json]
    reserved: frozenset[str] = frozenset({parties.NAME_AMBIGUOUS})

    @classmethod
    def of(cls, chance: Random, first_day: date) -> Self:
        """Draw the usual cast."""
        return cls(
            parties.customers(chance, first_day),
            parties.carriers(chance, first_day),
            parties.drivers(chance, first_day),
        )

    def customer(self, chance: Random, name: str | None) -> Json:
        """Return the customer of this name or company number, or draw an ordinary one."""
        if name is not None:
            return next(each for each in self.customers if name in (each["Name"], each["CompanyNumber"]))
        return chance.choice([customer for customer in self.customers if customer["Name"] not in self.reserved])

    def driver(self, chance: Random, subsidiary: str) -> Json:
        """Draw a driver of a subsidiary."""
        home = parties.SUBSIDIARY_IDS[subsidiary]
        free = [each for each in self.drivers if each["SubsidiaryId"] == home and each["Name"] not in self.reserved]
        return chance.choice(free)


class Author:
    """Writes the loads one after the other."""

    notable = NOTABLE
    own_trucks = OWN_TRUCKS

    def __init__(self, first_day: date, chance: Random, loads: int, cast: Cast) -> None:
        self.first_day = first_day
        self.chance = chance
        self.count = loads
        self.cast = cast
        self.loads: list[Json] = []
        self.trips: list[Json] = []
        self.invoices: list[Json] = []

    def month(self) -> Month:
        """Write the month."""
        specials = {**PLANTED, **self.notable}
        positions = self.chance.sample(range(self.count), min(self.count, len(specials)))
        named = dict(zip(specials, positions, strict=False))
        by_position = {position: specials[name] for name, position in named.items()}
        for position in range(self.count):
            self.write(position, by_position.get(position, Special()))
        numbers = {name: self.number(position) for name, position in named.items()}
        return Month(
            first_day=self.first_day,
            customers=self.cast.customers,
            carriers=self.cast.carriers,
            drivers=self.cast.drivers,
            loads=self.loads,
            trips=self.trips,
            invoices=self.invoices,
            planted={name: numbers[name] for name in PLANTED},
            notable={name: number for name, number in numbers.items() if name not in PLANTED},
        )

    def number(self, position: int) -> str:
        """Return a load's number; no two months share one, up to ten thousand loads in each."""
        months = (self.first_day.year - 2020) * 12 + self.first_day.month
        return str(1_000_000 + 10_000 * months + position + 1)

    def write(self, position: int, special: Special) -> None:
        """Write one load, its trips, and its invoice if it has one."""
        shipment = self.shipment(position, special)
        load = freight.load_of(self.chance, shipment)
        self.write_trips(load, shipment, special)
        if special.status == "Invoiced":
            load = self.invoice(load, shipment, special)
        self.loads.append(load)

    def shipment(self, position: int, special: Special) -> freight.Shipment:
        """Settle what a load is, before the rest is drawn."""
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
            customer=self.cast.customer(chance, special.customer),
            pickup=pickup,
            delivered=parties.at(pickup + timedelta(days=chance.randint(1, 3)), chance.randint(13, 19)),
            linehaul=linehaul,
            fuel=fuel,
            accessorials=tuple(freight.draw_accessorials(chance)) if drawn is None else drawn,
            credit=special.credit,
            legs=special.legs,
            invoice_as=special.invoice_as,
            tender_as=special.tender_as,
        )

    def write_trips(self, load: Json, shipment: freight.Shipment, special: Special) -> None:
        """Write the trips of a load, each with who drives it."""
        chance = self.chance
        own = chance.random() < self.own_trucks if special.own_truck is None else special.own_truck
        for leg in range(1, shipment.legs + 1):
            if special.status == "Cancelled":
                haulier: Json = {}
            elif own:
                haulier = self.own_truck(self.cast.driver(chance, shipment.tender_as), load)
            else:
                came = shipment.status in freight.RELEASED and chance.random() < CARRIER_INVOICE_CAME
                carrier = chance.choice(self.cast.carriers)
                haulier = freight.carrier_pay(chance, carrier, load, shipment.legs, invoiced=came)
            self.trips.append(freight.trip_of(chance, load, shipment, leg, haulier))

    def own_truck(self, driver: Json, _: Json) -> Json:
        """Say that one of the tenant's own trucks drives a trip."""
        return freight.own_truck(self.chance, driver)

    def invoice(self, load: Json, shipment: freight.Shipment, special: Special) -> Json:
        """Invoice a load some days after its delivery, and return it as it is then."""
        moment = updated = self.invoiced_at(shipment)
        if special.period_closed:
            moment = parties.at(self.first_day - timedelta(days=1), 16)
            updated = parties.at(self.first_day + timedelta(days=1), 15)
        invoice = invoice_for(load, shipment.customer, moment)
        self.invoices.append(invoice)
        return self.billed(load, invoice, updated)

    def billed(self, load: Json, invoice: Json, updated: datetime) -> Json:
        """Return a load as it is once an invoice covers it."""
        stamp = write_instant(freight.jittered(self.chance, updated))
        return load | marked_invoiced(load, invoice) | {"UpdatedAt": stamp, "UpdatedBy": freight.BILLER}

    def invoiced_at(self, shipment: freight.Shipment) -> datetime:
        """Draw when a delivered load is invoiced: in business hours, when the day is the same in UTC and at home."""
        day = shipment.delivered.date() + timedelta(days=self.chance.randint(0, 2))
        return max(parties.at(day, self.chance.randint(15, 21)), shipment.delivered + timedelta(hours=2))
