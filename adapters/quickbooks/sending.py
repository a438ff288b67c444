"""How frozen requests leave: alone, or up to thirty in one call; what an answer means is judged the same for both."""

import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

import structlog

from adapters.ports import Order, OutcomeUnknown, VendorError
from adapters.quickbooks.books import Request
from adapters.quickbooks.client import Client, Reply
from state.outbox import Receipt

MOST: Final = 30  # items of one batch, as documented
_DIGITS: Final = 32  # of a batch's request id; at most 36 are documented

Judge = Callable[[Request, Reply | VendorError], Awaitable[Receipt]]
"""What makes the receipt of a request from its answer, or raises what went wrong with it."""

log = structlog.get_logger(__name__)


async def send_alone(client: Client, order: Order, judge: Judge) -> Receipt:
    """Send one request once."""
    request = Request.of(order)
    if request.change is None:
        return Receipt()
    answer: Reply | VendorError
    try:
        answer = await client.write(request.change, order.request_id)
    except VendorError as error:
        answer = error
    return await judge(request, answer)


async def send_together(client: Client, orders: Sequence[Order], judge: Judge) -> Mapping[int, Receipt | VendorError]:
    """Send several requests in one call, once; return by message id what came of each, as the port says.

    The same requests make the same call, whatever their order: their names in it and its request id follow from theirs.
    """
    requests = sorted(map(Request.of, orders), key=lambda request: request.order.request_id)
    named = {str(position): request for position, request in enumerate(requests)}
    changes = {name: change for name, request in named.items() if (change := request.change) is not None}
    answers = await client.batch(changes, _request_id(requests)) if changes else {}
    return {
        request.id: await _outcome(judge, request, answers[name]) if name in answers else Receipt()
        for name, request in named.items()
    }


async def _outcome(judge: Judge, request: Request, answer: Reply | VendorError) -> Receipt | VendorError:
    """Judge one answer of several; whatever is wrong with it costs no neighbour its receipt."""
    try:
        return await judge(request, answer)
    except VendorError as error:
        return error
    except Exception as error:
        # It has left: an answer that nobody understands leaves doubt.
        log.exception("answer.broke", label=request.order.claim.transaction.label)
        return OutcomeUnknown(f"internal error: {type(error).__name__}")


def _request_id(requests: Sequence[Request]) -> str:
    ids = " ".join(request.order.request_id for request in requests)
    return hashlib.sha256(ids.encode()).hexdigest()[:_DIGITS]
