"""How a request reaches what answers it: read whole first, then handed on as plain data."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TypeAlias
from uuid import NAMESPACE_OID, uuid5

import msgspec
from aiohttp import web
from aiohttp.web_request import FileField
from multidict import MultiDict, MultiMapping

from adapters.sandbox.alvys.wire import Json, Problem, answer, decode, encode

VERSION = r"{version:[12](?:\.0)?}"
PREFIX = f"/api/p/v{VERSION}"
NAMED_PREFIX = "/api/p/v{version}/"


@dataclass(frozen=True)
class Upload:
    """A file of a multipart form."""

    name: str
    media: str
    content: bytes


@dataclass(frozen=True)
class Asked:
    """A request, read: what its path names, its query, its JSON object or its form, and the version it goes by."""

    match: Mapping[str, str]
    query: MultiMapping[str] = field(default_factory=MultiDict)
    body: Json = field(default_factory=dict)
    form: Mapping[str, str | Upload] = field(default_factory=dict)
    if_match: str | None = None
    origin: str = ""  # scheme, host and port it came in at


@dataclass(frozen=True)
class Reply:
    """An answer; without a body it is empty."""

    body: object | None
    status: int = HTTPStatus.OK
    etag: str | None = None
    media: str | None = None  # of a body that is text already


Answering: TypeAlias = Callable[[Asked], Reply | Awaitable[Reply]]


@dataclass(frozen=True)
class Route:
    """One endpoint: its method, its path without the version, and what answers."""

    method: str
    path: str
    answering: Answering
    multipart: bool = False


def add(router: web.UrlDispatcher, routes: Iterable[Route]) -> None:
    """Add endpoints to a router, under every version of the API."""
    for route in routes:
        router.add_route(route.method, f"{PREFIX}/{route.path}", _handler(route))


def endpoint(request: web.Request) -> str:
    """Name the endpoint of a request: its path without the version, what the path names left out."""
    resource = request.match_info.route.resource
    return (resource.canonical if resource else request.path).removeprefix(NAMED_PREFIX).strip("/")


def etag_of(thing: Json) -> str:
    """Return the entity tag of an object as it now is; it changes whenever the object does."""
    return f'"{uuid5(NAMESPACE_OID, encode(thing).decode())}"'


def match_version(asked: Asked, thing: Json, *, required: bool = True, media: str | None = None) -> None:
    """Raise a 428 `Problem` for a request without the version it changes, a 412 one if that is not the present one."""
    if asked.if_match is None:
        if required:
            raise Problem(428, "The If-Match header is required.", media=media)
    elif asked.if_match.strip().strip('"') != etag_of(thing).strip('"'):
        raise Problem(412, "The ETag does not match the current version.", media=media)


def _handler(route: Route) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handle(request: web.Request) -> web.Response:
        body, form = Json(), dict[str, str | Upload]()
        if route.multipart:
            form = await _form_of(request)
        elif request.method in {"POST", "PUT", "PATCH"} and (request.body_exists or "search" in route.path):
            body = await _body_of(request)
        asked = Asked(
            request.match_info, request.query, body, form, request.headers.get("If-Match"), str(request.url.origin())
        )
        reply = route.answering(asked)
        return _written(await reply if isinstance(reply, Awaitable) else reply)

    return handle


def _written(reply: Reply) -> web.Response:
    headers = {"ETag": reply.etag} if reply.etag else None
    if reply.body is None:
        return web.Response(status=reply.status, headers=headers)
    if reply.media:
        return web.Response(text=str(reply.body), status=reply.status, content_type=reply.media, headers=headers)
    return answer(reply.body, reply.status, headers=headers)


async def _body_of(request: web.Request) -> Json:
    """Read a request's JSON object. Raises a 400 or 415 `Problem`."""
    if not request.content_type.endswith("json"):
        raise Problem(415, f"cannot read {request.content_type}")
    try:
        body = decode(await request.read())
    except msgspec.DecodeError as broken:
        raise Problem.of({"$": [str(broken)]}) from broken
    if not isinstance(body, dict):
        raise Problem.of({"$": ["The JSON value could not be converted to an object."]})
    return body


async def _form_of(request: web.Request) -> dict[str, str | Upload]:
    """Read a multipart form. Raises a 400 or 415 `Problem`."""
    if request.content_type != "multipart/form-data":
        raise Problem(415, f"cannot read {request.content_type}")
    form: dict[str, str | Upload] = {}
    try:
        fields = (await request.post()).items()
    except ValueError as broken:
        raise Problem.of({"": [f"The form cannot be read: {broken}"]}) from broken
    for name, value in fields:
        if isinstance(value, FileField):
            if name in form:
                raise Problem.of({name: ["Exactly one file must be given."]})
            form[name] = Upload(value.filename, value.content_type, value.file.read())
        elif isinstance(value, str):
            form[name] = value
    return form
