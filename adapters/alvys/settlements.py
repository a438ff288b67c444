"""Carriers' and drivers' settlement statements as sources."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import ClassVar, Final

from typing_extensions import override

from adapters.alvys.client import Client, period
from adapters.alvys.dated import Dated, Span
from adapters.alvys.directory import Directory
from adapters.alvys.mapping.carrier_statements import CARRIER_SIDES, carrier_statement, paid_carrier
from adapters.alvys.mapping.driver_statements import (
    SEPARATE_SIDES,
    SINGLE_SIDES,
    separate_statement,
    single_statement,
    sort_ids,
)
from adapters.alvys.mapping.statements import statement_id
from adapters.alvys.selection.common import Skip
from adapters.alvys.selection.statements import carrier_statement_skip, driver_statement_skip
from adapters.alvys.settings import Settings
from state.transaction import Kind, Sourced

# A statement is dated the end of its pay period, or what a person chose, either of which may be to come (documented).
_AHEAD: Final = timedelta(days=31)


class Statements(Dated):
    """Statements of either sort: searched by whole days of UTC, in a range that must be closed (documented)."""

    lapses: ClassVar[frozenset[Skip]] = frozenset({Skip.DRAFT, Skip.ZERO_VALUED})

    def __init__(self, client: Client, settings: Settings, skipped: Counter[Skip]) -> None:
        super().__init__(client, skipped)
        self.interval = settings.statement_interval
        self.overlap = timedelta(days=settings.look_back_days)
        self._settings = settings

    @override
    def _spans(self, since: datetime, until: datetime) -> Iterator[Span]:
        first, last = since.astimezone(UTC).date(), (until + _AHEAD).astimezone(UTC).date()
        days = period(datetime.combine(first, time.min, UTC), datetime.combine(last, time.max, UTC))
        yield Span(first, last, {"StatementDateRange": days})


class CarrierStatements(Statements):
    """What carriers, and companies that factor them, are owed by statements."""

    name = "carrier_statements"
    path: ClassVar[str] = "carrier-settlement-statements/search"
    kinds: ClassVar[frozenset[Kind]] = frozenset(CARRIER_SIDES)

    def __init__(self, client: Client, directory: Directory, settings: Settings, skipped: Counter[Skip]) -> None:
        super().__init__(client, settings, skipped)
        self._directory = directory
        self._carriers: Mapping[str, object] = {}

    @override
    async def _prepare(self, records: Sequence[object]) -> None:
        """Read the carriers: a statement does not tell the names that accounting knows them by."""
        paid = {paid_carrier(each) for each in records if self._skip(each) is None}
        self._carriers = await self._directory.carriers(paid - {""})

    @override
    def _skip(self, raw: object) -> Skip | None:
        return carrier_statement_skip(raw, self._settings)

    @override
    def _documents(self, raw: object) -> list[Sourced]:
        return carrier_statement(raw, self._carriers.get(paid_carrier(raw)), self._settings)

    @override
    def _withdrawn(self, raw: object) -> list[Sourced]:
        return CARRIER_SIDES.withdrawn(statement_id(raw))

    @override
    def _ids(self, raw: object) -> Iterable[str]:
        return (statement_id(raw),)


class DriverStatements(Statements):
    """What drivers are owed by statements, in one of two forms; the census withdraws what is in the other one."""

    name = "driver_statements"
    path: ClassVar[str] = "driver-settlement-statements/search"
    kinds: ClassVar[frozenset[Kind]] = frozenset((*SINGLE_SIDES, *SEPARATE_SIDES))

    @override
    async def _prepare(self, records: Sequence[object]) -> None:
        """Read nothing: a statement tells all about its driver that we need."""

    @override
    def _skip(self, raw: object) -> Skip | None:
        return driver_statement_skip(raw, self._settings)

    @override
    def _documents(self, raw: object) -> list[Sourced]:
        single = self._settings.rules.single_driver_bill
        return single_statement(raw, self._settings) if single else separate_statement(raw, self._settings)

    @override
    def _withdrawn(self, raw: object) -> list[Sourced]:
        sides = SINGLE_SIDES if self._settings.rules.single_driver_bill else SEPARATE_SIDES
        return [each for source_id in self._ids(raw) for each in sides.withdrawn(source_id)]

    @override
    def _ids(self, raw: object) -> Iterable[str]:
        return (statement_id(raw), *sort_ids(raw))
