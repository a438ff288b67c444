"""Between rows and values: how what the store holds is read and written."""

import sqlite3
from datetime import datetime
from typing import Any, Final, TypeVar

import msgspec

from state.creation import Creation
from state.database import from_micros, to_micros
from state.lifecycle import Effect, State
from state.outbox import Attempt, Change, Claim, Message, Observation, PaymentReport, Phase
from state.problem import Problem
from state.transaction import Content, Document, Kind, Money, Sourced, Transaction, TransactionId

Read = TypeVar("Read")

_ENCODER: Final = msgspec.json.Encoder(order="deterministic")
_CONTENT: Final = msgspec.json.Decoder(Content)
_PROBLEM: Final = msgspec.json.Decoder(Problem)
_SOURCED: Final = msgspec.json.Decoder(Sourced)
_REPORT: Final = msgspec.json.Decoder(PaymentReport)
_OBSERVATION: Final = msgspec.json.Decoder(Observation)


def transaction_from(row: sqlite3.Row) -> Transaction:
    """Return the transaction a row holds."""
    currency = row["currency"]
    return Transaction(
        id=TransactionId(row["id"]),
        kind=Kind(row["kind"]),
        source_id=row["source_id"],
        label=row["label"],
        state=State(row["state"]),
        version=row["version"],
        generation=row["generation"],
        revision=row["revision"],
        content=_read(row["content"], _CONTENT),
        digest=row["digest"],
        total=Money(row["total"], currency) if currency else None,
        paid=Money(row["paid"], currency) if currency else None,
        document=Document(row["document_id"], row["document_number"], row["document_version"])
        if row["document_id"] is not None
        else None,
        problem=_read(row["problem"], _PROBLEM),
        in_flight=bool(row["in_flight"]),
        created_at=from_micros(row["created_at"]),
        updated_at=from_micros(row["updated_at"]),
        held=_read(row["held"], _SOURCED),
    )


def transaction_columns(transaction: Transaction) -> dict[str, Any]:
    """Return the columns that hold a transaction; date, party and number are copies for lists and searches."""
    content, document, problem = transaction.content, transaction.document, transaction.problem
    return {
        "kind": transaction.kind,
        "document_type": transaction.kind.document_type,
        "source_id": transaction.source_id,
        "label": transaction.label,
        "state": transaction.state,
        "version": transaction.version,
        "generation": transaction.generation,
        "revision": transaction.revision,
        "content": write(content),
        "digest": transaction.digest,
        "issued_on": content.issued_on.isoformat() if content else None,
        "party": content.party.name if content else "",
        "number": content.number if content else "",
        "currency": transaction.total.currency if transaction.total else None,
        "total": transaction.total.minor if transaction.total else None,
        "paid": transaction.paid.minor if transaction.paid else None,
        "document_id": document.id if document else None,
        "document_number": document.number if document else None,
        "document_version": document.version if document else None,
        "problem": write(problem),
        "problem_code": problem.code if problem else None,
        "held": write(transaction.held),
        "created_at": to_micros(transaction.created_at),
        "updated_at": to_micros(transaction.updated_at),
    }


def claim_from(row: sqlite3.Row) -> Claim:
    """Return a due message with its transaction."""
    message = Message(
        id=row["message_id"],
        effect=Effect(row["effect"]),
        phase=Phase(row["phase"]),
        revision=row["message_revision"],
        generation=row["message_generation"],
        round=row["round"],
        attempts=row["attempts"],
        delays=row["delays"],
        reads=row["reads"],
        tries=row["tries"],
        due_at=from_micros(row["due_at"]),
        request_id=row["request_id"],
        body=row["body"],
        report=_read(row["report"], _REPORT),
    )
    return Claim(message, transaction_from(row))


def attempt_from(row: sqlite3.Row) -> Attempt:
    """Return one request that was made."""
    return Attempt(
        effect=Effect(row["effect"]),
        number=row["number"],
        request_id=row["request_id"],
        started_at=from_micros(row["started_at"]),
        ended_at=_instant(row["ended_at"]),
        outcome=row["outcome"],
        detail=row["detail"],
        trace=row["trace"],
    )


def change_from(row: sqlite3.Row) -> Change:
    """Return one line of history."""
    return Change(
        at=from_micros(row["at"]),
        trigger=row["trigger"],
        source=row["from_state"],
        dest=row["to_state"],
        actor=row["actor"],
        reason=row["reason"],
        version=row["version"],
    )


def creation_from(row: sqlite3.Row) -> Creation:
    """Return the creation a row holds."""
    return Creation(
        phase=Phase(row["phase"]),
        request_id=row["request_id"],
        body=row["body"],
        due_at=from_micros(row["due_at"]),
        round=row["round"],
        reads=row["reads"],
        tries=row["tries"],
    )


def observation_from(row: sqlite3.Row) -> Observation:
    """Return the standing of a document as it was seen."""
    return _OBSERVATION.decode(row["body"])


def write(value: object | None) -> str | None:
    """Return a value as the JSON text a column holds; the same value always gives the same text."""
    return None if value is None else _ENCODER.encode(value).decode()


def _read(text: str | None, decoder: msgspec.json.Decoder[Read]) -> Read | None:
    return None if text is None else decoder.decode(text)


def _instant(micros: int | None) -> datetime | None:
    return None if micros is None else from_micros(micros)
