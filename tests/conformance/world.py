"""A world to try the QuickBooks adapter in: the twin behind real HTTP, a clock, and documents to send."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from adapters.http import Call
from adapters.ports import (
    Absent,
    Order,
)
from adapters.quickbooks import Mapping, QuickBooks
from adapters.sandbox.quickbooks import QuickBooksSandbox, hands
from state.creation import Creation
from state.lifecycle import Effect, State
from state.outbox import Claim, Message, Observation, Phase, Receipt
from state.transaction import Content, Document, DocumentType, Kind, Line, Money, Party, Transaction, TransactionId

START = datetime(2026, 3, 16, 15, 0, tzinfo=UTC)
INVOICE, BILL, CREDIT = Kind.CUSTOMER_INVOICE, Kind.CARRIER_BILL, Kind.CARRIER_CREDIT


@dataclass
class Memory:
    """Links and Vault in a dict."""

    links: dict[tuple[str, str], str] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    creations: dict[tuple[str, str], Creation] = field(default_factory=dict)

    async def linked(self, kind: str, key: str) -> str | None:
        return self.links.get((kind, key))

    async def link(self, kind: str, key: str, target: str, *, name: str = "") -> None:
        self.links[kind, key] = target
        if ended := self.creations.get((kind, name)):
            self.creations[kind, name] = replace(ended, phase=Phase.WAITING, round=ended.round + 1, reads=0, tries=0)

    async def creation(self, kind: str, name: str) -> Creation | None:
        return self.creations.get((kind, name))

    async def record(self, kind: str, name: str, creation: Creation) -> None:
        self.creations[kind, name] = creation

    async def secret(self, name: str) -> str | None:
        return self.secrets.get(name)

    async def keep(self, name: str, value: str) -> None:
        self.secrets[name] = value


@dataclass
class Clock:
    """A clock that moves a little at each look, so that no two changes share an instant."""

    now: datetime = START

    def __call__(self) -> datetime:
        self.now += timedelta(milliseconds=10)
        return self.now

    def pass_time(self, **span: float) -> None:
        self.now += timedelta(**span)


@dataclass
class World:
    twin: QuickBooksSandbox
    quickbooks: QuickBooks
    memory: Memory
    clock: Clock
    calls: list[Call]
    another: Callable[..., QuickBooks]
    watchers: list[Callable[[Call], None]]
    messages: int = 0

    def claim(self, transaction: Transaction, effect: Effect = Effect.EXPORT, **message: Any) -> Claim:
        self.messages += 1
        wish = Message(
            id=self.messages,
            effect=effect,
            phase=Phase.WAITING,
            revision=transaction.revision,
            generation=transaction.generation,
            round=0,
            attempts=0,
            reads=0,
            tries=0,
            due_at=START,
        )
        return Claim(replace(wish, **message), transaction)

    async def prepared(self, transaction: Transaction) -> Order:
        claim = self.claim(transaction)
        return await self.quickbooks.exports.prepare(claim, f"request-{claim.message.id}")

    async def exported(self, transaction: Transaction) -> Transaction:
        """Take a transaction the whole way: prepare, look up, send."""
        order = await self.prepared(transaction)
        assert await self.verdict(order) == Absent()
        return holding(transaction, await self.quickbooks.exports.send(order))

    async def verdict(self, order: Order, *, in_doubt: bool = False) -> Any:
        message = replace(order.claim.message, phase=Phase.IN_DOUBT if in_doubt else Phase.WAITING)
        order = replace(order, claim=replace(order.claim, message=message))
        return (await self.quickbooks.exports.look_up([order]))[message.id]

    async def voiding(self, transaction: Transaction) -> tuple[Order, Any]:
        claim = self.claim(transaction, Effect.VOID)
        order = await self.quickbooks.voids.prepare(claim, f"void-{claim.message.id}")
        return order, (await self.quickbooks.voids.look_up([order]))[claim.message.id]

    async def observed(
        self, since: datetime = START - timedelta(hours=1)
    ) -> dict[tuple[DocumentType, str], Observation]:
        changes = await self.quickbooks.changes(since)
        return {(seen.document_type, seen.document.id): seen for seen in changes.observations}

    def held(self, kind: str) -> list[dict[str, Any]]:
        return self.twin.company.all(kind)

    def reads(self) -> int:
        return sum(not call.writes for call in self.calls)


def holding(transaction: Transaction, receipt: Receipt) -> Transaction:
    assert receipt.document is not None
    return replace(transaction, state=State.EXPORTED, document=receipt.document)


def line(amount: str, category: str = "linehaul", name: str = "Linehaul", description: str = "") -> Line:
    return Line(category, name, Money.of(Decimal(amount)), description)


def transaction(
    kind: Kind = INVOICE,
    source_id: str = "inv-1",
    *lines: Line,
    number: str = "LD-1001",
    party: Party | None = None,
    issued_on: date = date(2026, 3, 2),
    due_on: date | None = date(2026, 4, 1),
    memo: str = "Load 1001, PO 77",
    document: Document | None = None,
    generation: int = 1,
) -> Transaction:
    charges = lines or (line("1800.10"), line("150.05", "fuel_surcharge", "Fuel Surcharge"))
    total = Money(sum(charge.amount.minor for charge in charges))
    default = Party("c-1", "Acme Foods") if kind is INVOICE else Party("v-1", "Roadrunner Freight")
    content = Content(party or default, number, issued_on, due_on, charges, total, number, memo=memo)
    return Transaction(
        id=TransactionId(1),
        kind=kind,
        source_id=source_id,
        label=number,
        state=State.PENDING,
        version=1,
        generation=generation,
        revision=1,
        content=content,
        digest=content.digest(),
        total=total,
        paid=None,
        document=document,
        problem=None,
        in_flight=False,
        created_at=START,
        updated_at=START,
    )


MAPPING = Mapping(
    deposit_account="Operating Checking",
    revenue={"linehaul": "Linehaul", "fuel_surcharge": "Fuel Surcharge", "Detention": "Detention"},
    expense={"linehaul": "Purchased Transportation", "default": "5020"},
)


def order_kind(kind: Kind) -> str:
    return {INVOICE: "Invoice", BILL: "Bill", CREDIT: "VendorCredit"}[kind]


def settle(
    world: World, kind: Kind, document_id: str, amount: Decimal | int, date: str = "2026-03-10"
) -> dict[str, Any]:
    """Pay an invoice or a bill, or use a credit for a bill of the same vendor; return the payment."""
    if kind is not CREDIT:
        pay: Callable[..., dict[str, Any]] = hands.pay_invoice if kind is INVOICE else hands.pay_bill
        return pay(world.twin.company, document_id, amount, date=date)
    [vendor] = {held["VendorRef"]["value"] for held in world.held("VendorCredit") if held["Id"] == document_id}
    bill = bill_by_hand(world, vendor, "by hand")
    bill["Line"][0]["Amount"] = amount
    used = {"Bill": hands.create(world.twin.company, "Bill", bill)["Id"], "VendorCredit": document_id}
    bank = next(row["Id"] for row in world.held("Account") if row["AccountType"] == "Bank")
    payment = {
        "VendorRef": {"value": vendor},
        "TotalAmt": 0,
        "TxnDate": date,
        "PayType": "Check",
        "CheckPayment": {"BankAccountRef": {"value": bank}},
        "Line": [{"Amount": amount, "LinkedTxn": [{"TxnId": of, "TxnType": what}]} for what, of in used.items()],
    }
    return hands.create(world.twin.company, "BillPayment", payment)


def invoice_by_hand(world: World, customer: str, number: str) -> dict[str, Any]:
    item = next(item["Id"] for item in world.held("Item"))
    detail = {"DetailType": "SalesItemLineDetail", "Amount": 10, "SalesItemLineDetail": {"ItemRef": {"value": item}}}
    return {"CustomerRef": {"value": customer}, "DocNumber": number, "TxnDate": "2026-03-05", "Line": [detail]}


def bill_by_hand(world: World, vendor: str, number: str) -> dict[str, Any]:
    account = next(row["Id"] for row in world.held("Account") if row["AcctNum"] == "5000")
    detail = {"AccountRef": {"value": account}}
    row = {"DetailType": "AccountBasedExpenseLineDetail", "Amount": 10, "AccountBasedExpenseLineDetail": detail}
    return {"VendorRef": {"value": vendor}, "DocNumber": number, "TxnDate": "2026-03-05", "Line": [row]}
