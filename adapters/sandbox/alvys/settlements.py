"""Settlement statements: what a carrier or a driver is owed for a period, line by line. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from uuid import NAMESPACE_OID, uuid5

from adapters.sandbox.alvys.parties import at
from adapters.sandbox.alvys.switches import Switches
from adapters.sandbox.alvys.wire import CENT, Json, money, read_instant, write_instant

ZERO = Decimal(0)
REMITTED_AFTER = timedelta(days=5)

TRIP_PAY = frozenset({"Per Trip", "Loaded Miles", "Empty Miles", "% of Line Haul", "% of Fuel Surcharge"})

TOTALS: Mapping[str, tuple[frozenset[str], int]] = {
    "LineHaul": (TRIP_PAY, 1),
    "Accessorials": (frozenset({"Accessorial"}), 1),
    "DriverPayment": (TRIP_PAY | {"Accessorial"}, 1),
    "Bonus": (frozenset({"Bonus"}), 1),
    "Reimbursements": (frozenset({"Reimbursement"}), 1),
    "Credits": (frozenset({"Credit"}), 1),
    "Escrow": (frozenset({"Escrow"}), -1),
    "Fuel": (frozenset({"Fuel"}), -1),
    "Tolls": (frozenset({"Toll"}), -1),
    "Echecks": (frozenset({"E-Check"}), -1),
    "ServiceFee": (frozenset({"Service Fee"}), -1),
}
"""Which lines each total adds up; what is taken off is negative in its line and positive in its total, as in the
vendor's own example."""

UNUSED_TOTALS = ("DailyPay", "DailyPerDiem", "StatementPerDiem")


@dataclass(frozen=True)
class Rule:
    """One rate of a pay policy: the category of its lines, what it is a rate of, and the rate."""

    category: str
    title: str
    of: str  # LoadedMiles, EmptyMiles, Linehaul, FuelSurcharge or Trip
    rate: Decimal


@dataclass(frozen=True)
class Policy:
    """How a kind of driver is paid."""

    name: str
    rules: tuple[Rule, ...]


POLICIES: Mapping[str, Policy] = {
    "COMPANY": Policy(
        "Company Mileage",
        (
            Rule("Loaded Miles", "Loaded Miles", "LoadedMiles", Decimal("0.585")),
            Rule("Empty Miles", "Empty Miles", "EmptyMiles", Decimal("0.42")),
        ),
    ),
    "OWNER_OPERATOR": Policy(
        "OO 82% Line Haul",
        (
            Rule("% of Line Haul", "Line Haul", "Linehaul", Decimal("0.82")),
            Rule("% of Fuel Surcharge", "Fuel Surcharge", "FuelSurcharge", Decimal("1.00")),
            Rule("Service Fee", "Dispatch Service Fee", "Linehaul", Decimal("-0.025")),
        ),
    ),
    "CONTRACTOR": Policy("Contractor Flat", (Rule("Per Trip", "Trip Pay", "Trip", Decimal("325.00")),)),
}
"""The pay policy of each type of driver."""


RATES: Mapping[str, str] = {
    "Loaded Miles": "LoadedMilesRate",
    "Empty Miles": "EmptyMilesRate",
    "% of Line Haul": "CustomerLineHaulPercentageRate",
    "% of Fuel Surcharge": "FuelSurchargePercentageRate",
    "Service Fee": "ServiceFeeRate",
    "Per Trip": "PerTripRate",
}
"""Where a trip shows what each rule comes to."""


@dataclass(frozen=True)
class PayPeriod:
    """The days a driver is paid for at once, both ends included."""

    first: date
    last: date

    @property
    def title(self) -> str:
        """Write the period the way the screens do."""
        return f"{self.first:%b %-d} - {self.last:%b %-d, %Y}"

    def holds(self, instant: str | None) -> bool:
        """Whether an instant falls into the period."""
        return instant is not None and self.first <= read_instant(instant).date() <= self.last


def item(category: str, title: str, amount: Decimal, trip: Json | None = None, policy: str | None = None) -> Json:
    """Write a line of a driver statement; it belongs to a trip or to the statement as a whole."""
    return {
        "Category": category,
        "Title": title,
        "PolicyName": policy,
        "TripNumber": trip["TripNumber"] if trip else None,
        "LoadNumber": trip["LoadNumber"] if trip else None,
        "Amount": money(amount),
        "SubLines": [],
    }


def trip_items(driver: Json, trip: Json, load: Json) -> list[Json]:
    """Write what a driver earns by a trip: the rates of its policy and accessorials, less e-checks and their fees."""
    policy = POLICIES[driver["Type"]]
    bases = {
        "LoadedMiles": trip["LoadedMileage"]["Distance"]["Value"],
        "EmptyMiles": trip["EmptyMileage"]["Distance"]["Value"],
        "Linehaul": load["Linehaul"]["Amount"],
        "FuelSurcharge": load["FuelSurcharge"]["Amount"],
        "Trip": Decimal(1),
    }
    items = [_rated(rule, bases[rule.of], trip, policy.name) for rule in policy.rules]
    hired = trip["Driver1"]
    extras = hired.get("AccessorialsDetails") or []
    items += [item("Accessorial", each["Type"], each["Total"]["Amount"], trip) for each in extras]
    for check in hired.get("EChecks") or []:
        paid, fee = check["Amount"]["Amount"], check["Fee"]["Amount"]
        parts = [_part(check["CheckNumber"], "1", paid, -paid), _part("Fee", "1", fee, -fee)]
        items.append(item("E-Check", check["Type"], -paid - fee, trip) | {"SubLines": parts})
    return items


def charge_items(deductions: Iterable[Json], fuel: Iterable[Json], tolls: Iterable[Json]) -> list[Json]:
    """Write what is taken off a driver's pay."""
    return [
        *(item("Deduction", each["Description"], each["Amount"]["Amount"]) for each in deductions),
        *(item("Fuel", f"{each['Type']}, {each['Location']['Name']}", -each["Total"]["Amount"]) for each in fuel),
        *(item("Toll", each["Agency"], -each["Amount"]["Amount"] - each["Fee"]["Amount"]) for each in tolls),
    ]


def driver_statement(
    number: int, driver: Json, period: PayPeriod, trips: Sequence[Json], items: Sequence[Json]
) -> Json:
    """Write a driver's statement, dated the last day of its period; its net is the sum of its lines."""
    key = uuid5(NAMESPACE_OID, f"period/{period.first}/{period.last}")
    owner = driver["Type"] == "OWNER_OPERATOR"
    return {
        "Number": number,
        "Status": "Processed",
        "StatementDate": period.last.isoformat(),
        "PayPeriodId": str(key),
        "PayPeriodTitle": period.title,
        "Driver": {
            "Id": driver["Id"],
            "Name": driver["Name"],
            "Type": driver["Type"],
            "CompanyName": f"{driver['Name']} Trucking" if owner else None,
            "SubsidiaryId": driver["SubsidiaryId"],
            "FleetName": driver["Fleet"]["Name"],
        },
        "Totals": driver_totals(trips, items),
        "LineItems": list(items),
    }


def driver_totals(trips: Sequence[Json], items: Sequence[Json]) -> Json:
    """Add up a driver statement's lines; `Deductions` holds all that is taken off what was earned or given back."""
    totals = {name: sign * _sum(items, categories) for name, (categories, sign) in TOTALS.items()}
    net = sum((each["Amount"]["Amount"] for each in items), ZERO)
    gross = totals["DriverPayment"] + totals["Bonus"]
    totals |= {
        "GrossIncome": gross,
        "NetIncome": net,
        "Deductions": gross + totals["Reimbursements"] + totals["Credits"] - net,
        "Shortfall": max(-net, ZERO),
        "TripValue": sum((trip["TripValue"]["Amount"] for trip in trips), ZERO),
        **dict.fromkeys(UNUSED_TOTALS, ZERO),
    }
    return {name: money(amount) for name, amount in totals.items()} | {
        "NumberOfTrips": len(trips),
        "LoadedMiles": _miles(trips, "LoadedMileage"),
        "EmptyMiles": _miles(trips, "EmptyMileage"),
        "HoursWorked": ZERO,
    }


def worked_out(driver: Json, trip: Json, load: Json) -> list[Json]:
    """Write what a driver's policy comes to for a trip, rate by rate, as the trip itself shows it."""
    policy = POLICIES[driver["Type"]]
    shown: Json = {"PolicyId": str(uuid5(NAMESPACE_OID, policy.name)), "PolicyName": policy.name}
    for rule, line in zip(policy.rules, trip_items(driver, trip, load), strict=False):
        items = [{"Description": part["Description"], "Amount": part["Amount"]} for part in line["SubLines"]]
        shown[RATES[rule.category]] = {
            "RateId": str(uuid5(NAMESPACE_OID, f"{policy.name}/{rule.category}")),
            "RateName": rule.title,
            "LineItems": items,
            **_terms_of(rule),
        }
    return [shown]


def shown_trip(trip: Json, switches: Switches) -> Json:
    """Show a trip, its carrier's total and what is taken off its drivers' pay as the switches say."""
    if switches.echeck_fees == "within" and trip["Carrier"]:
        fees = sum((each["Fee"]["Amount"] for each in trip["Carrier"]["EChecks"]), ZERO)
        total = money(trip["Carrier"]["TotalPayable"]["Amount"] - fees)
        trip = trip | {"Carrier": trip["Carrier"] | {"TotalPayable": total}}
    if switches.rate_deductions == "positive" and trip["Driver1"]:
        policies = [_positive(policy) for policy in trip["Driver1"].get("RatesV2") or []]
        trip = trip | {"Driver1": trip["Driver1"] | {"RatesV2": policies}}
    return trip


def _positive(policy: Json) -> Json:
    fee = policy.get("ServiceFeeRate")
    if not fee:
        return policy
    items = [each | {"Amount": money(abs(each["Amount"]["Amount"]))} for each in fee["LineItems"]]
    return policy | {"ServiceFeeRate": fee | {"LineItems": items}}


def _terms_of(rule: Rule) -> Json:
    """Return the terms of a rate, in the members that the vendor's description has for its kind."""
    if rule.category in {"Loaded Miles", "Empty Miles"}:
        return {"Tiers": [{"Miles": 0, "Rate": rule.rate}], "UseHighestTier": False}
    if rule.category == "Service Fee":
        return {"Percentage": abs(rule.rate) * 100, "FlatFee": ZERO}
    return {"Rate": rule.rate} if rule.category == "Per Trip" else {"Percentage": rule.rate * 100}


def shown_driver_statement(statement: Json, switches: Switches) -> Json:
    """Show a driver's statement, its total of deductions and the net of a driver who owes as the switches say."""
    totals = statement["Totals"]
    if switches.deductions_total == "own":
        totals = totals | {"Deductions": money(-_sum(statement["LineItems"], frozenset({"Deduction"})))}
    if switches.driver_owes == "shortfall" and totals["Shortfall"]["Amount"]:
        totals = totals | {"NetIncome": money(ZERO)}
    return statement | {"Totals": totals}


def carrier_statement(number: int, carrier: Json, subsidiary_id: str, day: date, trips: Sequence[Json]) -> Json:
    """Write a carrier's statement over trips, payable to its factoring company if it has one; nothing is paid yet."""
    factor = carrier["FactoringCompany"]
    payee = {"Type": "FactoringCompany", "Id": factor["Id"], "Name": factor["Name"]} if factor else {"Type": "Carrier"}
    net = money(sum((trip["Carrier"]["TotalPayable"]["Amount"] for trip in trips), ZERO))
    own = {"Id": carrier["Id"], "Name": carrier["Name"], "McNumber": carrier["McNum"], "DotNumber": carrier["UsDotNum"]}
    return {
        "Number": number,
        "Status": "Processed",
        "StatementDate": write_instant(at(day, 12)),
        "RemittanceDate": write_instant(at(day + REMITTED_AFTER, 0)),
        "SubsidiaryId": subsidiary_id,
        "Payee": own | payee,
        "RemitTo": payee.get("Name", carrier["Name"]),
        "PaymentProvider": "Standard",
        "NetAmount": net,
        "PaidAmount": money(0),
        "RemainingAmount": net,
        "Trips": [_settled_trip(trip) for trip in trips],
        "Payments": [],
    }


def paid_statement(statement: Json, payment_date: str, reference: str) -> Json:
    """Return a carrier's statement after somebody marked it as paid."""
    payment = {
        "Id": str(uuid5(NAMESPACE_OID, f"statement/{statement['Number']}/{reference}")),
        "Amount": statement["RemainingAmount"],
        "PaymentDate": payment_date,
        "PaymentMethod": "ACH",
        "ReferenceNumber": reference,
        "CheckNumber": None,
    }
    return statement | {
        "Status": "Paid",
        "PaidAmount": statement["NetAmount"],
        "RemainingAmount": money(0),
        "Payments": [*statement["Payments"], payment],
    }


def _settled_trip(trip: Json) -> Json:
    """Write a trip's part of a carrier's statement: linehaul, accessorials, and e-checks against them."""
    pay = trip["Carrier"]
    lines = [("Line Haul", "LineHaul", pay["Linehaul"]["Amount"], "Carrier Rate")]
    lines += [
        (each["Type"], "Accessorial", each["Total"]["Amount"], each["Type"]) for each in pay["AccessorialsDetails"]
    ]
    lines += [(each["Type"], "ECheck", -each["Amount"]["Amount"], each["Type"]) for each in pay["EChecks"]]
    first, *_, last = trip["Stops"]
    return {
        "TripId": trip["Id"],
        "TripNumber": trip["TripNumber"],
        "LoadNumber": trip["LoadNumber"],
        "Origin": _town(first),
        "Destination": _town(last),
        "PickedUpAt": trip["PickedUpAt"],
        "DeliveredAt": trip["DeliveredAt"],
        "InvoiceNumber": pay["CarrierInvoiceNumber"],
        "InvoiceDueDate": trip["DueDate"],
        "NetAmount": pay["TotalPayable"],
        "LineHaulAmount": pay["Linehaul"],
        "AccessorialsAmount": pay["Accessorials"],
        "Items": [
            {"Description": text, "Type": kind, "Amount": money(amount), "AccountingTag": tag}
            for text, kind, amount, tag in lines
        ],
    }


def _town(stop: Json) -> str:
    return f"{stop['Address']['City']}, {stop['Address']['State']}"


def _rated(rule: Rule, base: Decimal, trip: Json, policy: str) -> Json:
    amount = (rule.rate * base).quantize(CENT, ROUND_HALF_UP)
    text = f"{rule.rate * 100:f}% of {base}" if rule.of in {"Linehaul", "FuelSurcharge"} else f"{base} x {rule.rate}"
    part = _part(text, f"{base}", rule.rate, amount)
    return item(rule.category, rule.title, amount, trip, policy) | {"SubLines": [part]}


def _part(description: str, quantity: str, rate: Decimal, amount: Decimal) -> Json:
    return {"Description": description, "Quantity": quantity, "Rate": f"{rate}", "Amount": money(amount)}


def _sum(items: Iterable[Json], categories: frozenset[str]) -> Decimal:
    return sum((each["Amount"]["Amount"] for each in items if each["Category"] in categories), ZERO)


def _miles(trips: Sequence[Json], field: str) -> Decimal:
    return sum((trip[field]["Distance"]["Value"] for trip in trips), ZERO)
