"""How a request is refused: problem details as RFC 9457 describes them, one kind per cause."""

from http import HTTPStatus
from typing import Any, Final, NamedTuple

import msgspec
import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from adapters.ports import VendorError
from state.backup import BackupFailed
from state.moves import StaleTransaction, UnknownTransaction
from state.store import NotHeld
from state.trouble import StoreError

log = structlog.get_logger(__name__)


class Kind(NamedTuple):
    """One kind of refusal: the end of its type, its status and its title."""

    name: str
    status: HTTPStatus
    title: str


# fmt: off
INVALID: Final            = Kind("invalid-request",     HTTPStatus.BAD_REQUEST,  "The request can't be understood")
NOT_AUTHENTICATED: Final  = Kind("not-authenticated",   HTTPStatus.UNAUTHORIZED, "This needs a token")
NO_TOKENS: Final          = Kind("no-tokens",           HTTPStatus.FORBIDDEN,    "No token is configured")
NOT_PERMITTED: Final      = Kind("not-permitted",       HTTPStatus.FORBIDDEN,    "The token's role is too low")
UNKNOWN: Final            = Kind("unknown-transaction", HTTPStatus.NOT_FOUND,    "There is no such transaction")
STALE: Final              = Kind("stale-transaction",   HTTPStatus.CONFLICT,     "The transaction is not as expected")
ILLEGAL: Final            = Kind("illegal-move",        HTTPStatus.CONFLICT,     "The transaction can't make this move")
NOT_FORCEABLE: Final      = Kind("not-forceable",       HTTPStatus.CONFLICT,     "This move can't be forced")
NOT_HELD: Final           = Kind("not-held",            HTTPStatus.CONFLICT,     "The transaction waits for no release")
NO_BACKUP: Final          = Kind("backup-failed",       HTTPStatus.CONFLICT,     "No backup was made")
UNREACHED: Final          = Kind("vendor-unavailable", HTTPStatus.SERVICE_UNAVAILABLE, "The vendor can't be asked now")
TOO_MANY: Final           = Kind("too-many-failures", HTTPStatus.TOO_MANY_REQUESTS, "Too many refused tokens")
BROKEN: Final             = Kind("internal-error", HTTPStatus.INTERNAL_SERVER_ERROR, "The daemon failed to answer")
STORE_UNUSABLE: Final     = Kind("store-unusable", HTTPStatus.SERVICE_UNAVAILABLE,   "The store can't be used")
# fmt: on

_BY_ERROR: Final[dict[type[Exception], Kind]] = {
    UnknownTransaction: UNKNOWN,
    StaleTransaction: STALE,
    StoreError: STORE_UNUSABLE,
    BackupFailed: NO_BACKUP,
    NotHeld: NOT_HELD,
    VendorError: UNREACHED,
}
_BY_STATUS: Final = {
    HTTPStatus.NOT_FOUND: "there is nothing at this path",
    HTTPStatus.METHOD_NOT_ALLOWED: "the path does not know this method",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "the body is larger than any request needs",
}


class Refused(Exception):  # noqa: N818 - named for what happened, like every error in this project
    """A request is answered with a problem; `more` are members beside the standard ones."""

    def __init__(self, kind: Kind, detail: str, *, headers: dict[str, str] | None = None, **more: object) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail
        self.headers = headers or {}
        self.more = more


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer every refusal and failure as problem details; a bug is logged, and told to nobody else."""
    try:
        return await handler(request)
    except Refused as refused:
        return _answer(refused)
    except web.HTTPException as error:
        return _answer(_translated(error))
    except tuple(_BY_ERROR) as error:
        kind = next(kind for cause, kind in _BY_ERROR.items() if isinstance(error, cause))
        return _answer(Refused(kind, str(error)))
    except Exception:
        log.exception("http.failed", method=request.method, path=request.path)
        return _answer(Refused(BROKEN, "the log of the daemon says why"))


def _translated(error: web.HTTPException) -> Refused:
    status = HTTPStatus(error.status)
    kind = Kind(status.phrase.lower().replace(" ", "-"), status, status.phrase)
    headers = {name: error.headers[name] for name in ("Allow",) if name in error.headers}
    return Refused(kind, _BY_STATUS.get(status, error.text or status.description), headers=headers)


def _answer(refused: Refused) -> web.Response:
    kind = refused.kind
    body: dict[str, Any] = {
        "type": f"urn:loadledger:problem:{kind.name}",
        "title": kind.title,
        "status": kind.status,
        "detail": refused.detail,
        **refused.more,
    }
    return web.Response(
        body=msgspec.json.encode(body),
        status=kind.status,
        content_type="application/problem+json",
        headers=refused.headers,
    )
