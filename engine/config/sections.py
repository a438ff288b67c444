"""What a person can set, section by section. Times are in seconds; a key's description is what the manual prints."""

from collections.abc import Mapping as Table
from datetime import UTC
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from typing_extensions import override

from adapters.ports import FileSort
from engine.config.values import (
    Charges,
    ChargesByTable,
    Count,
    Day,
    Days,
    Label,
    Listen,
    Pause,
    Seconds,
    Secret,
    Suffix,
    Text,
    Url,
    Zone,
    loopback,
    split,
    unfit,
)


class Section(BaseModel):
    """A table of the TOML file."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, hide_input_in_errors=True)


class Token(Section):
    """Who may use the admin API: a name for the history, a role, and the hash of the token itself."""

    name: str = Field(pattern=r"^\S(.{0,62}\S)?$", description="the name the history shows, up to 64 characters")
    role: Literal["viewer", "operator"] = Field(description="viewer or operator")
    hash: str = Field(pattern=r"^sha256:[0-9a-f]{64}$", description="what `loadledger token NAME` printed, sha256:…")


class Http(Section):
    """Where the daemon listens, and who may act through it."""

    listen: Listen = Field(
        default="127.0.0.1:8321", description="the address and port of health, metrics and admin API"
    )
    tokens: list[Token] = Field(
        default=[], description="a list of {name, role, hash}, as `loadledger token NAME` prints them"
    )

    @field_validator("tokens")
    @classmethod
    def _guarded(cls, tokens: list[Token], info: ValidationInfo) -> list[Token]:
        listen = info.data.get("listen")
        if listen and not tokens and not loopback(split(listen)[0]):
            raise unfit(
                f"is empty, and the daemon would listen on {listen}, which others can reach",
                "Run `loadledger token NAME --role operator` and add what it prints, or listen on 127.0.0.1.",
            )
        names = [token.name for token in tokens]
        if len(set(names)) < len(names):
            raise unfit("names someone twice", "Give each token its own name: the history shows it.")
        return tokens

    @property
    def host(self) -> str:
        """The host of `listen`, without brackets."""
        return split(self.listen)[0]

    @property
    def port(self) -> int:
        """The port of `listen`; 0 takes a free one."""
        return split(self.listen)[1]


class Alvys(Section):
    """The TMS: one tenant, seen by one legal entity."""

    api_url: Url = Field(default="https://integrations.alvys.com", description="the address of the Alvys API")
    token_url: Url = Field(
        default="https://auth.alvys.com/oauth/token", description="the address that gives out access tokens"
    )
    audience: Text = Field(default="https://api.alvys.com/public/", description="the audience to ask access for")
    client_id: Text = Field(description="the client id of the Alvys API key")
    client_secret: Secret = Field(description="the client secret of the Alvys API key")
    subsidiary: Text | None = Field(
        default=None, description="the legal entity's name in Alvys; leave it out if the tenant has one subsidiary only"
    )
    subsidiary_id: Text | None = Field(
        default=None, description="its id there; needed beside the name for drivers, statements, fuel and tolls"
    )
    poll_interval: Seconds = Field(default=60, description="the time between two looks at what changed")
    overlap: Seconds = Field(default=300, description="how far each look reaches back before the last one")
    statement_interval: Seconds = Field(default=900, description="the time between two looks at statements")
    purchase_interval: Seconds = Field(default=3600, description="the time between two looks at fuel and tolls")
    look_back_days: Days = Field(
        default=35, description="the days of statements, fuel and tolls that each look reads again"
    )
    requests_per_minute: Count = Field(default=10, description="the budget of each endpoint")
    page_size: Count = Field(default=200, le=200, description="the records per page, at most 200")
    invoice_chunk: Count = Field(default=50, le=50, description="the load numbers per invoice search, at most 50")
    timezone: Zone = Field(default=UTC, description="the time zone that turns instants into dates, as America/Chicago")
    carrier_terms_days: Days = Field(default=30, description="the days until a bill is due if Alvys does not say")
    reference_refresh: Seconds = Field(default=3600, description="how long a customer or carrier is remembered")
    timeout: Seconds = Field(default=60, description="the longest wait for an answer")


class Quickbooks(Section):
    """Accounting: the one QuickBooks Online company of this legal entity."""

    api_url: Url = Field(default="https://quickbooks.api.intuit.com", description="the address of the QuickBooks API")
    token_url: Url = Field(
        default="https://oauth.platform.intuit.com/oauth2/v1/tokens/bearer",
        description="the address that gives out access tokens",
    )
    client_id: Text = Field(description="the client id of the Intuit app")
    client_secret: Secret = Field(description="the client secret of the Intuit app")
    realm_id: str = Field(pattern=r"^[0-9]{1,32}$", description="the company's id: digits, in quotes")
    refresh_token: Secret | None = Field(
        default=None,
        description="the first refresh token, or a new one after reconnecting; else the database's is used",
    )
    poll_interval: Seconds = Field(default=300, description="the time between two looks at what was paid or changed")
    overlap: Seconds = Field(default=300, description="how far each look reaches back before the last one")
    requests_per_minute: Count = Field(default=500, description="the company's budget per minute")
    requests_per_second: Count = Field(default=10, description="the company's budget per second")
    batches_per_minute: Count = Field(default=40, description="the company's budget of batches per minute")
    reads_per_month: Count = Field(
        default=500_000, description="the metered reads the Intuit app may make in a month; near it polling slows"
    )
    preferences_refresh: Seconds = Field(default=900, description="how long the company's preferences are remembered")
    reference_refresh: Seconds = Field(default=3600, description="how long accounts, items and terms are remembered")
    customer_suffix: Suffix = Field(
        default="(C)", description="what stands behind a customer's name that a vendor or an employee holds"
    )
    vendor_suffix: Suffix = Field(
        default="(V)", description="what stands behind a vendor's name that a customer or an employee holds"
    )
    update_contacts: bool = Field(
        default=False,
        description="whether e-mail, phone and address that change in Alvys are changed in QuickBooks as well",
    )
    timeout: Seconds = Field(default=130, description="the longest wait for an answer")


class Export(Section):
    """Which records are billed, and how: the settings that users of the TMS's own integration know."""

    auto: bool = Field(
        default=True, description="whether documents leave by themselves; else each waits for its release"
    )
    retry_closed_periods: bool = Field(
        default=True, description="whether documents of a closed period go again by themselves once it is open"
    )
    revenue: bool = Field(default=True, description="whether customers' invoices are exported")
    expense: bool = Field(default=True, description="whether bills of carriers, drivers and sellers are exported")
    ignore_driver_bills: bool = Field(default=False, description="whether all bills of drivers are left alone")
    pay_subsidiary_carrier: bool = Field(
        default=False, description="whether the company that hauled is billed instead of its driver"
    )
    single_driver_bill: bool = Field(
        default=False, description="whether a driver's statement is one bill over the net pay, a line for each part"
    )
    carrier_bill_on: Literal["invoice", "release"] = Field(
        default="invoice",
        description="when a carrier's bill is due: with the customer's invoice, or on release of the trip",
    )
    separate_carrier_invoice: bool = Field(
        default=False, description="whether a carrier's bill waits until the carrier's own invoice is on the trip"
    )
    by_tax_category: bool = Field(
        default=False, description="whether only drivers on 1099 are billed, those on W-2 not"
    )
    ignore_zero: bool = Field(default=True, description="whether documents over 0.00 are left alone")
    tax_company_vendor: bool = Field(
        default=False, description="whether the vendor of a driver on 1099 is the driver's company"
    )
    carrier_statements: bool = Field(
        default=False, description="whether carriers are billed by their settlement statements only"
    )
    company_fuel: bool = Field(default=False, description="whether fuel that is taken off no driver's pay is billed")
    company_toll: bool = Field(default=False, description="whether tolls that are taken off no driver's pay are billed")
    number_prefix: bool = Field(default=False, description="whether numbers tell what they are of: ALD-100000 a load's")
    customer_payments: bool = Field(
        default=False,
        description="whether payments recorded in the TMS are exported",
    )
    shared_billing: bool = Field(
        default=False, description="whether what one company invoices and another hauls is billed between the two"
    )

    @field_validator("*")
    @classmethod
    def _compatible(cls, value: object, info: ValidationInfo) -> object:
        """Refuse what does not go with a setting above it, or lacks one that it needs."""
        name = str(info.field_name)
        clashing = [other for other in _CLASHES.get(name, ()) if value and info.data.get(other)]
        lacking = [other for other in _NEEDS.get(name, ()) if value and not info.data.get(other, True)]
        if clashing:
            raise unfit(f"does not go with {_named(clashing)}", "Set one of them to false.")
        if lacking:
            raise unfit(f"is of no use without {_named(lacking)}", "Set both to true, or neither.")
        return value

    def rules(self) -> dict[str, Any]:
        """Return the settings that decide what is billed."""
        return self.model_dump(exclude={"auto", "retry_closed_periods"})


def _named(settings: list[str]) -> str:
    return " and ".join(f"export.{each}" for each in settings)


# As the TMS documents them. A setting is compared with those above it.
_CLASHES: Final[Table[str, tuple[str, ...]]] = {
    "pay_subsidiary_carrier": ("ignore_driver_bills",),
    "single_driver_bill": ("ignore_driver_bills", "pay_subsidiary_carrier"),
    "by_tax_category": ("ignore_driver_bills", "pay_subsidiary_carrier"),
    "tax_company_vendor": ("ignore_driver_bills", "pay_subsidiary_carrier"),
}
_NEEDS: Final[Table[str, tuple[str, ...]]] = {
    "by_tax_category": ("single_driver_bill",),
    "tax_company_vendor": ("single_driver_bill",),
    "customer_payments": ("revenue",),
}


class Relay(Section):
    """How documents are sent, and what happens if an answer stays away."""

    interval: Seconds = Field(default=5, description="the time between two looks at the outbox when nothing wakes it")
    gather: float = Field(
        default=0.5,
        ge=0,
        le=12,
        allow_inf_nan=False,
        description="how long new documents wait for company, as a share of quickbooks.poll_interval; "
        "one look-up serves them all",
    )
    claim: Count = Field(default=300, description="the messages taken up at once")
    concurrency: Count = Field(default=10, description="the messages sent at the same time")
    quiet_period: Pause = Field(default=180, description="the wait before a send without an answer is looked up")
    read_pause: Seconds = Field(default=5, description="the pause between the two look-ups that have to agree")
    rounds: Count = Field(default=3, description="the tries without an answer before a person decides")
    retry_base: Seconds = Field(default=5, description="the first delay before trying again; it doubles each time")
    retry_cap: Seconds = Field(default=900, description="the longest delay before trying again")

    @field_validator("retry_cap")
    @classmethod
    def _reachable(cls, cap: float, info: ValidationInfo) -> float:
        if cap < info.data.get("retry_base", 0):
            raise unfit("is below relay.retry_base", "Make it the larger of the two.")
        return cap


class Mapping(Section):
    """Which item or account each charge is booked on, by its name, its category, or `default`; by load type first."""

    payable_account: Text | None = Field(
        default=None, description="the accounts payable account; leave it out if the company has one only"
    )
    deposit_account: Text | None = Field(
        default=None, description="the account that customers' payments go to, if they are exported"
    )
    revenue: Charges = Field(default={}, description="a table from charge to the item or income account it is sold on")
    expense: Charges = Field(default={}, description="a table from charge to the account it is billed on")
    liability: Charges = Field(default={}, description="a table from what is held in escrow to its liability account")
    asset: ChargesByTable = Field(
        default={}, description="the tables revenue, expense and liability for loads that own trucks haul, asked first"
    )
    brokerage: ChargesByTable = Field(
        default={}, description="the tables revenue, expense and liability for loads that others haul, asked first"
    )


class Segments(Section):
    """What in accounting the parts of the business become."""

    subsidiaries: Literal["", "class", "location"] = Field(
        default="", description="what a subsidiary becomes: class, location, or nothing"
    )
    fleets: Literal["", "class", "location"] = Field(
        default="", description="what a fleet becomes: class, location, or nothing"
    )
    class_on: Literal["line", "transaction"] = Field(
        default="line", description="what bears the class: each line, or the transaction as a whole"
    )
    subsidiary_names: Charges = Field(
        default={}, description="a table from subsidiary to its class or location, where the names differ"
    )
    fleet_names: Charges = Field(
        default={}, description="a table from fleet to its class or location, where the names differ"
    )

    @field_validator("fleets")
    @classmethod
    def _apart(cls, fleets: str, info: ValidationInfo) -> str:
        if fleets and fleets == info.data.get("subsidiaries"):
            raise unfit(
                f"is {fleets!r}, which segments.subsidiaries is too",
                "Let one of them be a class and the other a location, or leave one out.",
            )
        return fleets

    @field_validator("subsidiary_names", "fleet_names")
    @classmethod
    def _of_use(cls, names: dict[str, str], info: ValidationInfo) -> dict[str, str]:
        of = {"subsidiary_names": "subsidiaries", "fleet_names": "fleets"}[str(info.field_name)]
        if names and info.data.get(of) == "":
            raise unfit(f"is of no use without segments.{of}", f"Set segments.{of} to class or location too.")
        return names


class Fields(Section):
    """What else the TMS says that invoices show, each in the custom field of this label."""

    order_number: Label | None = Field(
        default=None, description="the label of the custom field that shows the customer's order number"
    )
    po_number: Label | None = Field(
        default=None, description="the label of the custom field that shows the customer's P.O. number"
    )

    @field_validator("po_number")
    @classmethod
    def _apart(cls, label: str | None, info: ValidationInfo) -> str | None:
        if label is not None and label == info.data.get("order_number"):
            raise unfit("is the label of fields.order_number too", "Give each its own custom field.")
        return label


class Attachments(Section):
    """Which files of the TMS hang on documents in accounting."""

    proof_of_delivery: bool = Field(
        default=False, description="whether proofs of delivery are attached to invoices and carriers' bills"
    )
    rate_confirmation: bool = Field(
        default=False, description="whether the customer's, or the carrier's, rate confirmation is attached"
    )
    carrier_invoice: bool = Field(
        default=False, description="whether the carrier's own invoice is attached to its bill"
    )

    @property
    def wanted(self) -> frozenset[FileSort]:
        """What is attached."""
        return frozenset(FileSort(name) for name, on in self if on)


class Config(BaseSettings):
    """Everything one legal entity's daemon is told. Made by `load` only, which merges the sources."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", validate_default=True, hide_input_in_errors=True)

    entity: str = Field(
        pattern=r"^[a-z0-9-]{1,32}$", description="the legal entity's short name: up to 32 of a-z, 0-9 and -"
    )
    database: Path = Field(
        default_factory=lambda known: Path("/var/lib/loadledger") / f"{known['entity']}.db",
        description="the database file, on a local disk",
    )
    first_date: Day = Field(description="the date before which nothing is synced")
    home_currency: str = Field(
        default="USD", pattern=r"^[A-Z]{3}$", description="the company's home currency, three capital letters"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="how much is logged: debug, info, warning or error"
    )
    http: Http
    alvys: Alvys
    quickbooks: Quickbooks
    export: Export
    relay: Relay
    mapping: Mapping
    segments: Segments
    fields: Fields
    attachments: Attachments

    @field_validator("mapping")
    @classmethod
    def _deposited(cls, mapping: Mapping, info: ValidationInfo) -> Mapping:
        export = info.data.get("export")
        if export and export.customer_payments and mapping.deposit_account is None:
            raise unfit(
                "is not set, and export.customer_payments is on",
                "Name the bank account that payments go to, or set export.customer_payments to false.",
                key="deposit_account",
            )
        return mapping

    @classmethod
    @override
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take what `load` read, and nothing else: the library's own readers end at the first problem."""
        return (init_settings,)

    def secrets(self) -> set[str]:
        """Return every secret in clear text, for the one purpose of masking it in logs."""
        sections = (self.alvys, self.quickbooks)
        values = (value for section in sections for _, value in section)
        return {value.get_secret_value() for value in values if isinstance(value, SecretStr)}
