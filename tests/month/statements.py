"""What carriers and drivers are owed by their settlement statements."""

import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Final

from tests.month.choices import SINCE, TERMS, Choices
from tests.month.drafts import Charge, Draft, Part, prefixed, telling
from tests.month.figures import ZERO, Json, Key, dollars
from tests.month.tenant import Tenant, utc_day

# fmt: off
_CARRIER: Final = {
    "linehaul":    "linehaul",
    "accessorial": "accessorial",
    "echeck":      "echeck",
    "echeckfee":   "echeck_fee",
}
_DRIVER: Final = {
    "accessorial": "accessorial",
    "bonus":       "bonus",
    "credit":      "credit",
    "deduction":   "deduction",
    "echeck":      "echeck",
    "escrow":      "escrow",
    "fuel":        "fuel",
    "reimbursement": "reimbursement",
    "toll":        "toll",
}
_OWN_DOCUMENT: Final = {
    # sort               what its number ends in, and begins with
    "deduction":         ("DED", "ADT"),
    "escrow_deposit":    ("ESC", "ADT"),
    "fuel":              ("FUEL", "AFL"),
    "toll":              ("TOLL", "ATL"),
    "echeck":            ("ECK", "AEK"),
    "reimbursement":     ("REI", "APS"),
    "credit":            ("CRE", "APS"),
    "bonus":             ("BON", "APS"),
    "escrow_withdrawal": ("ESW", "APS"),
    "accessorial":       ("ACC", "APS"),
    "driver_pay":        ("PAY", "APS"),
    "other":             ("OTH", "APS"),
}
# fmt: on
_POLICY: Final = re.compile(r"Pay|Per |Miles|% of|Service Fee|Line Haul|Driver Payment")
_WITH_TRIP: Final = frozenset({"driver_pay", "accessorial", "echeck", "echeck_fee"})
_1099: Final = frozenset({"OWNER_OPERATOR", "CONTRACTOR"})


def statements(tenant: Tenant, choices: Choices) -> Iterator[Draft]:
    """Yield what we owe by statements, or are owed."""
    if not choices["expense"]:
        return
    if choices["carrier_statements"]:
        yield from _carriers(tenant, choices)
    if not choices["ignore_driver_bills"] and not choices["pay_subsidiary_carrier"]:
        for statement in tenant.driver_statements:
            if _counts(statement, choices):
                yield from (_single if choices["single_driver_bill"] else _separate)(statement, choices)


# --- carriers ------------------------------------------------------------------------------------------------------


def _carriers(tenant: Tenant, choices: Choices) -> Iterator[Draft]:
    for statement in tenant.carrier_statements:
        day = _day(statement)
        if statement["SubsidiaryId"] != choices.company_id or day < SINCE or statement["Status"] in {"Draft", "Queued"}:
            continue
        part = Part(choices.company, "", "brokerage")
        charges = [_charge(item, part) for trip in statement["Trips"] for item in trip["Items"]]
        yield Draft(
            key=Key("carrier_statement", f"{statement['Number']}"),
            party=_payee(statement, tenant),
            number=f"{statement['Number']}",
            day=day,
            due=utc_day(statement["RemittanceDate"]) or day + TERMS,
            charges=telling(charges),
            total=dollars(statement["NetAmount"]),
            part=part,
            says=(f"{statement['Number']}",),
        )


def _payee(statement: Json, tenant: Tenant) -> str:
    """Return who is paid: the company that factors the carrier under its own name, or the carrier."""
    payee = statement["Payee"]
    carrier = {} if payee["Type"] == "FactoringCompany" else tenant.carriers[payee["Id"]]
    return str(carrier.get("ExternalName") or payee["Name"])


def _charge(item: Json, part: Part) -> Charge:
    category = _CARRIER.get(_letters(item["Type"]), "other")
    name = "Linehaul" if category == "linehaul" else item["Description"] or item["AccountingTag"]
    return Charge(category, name, dollars(item["Amount"]), part)


# --- drivers -------------------------------------------------------------------------------------------------------


def _counts(statement: Json, choices: Choices) -> bool:
    """Whether a statement is ours to bill; Failed means that a later step went wrong."""
    driver = statement["Driver"]
    return bool(
        driver["SubsidiaryId"] == choices.company_id
        and _day(statement) >= SINCE
        and statement["Status"] not in {"Draft", "Queued"}
        and (driver["Type"] in _1099 or not choices["by_tax_category"])
    )


def _single(statement: Json, choices: Choices) -> Iterator[Draft]:
    """Yield the one document over the net pay."""
    net, short = dollars(statement["Totals"]["NetIncome"]), dollars(statement["Totals"]["Shortfall"])
    charges = [charge for charge, _ in _lines(statement, choices)]
    owed = net - abs(short) if net >= ZERO else net
    yield _document(
        statement, choices, "driver_statement", "", prefixed("APS", _number(statement), choices), charges, owed
    )


def _separate(statement: Json, choices: Choices) -> Iterator[Draft]:
    """Yield a document for each sort of line that no trip's own bill has."""
    sorts: dict[str, list[Charge]] = {}
    for charge, on_trip in _lines(statement, choices):
        if not on_trip:
            sorts.setdefault(_sort(charge), []).append(charge)
    for sort, charges in sorts.items():
        end, start = _OWN_DOCUMENT[sort]
        number = prefixed(start, f"{_number(statement)}-{end}", choices)
        total = sum((each.amount for each in charges), ZERO)
        yield _document(statement, choices, "driver_addition", f"/{sort}", number, charges, total)


def _document(
    statement: Json, choices: Choices, route: str, beside: str, number: str, charges: list[Charge], total: Decimal
) -> Draft:
    driver, day = statement["Driver"], _day(statement)
    company = driver["CompanyName"] if choices["tax_company_vendor"] and driver["Type"] in _1099 else None
    return Draft(
        key=Key(route, f"{statement['Number']}{beside}"),
        party=company or driver["Name"],
        number=number,
        day=day,
        due=day + TERMS,
        charges=telling(charges),
        total=total,
        part=_part(statement, choices),
        says=(_number(statement), statement["PayPeriodTitle"]),
    )


def _lines(statement: Json, choices: Choices) -> Iterator[tuple[Charge, bool]]:
    """Yield the lines, and of each whether a trip's own bill has it too where there are such bills."""
    part = _part(statement, choices)
    for item in statement["LineItems"]:
        on_trip = bool(item["TripNumber"])
        pay = on_trip or _POLICY.search(item["Category"])
        category = _DRIVER.get(_letters(item["Category"]), "driver_pay" if pay else "other")
        name = re.sub(r"\s*\(part \d+\)$", "", item["Title"])
        whole = Charge(category, name, dollars(item["Amount"]), part)
        for charge in _parts(item, whole) if category == "echeck" else [whole]:
            yield charge, on_trip and category in _WITH_TRIP


def _parts(item: Json, whole: Charge) -> list[Charge]:
    """Return an e-check and its fee apart, if they make up the line."""
    parts = [
        Charge(
            "echeck_fee" if "fee" in each["Description"].lower() else "echeck",
            whole.name,
            dollars(each["Amount"]),
            whole.part,
        )
        for each in item["SubLines"]
    ]
    return parts if parts and sum(each.amount for each in parts) == whole.amount else [whole]


def _sort(charge: Charge) -> str:
    if charge.category == "escrow":
        return "escrow_withdrawal" if charge.amount > ZERO else "escrow_deposit"
    return "echeck" if charge.category == "echeck_fee" else charge.category


def _part(statement: Json, choices: Choices) -> Part:
    return Part(choices.company, statement["Driver"]["FleetName"], "asset")


def _number(statement: Json) -> str:
    return f"{statement['Number']}"


def _day(statement: Json) -> date:
    day = utc_day(statement["StatementDate"])
    assert day is not None
    return day


def _letters(text: str) -> str:
    """Return a word by its letters alone."""
    return re.sub(r"[^a-z]", "", text.lower())
