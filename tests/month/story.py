"""A month of everything that the TMS can bill: the twin's month, and what is rare in it, or not in it at all."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from random import Random
from typing import Final
from uuid import UUID

from adapters.sandbox import alvys
from adapters.sandbox.alvys import SUBSIDIARY, TRANSPORT
from tests.month.figures import ZERO, Json, dollars

CENT: Final = Decimal("0.01")
FLEETS: Final[tuple[Json, ...]] = (
    {"Id": "fleet-1", "Name": "Mesa Reefer", "InvoiceNumberPrefix": "RF-"},
    {"Id": "fleet-2", "Name": "Mesa Flatbed", "InvoiceNumberPrefix": None},
)
_PAY: Final = {
    "COMPANY": (("LoadedMilesRate", "LoadedMileage", "0.585"), ("EmptyMilesRate", "EmptyMileage", "0.42")),
    "CONTRACTOR": (("PerTripRate", "", "325"),),
    "OWNER_OPERATOR": (
        ("CustomerLineHaulPercentageRate", "TripValue", "0.82"),
        ("ServiceFeeRate", "TripValue", "0.025"),
    ),
}


def told(first_day: date, seed: int, loads: int) -> alvys.Month:
    """Make up a month; the same arguments make the same one."""
    month = alvys.generate_full(first_day, seed, loads)
    return _Author(month, Random(f"story {first_day} {seed}")).month()


class _Author:
    """Adds to a month, one thing after the other; each thing of one in so many."""

    def __init__(self, month: alvys.Month, chance: Random) -> None:
        self._month = month
        self._chance = chance
        self._special = {*month.planted.values(), *month.notable.values()}
        self._drivers = {each["Id"]: each for each in month.drivers}
        self._sister = month.carriers[0] | {
            "Id": self._id(),
            "Name": TRANSPORT,
            "ExternalName": None,
            "Type": "Subsidiary",
            "FactoringCompany": None,
        }

    def month(self) -> alvys.Month:
        month = self._month
        loads = {each["LoadNumber"]: self._load(each) for each in month.loads}
        trips = [self._trip(each) for each in month.trips]
        invoices = [self._charged(each) for each in month.invoices]
        invoices = self._orders(invoices) + self._supplements(invoices) + [self._standalone(invoices[0])]
        invoices = [self._paid(each, loads) for each in invoices]
        invoices.append(self._draft(invoices[0]))
        return replace(
            month,
            loads=list(loads.values()),
            trips=trips,
            invoices=invoices,
            carriers=[*month.carriers, self._sister],
            fuel=self._given_back(month.fuel, ("FuelTotal", "Fees", "Discounts", "Advances", "Total")),
            tolls=[self._long(each) for each in self._given_back(month.tolls, ("Amount", "Fee"))],
            carrier_statements=self._corrected(month.carrier_statements),
            driver_statements=[self._topped_up(each) for each in month.driver_statements],
        )

    def _id(self) -> str:
        return str(UUID(int=self._chance.getrandbits(128), version=4))

    def _one_in(self, count: int) -> bool:
        return self._chance.random() * count < 1

    # --- loads and trips -----------------------------------------------------------------------------------------

    def _load(self, load: Json) -> Json:
        if load["Fleet"] is None and self._one_in(2):
            return load | {"Fleet": self._chance.choice(FLEETS)}
        return load

    def _trip(self, trip: Json) -> Json:
        if trip["Driver1"]:
            return self._driven(trip)
        if not trip["Carrier"] or trip["LoadNumber"] in self._special:
            return trip
        tendered: tuple[tuple[int, Json], ...] = (
            (20, {"TenderAsSubsidiaryType": "Carrier"}),
            (20, {"CarrierPayOnHold": True}),
            (15, {"TenderAs": TRANSPORT}),
            (30, {"DueDate": None}),
        )
        for count, change in tendered:
            trip = trip | (change if self._one_in(count) else {})
        hired: tuple[tuple[int, Json], ...] = ((20, {"Id": self._sister["Id"]}), (15, {"AccessorialsDetails": []}))
        for count, change in hired:
            trip = trip | ({"Carrier": trip["Carrier"] | change} if self._one_in(count) else {})
        for count, alter in ((20, self._overdrawn), (10, self._with_fees), (40, self._in_disorder)):
            trip = alter(trip) if self._one_in(count) else trip
        return trip

    def _driven(self, trip: Json) -> Json:
        """Let two drivers share a trip now and then, or the other company haul it."""
        if self._one_in(8):
            other = self._chance.choice(self._month.drivers)
            if other["Id"] != trip["Driver1"]["Id"]:
                hired = {"Id": other["Id"], "ContractorType": other["Type"], "Rates": [], "Fleet": other["Fleet"]}
                trip = trip | {"Driver2": self._earning(hired, trip)}
        if self._one_in(6) and trip["LoadNumber"] not in self._special:
            trip = trip | {"TenderAs": TRANSPORT if trip["TenderAs"] == SUBSIDIARY else SUBSIDIARY}
        return trip

    def _earning(self, hired: Json, trip: Json) -> Json:
        kind = self._drivers[hired["Id"]]["Type"]
        policy: Json = {"PolicyId": kind, "PolicyName": f"{kind} policy"}
        for field, base, rate in _PAY[kind]:
            of = (
                trip[base]["Amount"] if base == "TripValue" else trip[base]["Distance"]["Value"] if base else Decimal(1)
            )
            earned = (of * Decimal(rate)).quantize(CENT, ROUND_HALF_UP)
            item = {"Description": f"{of} x {rate}", "Amount": _money(earned)}
            policy[field] = {"RateId": field, "RateName": field, "LineItems": [item]}
        return hired | {"RatesV2": [policy]}

    def _overdrawn(self, trip: Json) -> Json:
        """Let a carrier have drawn more than it earned."""
        return self._drawn(trip, trip["Carrier"]["Rate"]["Amount"] + Decimal("41.20"), fees_within=False)

    def _with_fees(self, trip: Json) -> Json:
        """Let a carrier bear the fee of its e-check."""
        return self._drawn(trip, Decimal(100), fees_within=True)

    def _drawn(self, trip: Json, amount: Decimal, *, fees_within: bool) -> Json:
        pay, fee = trip["Carrier"], Decimal("4.50")
        check = {
            "Id": self._id(),
            "CheckNumber": "900000001",
            "Amount": _money(amount),
            "Fee": _money(fee),
            "Type": "Lumper",
            "IsPaid": True,
            "CreatedAt": None,
        }
        total = pay["Rate"]["Amount"] - amount - (fee if fees_within else 0)
        return trip | {"Carrier": pay | {"EChecks": [check], "TotalPayable": _money(total)}}

    def _in_disorder(self, trip: Json) -> Json:
        """Let the parts of a payable not make it up."""
        pay = trip["Carrier"]
        return trip | {"Carrier": pay | {"TotalPayable": _money(pay["TotalPayable"]["Amount"] + 1)}}

    # --- invoices ------------------------------------------------------------------------------------------------

    def _charged(self, invoice: Json) -> Json:
        """Charge for something unusual, or write something off."""
        if not self._plain(invoice):
            return invoice
        if self._one_in(20):
            return self._plus(invoice, "Accessorial", "Short Pay", Decimal("-25.40"))
        if self._one_in(20):
            return self._plus(invoice, "Fee", "Admin Fee", Decimal("12.34"))
        if self._one_in(20):
            return self._plus(invoice, "Accessorial", "Storage", Decimal("80.01"))
        if self._one_in(60):
            return self._plus(invoice, "Accessorial", "Short Pay", -invoice["Total"]["Amount"] - 1)
        return invoice

    def _plain(self, invoice: Json) -> bool:
        """Whether an invoice is over one load that nothing is special about."""
        own = invoice["Type"] == "LoadInvoice" and not invoice["SupplementalInvoiceType"]
        return own and not invoice["Payments"] and not {each["LoadNumber"] for each in invoice["Loads"]} & self._special

    def _plus(self, invoice: Json, category: str, name: str, amount: Decimal) -> Json:
        line = invoice["LineItems"][0] | {
            "Id": self._id(),
            "Category": category,
            "Name": name,
            "Amount": _money(amount),
        }
        total = _money(invoice["Total"]["Amount"] + amount)
        return invoice | {
            "LineItems": [*invoice["LineItems"], line],
            "Total": total,
            "RemainingBalance": total,
        }

    def _orders(self, invoices: list[Json]) -> list[Json]:
        """Let some customers get one invoice over two loads of an order."""
        found: list[Json] = []
        for invoice in invoices:
            before = found[-1] if found else None
            if (
                before is not None
                and self._plain(before)
                and self._plain(invoice)
                and before["Customer"]["Name"] == invoice["Customer"]["Name"]
                and before["Total"]["Amount"] > ZERO
                and invoice["Total"]["Amount"] > ZERO
                and before["Loads"][0]["SubsidiaryName"] == invoice["Loads"][0]["SubsidiaryName"]
                and self._one_in(3)
            ):
                total = _money(before["Total"]["Amount"] + invoice["Total"]["Amount"])
                found[-1] = invoice | {
                    "Type": "OrderInvoice",
                    "Number": before["Loads"][0]["OrderNumber"],
                    "Loads": [*invoice["Loads"], *before["Loads"]],
                    "LineItems": [*before["LineItems"], *invoice["LineItems"]],
                    "Total": total,
                    "RemainingBalance": total,
                }
            else:
                found.append(invoice)
        return found

    def _supplements(self, invoices: list[Json]) -> list[Json]:
        """Let some invoices have one or two on top of them, under their load's number or one of their own."""
        found = []
        for invoice in invoices:
            if not self._plain(invoice) or not self._one_in(25):
                continue
            for place in range(1, self._chance.choice((1, 1, 2)) + 1):
                made = datetime.fromisoformat(invoice["CreatedDate"]) + timedelta(hours=20 * place)
                line = invoice["LineItems"][0] | {"Category": "Accessorial", "Name": "Detention"}
                amount = _money(Decimal("75.25") * place)
                number = f"{invoice['Number']}-{place}" if self._one_in(2) else invoice["Number"]
                found.append(
                    invoice
                    | {
                        "Id": self._id(),
                        "Number": number,
                        "SupplementalInvoiceType": "Supplemental",
                        "CreatedDate": made.isoformat(),
                        "InvoicedDate": made.isoformat(),
                        "DueDate": None,
                        "LineItems": [line | {"Id": self._id(), "Amount": amount}],
                        "Total": amount,
                        "RemainingBalance": amount,
                    }
                )
        return found

    def _standalone(self, invoice: Json) -> Json:
        return invoice | {"Id": self._id(), "Number": "X-1", "Type": "StandaloneInvoice", "Loads": []}

    def _draft(self, invoice: Json) -> Json:
        released = next(each for each in self._month.loads if each["Status"] == "Released")
        load = {"Id": released["Id"], "LoadNumber": released["LoadNumber"], "SubsidiaryName": released["InvoiceAs"]}
        loads = [invoice["Loads"][0] | load]
        return invoice | {"Id": self._id(), "Number": released["LoadNumber"], "Status": "Draft", "Loads": loads}

    def _paid(self, invoice: Json, loads: dict[str, Json]) -> Json:
        """Let some customers pay: all of it, a part, in two parts, or too much."""
        total = dollars(invoice["Total"])
        if total <= ZERO or invoice["Payments"] or not invoice["Loads"] or not self._one_in(3):
            return invoice
        half = (total / 2).quantize(CENT, ROUND_HALF_UP)
        ways = ((total,), (half,), (half, total - half), (total + 10,))
        amounts = self._chance.choice(ways)
        dated = datetime.fromisoformat(invoice["InvoicedDate"]).replace(hour=3) + timedelta(days=4)
        payments = [
            {
                "Id": self._id(),
                "PaymentDate": (dated + timedelta(days=place)).isoformat(),
                "Amount": _money(amount),
                "CheckNumber": f"{self._chance.randint(1000, 9999)}" if self._one_in(2) else None,
                "PaymentReference": f"REMIT-{self._chance.randint(10**6, 10**7)}",
            }
            for place, amount in enumerate(amounts)
        ]
        full = sum(amounts) >= total
        if full:
            for each in invoice["Loads"]:
                loads[each["LoadNumber"]] = loads[each["LoadNumber"]] | {"Status": "Completed"}
        return invoice | {
            "Payments": payments,
            "AmountPaid": _money(sum(amounts, ZERO)),
            "RemainingBalance": _money(max(total - sum(amounts), ZERO)),
            "Status": "Paid" if full else invoice["Status"],
        }

    # --- the rest ------------------------------------------------------------------------------------------------

    def _given_back(self, purchases: list[Json], amounts: tuple[str, ...]) -> list[Json]:
        """Let some purchases be taken back."""
        return [
            each | {name: _money(-each[name]["Amount"]) for name in amounts} if self._one_in(15) else each
            for each in purchases
        ]

    def _long(self, toll: Json) -> Json:
        return toll | {"TransactionId": f"PREPASS-2026-{toll['TransactionId']}"} if self._one_in(10) else toll

    def _corrected(self, statements: list[Json]) -> list[Json]:
        """Let some statements bear the fee of an e-check, or take back more than they give."""
        found = []
        for statement in statements:
            net = statement["NetAmount"]["Amount"]
            if self._one_in(6):
                found.append(self._with_item(statement, "E-check fee", "ECheckFee", Decimal("-4.50")))
            elif self._one_in(6):
                found.append(self._with_item(statement, "Cargo claim", "Adjustment", -net - Decimal("310.55")))
            else:
                found.append(statement)
        return found

    def _with_item(self, statement: Json, text: str, kind: str, amount: Decimal) -> Json:
        first, *others = statement["Trips"]
        item = {"Description": text, "Type": kind, "Amount": _money(amount), "AccountingTag": None}
        trip = first | {"Items": [*first["Items"], item]}
        return statement | {
            "Trips": [trip, *others],
            "NetAmount": _money(statement["NetAmount"]["Amount"] + amount),
        }

    def _topped_up(self, statement: Json) -> Json:
        """Let some statements have what belongs to no trip, or take back more than they give."""
        lines = []
        if self._one_in(4):
            lines.append(("Minimum Pay", "Minimum pay", Decimal("120.00")))
        if self._one_in(6):
            lines.append(("Layover", "Waiting for parts", Decimal("60.00")))
        if self._one_in(8):
            net = statement["Totals"]["NetIncome"]["Amount"]
            lines.append(("Deduction", "Accident", -abs(net) - Decimal("500.00")))
        items: list[Json] = [
            {
                "Category": category,
                "Title": title,
                "PolicyName": None,
                "TripNumber": None,
                "LoadNumber": None,
                "Amount": _money(amount),
                "SubLines": [],
            }
            for category, title, amount in lines
        ]
        net = statement["Totals"]["NetIncome"]["Amount"] + sum((amount for *_, amount in lines), ZERO)
        totals = {"NetIncome": _money(net), "Shortfall": _money(max(-net, ZERO))}
        return statement | {
            "LineItems": [*statement["LineItems"], *items],
            "Totals": statement["Totals"] | totals,
        }


def _money(amount: Decimal | int) -> Json:
    return {"Amount": Decimal(amount).quantize(CENT), "Currency": 840}
