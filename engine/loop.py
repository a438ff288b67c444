"""Loops: one body, run again and again until told to stop."""

import random
from collections.abc import Awaitable, Callable
from enum import StrEnum

import anyio
import structlog

from adapters.ports import Unauthorized, Unavailable, VendorError
from engine.backoff import delay
from state.trouble import StoreError

log = structlog.get_logger(__name__)

_BASE = 5.0  # seconds; the longest a loop rests after its first failure
_CAP = 300.0  # seconds; the longest a failing loop rests


class Pass(StrEnum):
    """How one pass of a loop ended."""

    DONE = "done"
    UNAVAILABLE = "unavailable"  # a vendor could not serve us; the loop itself is well
    BROKEN = "broken"  # a bug; the loop goes on, and somebody should look


class Alarm:
    """A bell that many may ring and one loop waits for."""

    def __init__(self) -> None:
        self._event = anyio.Event()

    def ring(self) -> None:
        """Wake the loop now, or make its next wait return at once."""
        self._event.set()

    async def wait(self, seconds: float) -> None:
        """Return when the alarm rings or `seconds` have passed."""
        with anyio.move_on_after(seconds):
            await self._event.wait()
        self._event = anyio.Event()


class Loop:
    """Runs `body` every `interval` seconds, sooner if it asks for it or the alarm rings.

    `body` returns the seconds after which it wants to run again, or None for the interval. A vendor's failure, or a
    bug, ends one pass and not the loop; a store that can't be used ends the process. After a failure the loop rests
    longer each time, and at least as long as the vendor asked for.
    """

    def __init__(
        self,
        name: str,
        interval: float,
        body: Callable[[], Awaitable[float | None]],
        ended: Callable[[str, Pass, float], None],
    ) -> None:
        self.name = name
        self.interval = interval
        self.alarm = Alarm()
        self._body = body
        self._ended = ended
        self._stopping = False
        self._failures = 0
        self._chance = random.Random()  # noqa: S311 - jitter, not a secret

    def stop(self) -> None:
        """End after the pass under way."""
        self._stopping = True
        self.alarm.ring()

    async def run(self) -> None:
        """Run until stopped."""
        while not self._stopping:
            await self.alarm.wait(await self.run_once())

    async def run_once(self) -> float:
        """Run the body once and return the seconds to rest."""
        result, rest = await self._passed()
        if result is Pass.DONE:
            self._failures = 0
        else:
            rest = max(rest, delay(self._failures, base=min(self.interval, _BASE), cap=_CAP, chance=self._chance))
            self._failures += 1
        self._ended(self.name, result, rest)
        return rest

    async def _passed(self) -> tuple[Pass, float]:
        try:
            rest = await self._body()
        except StoreError:
            raise
        except Unauthorized as error:
            log.error("vendor.refused_us", loop=self.name, detail=str(error))  # noqa: TRY400 - a fact, not a bug
        except VendorError as error:
            log.warning("vendor.failed", loop=self.name, detail=str(error))
            return Pass.UNAVAILABLE, (error.retry_after or 0.0) if isinstance(error, Unavailable) else 0.0
        except Exception as error:
            if isinstance(error, ExceptionGroup) and error.subgroup(StoreError):
                raise  # a pass that works on several things at once wraps what stopped it
            log.exception("loop.broke", loop=self.name)
            return Pass.BROKEN, 0.0
        else:
            return Pass.DONE, self.interval if rest is None else rest
        return Pass.UNAVAILABLE, 0.0
