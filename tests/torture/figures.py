"""What a torture comes to, in figures."""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from tests.torture.gate import Call, Moment


def quantile(sorted_values: Sequence[float], share: float) -> float:
    """Return the smallest value that so large a share of all does not exceed."""
    return sorted_values[max(0, -int(-share * len(sorted_values) // 1) - 1)]


class Start(NamedTuple):
    """What a daemon needs from exec to ready, in seconds: of the clock, and of a processor's time."""

    clock: float
    processor: float


@dataclass
class Figures:
    """Counts and times of all worlds together."""

    began: float = field(default_factory=time.monotonic)
    held: Counter[tuple[Call | None, Moment]] = field(default_factory=Counter)  # kills by what was held, and when
    ends: Counter[str] = field(default_factory=Counter)  # how lives ended, and what else was tried on them
    starts: list[Start] = field(default_factory=list)
    answered: Counter[Call] = field(default_factory=Counter)  # requests the twins carried out
    reconnected: int = 0  # times a person had to connect the company again
    documents: int = 0  # living documents of ours, judged at the end of each world

    @property
    def kills(self) -> int:
        return sum(count for end, count in self.ends.items() if end.startswith("killed"))

    def line(self) -> str:
        """Return the progress in one line."""
        took = time.monotonic() - self.began
        return f"{self.kills:,} kills in {took:,.0f} s, {self.kills / took:.2f} a second; {self._restarts()}"

    def table(self) -> Iterator[str]:
        """Yield everything, a line each."""
        yield f"{'killed with':>12} " + "".join(f"{moment:>15}" for moment in Moment)
        calls = [*Call, None]
        for call in calls:
            row = [self.held[call, moment] for moment in Moment]
            if any(row):
                yield f"{call or 'no request':>12} " + "".join(f"{count:>15,}" for count in row)
        yield ", ".join(f"{end} {count:,}" for end, count in sorted(self.ends.items()))
        yield "carried out: " + ", ".join(f"{call} {self.answered[call]:,}" for call in Call if self.answered[call])
        yield f"connected again {self.reconnected:,}; {self.documents:,} documents judged"
        yield self.line()

    def _restarts(self) -> str:
        if not self.starts:
            return "no start timed"
        clock, processor = (sorted(each) for each in zip(*self.starts, strict=True))
        return (
            f"ready after p50 {quantile(clock, 0.5):.2f} s, p99 {quantile(clock, 0.99):.2f} s, most {clock[-1]:.2f} s, "
            f"of it processor p50 {quantile(processor, 0.5):.2f} s, p99 {quantile(processor, 0.99):.2f} s"
        )
