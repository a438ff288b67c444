"""What the API may change of customers, carriers and loads, each against the version its caller has seen."""

from collections.abc import Mapping
from uuid import NAMESPACE_OID, uuid5

from adapters.sandbox.alvys.books import Books
from adapters.sandbox.alvys.routing import Asked, Reply, etag_of, match_version
from adapters.sandbox.alvys.wire import PROBLEM_JSON, Json, Problem

API_USER = "Public API"
LONGEST: Mapping[str, int] = {"Name": 200, "CompanyNumber": 32, "ExternalId": 100, "Fax": 50}
CHOICES: Mapping[str, tuple[str, ...]] = {"Type": ("Customer", "Broker/3PL"), "Status": ("Active", "Inactive")}
LISTS = ("Email", "Phone")
ADDRESS = ("Street", "City", "State", "Zip")
WRITABLE = (*LONGEST, *CHOICES, *LISTS)
LONGEST_ORDER_NUMBER = 30
SHOWN_TO_WRITERS = (
    "Id",
    "Name",
    "CompanyNumber",
    "Type",
    "Status",
    "BillingAddress",
    "Email",
    "Phone",
    "Fax",
    "DateCreated",
    "DateModified",
    "InvoicingInformation",
    "ExternalId",
)
CARRIER_STATUSES = ("Active", "Inactive", "Pending", "Onboarding", "Do Not Use")


def create_customer(books: Books, asked: Asked) -> Reply:
    """Create a customer. Raises a 400 or 409 `Problem`."""
    sent = _sent(asked.body)
    missing = [name for name in ("Name", "Type") if name not in sent]
    if missing:
        raise Problem.of({name: [f"The {name} field is required."] for name in missing})
    number = len(books.all("customers")) + 1001
    key = str(uuid5(NAMESPACE_OID, f"customer/{number}/{books.stamp()}"))
    fresh: Json = {"CompanyNumber": f"C-{number}", "Status": "Active", "BillingAddress": None, "Email": [], "Phone": []}
    fresh |= {"Fax": None, "ExternalId": None, "InvoicingInformation": {"EmailAddresses": []}, "Contacts": []}
    customer: Json = {"Id": key, "DateCreated": books.stamp()} | fresh | {"SalesAgentId": None, "Notes": []} | sent
    return _kept(books, customer, 201)


def update_customer(books: Books, asked: Asked) -> Reply:
    """Change the fields a request names, and no other. Raises a 400, 404, 409, 412 or 428 `Problem`."""
    customer = books.known("customers", asked.match["id"])
    match_version(asked, customer)
    return _kept(books, customer | _sent(asked.body))


def delete_customer(books: Books, asked: Asked) -> Reply:
    """Make a customer inactive; its number stays taken. Raises a 404, 412 or 428 `Problem`."""
    customer = books.known("customers", asked.match["id"])
    match_version(asked, customer)
    books.commit(("customers", customer | {"Status": "Inactive"}))
    return Reply(None, 204)


def update_load(books: Books, asked: Asked) -> Reply:
    """Change a load's order number. Raises a 400, 404, 409, 412 or 428 `Problem`."""
    load = books.find("loads", "LoadNumber", asked.match["loadNumber"])
    if load is None:
        raise Problem(404, "no such load", media=PROBLEM_JSON)
    match_version(asked, load, media=PROBLEM_JSON)
    if load.get("TenderId"):
        raise Problem(409, "The order number of a load from an EDI tender is locked.", media=PROBLEM_JSON)
    number = asked.body.get("OrderNumber", load["OrderNumber"])
    if not isinstance(number, str) or not number.strip() or len(number) > LONGEST_ORDER_NUMBER:
        raise Problem.of({"OrderNumber": [f"OrderNumber must have 1 to {LONGEST_ORDER_NUMBER} characters."]})
    load = books.touched(load, API_USER, OrderNumber=number)
    trips = [books.touched(trip, API_USER, OrderNumber=number) for trip in books.trips_of(load["LoadNumber"])]
    books.commit(("loads", load), *(("trips", trip) for trip in trips))
    return Reply(load, etag=etag_of(load))


def update_carrier_status(books: Books, asked: Asked) -> Reply:
    """Change a carrier's status; the version is checked if it is given. Raises a 404, 412 or 422 `Problem`."""
    carrier = books.known("carriers", asked.match["carrierId"])
    match_version(asked, carrier, required=False)
    status = asked.body.get("Status")
    if not isinstance(status, str) or not status:
        raise Problem.of({"Status": ["The Status field is required."]})
    if status not in CARRIER_STATUSES:
        raise Problem(422, f"Status must be one of: {', '.join(CARRIER_STATUSES)}.")
    carrier = carrier | {"Status": status, "UpdatedAt": books.stamp()}
    books.commit(("carriers", carrier))
    return Reply(None, 204, etag_of(carrier))


def _sent(body: Json) -> Json:
    """Return the writable fields of a request in the shape the books keep; the others are ignored, as documented."""
    sent = {name: body[name] for name in WRITABLE if name in body}
    errors = {
        name: [f"{name} must be text of 1 to {longest} characters."]
        for name, longest in LONGEST.items()
        if name in sent and not _fits(sent[name], longest, blank=name != "Name")
    }
    errors |= {
        name: [f"{name} must be one of: {', '.join(choices)}."]
        for name, choices in CHOICES.items()
        if name in sent and sent[name] not in choices
    }
    errors |= {
        name: [f"{name} must be a list of texts."]
        for name in LISTS
        if name in sent and not (isinstance(sent[name], list) and all(isinstance(each, str) for each in sent[name]))
    }
    address = body.get("BillingAddress")
    if address is not None and (not isinstance(address, dict) or not all(_fits(address.get(x), 200) for x in ADDRESS)):
        errors["BillingAddress"] = [f"BillingAddress needs {', '.join(ADDRESS)}."]
    if errors:
        raise Problem.of(errors)
    if address is not None:
        sent["BillingAddress"] = {"ZipCode" if part == "Zip" else part: address[part] for part in ADDRESS}
    return sent


def _fits(value: object, longest: int, *, blank: bool = False) -> bool:
    if value is None:
        return blank
    return isinstance(value, str) and (blank or bool(value.strip())) and len(value) <= longest


def _kept(books: Books, customer: Json, status: int = 200) -> Reply:
    """Keep a customer as written, unless another one is in its way. Raises a 409 `Problem`."""
    for other in books.all("customers"):
        same = other["Id"] != customer["Id"] and _clash(other, customer)
        if same:
            raise Problem(409, f"{same} is taken by customer {other['Id']}.")
    books.commit(("customers", customer))
    tag = etag_of(customer)
    shown = {name: customer.get(name) for name in SHOWN_TO_WRITERS} | {"ETag": tag, "DateModified": books.stamp()}
    return Reply(shown, status, tag)


def _clash(other: Json, customer: Json) -> str | None:
    """Return what two customers may not share and do: a number, an external id, or a name at one postal code."""
    for name in ("CompanyNumber", "ExternalId"):
        if customer[name] and other[name] == customer[name]:
            return name
    codes = [(each["BillingAddress"] or {}).get("ZipCode") for each in (other, customer)]
    return "Name" if other["Name"] == customer["Name"] and codes[0] == codes[1] else None
