"""Events on their way to webhooks: signed, tried four times, counted, and written into the delivery logs."""

import asyncio
import hmac
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from secrets import token_hex
from time import monotonic

import aiohttp
import anyio
import msgspec
from aiohttp import web

from adapters.sandbox.alvys.books import Books
from adapters.sandbox.alvys.events import Event, document_event, shipment_events
from adapters.sandbox.alvys.wire import Json, decode, encode, read_instant, write_instant

LONGEST_BODY = 4096  # characters of an answer that the log keeps
AGENT = "Alvys-Webhook/1.0"
TRY_AGAIN = frozenset({408, 429})

pause = anyio.sleep


@dataclass(frozen=True)
class Delivery:
    """The vendor's documented patience; a time factor shortens the waits between attempts, not those for an answer."""

    retries_seconds: tuple[float, ...] = (10, 30, 60)
    answer_seconds: float = 30
    challenge_seconds: float = 3
    failures_to_disable: int = 10
    time_factor: float = 1.0


@dataclass(frozen=True)
class Outcome:
    """How an attempt ended."""

    status: str  # Success, Failed, Timeout or Skipped
    code: int | None = None
    body: str | None = None
    error: str | None = None
    milliseconds: int = 0

    @property
    def final(self) -> bool:
        """Whether another attempt would be of no use: it arrived, or was refused for good."""
        refused = self.code is not None and 300 <= self.code < 500 and self.code not in TRY_AGAIN  # noqa: PLR2004
        return self.status in {"Success", "Skipped"} or refused


class Deliveries:
    """Watches the books of a served sandbox, and delivers what happens to the webhooks that asked for it.

    What has not been delivered when the sandbox ends is lost. Raises nothing: what goes wrong is in the logs.
    """

    def __init__(self, books: Books, delivery: Delivery) -> None:
        self.books = books
        self.delivery = delivery
        self._waiting: asyncio.Queue[tuple[str, Event]] = asyncio.Queue()
        books.watchers.append(self._see)

    async def running(self, _: web.Application) -> AsyncIterator[None]:
        """Deliver while the application runs."""
        worker = asyncio.create_task(self._work())
        yield
        worker.cancel()
        with suppress(asyncio.CancelledError):
            await worker

    async def challenge(self, url: str) -> str | None:
        """Ask an endpoint to prove whose it is by echoing a token, unsigned; return what is wrong, or None."""
        token = token_hex(16)
        body = encode({"type": "webhook.verification", "challenge": token})
        headers = _headers("webhook.verification") | {"X-Alvys-Challenge": token}
        outcome = await _post(url, body, headers, self.delivery.challenge_seconds)
        if outcome.code != web.HTTPOk.status_code:
            return outcome.error or f"The endpoint answered {outcome.code}."
        try:
            echoed = decode((outcome.body or "").encode())
        except msgspec.DecodeError:
            return "The endpoint did not answer with JSON."
        return None if isinstance(echoed, dict) and echoed.get("challenge") == token else "The challenge differs."

    async def attempt(self, webhook: Json, event: Event, number: int = 1) -> Json:
        """Send an event once, whatever comes of it, and return what the log says."""
        body, now = encode(event.envelope), self.books.clock()
        headers = _headers(event.type) | {
            "X-Alvys-Event-Id": event.id,
            "X-Alvys-Timestamp": f"{int(now.timestamp())}",
            "X-Alvys-Signature": signature(webhook, event.id, body, now, self.books.switches.rotation_window_seconds),
            "X-Alvys-Attempt": f"{number}",
        }
        outcome = await _post(webhook["Url"], body, headers, self.delivery.answer_seconds)
        return self._log(webhook, event, number, outcome)

    def _see(self, kind: str, before: Json | None, after: Json | None) -> None:
        if not any(webhook["Status"] == "Active" for webhook in self.books.all("webhooks")):
            return
        if kind in {"loads", "trips"} and before and after and before != after:
            self._tell(*shipment_events(kind, before, after))
        elif kind == "attachments" and before is None and after:
            place = self.books.known("filings", after["id"])["Place"]
            parent_kind, _, key = place.partition("/")
            self._tell(document_event(place, after, self.books.known(parent_kind, key)))

    def _tell(self, *events: Event) -> None:
        for webhook in self.books.all("webhooks"):
            for event in events:
                here = event.subsidiary in {None, webhook["SubsidiaryName"]}
                if here and webhook["Status"] == "Active" and event.type in webhook["Events"]:
                    for _ in range(2 if self.books.switches.duplicate_deliveries else 1):
                        self._waiting.put_nowait((webhook["Id"], event))

    async def _work(self) -> None:
        async with anyio.create_task_group() as couriers:
            while True:
                couriers.start_soon(self._deliver, *await self._waiting.get())

    async def _deliver(self, webhook_id: str, event: Event) -> None:
        """Try until an event arrives, is refused for good, or all attempts are used up."""
        elapsed = 0.0
        for number, due in enumerate((0.0, *self.delivery.retries_seconds), 1):
            wait = due if self.books.switches.retry_ladder == "gaps" else due - elapsed
            await pause(wait * self.delivery.time_factor)
            elapsed = due
            webhook = self.books.get("webhooks", webhook_id)
            if webhook is None:
                return
            if webhook["Status"] != "Active":
                self._log(webhook, event, number, Outcome("Skipped", error="The webhook is not active."))
                return
            logged = await self.attempt(webhook, event, number)
            if logged["Final"]:
                break
        else:
            logged = {"Status": "Failed"}
        self._count(webhook_id, arrived=logged["Status"] == "Success")

    def _count(self, webhook_id: str, *, arrived: bool) -> None:
        """Count an event that failed after all attempts; so many of them in a row disable the webhook."""
        webhook = self.books.get("webhooks", webhook_id)
        if webhook is None:
            return
        stamp = self.books.stamp()
        failures = 0 if arrived else webhook["ConsecutiveFailures"] + 1
        webhook = webhook | {"ConsecutiveFailures": failures, "LastTriggeredAt": stamp}
        if failures >= self.delivery.failures_to_disable and webhook["Status"] == "Active":
            reason = f"{failures} consecutive events could not be delivered."
            webhook |= {"Status": "Disabled", "DisabledAt": stamp, "DisabledReason": reason}
        self.books.commit(("webhooks", webhook))

    def _log(self, webhook: Json, event: Event, number: int, outcome: Outcome) -> Json:
        entry = {
            "Id": token_hex(16),
            "WebhookId": webhook["Id"],
            "EventId": event.id,
            "EventType": event.type,
            "Status": outcome.status,
            "HttpStatusCode": outcome.code,
            "HttpMethod": "POST",
            "DurationMs": outcome.milliseconds,
            "AttemptNumber": number,
            "Timestamp": write_instant(self.books.clock()),
            "EventTimestamp": event.timestamp,
            "ConsumerUrl": webhook["Url"],
            "ResponseBody": outcome.body,
            "ErrorMessage": outcome.error,
            "EntityType": event.entity_type,
            "EntityId": event.entity_id,
            "Final": outcome.final,
        }
        self.books.commit(("deliveries", entry))
        return entry


def signature(webhook: Json, event_id: str, body: bytes, now: datetime, window_seconds: float) -> str:
    """Sign a delivery; for a while after the secret was changed, by the previous one too."""
    seconds = int(now.timestamp())
    signed = f"{seconds}.{event_id}.".encode() + body
    written = f"t={seconds},v1={_hmac(webhook['Secret'], signed)}"
    rotated = webhook["RotatedAt"]
    if rotated and now < read_instant(rotated) + timedelta(seconds=window_seconds):
        written += f",v0={_hmac(webhook['PreviousSecret'], signed)}"
    return written


def _hmac(secret: str, signed: bytes) -> str:
    return hmac.new(secret.encode(), signed, sha256).hexdigest()


def _headers(event_type: str) -> dict[str, str]:
    return {
        "Content-Type": "application/json; charset=utf-8",
        "User-Agent": AGENT,
        "X-Alvys-Event": event_type,
        "traceparent": f"00-{token_hex(16)}-{token_hex(8)}-01",
    }


async def _post(url: str, body: bytes, headers: dict[str, str], patience: float) -> Outcome:
    """Post once and return how it ended."""
    began = monotonic()
    code, text, error, status = None, None, None, "Failed"
    try:
        timeout = aiohttp.ClientTimeout(total=patience)
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.post(url, data=body, headers=headers, allow_redirects=False) as answer,
        ):
            code, text = answer.status, (await answer.text(errors="replace"))[:LONGEST_BODY]
            status = "Success" if answer.ok and answer.status < 300 else "Failed"  # noqa: PLR2004 - 2xx
    except TimeoutError:
        status, error = "Timeout", f"No answer within {patience:g} seconds."
    except aiohttp.ClientError as broken:
        error = f"{type(broken).__name__}: the endpoint could not be reached."
    return Outcome(status, code, text, error, round((monotonic() - began) * 1000))
