"""Faults on demand: which requests go wrong, how, and how often."""

from fnmatch import fnmatchcase
from random import Random
from typing import Any, Literal

import msgspec

Action = Literal[
    "commit_then_drop",
    "drop_before_commit",
    "late_commit",
    "commit_then_500",
    "commit_then_503",
    "error_10000",
    "html_502",
    "xml_401",
    "cut_json",
    "fault_in_200",
    "throttle_429",
    "throttle_item",
    "slow",
]


class Disruption(msgspec.Struct, forbid_unknown_fields=True):
    """One rule: requests it matches go wrong in its way until `count` of them did."""

    action: Action
    method: str = "*"
    match: str = "*"
    """A pattern for the path, or for the kind, such as `Invoice` or `*/query`; `*` is any text."""
    count: int | None = 1
    """How many requests it spoils; None for all."""
    probability: float = 1.0
    seed: int = 0
    delay: float = 0.0
    """Seconds, for `slow` and `late_commit`."""
    code: str = "6190"
    """The fault that `fault_in_200` carries."""

    def takes(self, method: str, path: str, kind: str) -> bool:
        """Say whether this request is one it spoils, were it only for what is asked."""
        if self.count == 0 or not fnmatchcase(method, self.method.upper()):
            return False
        return fnmatchcase(path, self.match) or fnmatchcase(kind.lower(), self.match.lower())


class Disruptions:
    """The rules that are armed, tried in order."""

    def __init__(self) -> None:
        self._rules: list[tuple[Disruption, Random]] = []

    def arm(self, rules: list[Any]) -> None:
        """Add rules given as JSON objects. Raises msgspec.ValidationError for one that makes no sense."""
        for rule in msgspec.convert(rules, list[Disruption], strict=False):
            self._rules.append((rule, Random(rule.seed)))  # noqa: S311 - chooses faults, guards nothing

    def clear(self) -> None:
        """Disarm all rules."""
        self._rules.clear()

    @property
    def spent(self) -> bool:
        """Whether no armed rule can spoil another request."""
        return all(rule.count == 0 for rule, _ in self._rules)

    def choose(self, method: str, path: str, kind: str, *, items: bool = False) -> Disruption | None:
        """Return the first rule that spoils this request, and count it; `items` asks for rules of batch items only."""
        for rule, chance in self._rules:
            if (rule.action == "throttle_item") is not items or not rule.takes(method, path, kind):
                continue
            if rule.probability < 1 and chance.random() >= rule.probability:
                continue
            if rule.count is not None:
                rule.count -= 1
            return rule
        return None
