"""What the adapter has to be told: where the company is, how to get in, and which charge goes where."""

from dataclasses import dataclass, field
from typing import Final

from adapters.quickbooks.rolls import fold
from state.transaction import Segment


@dataclass(frozen=True, slots=True)
class Charges:
    """Which item or account a charge is booked on, for each kind of place that a charge may have.

    Keys are a charge's own name ("Detention"), its category ("accessorial") or "default"; case does not matter. Values
    of `revenue` name an item or an income account, all others an account, by id, number, full name or name.
    """

    revenue: dict[str, str] = field(default_factory=dict)
    expense: dict[str, str] = field(default_factory=dict)
    liability: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Mapping(Charges):
    """The same for all loads, and for loads of one type ("asset" or "brokerage") what differs there.

    `payable_account` may stay None while the company has one accounts payable account only, `deposit_account`, which
    customers' payments go to, while there are none.
    """

    payable_account: str | None = None
    deposit_account: str | None = None
    load_types: dict[str, Charges] = field(default_factory=dict)


CLASS: Final = "class"
LOCATION: Final = "location"


@dataclass(frozen=True, slots=True)
class Segments:
    """What in QuickBooks the parts of the business become: CLASS, LOCATION, or nothing if blank.

    `class_on` says whether each "line" or the "transaction" has a class. The tables say what a part is called there,
    where that is not its own name; case does not matter.
    """

    subsidiaries: str = ""
    fleets: str = ""
    class_on: str = "line"
    subsidiary_names: dict[str, str] = field(default_factory=dict)
    fleet_names: dict[str, str] = field(default_factory=dict)

    def called(self, dimension: str, segment: Segment) -> str:
        """Return the class or location of a part of the business, an empty text if it has none."""
        for chosen, name, names in (
            (self.subsidiaries, segment.subsidiary, self.subsidiary_names),
            (self.fleets, segment.fleet, self.fleet_names),
        ):
            if chosen == dimension and name:
                return next((called for part, called in names.items() if fold(part) == fold(name)), name)
        return ""

    def uses(self, dimension: str) -> bool:
        """Whether anything becomes a class, or a location."""
        return dimension in {self.subsidiaries, self.fleets}

    def named(self, dimension: str) -> list[str]:
        """Return the classes or locations that are named, each once."""
        tables = ((self.subsidiaries, self.subsidiary_names), (self.fleets, self.fleet_names))
        return list(dict.fromkeys(name for chosen, names in tables if chosen == dimension for name in names.values()))


@dataclass(frozen=True, slots=True)
class Settings:
    """One QuickBooks company and our access to it. Intervals are seconds; secrets stay out of `repr`."""

    api_url: str
    token_url: str
    client_id: str
    client_secret: str = field(repr=False)
    realm_id: str
    refresh_token: str = field(repr=False)  # used while the vault is empty, or when the vault's own is dead
    entity: str  # short name of the legal entity, part of every marker
    home_currency: str = "USD"
    preferences_refresh: float = 3600.0
    reference_refresh: float = 3600.0
    quiet_period: float = 180.0  # from a creation of unknown outcome to the first look for it
    read_pause: float = 5.0  # between two looks that have to agree
    customer_suffix: str = "(C)"  # behind a customer's name that another kind of party holds
    vendor_suffix: str = "(V)"  # behind a vendor's
    update_contacts: bool = False  # whether contact details that change in the TMS are passed on
    rounds: int = 3  # creations of unknown outcome before a person decides
    mapping: Mapping = field(default_factory=Mapping)
    segments: Segments = field(default_factory=Segments)
    fields: dict[str, str] = field(default_factory=dict)  # from our name of a field to the label of a custom field
