"""What a preview shows is what is sent, byte for byte, and nothing else leaves."""

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec

from adapters.http import encode
from adapters.quickbooks.forms import FORMS
from adapters.quickbooks.marker import fingerprint
from state.transaction import DocumentType
from tests.integration.stage import EXPENSE, REVENUE
from tests.integration.twins import Json, decode, until
from tests.integration.wiretap import Wiretap, tapped

if TYPE_CHECKING:
    from tests.integration.stage import Daemon, Stage
    from tests.integration.twins import World

_PRINT = re.compile(r"(?<= g1 )[0-9a-f]{10}")
_NEW = re.compile(r"<new \w+: ")
EVERYTHING = {
    "ALVYS_STATEMENT_INTERVAL": "0.5",
    "ALVYS_PURCHASE_INTERVAL": "0.5",
    "EXPORT_AUTO": "false",
    "EXPORT_SINGLE_DRIVER_BILL": "true",
    "EXPORT_CUSTOMER_PAYMENTS": "true",
    "EXPORT_COMPANY_FUEL": "true",
    "EXPORT_COMPANY_TOLL": "true",
    "EXPORT_SHARED_BILLING": "true",
    "MAPPING_DEPOSIT_ACCOUNT": "Operating Checking",
    # Linehaul has an income account, so that an item of ours has to be made for it.
    "MAPPING_REVENUE": msgspec.json.encode(REVENUE | {"linehaul": "4000", "default": "Accessorial Income"}).decode(),
    "MAPPING_EXPENSE": msgspec.json.encode(EXPENSE | {"default": "Bank and Factoring Fees"}).decode(),
    "MAPPING_LIABILITY": msgspec.json.encode({"default": "Driver Escrow"}).decode(),
}


class Filling:
    """Puts the ids that were sent where a preview says what is new; each new thing has one id, wherever it stands."""

    def __init__(self) -> None:
        self.ids: dict[str, str] = {}

    def fill(self, seen: Any, sent: Any) -> Any:
        if isinstance(seen, dict) and isinstance(sent, dict):
            return {name: self.fill(each, sent.get(name)) for name, each in seen.items()}
        if isinstance(seen, list) and isinstance(sent, list):
            return [self.fill(each, other) for each, other in zip(seen, sent, strict=True)]
        if isinstance(seen, str) and _NEW.match(seen):
            return self.ids.setdefault(seen, sent)
        return seen

    def filled(self, document: Json, sent: bytes) -> bytes:
        """Return the body of a preview with the ids that came to be, and the fingerprint that follows from them."""
        body = self.fill(document["body"], decode(sent))
        if body != document["body"]:
            form = FORMS[DocumentType(document["document_type"])]
            body["PrivateNote"] = _PRINT.sub(fingerprint(body, form), body["PrivateNote"])
        return encode(body)


async def previewed(daemon: "Daemon", **wanted: Any) -> list[Json]:
    """Return the previews of all pages."""
    found: list[Json] = []
    before = None
    while True:
        status, page = await daemon.ask("POST", "preview", wanted | {"limit": 25, "before": before})
        assert status == 200, page
        found += page["documents"]
        before = page["next"]
        if before is None:
            return found


async def taken_in(daemon: "Daemon") -> list[Json]:
    """Return everything, once each source was read to its end."""
    for loop in ("freight", "driver_statements", "fuel", "tolls"):
        await daemon.passed(f"intake.{loop}", 1)
    found: list[Json] = []
    before = ""
    while True:
        page = await daemon.get(f"transactions?limit=200{before}")
        found += page["transactions"]
        if page["next"] is None:
            return found
        before = f"&before={page['next']}"


async def calm(daemon: "Daemon") -> None:
    """Wait until nothing waits any more but for a person."""

    async def rests() -> bool:
        return not [each for each in (await daemon.get("summary"))["messages"] if each["phase"] not in {"dead", "held"}]

    await until(rests, "nothing waits", 120.0)


def differing(previews: list[Json], tap: Wiretap, sources: dict[int, str]) -> Iterator[str]:
    """Yield the documents that are not what their previews showed."""
    filling = Filling()
    for each in previews:
        sent = tap.sent.get(sources[each["id"]], [])
        if not sent and not each["problem"]:
            yield f"{each['kind']} {each['number']} was never sent"
        elif sent and (each["problem"] or encode_once(sent) != filling.filled(each, sent[0])):
            yield f"{each['kind']} {each['number']}: {each['problem']} {filling.filled(each, sent[0])!r} {sent!r}"


def encode_once(sent: list[bytes]) -> bytes:
    [document] = sent
    return document


async def paid_in_tms(world: "World", invoice: Json) -> None:
    """Let a customer pay an invoice in two parts, before it is in accounting."""
    part, total = Decimal("100.01"), Decimal(invoice["total"]["amount"])
    for amount in (part, total - part):
        await world.alvys.act("pay", load_number=invoice["label"], amount=str(amount), reference=f"CHK {amount}")


async def books(world: "World") -> Any:
    return {name: rows for name, rows in (await world.quickbooks.books()).items() if rows}


async def test_everything_that_waits_is_sent_as_its_preview_showed_it(stage: "Stage") -> None:
    async with stage.world("--full", loads=24) as world, tapped(world.quickbooks.facts["api_url"]) as tap:
        settings = EVERYTHING | {"QUICKBOOKS_API_URL": tap.address}
        async with stage.daemon(world, **settings) as daemon:
            invoices = [each for each in await taken_in(daemon) if each["kind"] == "customer_invoice"]
            await paid_in_tms(world, next(each for each in invoices if each["label"] not in world.planted.values()))
            held, before = await taken_in(daemon), await books(world)
            sources = {each["id"]: f"{each['kind']} {each['source_id']}" for each in held}
            previews = await previewed(daemon, unreleased=True)
            assert {each["id"] for each in previews} == set(sources)
            assert {each["document_type"] for each in previews} == {"invoice", "bill", "vendor_credit", "payment"}
            assert [need for each in previews for need in each["needs"] if need["what"] == "item"]

            # Looking changes nothing: neither here, nor there, nor what a second look shows.
            assert tap.writes == []
            assert await books(world) == before
            assert await taken_in(daemon) == held
            assert await previewed(daemon, unreleased=True) == previews

            for each in (each for each in previews if each["body"] is not None):
                sides = [(posting["debit"]["amount"], posting["credit"]["amount"]) for posting in each["postings"]]
                assert sum(decode(debit.encode()) for debit, _ in sides) == sum(
                    decode(credit.encode()) for _, credit in sides
                )

            hashes = {str(each["id"]): each["hash"] for each in previews if each["hash"]}
            status, released = await daemon.ask(
                "POST", "release", {"reason": "looked at all of it", "previews": hashes}
            )
            assert (status, set(map(str, released["released"]))) == (200, set(hashes))
            await calm(daemon)
            assert list(differing(previews, tap, sources)) == []
            errors = [each["problem"]["code"] for each in await taken_in(daemon) if each["state"] == "error"]
            assert "preview_differs" not in errors
            assert sorted(errors) == sorted(each["problem"]["code"] for each in previews if each["problem"])

            # What stands as it is wanted needs nothing.
            again = next(each for each in await taken_in(daemon) if each["state"] == "exported")
            status, page = await daemon.ask("POST", "preview", {"ids": [again["id"]]})
            assert (status, page["documents"][0]["nothing"]) == (
                200,
                "it is in the books as it is wanted: nothing would be sent",
            )
