"""Which settlement statements become documents."""

from collections.abc import Mapping
from typing import Final

from adapters.alvys.mapping.driver_statements import driver_of, net_pay, on_w2
from adapters.alvys.record import Record
from adapters.alvys.selection.common import Rule, Skip, early, first_that_applies, foreign_by_id
from adapters.alvys.settings import Settings

# What precedes a statement that stands. A driver's that Failed stands: a later step did, and it may be the export.
_UNFINISHED: Final = frozenset({"Draft", "Queued"})


def carrier_statement_skip(raw: object, settings: Settings) -> Skip | None:
    """Return why a carrier's statement is left alone, or None."""
    return first_that_applies(CARRIER_RULES, raw, "Statement", settings)


def driver_statement_skip(raw: object, settings: Settings) -> Skip | None:
    """Return why a driver's statement is left alone, or None."""
    return first_that_applies(DRIVER_RULES, raw, "Statement", settings)


def _nothing_to_pay(statement: Record, settings: Settings) -> bool:
    """Whether the net pay is nothing; where each sort is a document of its own, each is judged for itself."""
    rules = settings.rules
    return rules.ignore_zero and rules.single_driver_bill and net_pay(statement).minor == 0


# fmt: off
CARRIER_RULES: Final[Mapping[Skip, Rule]] = {
    Skip.DRAFT:             lambda statement, _: statement.text("Status") in _UNFINISHED | {"Failed", "Deleted"},
    Skip.NOT_OURS:          lambda statement, settings: foreign_by_id(statement.text("SubsidiaryId"), settings),
    Skip.BEFORE_FIRST_DATE: lambda statement, settings: early(statement.utc_day("StatementDate"), settings),
    Skip.ZERO_VALUED:       lambda statement, settings: (
        settings.rules.ignore_zero and statement.money("NetAmount").minor == 0
    ),
}
DRIVER_RULES: Final[Mapping[Skip, Rule]] = {
    Skip.DRAFT:             lambda statement, _: statement.text("Status") in _UNFINISHED,
    Skip.NOT_OURS:          lambda statement, settings: foreign_by_id(
        driver_of(statement).text("SubsidiaryId"), settings
    ),
    Skip.BEFORE_FIRST_DATE: lambda statement, settings: early(statement.utc_day("StatementDate"), settings),
    Skip.ON_W2:             lambda statement, settings: (
        settings.rules.by_tax_category and on_w2(driver_of(statement))
    ),
    Skip.ZERO_VALUED:       _nothing_to_pay,
}
# fmt: on
