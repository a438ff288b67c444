"""What others would write: invoices sent without a store, a look-up or a second thought. A process of its own.

`python -m tests.benchmarks.peers` reads what to do as JSON from standard input and prints what it measured.
"""

import asyncio
import itertools
import os
import sys
import time
from collections.abc import Callable
from typing import Any, Final

import aiohttp
import msgspec
from intuitlib.client import AuthClient
from intuitlib.config import DISCOVERY_URL
from quickbooks import QuickBooks
from quickbooks.batch import batch_create
from quickbooks.objects import Customer, Invoice, Item

from tests.benchmarks.freight import invoice

MOST: Final = 30
_WORKERS: Final = 10
_ENCODER: Final = msgspec.json.Encoder(decimal_format="number")

Address = dict[str, str]


def usual(address: Address) -> tuple[Any, Callable[[int], Any]]:
    """Return the usual QuickBooks library's client, signed in, and what makes its invoice of a number."""
    os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"  # its OAuth library refuses plain HTTP otherwise
    DISCOVERY_URL["sandbox"] = f"{address['api_url']}/.well-known/openid_sandbox_configuration/"
    auth = AuthClient(address["client_id"], address["client_secret"], "http://localhost/", "sandbox")
    auth.refresh(refresh_token=address["refresh_token"])
    given = {"auth_client": auth, "refresh_token": auth.refresh_token, "company_id": address["realm_id"]}
    client = QuickBooks(minorversion=75, **given)
    client.sandbox_api_url_v3 = f"{address['api_url']}/v3"
    customer = Customer.from_json({"DisplayName": "Shipper 0"})
    customer.save(qb=client)
    items = {item.Name: item.Id for item in Item.all(qb=client)}

    def made(number: int) -> Any:
        document = invoice(number, customer.Id, items)
        for line in document["Line"]:
            line["Amount"] = float(line["Amount"])  # its encoder knows no other numbers
        return Invoice.from_json(document)

    return client, made


def loop(address: Address, documents: int) -> Callable[[], None]:
    """Return the usual library creating one invoice after another."""
    client, made = usual(address)
    made(documents).save(qb=client)

    def work() -> None:
        for number in range(documents):
            made(number).save(qb=client)

    return work


def batches(address: Address, documents: int) -> Callable[[], None]:
    """Return the usual library creating invoices with its batches of thirty."""
    client, made = usual(address)
    batch_create([made(documents)], qb=client)

    def work() -> None:
        for chunk in _chunks(documents):
            answer = batch_create([made(number) for number in chunk], qb=client)
            assert len(answer.successes) == len(chunk)

    return work


def bare(address: Address, documents: int) -> Callable[[], None]:
    """Return plain aiohttp posting batches, ten at once, that remembers nothing and looks nothing up."""

    async def work() -> None:
        async with aiohttp.ClientSession(headers={"Accept": "application/json"}) as session:
            basic = {"Authorization": aiohttp.encode_basic_auth(address["client_id"], address["client_secret"])}
            grant = {"grant_type": "refresh_token", "refresh_token": address["refresh_token"]}
            async with session.post(address["token_url"], data=grant, headers=basic) as response:
                session.headers["Authorization"] = f"Bearer {(await response.json())['access_token']}"
            company = f"{address['api_url']}/v3/company/{address['realm_id']}"
            async with session.post(f"{company}/customer", json={"DisplayName": "Shipper 0"}) as response:
                customer = (await response.json())["Customer"]["Id"]
            async with session.get(f"{company}/query?query=select * from Item maxresults 100") as response:
                items = {item["Name"]: item["Id"] for item in (await response.json())["QueryResponse"]["Item"]}
            chunks = _chunks(documents)

            async def send() -> None:
                for chunk in chunks:
                    documents = [invoice(number, customer, items) for number in chunk]
                    batch = [
                        {"bId": str(n), "operation": "create", "Invoice": each} for n, each in enumerate(documents)
                    ]
                    body = _ENCODER.encode({"BatchItemRequest": batch})
                    path = f"{company}/batch?requestid=b{chunk[0]}"
                    async with session.post(path, data=body, headers={"Content-Type": "application/json"}) as response:
                        answers = msgspec.json.decode(await response.read())["BatchItemResponse"]
                        assert all("Invoice" in answer for answer in answers)

            await asyncio.gather(*itertools.starmap(send, [()] * _WORKERS))

    return lambda: asyncio.run(work())


PEERS: Final = {"loop": loop, "batches": batches, "bare": bare}


def _chunks(documents: int) -> Any:
    return iter([range(start, min(start + MOST, documents)) for start in range(0, documents, MOST)])


def main() -> None:
    """Measure once."""
    order = msgspec.json.decode(sys.stdin.readline())
    work = PEERS[order["peer"]](order["address"], order["documents"])
    cpu, wall = time.process_time(), time.perf_counter()
    work()
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    sys.stdout.write(msgspec.json.encode({"documents": order["documents"], "wall": wall, "cpu": cpu}).decode() + "\n")


if __name__ == "__main__":
    main()
