import asyncio
from collections.abc import Awaitable, Callable, Iterator

import anyio
import pytest
from structlog.testing import capture_logs

from adapters.ports import OutcomeUnknown, Rejected, Unauthorized, Unavailable
from engine.loop import Alarm, Loop, Pass
from state.problem import problem
from state.trouble import StoreError

Ended = list[tuple[str, Pass, float]]


@pytest.fixture(autouse=True)
def log() -> Iterator[None]:
    """Spare the terminal: drawing tracebacks takes longer than all the rest."""
    with capture_logs():
        yield


def failing(*errors: Exception | None) -> Callable[[], Awaitable[float | None]]:
    """Return a body whose passes end with these errors, one after the other; None is a pass that is well."""
    script = iter(errors)

    async def body() -> float | None:
        if (error := next(script)) is not None:
            raise error
        return None

    return body


def looping(body: Callable[[], Awaitable[float | None]], interval: float = 60) -> tuple[Loop, Ended]:
    ended: Ended = []
    return Loop("reader", interval, body, lambda name, result, rest: ended.append((name, result, rest))), ended


# -- one pass ---------------------------------------------------------------------------------------------------------


async def test_pass_that_is_well_rests_for_the_interval() -> None:
    loop, ended = looping(failing(None))

    assert await loop.run_once() == 60
    assert ended == [("reader", Pass.DONE, 60)]


@pytest.mark.parametrize("rest", [0.0, 7.5])
async def test_body_may_ask_to_run_again_sooner(rest: float) -> None:
    async def body() -> float:
        return rest

    loop, _ = looping(body)

    assert await loop.run_once() == rest


@pytest.mark.parametrize(
    ("error", "result"),
    [
        (Unavailable("down"), Pass.UNAVAILABLE),
        (OutcomeUnknown("cut"), Pass.UNAVAILABLE),
        (Unauthorized("who are you"), Pass.UNAVAILABLE),
        (Rejected(problem("shape_unknown")), Pass.UNAVAILABLE),
        (RuntimeError("oops"), Pass.BROKEN),
        (ExceptionGroup("several", [RuntimeError("oops")]), Pass.BROKEN),
    ],
)
async def test_failure_ends_one_pass_and_not_the_loop(error: Exception, result: Pass) -> None:
    loop, ended = looping(failing(error, None))

    assert 2.5 <= await loop.run_once() <= 5
    assert await loop.run_once() == 60
    assert [each[1] for each in ended] == [result, Pass.DONE]


async def test_failing_loop_rests_longer_each_time_and_starts_over_when_it_is_well() -> None:
    errors = [RuntimeError("oops")] * 9
    loop, _ = looping(failing(*errors, None, RuntimeError("oops")))

    for failures in range(9):
        full = min(5 * 2**failures, 300)
        assert full / 2 <= await loop.run_once() <= full
    await loop.run_once()
    assert await loop.run_once() <= 5


async def test_frequent_loop_comes_back_soon_after_its_first_failure() -> None:
    loop, _ = looping(failing(Unavailable("down")), interval=0.2)

    assert await loop.run_once() <= 0.2


async def test_loop_rests_at_least_as_long_as_the_vendor_asked_for() -> None:
    loop, ended = looping(failing(Unavailable("throttled", 42), Unavailable("throttled", 0)))

    assert await loop.run_once() == 42
    assert await loop.run_once() >= 5
    assert ended[0] == ("reader", Pass.UNAVAILABLE, 42)


@pytest.mark.parametrize(
    "error",
    [
        StoreError("the disk is full"),
        ExceptionGroup("a pass", [RuntimeError("oops"), ExceptionGroup("deeper", [StoreError("the disk is full")])]),
    ],
)
async def test_store_that_can_not_be_used_ends_the_loop(error: Exception) -> None:
    loop, ended = looping(failing(error))

    with anyio.fail_after(5), pytest.raises(type(error)):
        await loop.run()

    assert ended == []


async def test_cancellation_is_no_failure_of_the_pass() -> None:
    loop, ended = looping(asyncio.Event().wait)
    with anyio.move_on_after(0.01) as scope:
        await loop.run_once()

    assert scope.cancelled_caught
    assert ended == []


# -- again and again --------------------------------------------------------------------------------------------------


async def test_loop_runs_again_when_the_body_asks_for_it_and_ends_when_it_is_stopped() -> None:
    passes = 0

    async def body() -> float:
        nonlocal passes
        passes += 1
        if passes == 5:
            loop.stop()
        return 0.0

    loop, _ = looping(body, interval=3_600)
    with anyio.fail_after(5):
        await loop.run()

    assert passes == 5


async def test_alarm_wakes_a_loop_that_rests() -> None:
    passes = 0
    ran = anyio.Event()

    async def body() -> None:
        nonlocal passes
        passes += 1
        ran.set()

    loop, _ = looping(body, interval=3_600)
    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(loop.run)
            await ran.wait()
            ran = anyio.Event()
            loop.alarm.ring()
            await ran.wait()
            loop.stop()

    assert passes == 2


async def test_bell_that_rings_during_a_pass_starts_the_next_at_once() -> None:
    passes = 0

    async def body() -> None:
        nonlocal passes
        passes += 1
        if passes == 1:
            loop.alarm.ring()
        else:
            loop.stop()

    loop, _ = looping(body, interval=3_600)
    with anyio.fail_after(5):
        await loop.run()

    assert passes == 2


async def test_stopped_loop_does_not_begin_another_pass() -> None:
    loop, ended = looping(failing())
    loop.stop()

    await loop.run()

    assert ended == []


async def test_many_rings_are_one_and_are_forgotten_after_it() -> None:
    alarm = Alarm()
    alarm.ring()
    alarm.ring()
    with anyio.fail_after(5):
        await alarm.wait(3_600)

    with anyio.move_on_after(0.01) as scope:
        await alarm.wait(3_600)

    assert scope.cancelled_caught
    with anyio.fail_after(5):
        await alarm.wait(0.001)
