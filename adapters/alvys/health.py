"""What `check` says about the connection to Alvys, line by line."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final

from adapters.alvys.client import Client, period
from adapters.alvys.directory import CUSTOMER_STATUSES
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
    for path, filters in _probes(clock()).items():
        try:
            records = await client.glance(path, filters)
        except VendorError as error:
            findings.append(Finding(f"Alvys {path}", Standing.FAIL, str(error), _remedy(path, error)))
        else:
            findings.append(Finding(f"Alvys {path}", Standing.PASS, f"{len(records)} records on the first page"))
            names |= _owners(records, _OWNERS.get(path))
    return [*findings, _on_subsidiary(names, settings)]


def _probes(now: datetime) -> Mapping[str, Mapping[str, object]]:
    """Return the narrowest filters each search accepts."""
    lately = period(now - _LOOK_BACK, now)
    changed = {"UpdatedAtRange": lately, "IncludeDeleted": False}
    return {
        "loads/search": changed,
        "trips/search": changed,
        "invoices/search": {"InvoicedDateRange": lately},
        "customers/search": {"Statuses": CUSTOMER_STATUSES},
        "carriers/search": {"Status": ["Active"]},
    }


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
