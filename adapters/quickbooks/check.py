"""Whether a company is fit to take our documents: connection, plan, preferences, accounts and mapping, line by line."""

import re
from collections.abc import Awaitable, Iterable, Iterator
from typing import Final

from adapters.ports import Finding, Rejected, Standing, VendorError
from adapters.quickbooks.auth import Tokens
from adapters.quickbooks.client import Client
from adapters.quickbooks.problems import ShutOut
from adapters.quickbooks.references import References
from adapters.quickbooks.settings import Settings
from adapters.quickbooks.shapes import Account, Company, Item, Preferences

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

    def __init__(self, settings: Settings, client: Client, references: References, tokens: Tokens) -> None:
        self._settings = settings
        self._client = client
        self._references = references
        self._tokens = tokens

    async def findings(self) -> list[Finding]:
        """Return one finding per subject; only the first, if there is no way in."""
        try:
            company = await self._client.company()
            preferences = await self._references.preferences(fresh=True)
        except ShutOut as shut:
            return [Finding("connection", FAIL, str(shut), shut.problem.fix)]
        except VendorError as error:
            return [Finding("connection", FAIL, str(error), "See whether QuickBooks is up; then check again.")]
        return [
            Finding("connection", PASS, f"company {self._settings.realm_id}"),
            self._token(),
            *_of_company(company),
            *_of_preferences(preferences, self._settings.home_currency),
            *await self._of_mapping(bills=preferences.bills is not False),
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

    async def _of_mapping(self, *, bills: bool) -> list[Finding]:
        mapping, references = self._settings.mapping, self._references
        findings = [await _resolved("accounts payable account", references.payable_account(mapping.payable_account))]
        if mapping.deposit_account is not None:
            found = references.deposit_account(mapping.deposit_account)
            findings.append(await _resolved("deposit account", found))
        for charge, item in mapping.revenue.items():
            findings.append(await _resolved(f'revenue "{charge}"', references.item(item)))
        for charge, account in mapping.expense.items():
            findings.append(await _resolved(f'expense "{charge}"', references.expense_account(account)))
        return [*findings, *_side("revenue", mapping.revenue), *_side("expense", mapping.expense, needed=bills)]


async def _resolved(subject: str, reference: Awaitable[Account | Item]) -> Finding:
    """Return whether what the configuration names is there and fit."""
    try:
        found = await reference
    except Rejected as refusal:
        problem = refusal.problem
        return Finding(subject, FAIL, f"{problem.cause} ({problem.detail})", problem.fix)
    except VendorError as error:
        return Finding(subject, FAIL, str(error), "Check again when QuickBooks answers.")
    return Finding(subject, PASS, f"{found.fully_qualified_name or found.name} (id {found.id})")


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


def _of_company(company: Company) -> Iterator[Finding]:
    yield Finding("company name", PASS, company.company_name)
    plan = company.named("OfferingSku")
    if "simplestart" in re.sub(r"[\W_]", "", plan).casefold():
        yield Finding("plan", FAIL, f"{plan} has no bills", f"Upgrade to Essentials or higher under {_BILLING}.")
    else:
        yield Finding("plan", PASS, plan or "not stated; the preferences decide")
    status = company.named("SubscriptionStatus")
    standing, fix = _SUBSCRIPTIONS.get(status.upper(), (FAIL, f"Renew it under {_BILLING}."))
    yield Finding("subscription", standing, status, fix) if status else Finding("subscription", PASS, "not stated")


def _of_preferences(preferences: Preferences, home_currency: str) -> Iterable[Finding]:
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
        _judged("bills", preferences.bills, FAIL,
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
