"""Every endpoint of the API that reads or writes the books, in one table."""

from collections.abc import Callable, Mapping
from functools import partial

from adapters.sandbox.alvys.books import Books
from adapters.sandbox.alvys.deductions import create_deduction, delete_deduction
from adapters.sandbox.alvys.documents import PLACES, list_documents, upload_carrier_invoice, upload_document
from adapters.sandbox.alvys.notes import create_note, delete_note, list_notes
from adapters.sandbox.alvys.payments import PAYMENTS
from adapters.sandbox.alvys.routing import Asked, Reply, Route, etag_of
from adapters.sandbox.alvys.search import SEARCHES, Search, find
from adapters.sandbox.alvys.wire import Json, Problem
from adapters.sandbox.alvys.writes import (
    create_customer,
    delete_customer,
    update_carrier_status,
    update_customer,
    update_load,
)

READS: Mapping[str, Mapping[str, str]] = {
    "loads": {"id": "Id", "loadNumber": "LoadNumber", "orderNumber": "OrderNumber"},
    "trips": {"id": "Id", "tripNumber": "TripNumber"},
    "invoices": {"id": "Id", "invoiceNumber": "Number"},
    "customers": {"id": "Id", "companyNumber": "CompanyNumber"},
}
"""What one object of a kind can be asked for by, in the query string."""

BY_ID = ("carriers", "drivers", "trucks", "fuel", "tolls", "deductions")
"""Kinds with a path for each object."""

LISTS = ("drivers", "trucks")
"""Kinds that are shown whole."""

STATEMENTS = ("carrier-settlement-statements", "driver-settlement-statements")
"""Searches whose finds have a path for each number."""

TAGGED = frozenset({"loads", "customers", "carriers"})
"""Kinds whose reads come with the entity tag that a write has to name."""


def routes(books: Books) -> list[Route]:
    """List the endpoints over some books."""

    def on_books(answering: Callable[[Books, Asked], Reply]) -> Callable[[Asked], Reply]:
        return partial(answering, books)

    return [
        *(Route("POST", f"{path}/search", partial(_search, books, search)) for path, search in SEARCHES.items()),
        *(Route("POST", path, partial(_record, books, record)) for path, record in PAYMENTS.items()),
        *(Route("GET", kind, partial(_read, books, kind, names)) for kind, names in READS.items()),
        *(Route("GET", kind, partial(_list, books, kind)) for kind in LISTS),
        *(Route("GET", f"{kind}/{{id}}", partial(_read_by_id, books, kind)) for kind in BY_ID),
        *(
            Route("GET", rf"{path}/{{number:\d+}}", partial(_read_statement, books, SEARCHES[path]))
            for path in STATEMENTS
        ),
        *(
            Route("GET", f"{kind}/{{{place.name}}}/documents", partial(list_documents, books, kind))
            for kind, place in PLACES.items()
        ),
        *(
            Route("POST", f"{kind}/{{{place.name}}}/document", partial(upload_document, books, kind), multipart=True)
            for kind, place in PLACES.items()
        ),
        Route("POST", "invoices/carrier-invoice", on_books(upload_carrier_invoice), multipart=True),
        Route("GET", "loads/{loadNumber}/notes", on_books(list_notes)),
        Route("POST", "loads/{loadNumber}/notes", on_books(create_note)),
        Route("DELETE", "loads/{loadNumber}/notes/{noteId}", on_books(delete_note)),
        Route("PATCH", "loads/{loadNumber}", on_books(update_load)),
        Route("POST", "customers", on_books(create_customer)),
        Route("PATCH", "customers/{id}", on_books(update_customer)),
        Route("DELETE", "customers/{id}", on_books(delete_customer)),
        Route("PATCH", "carriers/{carrierId}/status", on_books(update_carrier_status)),
        Route("POST", "deductions/once", on_books(create_deduction)),
        Route("DELETE", "deductions/{id}", on_books(delete_deduction)),
    ]


def _search(books: Books, search: Search, asked: Asked) -> Reply:
    return Reply(find(search, books, asked.body))


def _record(books: Books, record: Callable[[Books, Json], Json], asked: Asked) -> Reply:
    return Reply(record(books, asked.body))


def _read(books: Books, kind: str, names: Mapping[str, str], asked: Asked) -> Reply:
    wanted = [(field, asked.query[name]) for name, field in names.items() if asked.query.get(name)]
    if not wanted:
        raise Problem(400, f"give one of {', '.join(names)}")
    found = books.find(kind, *wanted[0])
    deleted_too = asked.query.get("includeDeleted", "").lower() == "true"
    if found is None or (found.get("IsDeleted") and not deleted_too):
        raise Problem(404, f"no such object among the {kind}")
    return _tagged(kind, SEARCHES[kind].view(found, books.switches))


def _read_by_id(books: Books, kind: str, asked: Asked) -> Reply:
    return _tagged(kind, SEARCHES[kind].view(books.known(kind, asked.match["id"]), books.switches))


def _read_statement(books: Books, search: Search, asked: Asked) -> Reply:
    return Reply(search.view(books.known(search.kind, asked.match["number"]), books.switches))


def _list(books: Books, kind: str, _: Asked) -> Reply:
    return Reply(books.all(kind))


def _tagged(kind: str, found: Json) -> Reply:
    return Reply(found, etag=etag_of(found) if kind in TAGGED else None)
