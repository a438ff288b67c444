"""What `check` says about the connection to Alvys, line by line."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final

from adapters.alvys.client import Client, period
from adapters.alvys.directory import CUSTOMER_STATUSES
from adapters.alvys.record import glimpse
from adapters.alvys.rules import Rules
from adapters.alvys.settings import Settings
from adapters.ports import Finding, Rejected, Standing, Unauthorized, VendorError

_LOOK_BACK = timedelta(days=30)

_CREDENTIALS = "In Alvys, create or renew the API credentials; then set alvys.client_id and alvys.client_secret."
_LATER = "Check alvys.api_url and alvys.token_url and the network between, then try again."
# Search -> the scope it needs, per the vendor's page on authentication.
SCOPES: Final = {
    "loads/search": "load:read",
    "trips/search": "trip:read",
    "invoices/search": "invoice:read",
    "customers/search": "customer:read",
    "carriers/search": "carrier:read",
    "trucks/search": "truck:read",
    "carrier-settlement-statements/search": "carrier:read",
    "driver-settlement-statements/search": "driver:read",
    "fuel/search": "fuel:read",
    "tolls/search": "toll:read",
    "drivers/search": "driver:read",
}
# Where a search's records name their subsidiary.
_OWNERS: Final = {"loads/search": "InvoiceAs", "trips/search": "TenderAs"}


async def examine(client: Client, settings: Settings, clock: Callable[[], datetime]) -> list[Finding]:
    """Return a finding on the credentials, on each search and on the subsidiary; never raises a vendor error.

    Payment scopes are not tried: the only way would be to record a payment.
    """
    try:
        await client.authorize()
    except VendorError as error:
        fix = _CREDENTIALS if isinstance(error, Unauthorized) else _LATER
        return [Finding("Alvys credentials", Standing.FAIL, str(error), fix)]
    findings = [Finding("Alvys credentials", Standing.PASS, "a token was issued")]
    names: set[str] = set()
    companies: dict[str, str] = {}
    for path, filters in _probes(settings.rules, clock()).items():
        try:
            records = await client.glance(path, filters)
        except VendorError as error:
            findings.append(Finding(f"Alvys {path}", Standing.FAIL, str(error), _remedy(path, error)))
        else:
            findings.append(Finding(f"Alvys {path}", Standing.PASS, f"{len(records)} records on the first page"))
            names |= _owners(records, _OWNERS.get(path))
            companies |= _companies(records) if path == "invoices/search" else {}
    findings.append(_on_subsidiary(names, settings))
    if settings.subsidiary is not None and settings.rules.names_companies_by_id:
        findings.append(_on_id(settings.subsidiary, companies.get(settings.subsidiary), settings))
    return findings


def _probes(rules: Rules, now: datetime) -> Mapping[str, Mapping[str, object]]:
    """Return the narrowest filters that each search accepts, for the searches that the settings make us need."""
    lately = period(now - _LOOK_BACK, now)
    changed = {"UpdatedAtRange": lately, "IncludeDeleted": False}
    always: dict[str, Mapping[str, object]] = {
        "loads/search": changed,
        "trips/search": changed,
        "invoices/search": {"InvoicedDateRange": lately},
        "customers/search": {"Statuses": CUSTOMER_STATUSES},
        "carriers/search": {"Status": ["Active"]},
    }
    settled, wanted = {"StatementDateRange": lately}, rules.buys_fuel or rules.pays_tolls
    chosen: Iterable[tuple[bool, str, Mapping[str, object]]] = (
        (rules.bills_drivers, "drivers/search", {"IsActive": True}),
        (rules.settles_carriers, "carrier-settlement-statements/search", settled),
        (rules.settles_drivers, "driver-settlement-statements/search", settled),
        (wanted, "trucks/search", {"IsActive": True}),
        (rules.buys_fuel, "fuel/search", {"TransactionRange": lately}),
        (rules.pays_tolls, "tolls/search", {"DateRange": lately}),
    )
    return always | {path: filters for active, path, filters in chosen if active}


def _remedy(path: str, error: VendorError) -> str:
    match error:
        case Unauthorized():
            return f"In Alvys, grant the API credentials the scope {SCOPES[path]}."
        case Rejected(problem=problem):
            return problem.fix
        case _:
            return _LATER


def _owners(records: Iterable[object], field: str | None) -> set[str]:
    values = (record.get(field) for record in records if isinstance(record, Mapping) and field)
    return {value for value in values if isinstance(value, str) and value}


def _companies(invoices: Iterable[object]) -> dict[str, str]:
    """Return the ids of the companies that issued some invoices, by name: nothing else shows the two together."""
    vendors = [invoice.get("Vendor") for invoice in invoices if isinstance(invoice, Mapping)]
    return {name: glimpse(vendor, "Id") for vendor in vendors if (name := glimpse(vendor, "Name"))}


def _on_id(name: str, seen: str | None, settings: Settings) -> Finding:
    """Compare the configured id of the legal entity with the one its invoices show."""
    subject, ours = "Alvys subsidiary id", settings.subsidiary_id
    if ours is None:
        fix = f"Set alvys.subsidiary_id to the id of {name}" + (
            f", which is {seen}." if seen else "; ask Alvys for it."
        )
        return Finding(subject, Standing.FAIL, "statements, fuel and tolls name their company by its id only", fix)
    if seen is not None and seen != ours:
        return Finding(subject, Standing.FAIL, f"{ours}, but the invoices of {name} show {seen}", f"Set it to {seen}.")
    return Finding(
        subject, Standing.PASS, f"{ours}, as invoices show" if seen else f"{ours}; no recent invoice shows it"
    )


def _on_subsidiary(names: set[str], settings: Settings) -> Finding:
    """Compare the configured subsidiary with the names seen on recent loads and trips."""
    subject, seen = "Alvys subsidiary", ", ".join(sorted(names)) or "none"
    fix = f"Set alvys.subsidiary to the legal entity's name as Alvys writes it. Seen lately: {seen}."
    if settings.subsidiary is None:
        if len(names) > 1:
            return Finding(subject, Standing.FAIL, f"several companies share this tenant: {seen}", fix)
        return Finding(subject, Standing.PASS, f"every record is taken; seen: {seen}")
    if settings.subsidiary in names:
        return Finding(subject, Standing.PASS, f"{settings.subsidiary} is in use")
    standing = Standing.FAIL if names else Standing.WARN
    return Finding(subject, standing, f"{settings.subsidiary} is on no recent load or trip; seen: {seen}", fix)
