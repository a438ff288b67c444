"""Deductions from drivers' pay, as the API writes them."""

from decimal import Decimal
from uuid import NAMESPACE_OID, uuid5

from adapters.sandbox.alvys.books import Books
from adapters.sandbox.alvys.ensemble import owner_of
from adapters.sandbox.alvys.parties import at
from adapters.sandbox.alvys.routing import Asked, Reply
from adapters.sandbox.alvys.wire import Json, Problem, money, read_instant, write_instant

API_USER = "Public API"
SMALLEST = -1
"""Dollars; an amount must be less, per the vendor's page."""


def create_deduction(books: Books, asked: Asked) -> Reply:
    """Take an amount off what a driver, or the owner of a truck, is paid next. Raises a 400 `Problem`.

    The owner-operator is the driver's own unless the request names another.
    """
    body = asked.body
    errors = _wrong(books, body)
    if errors:
        raise Problem.of(errors)
    driver = books.get("drivers", body.get("DriverId") or "")
    key = uuid5(NAMESPACE_OID, f"deduction/{books.stamp()}/{len(books.all('deductions'))}")
    deduction = {
        "Id": str(key),
        "Type": "Deduction",
        "GroupId": str(uuid5(key, "group")),
        "Description": body["Description"],
        "Category": body["Category"],
        "Amount": money(body["Amount"]),
        "DriverId": body.get("DriverId"),
        "TruckId": body.get("TruckId"),
        "OwnerOperatorId": body.get("OwnerOperatorId") or (owner_of(driver) if driver else None),
        "Date": write_instant(at(read_instant(body["Date"]).date(), 0)),
        "IsPaid": False,
        "CreatedAt": books.stamp(),
        "CreatedBy": API_USER,
    }
    books.commit(("deductions", deduction))
    return Reply(deduction, 201)


def delete_deduction(books: Books, asked: Asked) -> Reply:
    """Delete a deduction no statement has taken yet, and answer with it. Raises a 404 or 422 `Problem`."""
    deduction = books.known("deductions", asked.match["id"])
    if deduction["IsPaid"]:
        raise Problem(422, "The deduction is on a settlement statement already.")
    books.commit(removed=[("deductions", deduction["Id"])])
    return Reply(deduction)


def _wrong(books: Books, body: Json) -> dict[str, list[str]]:
    errors = {
        name: [f"The {name} field is required."]
        for name in ("Date", "Category", "Description")
        if not isinstance(body.get(name), str) or not body[name].strip()
    }
    if "Date" not in errors:
        try:
            read_instant(body["Date"])
        except ValueError:
            errors["Date"] = ["The JSON value could not be converted to a date."]
    amount = body.get("Amount")
    if isinstance(amount, bool) or not isinstance(amount, int | Decimal) or amount >= SMALLEST:
        errors["Amount"] = ["Amount must be negative and less than -1.00."]
    assets = [name for name in ("DriverId", "TruckId") if body.get(name)]
    if len(assets) != 1:
        errors["DriverId"] = ["Either DriverId or TruckId must be given, and not both."]
    elif books.get({"DriverId": "drivers", "TruckId": "trucks"}[assets[0]], body[assets[0]]) is None:
        errors[assets[0]] = [f"There is no such {assets[0].removesuffix('Id').lower()}."]
    return errors
