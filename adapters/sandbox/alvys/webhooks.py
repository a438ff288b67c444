"""Webhook subscriptions: made, proven, paused, and looked into."""

from collections.abc import Sequence
from secrets import token_hex
from urllib.parse import urlsplit
from uuid import uuid4

from adapters.sandbox.alvys.books import Books
from adapters.sandbox.alvys.deliveries import Deliveries
from adapters.sandbox.alvys.delivery_logs import LISTED, page_of
from adapters.sandbox.alvys.events import EVENT_TYPES, TESTED, Event
from adapters.sandbox.alvys.parties import SUBSIDIARY_IDS
from adapters.sandbox.alvys.routing import Asked, Reply, Route, etag_of, match_version
from adapters.sandbox.alvys.wire import Json, Problem

API_USER = "Public API"
COMPANY_CODE = "BM001"
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})

SHOWN = (
    "Id",
    "CompanyCode",
    "SubsidiaryId",
    "Name",
    "Url",
    "Secret",
    "Events",
    "Status",
    "DisabledAt",
    "DisabledReason",
    "ConsecutiveFailures",
    "CreatedAt",
    "CreatedBy",
    "UpdatedAt",
    "UpdatedBy",
    "LastTriggeredAt",
)
VERSIONED = ("Id", "Name", "Url", "Events", "Status", "Secret")


class Webhooks:
    """The webhook endpoints."""

    def __init__(self, books: Books, deliveries: Deliveries) -> None:
        self.books = books
        self.deliveries = deliveries

    def routes(self) -> list[Route]:
        """List the endpoints."""
        one = "webhooks/{id}"
        return [
            Route("GET", "webhooks/event-types", lambda _: Reply(list(EVENT_TYPES))),
            Route("GET", "webhooks", self.list),
            Route("POST", "webhooks", self.create),
            Route("GET", one, self.read),
            Route("PUT", one, self.update),
            Route("DELETE", one, self.delete),
            Route("POST", f"{one}/verify", self.verify),
            Route("POST", f"{one}/enable", self.enable),
            Route("POST", f"{one}/disable", self.disable),
            Route("POST", f"{one}/test", self.test),
            Route("POST", f"{one}/rotate-secret", self.rotate_secret),
            Route("POST", f"{one}/reveal-secret", self.reveal_secret),
        ]

    def list(self, asked: Asked) -> Reply:
        """List subscriptions, the newest first."""
        subsidiary = asked.query.get("SubsidiaryId")
        found = [each for each in self.books.all("webhooks") if subsidiary in {None, each["SubsidiaryId"]}]
        return Reply(page_of(asked, [self._shown(each) for each in reversed(found)]))

    def create(self, asked: Asked) -> Reply:
        """Subscribe an endpoint; nothing is delivered to it until it was verified. Raises a 400 or 409 `Problem`."""
        body = asked.body
        errors = _wrong(body, ("Name", "SubsidiaryId", "Url", "Events"))
        names = {key: name for name, key in SUBSIDIARY_IDS.items()}
        if "SubsidiaryId" not in errors and body["SubsidiaryId"] not in names:
            errors["SubsidiaryId"] = ["There is no such subsidiary."]
        if errors:
            raise Problem.of(errors)
        self._refuse_double(body["Url"], body["SubsidiaryId"])
        webhook = {
            "Id": str(uuid4()),
            "CompanyCode": COMPANY_CODE,
            "SubsidiaryId": body["SubsidiaryId"],
            "SubsidiaryName": names[body["SubsidiaryId"]],
            "Name": body["Name"],
            "Url": body["Url"],
            "Secret": _new_secret(),
            "PreviousSecret": None,
            "RotatedAt": None,
            "Events": body["Events"],
            "Status": "Pending",
            "DisabledAt": None,
            "DisabledReason": None,
            "ConsecutiveFailures": 0,
            "CreatedAt": self.books.stamp(),
            "CreatedBy": API_USER,
            "UpdatedAt": None,
            "UpdatedBy": None,
            "LastTriggeredAt": None,
        }
        self.books.commit(("webhooks", webhook))
        return Reply({name: webhook[name] for name in SHOWN}, 201, _tag(webhook))

    def read(self, asked: Asked) -> Reply:
        """Show one subscription. Raises a 404 `Problem`."""
        return self._answer(self._asked(asked))

    def update(self, asked: Asked) -> Reply:
        """Change a subscription; another URL has to be verified anew. Raises a 400, 404, 409 or 412 `Problem`."""
        webhook, body = self._asked(asked), asked.body
        match_version(asked, _version(webhook), required=False)
        given = {name: body[name] for name in ("Name", "Url", "Events") if body.get(name) is not None}
        if errors := _wrong(given, tuple(given)):
            raise Problem.of(errors)
        if given.get("Url", webhook["Url"]) != webhook["Url"]:
            self._refuse_double(given["Url"], webhook["SubsidiaryId"])
            given["Status"] = "Pending"
        return self._answer(self._changed(webhook, **given))

    def delete(self, asked: Asked) -> Reply:
        """End a subscription. Raises a 404 or 412 `Problem`."""
        webhook = self._asked(asked)
        match_version(asked, _version(webhook), required=False)
        self.books.commit(removed=[("webhooks", webhook["Id"])])
        return Reply(None, 204)

    async def verify(self, asked: Asked) -> Reply:
        """Have the endpoint prove whose it is; the status that is answered tells. Raises a 404 `Problem`."""
        webhook = self._asked(asked)
        return self._answer(self._proven(webhook, await self.deliveries.challenge(webhook["Url"])))

    async def enable(self, asked: Asked) -> Reply:
        """Deliver from now on, once the endpoint has proved whose it is. Raises a 400 or 404 `Problem`."""
        webhook = self._asked(asked)
        if webhook["Status"] == "Active":
            raise Problem(400, "The webhook is enabled already.")
        wrong = await self.deliveries.challenge(webhook["Url"])
        webhook = self._proven(webhook, wrong)
        if wrong:
            raise Problem(400, f"The endpoint could not be verified: {wrong}")
        return self._answer(webhook)

    def disable(self, asked: Asked) -> Reply:
        """Deliver nothing until it is enabled again. Raises a 400 or 404 `Problem`."""
        webhook = self._asked(asked)
        if webhook["Status"] == "Disabled":
            raise Problem(400, "The webhook is disabled already.")
        reason = {"DisabledAt": self.books.stamp(), "DisabledReason": "Disabled by a user."}
        return self._answer(self._changed(webhook, Status="Disabled", **reason))

    async def test(self, asked: Asked) -> Reply:
        """Send a signed payload of no meaning, once, and answer with how that went. Raises a 404 `Problem`."""
        webhook, key = self._asked(asked), str(uuid4())
        event = Event(TESTED, key, self.books.stamp(), {"message": "A test."}, "Webhook", webhook["Id"])
        logged = await self.deliveries.attempt(webhook, event)
        return Reply({name: logged[name] for name in LISTED})

    def rotate_secret(self, asked: Asked) -> Reply:
        """Make a new secret, and sign by the old one too for a while. Raises a 404 `Problem`."""
        webhook = self._asked(asked)
        secrets = {"PreviousSecret": webhook["Secret"], "RotatedAt": self.books.stamp(), "Secret": _new_secret()}
        webhook = self._changed(webhook, **secrets)
        return Reply({"Secret": webhook["Secret"]}, etag=_tag(webhook))

    def reveal_secret(self, asked: Asked) -> Reply:
        """Show the secret. Raises a 404 `Problem`."""
        return Reply({"Secret": self._asked(asked)["Secret"]})

    def _asked(self, asked: Asked) -> Json:
        return self.books.known("webhooks", asked.match["id"])

    def _answer(self, webhook: Json) -> Reply:
        return Reply(self._shown(webhook), etag=_tag(webhook))

    def _shown(self, webhook: Json) -> Json:
        shown = {name: webhook[name] for name in SHOWN}
        return shown | {"Secret": "********"} if self.books.switches.webhook_reads_masked else shown

    def _changed(self, webhook: Json, **changes: object) -> Json:
        webhook = webhook | changes | {"UpdatedAt": self.books.stamp(), "UpdatedBy": API_USER}
        self.books.commit(("webhooks", webhook))
        return webhook

    def _proven(self, webhook: Json, wrong: str | None) -> Json:
        stamp = self.books.stamp()
        shut = {"Status": "Disabled", "DisabledAt": stamp, "DisabledReason": f"Verification failed: {wrong}"}
        live = {"Status": "Active", "DisabledAt": None, "DisabledReason": None, "ConsecutiveFailures": 0}
        return self._changed(self.books.known("webhooks", webhook["Id"]), **(shut if wrong else live))

    def _refuse_double(self, url: str, subsidiary_id: str) -> None:
        if any(each["Url"] == url and each["SubsidiaryId"] == subsidiary_id for each in self.books.all("webhooks")):
            raise Problem(409, "The subsidiary has a webhook with this URL already.")


def _wrong(body: Json, names: Sequence[str]) -> dict[str, list[str]]:
    """Return what is wrong with a subscription. URLs are on this machine only: the twin delivers nowhere else."""
    errors = {
        name: [f"The {name} field is required."]
        for name in names
        if name != "Events" and (not isinstance(body.get(name), str) or not body[name].strip())
    }
    if "Url" in names and "Url" not in errors and not _on_this_machine(body["Url"]):
        errors["Url"] = ["The twin delivers to loopback addresses only."]
    if "Events" in names:
        events = body.get("Events")
        if not isinstance(events, list) or not events or not set(events) <= set(EVENT_TYPES):
            errors["Events"] = ["At least one event must be given, each of a known type."]
    return errors


def _on_this_machine(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and parts.hostname in LOOPBACK


def _version(webhook: Json) -> Json:
    return {name: webhook[name] for name in VERSIONED}


def _tag(webhook: Json) -> str:
    return etag_of(_version(webhook))


def _new_secret() -> str:
    return f"whsec_{token_hex(24)}"
