import random

from hypothesis import given
from hypothesis import strategies as st

from engine.backoff import delay


class Chance(random.Random):
    """Chance that always falls the same way: 0 is the least, just below 1 the most."""

    def __init__(self, value: float) -> None:
        super().__init__()
        self.value = value

    def random(self) -> float:  # type: ignore[explicit-override]
        return self.value


def test_delay_doubles_with_each_failure_up_to_the_cap() -> None:
    assert [delay(failures, base=5, cap=60, chance=Chance(0)) for failures in range(6)] == [5, 10, 20, 40, 60, 60]


def test_jitter_takes_off_up_to_half() -> None:
    assert delay(1, base=5, cap=60, chance=Chance(0.5)) == 7.5
    assert delay(9, base=5, cap=60, chance=Chance(1)) == 30


@given(failures=st.integers(0, 10**9), base=st.floats(0.01, 100), factor=st.floats(1, 1000), seed=st.integers())
def test_delay_stays_between_half_the_base_and_the_cap(failures: int, base: float, factor: float, seed: int) -> None:
    cap = base * factor
    assert base / 2 <= delay(failures, base=base, cap=cap, chance=random.Random(seed)) <= cap
