"""Every setting alone, from what users know as its default: the documents it stands for, or why it is refused."""

import tomllib
from pathlib import Path
from typing import Final

import msgspec
import pytest

from adapters.sandbox.quickbooks import Company
from engine.config import ConfigError, load
from engine.config.sections import Export
from tests.month.choices import DEFAULTS, FIRST_DAY, Choices
from tests.month.figures import Key  # noqa: TC001 - a variable is of it
from tests.month.office import Office
from tests.month.run import Report, run
from tests.month.story import told

DEPLOY: Final = Path(__file__).parents[2] / "deploy"
MONTH: Final = told(FIRST_DAY, 3, 36)
ALONE: Final = Choices()

# fmt: off
TOGGLED: Final = {
    "revenue":                  ALONE.but(revenue=False),
    "expense":                  ALONE.but(expense=False),
    "ignore_driver_bills":      ALONE.but(ignore_driver_bills=True),
    "pay_subsidiary_carrier":   ALONE.but(pay_subsidiary_carrier=True),
    "single_driver_bill":       ALONE.but(single_driver_bill=True),
    "carrier_bill_on":          ALONE.but(carrier_bill_on="release"),
    "separate_carrier_invoice": ALONE.but(separate_carrier_invoice=True),
    "by_tax_category":          ALONE.but(single_driver_bill=True, by_tax_category=True),
    "ignore_zero":              ALONE.but(ignore_zero=False),
    "tax_company_vendor":       ALONE.but(single_driver_bill=True, tax_company_vendor=True),
    "carrier_statements":       ALONE.but(carrier_statements=True),
    "company_fuel":             ALONE.but(company_fuel=True),
    "company_toll":             ALONE.but(company_toll=True),
    "number_prefix":            ALONE.but(number_prefix=True),
    "customer_payments":        ALONE.but(customer_payments=True),
    "shared_billing":           ALONE.but(shared_billing=True),
}
TOGETHER: Final = {
    "statements before the carrier's own invoice": ALONE.but(carrier_statements=True, separate_carrier_invoice=True),
    "shared billing before the subsidiary carrier": ALONE.but(shared_billing=True, pay_subsidiary_carrier=True),
}
EXPENSES: Final = (
    "single_driver_bill", "by_tax_category", "tax_company_vendor", "separate_carrier_invoice", "carrier_statements",
    "company_fuel", "company_toll",
)
TAGGED: Final = {
    "nothing":                         ({}, False),
    "subsidiary to class":             ({"subsidiaries": "class"}, False),
    "fleet to location":               ({"subsidiaries": "class", "fleets": "location"}, False),
    "class of the whole":              ({"fleets": "class", "class_on": "transaction"}, True),
    "class of the whole, line by line":({"fleets": "class", "class_on": "transaction"}, False),
    "class of each line, as a whole":  ({"fleets": "class"}, True),
}
"""What parts of the business become, and whether the company tracks classes of documents rather than of their lines."""
# fmt: on


def proven(report: Report) -> Report:
    """Return the report of a month that ended as it should."""
    assert report.differences == []
    return report


# --- [export] ----------------------------------------------------------------------------------------------------


def test_every_setting_is_among_those_that_are_turned() -> None:
    assert Export.model_fields.keys() == TOGGLED.keys() | {"auto", "retry_closed_periods"}
    defaults = Export().model_dump()
    assert {name: defaults[name] for name in DEFAULTS} == DEFAULTS


@pytest.mark.parametrize("choices", TOGGLED.values(), ids=TOGGLED.keys())
def test_setting_alone_makes_the_documents_it_stands_for(choices: Choices) -> None:
    assert proven(run(MONTH, choices)).documents


@pytest.mark.parametrize("choices", TOGETHER.values(), ids=TOGETHER.keys())
def test_settings_together_make_the_documents_they_stand_for(choices: Choices) -> None:
    assert proven(run(MONTH, choices)).documents


@pytest.mark.parametrize(("preset", "drives"), [("carrier", True), ("broker", False)])
def test_configuration_to_begin_with_makes_the_documents_it_stands_for(
    preset: str,
    drives: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    chosen = tomllib.loads((DEPLOY / f"{preset}.toml").read_text())
    choices = Choices(export=chosen["export"], segments={}, mapping=chosen["mapping"], labels=chosen.get("fields", {}))
    report = proven(run(MONTH, choices))
    assert ("mapping_missing" not in report.refusals) == drives  # a broker without trucks has no place for drivers


def test_settings_of_the_expense_side_change_nothing_where_that_is_off() -> None:
    alone = proven(run(MONTH, ALONE.but(expense=False)))
    beside = proven(run(MONTH, ALONE.but(expense=False, **dict.fromkeys(EXPENSES, True))))
    assert (beside.documents, beside.posted) == (alone.documents, alone.posted)


def test_nothing_leaves_by_itself_where_a_person_releases_it() -> None:
    seen: list[int] = []

    async def releasing(office: Office) -> None:
        assert office.books().held == {}
        assert set(office.refused().values()) == {"waits"}
        seen.append(len(office.refused()))
        await office.ask("POST", "release", {"reason": "the month is checked"})

    before, after = (report := run(MONTH, ALONE.but(auto=False), releasing)).looks
    assert before
    assert after == []
    assert seen == [report.documents.total() + report.refusals.total()]


# --- what is beside ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("segments", "whole"), TAGGED.values(), ids=TAGGED.keys())
def test_parts_of_the_business_are_tagged_as_chosen_and_as_the_company_tracks_them(
    segments: dict[str, str],
    whole: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    def track(company: Company) -> None:
        tracking = {"ClassTrackingPerTxn": whole, "ClassTrackingPerTxnLine": not whole}
        company.set_preferences({"AccountingInfoPrefs": tracking})

    proven(run(MONTH, Choices(segments=segments), prepare=track))


@pytest.mark.parametrize("plan", ["Simple Start", "Essentials", "Advanced"])
def test_plan_gets_what_it_allows(plan: str) -> None:
    report = proven(run(MONTH, ALONE, prepare=lambda company: company.set_plan(plan)))
    assert bool(report.refusals["plan_lacks_feature"]) == (plan == "Simple Start")


def test_invoices_bear_the_companys_own_numbers_where_ours_are_not_taken() -> None:
    proven(
        run(
            MONTH,
            ALONE,
            prepare=lambda company: company.set_preferences({"SalesFormsPrefs": {"CustomTxnNumbers": False}}),
        )
    )


@pytest.mark.parametrize("again", [True, False], ids=["by themselves", "not by themselves"])
def test_documents_of_a_closed_period_go_again_once_it_is_open(*, again: bool) -> None:
    closed: set[Key] = set()

    async def opening(office: Office) -> None:
        closed.update(key for key, code in office.refused().items() if code == "period_closed")
        office.accounting.company.close_books(None)

    report = run(MONTH, ALONE.but(retry_closed_periods=again), opening)
    assert closed
    told = {each.partition(":")[0] for each in report.differences if "is refused as period_closed" in each}
    assert told == (set() if again else {f"{key.route} {key.identity}" for key in closed})
    assert bool(report.differences) != again


# --- what does not go together -----------------------------------------------------------------------------------

_DRIVERS: Final = ("ignore_driver_bills", "pay_subsidiary_carrier")
CONFLICTS: Final = [
    ("pay_subsidiary_carrier", "ignore_driver_bills"),
    *((one, other) for one in ("single_driver_bill", "by_tax_category", "tax_company_vendor") for other in _DRIVERS),
]


@pytest.mark.parametrize(("one", "other"), CONFLICTS)
def test_documented_conflict_is_refused_by_name(one: str, other: str) -> None:
    told = refusal({one: True, other: True, **({"single_driver_bill": True} if one[0] in "bt" else {})})
    assert f"export.{one} / LOADLEDGER_EXPORT_{one.upper()} does not go with export.{other}" in " ".join(told.split())


@pytest.mark.parametrize("one", ["by_tax_category", "tax_company_vendor"])
def test_documented_dependency_is_refused_by_name(one: str) -> None:
    assert "is of no use without export.single_driver_bill" in refusal({one: True})


def test_payments_need_revenue() -> None:
    assert "is of no use without export.revenue" in refusal({"customer_payments": True, "revenue": False})


def refusal(export: dict[str, bool]) -> str:
    """Return why a configuration is refused."""
    keys = {
        "ENTITY": "blue-mesa",
        "FIRST_DATE": "2026-10-01",
        "ALVYS_CLIENT_ID": "id",
        "ALVYS_CLIENT_SECRET": "secret",
        "QUICKBOOKS_CLIENT_ID": "id",
        "QUICKBOOKS_CLIENT_SECRET": "secret",
        "QUICKBOOKS_REALM_ID": "1",
        "MAPPING_DEPOSIT_ACCOUNT": "Undeposited Funds",
        **{f"EXPORT_{name.upper()}": msgspec.json.encode(value).decode() for name, value in export.items()},
    }
    with pytest.raises(ConfigError) as raised:
        load(None, {f"LOADLEDGER_{name}": value for name, value in keys.items()})
    return str(raised.value)
