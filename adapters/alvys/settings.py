"""What a person can set about the connection to Alvys."""

from dataclasses import dataclass, field
from datetime import UTC, date, tzinfo

from adapters.alvys.rules import Rules


class Days:
    """Spans of days before the first date that are billed all the same; both ends belong to them."""

    def __init__(self, *spans: tuple[date, date]) -> None:
        self._spans = set(spans)

    def add(self, first: date, last: date) -> None:
        """Bill these days too."""
        self._spans.add((first, last))

    def also(self, first: date, last: date) -> "Days":
        """Return these days and some more, without a change of these."""
        return Days(*self._spans, (first, last))

    def __contains__(self, day: date) -> bool:
        return any(first <= day <= last for first, last in self._spans)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Address, credentials and reading rules of one Alvys tenant, for one legal entity.

    `api_url` may end in the version path or leave it out. `page_size` is at most 200, `invoice_chunk` (load numbers
    per invoice search) at most 50, per the vendor's and its users' experience. Records dated before `first_date`
    are left alone, but for those of `earlier` days. `timezone` turns the vendor's instants into calendar dates.
    `subsidiary` is the legal entity's name in Alvys; None takes every record, which is right for a tenant with one
    subsidiary only. `subsidiary_id` is its id, the only way some records name it: without it, they are problems.
    `reference_refresh` is how long, in seconds, a carrier (or a customer that could not be found) is not asked for
    again. What changed is looked for every `poll_interval` seconds, from `overlap` seconds before the last look.
    What has dates but tells of no changes is read whole, from `look_back_days` before the last look: statements
    every `statement_interval` seconds, fuel and tolls every `purchase_interval` seconds.
    """

    api_url: str
    token_url: str
    client_id: str
    client_secret: str = field(repr=False)
    first_date: date
    earlier: Days = field(default_factory=Days)
    audience: str = "https://api.alvys.com/public/"
    page_size: int = 200
    invoice_chunk: int = 50
    timezone: tzinfo = UTC
    carrier_terms_days: int = 30
    rules: Rules = field(default_factory=Rules)
    subsidiary: str | None = None
    subsidiary_id: str | None = None
    reference_refresh: float = 3600.0
    poll_interval: float = 60.0
    overlap: float = 300.0
    statement_interval: float = 900.0
    purchase_interval: float = 3600.0
    look_back_days: int = 35
