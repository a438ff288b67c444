"""A month of everything: a second subsidiary, summary invoices, fuel, tolls and settlements beside the usual."""

from calendar import monthrange
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import groupby
from random import Random

from typing_extensions import override

from adapters.sandbox.alvys import charges, freight
from adapters.sandbox.alvys.billing import summary_invoice
from adapters.sandbox.alvys.ensemble import (
    IDLE,
    MERIDIAN,
    NAMESAKE,
    OTHER_NAMESAKE,
    SONORA,
    TRANSPORT_FLEET,
    everyone,
    owner_of,
    summary_customers,
    truck_of,
)
from adapters.sandbox.alvys.month import NOTABLE, Author, Month, Special, check
from adapters.sandbox.alvys.parties import SUBSIDIARY_IDS, TRANSPORT, at
from adapters.sandbox.alvys.routes import CARRIED, PAID_FOR, carried, own_company, paid_for
from adapters.sandbox.alvys.settlements import (
    POLICIES,
    PayPeriod,
    carrier_statement,
    charge_items,
    driver_statement,
    item,
    paid_statement,
    trip_items,
    worked_out,
)
from adapters.sandbox.alvys.wire import Json, write_instant

SUMMARIES: Mapping[str, tuple[str, ...]] = {
    MERIDIAN: ("summary_1", "summary_2", "summary_3", "summary_4"),
    SONORA: ("summary_5", "summary_6"),
}
"""Customers, and the loads that one summary invoice of the month covers."""

EVERYTHING: Mapping[str, Special] = {
    **NOTABLE,
    "shared_own_truck": Special(own_truck=True, tender_as=TRANSPORT),
    "shared_carrier": Special(own_truck=False, invoice_as=TRANSPORT),
    "other_subsidiary": Special(own_truck=True, invoice_as=TRANSPORT, tender_as=TRANSPORT),
    "other_subsidiary_again": Special(own_truck=True, invoice_as=TRANSPORT, tender_as=TRANSPORT),
    "other_subsidiary_carrier": Special(own_truck=False, invoice_as=TRANSPORT, tender_as=TRANSPORT),
    "namesake": Special(customer=NAMESAKE),
    "other_namesake": Special(customer=OTHER_NAMESAKE),
    **{name: Special(status="Released", customer=customer) for customer, names in SUMMARIES.items() for name in names},
    "summary_open": Special(status="Released", customer=MERIDIAN),
    **CARRIED,
    **PAID_FOR,
}
"""Loads that are unusual and yet no problem. Two subsidiaries share a load where one invoices what the other hauls."""

FIRST_CARRIER_STATEMENT, FIRST_DRIVER_STATEMENT = 1001, 10001
MIDDLE = 15  # last day of the first pay period
GETS_ADVANCE = 0.25  # share of the trips of own trucks
WAITED = 0.3  # share of them with detention
PAID_STATEMENTS = 3  # every so manieth carrier statement is paid already


def generate_full(first_day: date, seed: int, loads: int = 60) -> Month:
    """Make up a month of everything; the same arguments make the same month. Raises ValueError."""
    check(first_day, loads)
    chance = Random(f"full/{first_day}/{seed}")  # noqa: S311 - repeatable, not secret
    return FullAuthor(first_day, chance, loads).month()


class FullAuthor(Author):
    """Writes the loads, then what follows from them: summary invoices, purchases and statements."""

    notable = EVERYTHING
    own_trucks = 0.45

    def __init__(self, first_day: date, chance: Random, loads: int) -> None:
        super().__init__(first_day, chance, loads, everyone(chance, first_day))
        last = first_day.replace(day=monthrange(first_day.year, first_day.month)[1])
        middle = first_day.replace(day=MIDDLE)
        self.periods = (PayPeriod(first_day, middle), PayPeriod(middle + timedelta(days=1), last))
        self.trucks = {driver["Id"]: truck_of(chance, first_day, driver) for driver in self.cast.drivers}
        self.months = (first_day.year - 2020) * 12 + first_day.month
        self.fuel: list[Json] = []
        self.tolls: list[Json] = []
        self.deductions: list[Json] = []
        self.settled: list[Json] = []

    @override
    def month(self) -> Month:
        usual = super().month()
        self.loads[:] = [
            load | {"Fleet": TRANSPORT_FLEET} if load["InvoiceAs"] == TRANSPORT else load for load in self.loads
        ]
        self.work_out()
        self.vary(usual.notable)
        self.summarise(usual.notable)
        carrier_statements = self.settle_carriers()
        driver_statements = self.settle_drivers()
        return replace(
            usual,
            trips=self.trips,
            loads=self.loads,
            carriers=[*usual.carriers, own_company(usual.carriers[0])],
            trucks=list(self.trucks.values()),
            fuel=self.fuel,
            tolls=self.tolls,
            deductions=self.deductions,
            carrier_statements=carrier_statements,
            driver_statements=driver_statements,
            settled=self.settled,
            invoicing=summary_customers(self.cast.customers),
        )

    @override
    def own_truck(self, driver: Json, load: Json) -> Json:
        """Say which truck drives a trip, and how its driver is paid for it."""
        chance, haulier = self.chance, super().own_truck(driver, load)
        waited = chance.random() < WAITED
        hired = haulier["Driver1"] | {
            "Rates": [
                {"Rate": rule.rate, "RateType": rule.category, "FreeUnit": 0} for rule in POLICIES[driver["Type"]].rules
            ],
            "AccessorialsDetails": [freight.accessorial(chance, "Detention")] if waited else [],
            "EChecks": [freight.advance(chance, load)] if chance.random() < GETS_ADVANCE else [],
        }
        owner = owner_of(driver)
        return haulier | {
            "Truck": haulier["Truck"] | {"Id": self.trucks[driver["Id"]]["Id"]},
            "Driver1": hired,
            "OwnerOperator": {"Id": owner, "AccessorialsDetails": [], "EChecks": []} if owner else None,
        }

    def work_out(self) -> None:
        """Write on each trip of an own truck what its driver is paid for it."""
        drivers = {driver["Id"]: driver for driver in self.cast.drivers}
        loads = {load["LoadNumber"]: load for load in self.loads}
        for place, trip in enumerate(self.trips):
            if trip["Driver1"]:
                paid = worked_out(drivers[trip["Driver1"]["Id"]], trip, loads[trip["LoadNumber"]])
                self.trips[place] = trip | {"Driver1": trip["Driver1"] | {"RatesV2": paid}}

    def vary(self, numbers: Mapping[str, str]) -> None:
        """Bill the loads of a name in the way that the name says."""
        named = {number: name for name, number in numbers.items()}
        for place, trip in enumerate(self.trips):
            if (name := named.get(trip["LoadNumber"], "")) in CARRIED:
                self.trips[place] = carried(name, trip, self.chance)
        customers = {customer["Id"]: customer for customer in self.cast.customers}
        for place, load in enumerate(self.loads):
            if (name := named.get(load["LoadNumber"], "")) in PAID_FOR:
                position = next(n for n, each in enumerate(self.invoices) if each["Number"] == load["LoadNumber"])
                billed = paid_for(name, load, self.invoices[position], customers[load["CustomerId"]])
                self.loads[place], self.invoices[position : position + 1] = billed

    def summarise(self, numbers: Mapping[str, str]) -> None:
        """Invoice the loads of the summary customers, each customer's on one invoice."""
        for position, (name, members) in enumerate(SUMMARIES.items(), 1):
            wanted = {numbers[member] for member in members if member in numbers}
            loads = [load for load in self.loads if load["LoadNumber"] in wanted]
            if not loads:
                continue
            last = max(datetime.fromisoformat(load["DeliveredAt"]) for load in loads)
            moment = at(last.date() + timedelta(days=1), 17)
            number = f"S{1_000_000 + 100 * self.months + position}"
            invoice = summary_invoice(number, loads, self.cast.customer(self.chance, name), moment)
            self.invoices.append(invoice)
            self.loads[:] = [
                self.billed(load, invoice, moment) if load["LoadNumber"] in wanted else load for load in self.loads
            ]

    def settle_carriers(self) -> list[Json]:
        """Write the statements of the carriers for the first half of the month, and pay some of them."""
        carriers = {carrier["Id"]: carrier for carrier in self.cast.carriers}
        due = [
            trip
            for trip in self.trips
            if trip["Carrier"] and trip["Carrier"]["CarrierInvoiceNumber"] and self.periods[0].holds(trip["ReleasedAt"])
        ]
        day = self.periods[0].last + timedelta(days=3)
        statements: list[Json] = []
        for (carrier, subsidiary), trips in groupby(sorted(due, key=_payee), key=_payee):
            number = FIRST_CARRIER_STATEMENT + 1000 * self.months + len(statements)
            settled = list(trips)
            statement = carrier_statement(number, carriers[carrier], SUBSIDIARY_IDS[subsidiary], day, settled)
            if len(statements) % PAID_STATEMENTS == 0:
                statement = self.pay(statement, settled, day + timedelta(days=5))
            statements.append(statement)
        return statements

    def pay(self, statement: Json, trips: list[Json], day: date) -> Json:
        """Mark a carrier's statement as paid, its trips as completed."""
        moment = write_instant(at(day, 18))
        paid = {"Status": "Completed", "CarrierPaidAt": moment, "UpdatedAt": moment, "UpdatedBy": freight.BILLER}
        settled = {trip["Id"] for trip in trips}
        self.trips[:] = [trip | paid if trip["Id"] in settled else trip for trip in self.trips]
        return paid_statement(statement, moment, f"ACH-{statement['Number']}")

    def settle_drivers(self) -> list[Json]:
        """Run up what the drivers owe, and write a statement for each who drove in a period; two cases stand out.

        The idle one gets his all the same, and it is negative; the last of the others still waits for his second one.
        """
        statements: list[Json] = []
        waiting = next(driver for driver in reversed(self.cast.drivers) if driver["Name"] != IDLE)
        for period in self.periods:
            for driver in self.cast.drivers:
                items, trips = self.earned(driver, period)
                self.run_up(driver, period)
                if (driver is waiting and period is self.periods[1]) or not (trips or driver["Name"] == IDLE):
                    continue
                number = FIRST_DRIVER_STATEMENT + 1000 * self.months + len(statements)
                lines = items + self.extras(driver, period)
                lines += charge_items(self.take_off(driver, number), *self.bought(driver, period))
                statements.append(driver_statement(number, driver, period, trips, lines))
        statements[-1] |= {"Status": "Failed"}  # finalized all the same; a step after it went wrong
        return statements

    def take_off(self, driver: Json, number: int) -> list[Json]:
        """Return the deductions a driver has not paid yet, paid by a statement from now on."""
        owed = [each for each in self.deductions if each["DriverId"] == driver["Id"] and not each["IsPaid"]]
        taken = {each["Id"] for each in owed}
        self.settled += [{"Id": each["Id"], "Statement": f"{number}"} for each in owed]
        self.deductions[:] = [each | {"IsPaid": True} if each["Id"] in taken else each for each in self.deductions]
        return owed

    def earned(self, driver: Json, period: PayPeriod) -> tuple[list[Json], list[Json]]:
        """Return what a driver earned by the trips released in a period, and those trips."""
        loads = {load["LoadNumber"]: load for load in self.loads}
        trips = [
            trip
            for trip in self.trips
            if trip["Driver1"] and trip["Driver1"]["Id"] == driver["Id"] and period.holds(trip["ReleasedAt"])
        ]
        return [line for trip in trips for line in trip_items(driver, trip, loads[trip["LoadNumber"]])], trips

    def run_up(self, driver: Json, period: PayPeriod) -> None:
        """Let a driver run up fuel, tolls and deductions."""
        chance, truck = self.chance, self.trucks[driver["Id"]]
        for day in charges.days_of(chance, period.first, period.last, 4):
            self.fuel.append(charges.fuel_bought(chance, driver, truck, day))
        for day in charges.days_of(chance, period.first, period.last, 3):
            self.tolls.append(charges.toll_paid(chance, driver, truck, day))
        self.deductions += charges.dues(chance, driver, period.first)

    def bought(self, driver: Json, period: PayPeriod) -> tuple[list[Json], list[Json]]:
        """Return the fuel and the tolls of a period that are taken off a driver's pay, an owner-operator's only."""
        if owner_of(driver) is None:
            return [], []
        truck = self.trucks[driver["Id"]]["Id"]
        fuel = [each for each in self.fuel if each["TruckId"] == truck and period.holds(each["TransactionDate"])]
        tolls = [each for each in self.tolls if each["UnitId"] == truck and period.holds(each["TransactionDate"])]
        return fuel, tolls

    def extras(self, driver: Json, period: PayPeriod) -> list[Json]:
        """Write what else is on a statement: escrow, reimbursements, credits, a bonus."""
        lines = [item("Reimbursement", "Scale tickets", Decimal("14.50"))] if self.chance.random() < WAITED else []
        if owner_of(driver):
            lines.append(item("Escrow", "Escrow deposit", Decimal("-100.00")))
            if period is self.periods[1]:
                lines.append(item("Escrow", "Escrow withdrawal", Decimal("62.50")))
                lines.append(item("Credit", "Fuel tax credit", Decimal("31.07")))
        elif period is self.periods[1]:
            lines.append(item("Bonus", "Safety bonus", Decimal("75.00")))
        return lines


def _payee(trip: Json) -> tuple[str, str]:
    return trip["Carrier"]["Id"], trip["TenderAs"]
