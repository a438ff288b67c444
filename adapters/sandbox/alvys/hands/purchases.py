"""What the office does with fuel and tolls that were posted: put right, charged to somebody, taken out."""

from decimal import Decimal

from adapters.sandbox.alvys.books import Books
from adapters.sandbox.alvys.ensemble import owner_of
from adapters.sandbox.alvys.wire import Json, Problem, money


def correct_fuel(books: Books, fuel_id: str, fuel_total: Decimal | int | str) -> Json:
    """Put right what was pumped; the total follows."""
    bought = books.known("fuel", fuel_id)
    change = Decimal(fuel_total) - bought["FuelTotal"]["Amount"]
    corrected = bought | {"FuelTotal": money(fuel_total), "Total": money(bought["Total"]["Amount"] + change)}
    books.commit(("fuel", corrected))
    return corrected


def charge_fuel(books: Books, fuel_id: str, driver_id: str) -> Json:
    """Charge a purchase of fuel to an owner-operator."""
    driver = books.known("drivers", driver_id)
    owner = owner_of(driver)
    if owner is None:
        raise Problem(400, f"driver {driver_id} is no owner-operator")
    charged = books.known("fuel", fuel_id) | {"OwnerOperatorId": owner, "OwnerOperatorName": driver["Name"]}
    books.commit(("fuel", charged))
    return charged


def remove_fuel(books: Books, fuel_id: str) -> Json:
    """Take out a purchase of fuel; it vanishes."""
    return _remove(books, "fuel", fuel_id)


def remove_toll(books: Books, toll_id: str) -> Json:
    """Take out a toll; it vanishes."""
    return _remove(books, "tolls", toll_id)


def _remove(books: Books, kind: str, key: str) -> Json:
    removed = books.known(kind, key)
    books.commit(removed=[(kind, key)])
    return removed
