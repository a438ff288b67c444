"""What the company pays itself of the fuel and the tolls of its trucks: one bill for each purchase, to its seller."""

from datetime import date
from typing import Final

from adapters.alvys.mapping.common import dated, identity, known_by_id, telling
from adapters.alvys.mapping.numbers import document_number
from adapters.alvys.mapping.signs import Sides
from adapters.alvys.record import Odd, Record, glimpse
from adapters.alvys.settings import Settings
from state.problem import problem
from state.transaction import Content, Kind, Line, Money, Party, Segment, Sourced

FUEL_SIDES: Final = Sides(Kind.FUEL_BILL, Kind.FUEL_CREDIT)
TOLL_SIDES: Final = Sides(Kind.TOLL_BILL, Kind.TOLL_CREDIT)


def fuel_bill(raw: object, truck: object, settings: Settings) -> list[Sourced]:
    """Return a purchase of fuel as a bill, or a credit if it was taken back, with the truck's record, or None."""
    return FUEL_SIDES.sourced(*purchase_names(raw), lambda: _fuel(Record(raw, "Fuel"), truck, settings))


def toll_bill(raw: object, truck: object, settings: Settings) -> list[Sourced]:
    """Return a toll as a bill, or a credit if it was given back, with the truck's record, or None, beside it."""
    return TOLL_SIDES.sourced(*purchase_names(raw), lambda: _toll(Record(raw, "Toll"), truck, settings))


def purchase_names(raw: object) -> tuple[str, str]:
    """Return what a purchase is known by, and what people call it."""
    source_id = identity(raw, "Id", "TransactionId")
    return source_id, glimpse(raw, "TransactionId") or source_id


def purchase_day(purchase: Record, settings: Settings) -> date | None:
    """Return the day a purchase was made, on which it is booked."""
    return purchase.day("TransactionDate", settings.timezone)


def purchase_owner(purchase: Record, truck: object) -> str:
    """Return the id of the subsidiary a purchase belongs to: its own, else its truck's; blank if neither says."""
    return purchase.text("SubsidiaryId") or glimpse(truck, "SubsidiaryId")


def owned(fuel: Record) -> bool:
    """Whether a purchase says itself that an owner-operator pays it."""
    return bool(fuel.text("OwnerOperatorId").strip())


def deducts(truck: object, fuel_type: str = "") -> bool:
    """Whether a truck's costs are taken off somebody's pay, as far as its fuel cards say; for a type of fuel, if given.

    A purchase does not tell whether it is deducted, and a toll not even from whom (documented: no such fields).
    """
    return truck is not None and any(
        _card_deducts(card, fuel_type.casefold()) for card in Record(truck, "Truck").parts("FuelCards")
    )


def toll_total(toll: Record) -> Money:
    """Return what a toll costs: the amount and the agency's fee, if any."""
    amount, fee = toll.money("Amount"), toll.money_if_any("Fee")
    if fee is not None and fee.currency != amount.currency:
        raise Odd(problem("currency_foreign", f"{toll.path}.Fee is in {fee.currency}, the toll in {amount.currency}"))
    return Money(amount.minor + (fee.minor if fee else 0), amount.currency)


def _card_deducts(card: Record, fuel_type: str) -> bool:
    own = (
        config.flag_if_any("DeductFuel")
        for config in card.parts("FuelTypeConfigs")
        if fuel_type and config.text("FuelType").casefold() == fuel_type
    )
    said = next((flag for flag in own if flag is not None), None)
    return bool(card.flag_if_any("DeductFuel") if said is None else said)


def _fuel(fuel: Record, truck: object, settings: Settings) -> Content:
    segment = Segment(settings.subsidiary or fuel.text("SubsidiaryName"), load_type="asset")
    place = fuel.part("Location")
    total = fuel.money("Total")
    return _bought(
        fuel,
        truck,
        settings,
        seller=_seller(fuel, "fuel", "Source"),
        number=document_number("AFL", fuel.text("TransactionId") or fuel.text("Id"), settings),
        lines=telling(_fuel_lines(fuel, total, segment)),
        total=total,
        told=("Fuel", place.text("Name") if place else "", _named("truck", fuel.text("TruckNumber"))),
        segment=segment,
    )


def _fuel_lines(fuel: Record, total: Money, segment: Segment) -> list[Line]:
    """Return what was pumped, the fee, the cash drawn, and the discount unless the rest adds up without it.

    Whether a discount is written with a sign is unconfirmed: it takes the one that makes up the total.
    """
    kind = fuel.text("Type").strip() or "Fuel"
    named = ((kind, "FuelTotal"), ("Fee", "Fees"), ("Cash Advance", "Advances"))
    amounts = [(name, fuel.money_if_any(field)) for name, field in named]
    lines = [Line("fuel", name, amount, name, segment) for name, amount in amounts if amount is not None]
    discount, lacking = fuel.money_if_any("Discounts"), total.minor - sum(line.amount.minor for line in lines)
    if discount is not None and lacking:
        off = lacking if abs(lacking) == abs(discount.minor) else -abs(discount.minor)
        lines.append(Line("fuel", kind, Money(off, discount.currency), f"Discount on {kind}", segment))
    return lines


def _toll(toll: Record, truck: object, settings: Settings) -> Content:
    segment = Segment(settings.subsidiary or "", load_type="asset")
    amounts = (("Toll", toll.money("Amount")), ("Toll Fee", toll.money_if_any("Fee")))
    plaza = toll.text("ExitPlazaName") or toll.text("FormattedLocation")
    return _bought(
        toll,
        truck,
        settings,
        seller=_seller(toll, "toll", "Agency"),
        number=document_number("ATL", toll.text("TransactionId") or toll.text("Id"), settings),
        lines=telling(Line("toll", name, amount, name, segment) for name, amount in amounts if amount is not None),
        total=toll_total(toll),
        told=("Toll", plaza, _named("truck", toll.text("UnitNumber"))),
        segment=segment,
    )


def _bought(  # noqa: PLR0913 - what one purchase differs by from another
    purchase: Record,
    truck: object,
    settings: Settings,
    *,
    seller: Party,
    number: str,
    lines: tuple[Line, ...],
    total: Money,
    told: tuple[str, ...],
    segment: Segment,
) -> Content:
    """Return a purchase as content. It has no due date: when sellers are paid is known in accounting only."""
    known_by_id(purchase, purchase_owner(purchase, truck), settings)
    deducts(truck)  # it raises for a truck that can't be read: who pays is not known then
    return Content(
        party=seller,
        number=number,
        issued_on=dated(purchase_day(purchase, settings), purchase),
        due_on=None,
        lines=lines,
        total=total,
        load_number="",
        memo=", ".join(filter(None, told)),
        segment=segment,
    )


def _seller(purchase: Record, what: str, field: str) -> Party:
    name = purchase.text(field)
    if not name.strip():
        raise Odd(problem("party_missing", f"{purchase.path}.{field} is missing"))
    return Party(source_id=f"{what}:{name}", name=name)


def _named(word: str, value: str) -> str:
    return f"{word} {value}" if value.strip() else ""
