"""Between rows and values: how what the store holds is read and written."""

import sqlite3
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, TypeVar

import msgspec

from state.creation import Creation
from state.instants import from_micros, to_micros
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


def transaction_from(row: Sequence[Any]) -> Transaction:
    """Return the transaction a row of the ledger holds, field by field in its order."""
    # fmt: off
    (
        identity, kind, source_id, label, state, version, generation, revision, content, digest, currency, total, paid,
        document_id, document_number, document_version, problem, held, created_at, updated_at, in_flight, *_,
    ) = row
    # fmt: on
    return Transaction(
        id=TransactionId(identity),
        kind=Kind(kind),
        source_id=source_id,
        label=label,
        state=State(state),
        version=version,
        generation=generation,
        revision=revision,
        content=_read(content, _CONTENT),
        digest=digest,
        total=Money(total, currency) if currency else None,
        paid=Money(paid, currency) if currency else None,
        document=None if document_id is None else Document(document_id, document_number, document_version),
        problem=_read(problem, _PROBLEM),
        in_flight=bool(in_flight),
        created_at=from_micros(created_at),
        updated_at=from_micros(updated_at),
        held=_read(held, _SOURCED),
    )


def standing(transaction: Transaction) -> dict[str, Any]:
    """Return the columns that every move sets: where a transaction stands."""
    document, problem = transaction.document, transaction.problem
    return {
        "state": transaction.state.value,
        "version": transaction.version,
        "generation": transaction.generation,
        "paid": transaction.paid.minor if transaction.paid else None,
        "document_id": document.id if document else None,
        "document_number": document.number if document else None,
        "document_version": document.version if document else None,
        "problem": write(problem),
        "problem_code": problem.code if problem else None,
        "held": write(transaction.held),
        "updated_at": to_micros(transaction.updated_at),
    }


def source(transaction: Transaction) -> dict[str, Any]:
    """Return the columns that come from the TMS; date, party and number are copies for lists and searches."""
    content = transaction.content
    return {
        "label": transaction.label,
        "revision": transaction.revision,
        "content": write(content),
        "digest": transaction.digest,
        "issued_on": content.issued_on.isoformat() if content else None,
        "party": content.party.name if content else "",
        "number": content.number if content else "",
        "currency": transaction.total.currency if transaction.total else None,
        "total": transaction.total.minor if transaction.total else None,
    }


def claim_from(row: Sequence[Any]) -> Claim:
    """Return a due message with its transaction, from the fields of the one and of the other."""
    # fmt: off
    (
        identity, effect, phase, revision, generation, round_, attempts, reads, tries,
        due_at, request_id, body, report, delays, preview, *transaction,
    ) = row
    # fmt: on
    message = Message(
        id=identity,
        effect=Effect(effect),
        phase=Phase(phase),
        revision=revision,
        generation=generation,
        round=round_,
        attempts=attempts,
        reads=reads,
        tries=tries,
        due_at=from_micros(due_at),
        request_id=request_id,
        body=body,
        report=_read(report, _REPORT),
        delays=delays,
        preview=preview,
    )
    return Claim(message, transaction_from(transaction))


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
