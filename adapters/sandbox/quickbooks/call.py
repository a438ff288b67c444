"""One request, as far as the entity service looks at it, and what is read out of it."""

from dataclasses import dataclass
from functools import cached_property
from typing import Final, NamedTuple

import msgspec

from adapters.sandbox.quickbooks.faults import Fault, missing
from adapters.sandbox.quickbooks.journal import decode
from adapters.sandbox.quickbooks.kinds import PATHS

_LONGEST_REQUEST_ID: Final = 50
_LONGEST_BATCH_REQUEST_ID: Final = 36


class UnknownPath(Exception):  # noqa: N818 - an answer, not an error
    """The path names nothing the service has: HTTP 404."""


@dataclass(frozen=True)
class Call:
    """One request, as far as the service looks at it."""

    method: str
    target: str
    """The path below the company, such as `invoice/145`."""
    parameters: dict[str, str]
    body: bytes
    content_type: str = ""
    origin: str = ""
    """Scheme, host and port it came in at."""

    @cached_property
    def parts(self) -> list[str]:
        """The steps of the target; the first, which names what is asked for, in lower case."""
        first, *others = self.target.split("/")
        return [first.lower(), *others]

    @property
    def options(self) -> frozenset[str]:
        """The words of `include`."""
        return frozenset(self.parameters.get("include", "").lower().split(","))

    @cached_property
    def subject(self) -> str:
        """The kind, or `query`, `batch`, `cdc`, `reports`; as sent when it is neither."""
        return PATHS.get(self.parts[0], self.parts[0])

    @property
    def is_batch(self) -> bool:
        """Whether it carries several items."""
        return self.subject == "batch"

    @property
    def writes(self) -> bool:
        """Whether it can change the books."""
        return self.method == "POST" and self.subject != "query"


class Raw(NamedTuple):
    """An answer that is not an object."""

    content: bytes
    content_type: str


def operation(call: Call) -> str:
    """Return the operation a call names in its address, in lower case; empty for none."""
    return call.parameters.get("operation", "").lower()


def check_request_id(call: Call, request_id: str) -> None:
    """Raise fault 2130 for a request id that is too long."""
    limit = _LONGEST_BATCH_REQUEST_ID if call.is_batch else _LONGEST_REQUEST_ID
    if len(request_id) > limit:
        raise Fault("2130", f"Invalid Request Id Format : at most {limit} characters", element="requestid")


def statement(call: Call) -> str:
    """Return the statement of a query, from the body or the address. Raises Fault."""
    statement = call.body.decode("utf-8", "replace") if call.method == "POST" else call.parameters.get("query", "")
    if not statement.strip():
        raise missing("query")
    return statement


def parsed(body: bytes) -> object:
    """Return what a body says in JSON. Raises Fault."""
    try:
        return decode(body)
    except UnicodeDecodeError:
        raise Fault("10000", "System Failure Error: the payload is not valid UTF-8") from None
    except msgspec.DecodeError as error:
        raise Fault("2010", f"Request has invalid or unsupported property : {error}") from None
