"""Which purchases of fuel and which tolls the company pays itself."""

from adapters.alvys.mapping.purchases import deducts, owned, purchase_day, purchase_owner, toll_total
from adapters.alvys.selection.common import Rule, Skip, early, first_that_applies, foreign_by_id
from adapters.alvys.settings import Settings


def fuel_skip(raw: object, truck: object, settings: Settings) -> Skip | None:
    """Return why a purchase of fuel is left alone, or None."""
    rules = _rules(truck) | {
        Skip.OWNER_OPERATOR: lambda fuel, _: owned(fuel),
        Skip.DEDUCTED: lambda fuel, _: deducts(truck, fuel.text("Type")),
        Skip.ZERO_VALUED: lambda fuel, settings: settings.rules.ignore_zero and fuel.money("Total").minor == 0,
    }
    return first_that_applies(rules, raw, "Fuel", settings)


def toll_skip(raw: object, truck: object, settings: Settings) -> Skip | None:
    """Return why a toll is left alone, or None."""
    rules = _rules(truck) | {
        Skip.DEDUCTED: lambda _, __: deducts(truck),
        Skip.ZERO_VALUED: lambda toll, settings: settings.rules.ignore_zero and toll_total(toll).minor == 0,
    }
    return first_that_applies(rules, raw, "Toll", settings)


def _rules(truck: object) -> dict[Skip, Rule]:
    return {
        Skip.NOT_OURS: lambda purchase, settings: foreign_by_id(purchase_owner(purchase, truck), settings),
        Skip.BEFORE_FIRST_DATE: lambda purchase, settings: early(purchase_day(purchase, settings), settings),
    }
