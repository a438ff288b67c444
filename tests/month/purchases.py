"""What the company buys for its trucks itself: fuel and tolls that nobody's pay bears."""

from collections.abc import Iterator
from datetime import date

from tests.month.choices import SINCE, Choices
from tests.month.drafts import Charge, Draft, Part, prefixed, telling
from tests.month.figures import ZERO, Json, Key, dollars
from tests.month.tenant import Tenant, local_day


def purchases(tenant: Tenant, choices: Choices) -> Iterator[Draft]:
    """Yield a document for each purchase that the company pays."""
    if choices["expense"] and choices["company_fuel"]:
        for bought in tenant.fuel:
            truck = tenant.trucks.get(bought["TruckId"])
            if not bought["OwnerOperatorId"] and not _deducted(truck, bought["Type"]) and _ours(bought, truck, choices):
                yield _fuel(bought, choices)
    if choices["expense"] and choices["company_toll"]:
        for paid in tenant.tolls:
            truck = tenant.trucks.get(paid["UnitId"])
            if not _deducted(truck) and _ours(paid, truck, choices):
                yield _toll(paid, choices)


def _ours(purchase: Json, truck: Json | None, choices: Choices) -> bool:
    owner = purchase["SubsidiaryId"] or (truck or {}).get("SubsidiaryId")
    return bool(owner == choices.company_id and _day(purchase) >= SINCE)


def _day(purchase: Json) -> date:
    day = local_day(purchase["TransactionDate"])
    assert day is not None
    return day


def _deducted(truck: Json | None, fuel_type: str = "") -> bool:
    """Whether a card of the truck says that somebody's pay bears it; what it says of the type of fuel goes before."""
    for card in (truck or {}).get("FuelCards", []):
        own = [each["DeductFuel"] for each in card["FuelTypeConfigs"] if each["FuelType"] == fuel_type]
        if own[0] if own else card["DeductFuel"]:
            return True
    return False


def _fuel(bought: Json, choices: Choices) -> Draft:
    part = Part(choices.company, "", "asset")
    total = dollars(bought["Total"])
    charges = [
        Charge("fuel", bought["Type"], dollars(bought["FuelTotal"]), part),
        Charge("fuel", "Fee", dollars(bought["Fees"]), part),
        Charge("fuel", "Cash Advance", dollars(bought["Advances"]), part),
    ]
    discount, lacking = dollars(bought["Discounts"]), total - sum((each.amount for each in charges), ZERO)
    if lacking:
        assert abs(lacking) == abs(discount)  # or the purchase contradicts itself
        charges.append(Charge("fuel", bought["Type"], lacking, part))
    return Draft(
        key=Key("fuel_bill", bought["Id"]),
        party=bought["Source"],
        number=prefixed("AFL", bought["TransactionId"] or bought["Id"], choices),
        day=_day(bought),
        due=None,
        charges=telling(charges),
        total=total,
        part=part,
        says=(bought["TruckNumber"],),
    )


def _toll(paid: Json, choices: Choices) -> Draft:
    part = Part(choices.company, "", "asset")
    charges = [
        Charge("toll", "Toll", dollars(paid["Amount"]), part),
        Charge("toll", "Toll Fee", dollars(paid["Fee"]), part),
    ]
    return Draft(
        key=Key("toll_bill", paid["Id"]),
        party=paid["Agency"],
        number=prefixed("ATL", paid["TransactionId"] or paid["Id"], choices),
        day=_day(paid),
        due=None,
        charges=telling(charges),
        total=sum((each.amount for each in charges), ZERO),
        part=part,
        says=(paid["UnitNumber"],),
    )
