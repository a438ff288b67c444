"""Whether a company is fit to take our documents: connection, plan, preferences, accounts and mapping, line by line."""

from collections.abc import Iterable, Iterator
from typing import Final

from adapters.ports import Finding, Place, Standing, VendorError
from adapters.quickbooks.auth import Tokens
from adapters.quickbooks.coverage import DEPOSIT, PAYABLE, Coverage
from adapters.quickbooks.plans import Plan
from adapters.quickbooks.problems import ShutOut
from adapters.quickbooks.references import References
from adapters.quickbooks.settings import Settings
from adapters.quickbooks.shapes import Company, Preferences
from adapters.quickbooks.tags import Tagging

PASS, WARN, FAIL = Standing

_SOON: Final = 14 * 86400.0  # seconds before the end of the connection at which to say so
_ADVANCED: Final = "Settings > Account and settings > Advanced"
_NUMBERS: Final = "Settings > Account and settings > Sales > Sales form content > Custom transaction numbers"
_BILLING: Final = "Settings > Account and settings > Billing & subscription"

# fmt: off
_SUBSCRIPTIONS: Final = {
    "PAID":  (PASS, ""),
    "TRIAL": (WARN, f"The trial will end: subscribe under {_BILLING}."),
}
# fmt: on


class Inspection:
    """The reader of everything a person may have to set right before documents can go out."""

    def __init__(self, settings: Settings, references: References, coverage: Coverage, tokens: Tokens) -> None:
        self._settings = settings
        self._references = references
        self._coverage = coverage
        self._tokens = tokens
        self._tagging = Tagging(settings, references)

    async def findings(self) -> list[Finding]:
        """Return one finding per subject; only the first, if there is no way in."""
        try:
            company = await self._references.company()
            preferences = await self._references.preferences(fresh=True)
            plan = await self._references.plan()
        except ShutOut as shut:
            return [Finding("connection", FAIL, str(shut), shut.problem.fix)]
        except VendorError as error:
            return [Finding("connection", FAIL, str(error), "See whether QuickBooks is up; then check again.")]
        return [
            Finding("connection", PASS, f"company {self._settings.realm_id}"),
            self._token(),
            *_of_company(company, plan),
            *_of_preferences(preferences, self._settings.home_currency, plan),
            *await self._tagging.findings(preferences),
            *await self._of_mapping(plan, needed=preferences.bills is not False),
        ]

    def _token(self) -> Finding:
        left = [
            seconds for seconds in (self._tokens.seconds_to_expiry, self._tokens.seconds_to_end) if seconds is not None
        ]
        if not left:
            return Finding("token", PASS, "QuickBooks states no end")
        days = f"{min(left) / 86400:.0f} days left"
        fix = "Reconnect QuickBooks as a company administrator and give the daemon the new refresh token."
        return Finding("token", WARN, days, fix) if min(left) < _SOON else Finding("token", PASS, days)

    async def _of_mapping(self, plan: Plan, *, needed: bool) -> list[Finding]:
        """Return a finding for each line of the mapping, and for each side as a whole."""
        try:
            lines = await self._coverage.lines()
        except VendorError as error:
            return [Finding("mapping", FAIL, str(error), "Check again when QuickBooks answers.")]
        mapping = self._settings.mapping
        sides = {"revenue": (mapping.revenue, True)} | ({"expense": (mapping.expense, needed)} if plan.bills else {})
        of_sides = [
            finding for side, (charges, wanted) in sides.items() for finding in _side(side, charges, needed=wanted)
        ]
        return [*map(_of_line, lines), *of_sides]


def _of_line(line: Place) -> Finding:
    """Return what there is to say of one line of the mapping."""
    table = ".".join(filter(None, (line.load_type, line.slot)))
    subject = line.charge if line.charge in {PAYABLE, DEPOSIT} else f'{table} "{line.charge}"'
    return Finding(subject, line.standing, line.gap or line.target, line.fix)


def _side(side: str, charges: dict[str, str], *, needed: bool = True) -> Iterator[Finding]:
    """Yield what there is to say of one side of the mapping as a whole: that it is empty, or has no default."""
    if not charges:
        fix = f'Set "default", or a key for each charge, in mapping.{side}.'
        yield Finding(side, FAIL if needed else WARN, f"mapping.{side} is empty: no charge has a place", fix)
    elif "default" in {charge.strip().casefold() for charge in charges}:
        yield Finding(f"{side} default", PASS, "a charge without a mapping of its own has a place")
    else:
        fix = f'To let such charges through, set "default" in mapping.{side}.'
        yield Finding(f"{side} default", WARN, "a charge without a mapping of its own waits for a person", fix)


def _of_company(company: Company, plan: Plan) -> Iterator[Finding]:
    yield Finding("company name", PASS, company.company_name)
    if not plan.bills:
        left = f"{plan.name or 'the plan'} has no bills: invoices go out, bills and vendor credits are left"
        fix = f"To export them too, upgrade to Essentials or higher under {_BILLING}; else set export.expense = false."
        yield Finding("plan", WARN, left, fix)
    else:
        tracked = "bills, classes and locations" if plan.segments else "bills, but neither classes nor locations"
        yield Finding("plan", PASS, f"{plan.name or 'not stated, as the preferences tell'}: {tracked}")
    status = company.named("SubscriptionStatus")
    standing, fix = _SUBSCRIPTIONS.get(status.upper(), (FAIL, f"Renew it under {_BILLING}."))
    yield Finding("subscription", standing, status, fix) if status else Finding("subscription", PASS, "not stated")


def _of_preferences(preferences: Preferences, home_currency: str, plan: Plan) -> Iterable[Finding]:
    accounting, currencies = preferences.accounting_info_prefs, preferences.currency_prefs
    home = currencies.home_currency.value if currencies.home_currency else ""
    classes = _either(accounting.class_tracking_per_txn, accounting.class_tracking_per_txn_line)
    closed = preferences.closed_until
    warns = preferences.other("WarnDuplicateBillNumber")
    # fmt: off
    return (
        _judged("custom transaction numbers", preferences.sales_forms_prefs.custom_txn_numbers, WARN,
                "on: invoices carry our numbers", "off: QuickBooks numbers invoices itself",
                f"Turn them on under {_NUMBERS}.", "off"),
        Finding("closing date", PASS, f"books closed up to {closed}" if closed else "books are open"),
        Finding("class tracking", PASS, _SWITCH[classes]),
        Finding("location tracking", PASS, _SWITCH[accounting.track_departments]),
        _judged("bills", preferences.bills, FAIL if plan.bills else WARN,
                "enabled", "disabled",
                "Turn bills on under Settings > Account and settings > Expenses > Bills and expenses; "
                "Simple Start has none.", "enabled"),
        _judged("duplicate bill numbers", warns.casefold() != "true" if warns else None, WARN,
                "taken: two trips of a load by one carrier share its number; we look before each bill",
                "refused: the second of two trips of a load by one carrier will be",
                f"Turn the warning off under {_ADVANCED} > Other preferences > Warn if duplicate bill number is used.",
                "taken"),
        _judged("home currency", home == home_currency if home else None, FAIL,
                home, f"{home}, configured {home_currency}",
                "Set the home currency in the configuration to the company's own.", home_currency),
    )
    # fmt: on


_SWITCH: Final = {True: "on", False: "off", None: "unknown, taken as off"}


def _either(*flags: bool | None) -> bool | None:
    """Return whether any flag is set, None if none is and one is unknown."""
    return any(flags) or (None if None in flags else False)


def _judged(subject: str, fit: bool | None, otherwise: Standing, well: str, ill: str, fix: str, taken: str) -> Finding:  # noqa: FBT001, PLR0913, PLR0917 - one row of the table above
    if fit is None:
        return Finding(subject, WARN, f"unknown, taken as {taken}: QuickBooks does not say", fix)
    return Finding(subject, PASS, well) if fit else Finding(subject, otherwise, ill, fix)
