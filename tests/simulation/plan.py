"""What a seed stands for: how much freight, how bad the weather, how often the daemon dies, which vendor it meets."""

from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

from adapters.sandbox.alvys import Fault
from tests.simulation.network import FAIR, Weather

QUIET: Final = 180.0
"""The quiet period, in seconds: nothing takes longer than this from the daemon into the vendor's books."""
_LATE: Final = 80.0  # the longest that a vendor commits after the connection was dropped
_SLOW: Final = 80.0  # the longest that the network holds bytes back; together they stay below the quiet period

_SWITCHES: Final[dict[str, tuple[Any, ...]]] = {
    "request_id": ("ignore", "fault600"),
    "request_id_after_fault": ("replay",),
    "request_id_in_batch": (False,),
    "unauthorized_body": ("xml",),
    "throttle_body": ("xml",),
    "retry_after": (5, 60),
    "voided_number": ("free",),
    "deleted_number": ("taken",),
    "duplicate_invoice_number": ("stored",),
    "paid_document_removal": ("unlinked",),
    "attachment_bumps_document": (False,),
    "unknown_property": ("ignored",),
    "new_answer_fields": (True,),
    "query_total_count": (True,),
}
_WRITES: Final = (
    "commit_then_drop",
    "drop_before_commit",
    "late_commit",
    "commit_then_500",
    "commit_then_503",
    "error_10000",
    "cut_json",
    "throttle_429",
    "slow",
    "xml_401",
)
_READS: Final = ("html_502", "cut_json", "drop_before_commit", "throttle_429", "slow", "xml_401")
_TMS: Final = (
    "html_502",
    "cut_json",
    "throttle_429",
    "slow",
    "drop",
    "commit_then_drop",
    "error_500",
    "commit_then_500",
)


@dataclass(frozen=True)
class Plan:
    """The dials of one world. Intervals are means, in virtual seconds; 0 means never."""

    loads: int
    span: float  # in which the loads appear
    people: float = 0.0  # between two actions of each group of people
    faults: float = 0.0  # between two spells of bad weather or faults
    deaths: float = 0.0  # the share of writes after which the daemon dies soon
    stops: float = 0.0  # between two deaths or stops at any time
    restores: float = 0.0  # the share of restarts from an older copy
    switches: dict[str, Any] = field(default_factory=dict)
    life: tuple[int, int] = (3600, 86_400)  # of access tokens, and of refresh tokens until they change
    settings: dict[str, Any] = field(default_factory=dict)


_LONGEST: Final = 4 * 3600.0  # seconds; in longer ones the looks at what did not change take most of the time


def drawn(seed: int, transactions: int) -> Plan:
    """Return the plan of a seed, for about so many transactions."""
    chance = Random(f"plan {seed}")
    loads = max(20, round(transactions / 1.55))
    span = min(loads * chance.choice((4.0, 15.0, 60.0)), _LONGEST)
    return Plan(
        loads=loads,
        span=span,
        people=chance.choice((0.0, span / loads, 4 * span / loads)),
        faults=chance.choice((0.0, 60.0, span / 4)),
        deaths=chance.choice((0.0, 0.005, 0.03)),
        stops=chance.choice((0.0, span / 2, span / 6)),
        restores=chance.choice((0.0, 0.0, 0.3)),
        switches={name: chance.choice(others) for name, others in _SWITCHES.items() if chance.random() < 0.15},
        life=chance.choice(((3600, 86_400), (900, 1_200))),
        settings={
            "alvys__poll_interval": chance.choice((60, 180)),
            "quickbooks__poll_interval": chance.choice((120, 300)),
            "relay__interval": chance.choice((30, 60)),
        },
    )


def weather(chance: Random) -> Weather:
    """Draw how bad the network is for a while."""
    return chance.choice(
        (
            FAIR,
            Weather(refused=1.0),
            Weather(refused=0.3, lost=0.1, cut=0.2),
            Weather(cut=0.5, reach=4_000),
            Weather(hole=0.3, reach=8_000),
            Weather(slow=0.3, longest=_SLOW),
            Weather(refused=0.1, lost=0.05, cut=0.2, hole=0.1, slow=0.1, longest=_SLOW),
        )
    )


def accounting_faults(chance: Random) -> list[dict[str, Any]]:
    """Draw what accounting does wrong for a while."""
    rules = []
    for _ in range(chance.randint(1, 4)):
        writes = chance.random() < 0.7
        rules.append(
            {
                "action": chance.choice(_WRITES if writes else _READS),
                "method": "POST" if writes else "GET",
                "match": chance.choice(("*", "Invoice", "Bill", "batch", "Customer", "Vendor")) if writes else "*",
                "count": chance.choice((1, 2, 5, None)),
                "probability": chance.choice((1.0, 0.5, 0.2)),
                "seed": chance.randrange(1_000_000),
                "delay": chance.uniform(0.1, _LATE),
            }
        )
    return rules


def tms_faults(chance: Random) -> list[Fault]:
    """Draw what the TMS does wrong for a while."""
    return [
        Fault(
            action=chance.choice(_TMS),
            count=chance.choice((1, 3, None)),
            probability=chance.choice((1.0, 0.3)),
            seed=chance.randrange(1_000_000),
            seconds=float(chance.randint(1, 70)),
        )
        for _ in range(chance.randint(0, 2))
    ]
