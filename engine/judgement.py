"""What a failure means for a message, and for the lane it came through."""

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from adapters.ports import OutcomeUnknown, Rejected, Unauthorized, Unavailable
from engine.backoff import delay
from engine.lane import CHANCE, Lane, Pace
from state.outbox import Claim, InDoubt, Outcome, Phase, Postponed, Refused

log = structlog.get_logger(__name__)


class Judgement:
    """Turns errors into outcomes: decided by what is known of the request, never by hope."""

    def __init__(self, pace: Pace, lane: Lane, clock: Callable[[], datetime]) -> None:
        self._pace = pace
        self._lane = lane
        self._clock = clock

    def of(self, claim: Claim, error: Exception) -> Outcome:
        """Say how a message ends, for now, that met `error`."""
        match error:
            case Rejected() if claim.message.phase is not Phase.IN_DOUBT:  # a look-up refused says nothing of what left
                return Refused(error.problem, error.trace, error.document)
            case Unavailable():
                self._lane.pause(self._clock(), error.retry_after)
                return self._postponed(claim, str(error), error.retry_after)
            case Unauthorized():
                self._lane.pause(self._clock(), self._pace.retry_cap)
                log.error("vendor.refused_us", effect=claim.message.effect, detail=str(error))
                return self._postponed(claim, str(error), None)
            case OutcomeUnknown():
                return self._unknown(claim, str(error), error.retry_after)
            case _:
                log.error("message.broke", effect=claim.message.effect, label=claim.transaction.label, exc_info=error)
                return self._unknown(claim, f"internal error: {type(error).__name__}", None)

    def after(self, seconds: float) -> datetime:
        """Return the instant so many seconds from now."""
        return self._clock() + timedelta(seconds=seconds)

    def _unknown(self, claim: Claim, reason: str, retry_after: float | None) -> Outcome:
        """Doubt, if the request has left; otherwise just another time."""
        if claim.message.phase is not Phase.SENT:
            return self._postponed(claim, reason, retry_after)
        return InDoubt(self.after(self._pace.quiet_period), reason, 0, claim.message.tries + 1)

    def _postponed(self, claim: Claim, reason: str, retry_after: float | None) -> Postponed:
        pause = self._backoff(claim.message.delays) if retry_after is None else retry_after
        return Postponed(self.after(pause), reason)

    def _backoff(self, failures: int) -> float:
        return delay(failures, base=self._pace.retry_base, cap=self._pace.retry_cap, chance=CHANCE)
