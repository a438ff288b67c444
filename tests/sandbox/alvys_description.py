"""Requests and answers held against the vendor's published API description, where that file is at hand.

The description is not part of the project: `ALVYS_DESCRIPTION` names the file.
"""

import os
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import web

from adapters.sandbox.alvys.routing import endpoint
from adapters.sandbox.alvys.wire import read_instant

DESCRIPTION = os.environ.get("ALVYS_DESCRIPTION")
SCHEMAS = "#/components/schemas/"
WEBHOOK = {"$ref": f"{SCHEMAS}Alvys.Models.Webhooks.WebhookResponse"}

UNDESCRIBED: Mapping[str, Mapping[str, Any] | None] = {
    "GET webhooks": {
        "type": "object",
        "required": ["Page", "PageSize", "Total", "Items"],
        "properties": {"Items": {"type": "array", "items": WEBHOOK}},
    },
    "GET webhooks/{id}": WEBHOOK,
    "PUT webhooks/{id}": WEBHOOK,
    "POST webhooks/{id}/verify": WEBHOOK,
    "POST webhooks/{id}/enable": WEBHOOK,
    "POST webhooks/{id}/disable": WEBHOOK,
    "POST webhooks/{id}/rotate-secret": {"$ref": f"{SCHEMAS}Alvys.Models.Webhooks.WebhookSecretResponse"},
    "POST webhooks/{id}/test": {"$ref": f"{SCHEMAS}Alvys.Models.Webhooks.DeliveryLogResponse"},
    "GET webhooks/event-types": {"type": "array", "items": {"type": "string"}},
    "GET webhooks/{webhookId}/delivery-logs/export": None,
}
"""What the description leaves open: the good answers of these, and the schema they are held against all the same."""

needs_description = pytest.mark.skipif(
    DESCRIPTION is None, reason="ALVYS_DESCRIPTION names no API description to check against"
)

TYPES: dict[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "boolean": lambda value: isinstance(value, bool),
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
}


@cache
def description() -> dict[str, Any]:
    return dict(msgspec.json.decode(Path(DESCRIPTION or "").read_bytes()))


def operation_of(method: str, path: str) -> dict[str, Any] | None:
    found = description()["paths"].get(f"/api/p/v{{version}}/{path}", {}).get(method.lower())
    return None if found is None else dict(found)


def violations(schema: Mapping[str, Any], value: Any, at: str = "$") -> Iterator[str]:
    """Yield where a value breaks a schema of the description's dialect."""
    if "$ref" in schema:
        schema = description()["components"]["schemas"][schema["$ref"].removeprefix(SCHEMAS)]
    if value is None and schema.get("nullable"):
        return
    for part in schema.get("allOf", ()):
        yield from violations(part, value, at)
    if "discriminator" in schema:
        yield from _variant_violations(schema["discriminator"], value, at)
        return
    if "type" in schema and not TYPES[schema["type"]](value):
        yield f"{at}: {value!r} is no {schema['type']}"
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{at}: {value!r} is not among {schema['enum']}"
    if schema.get("format") == "date-time":
        yield from _instant_violations(value, at)
    for position, item in enumerate(value if "items" in schema else ()):
        yield from violations(schema["items"], item, f"{at}[{position}]")
    if schema.get("type") == "object":
        yield from _object_violations(schema, value, at)


def _object_violations(schema: Mapping[str, Any], value: dict[str, Any], at: str) -> Iterator[str]:
    yield from (f"{at}: {name} is missing" for name in schema.get("required", ()) if name not in value)
    named, others = schema.get("properties", {}), schema.get("additionalProperties", {})
    for name, each in value.items():
        if name in named:
            yield from violations(named[name], each, f"{at}.{name}")
        elif others is False:
            yield f"{at}: {name} is unknown"
        else:
            yield from violations(others, each, f"{at}.{name}")


def _variant_violations(discriminator: dict[str, Any], value: dict[str, Any], at: str) -> Iterator[str]:
    """Check one variant of several; the property that names the variant is not listed in it."""
    name = discriminator["propertyName"]
    reference = discriminator["mapping"].get(value.get(name))
    if reference is None:
        yield f"{at}: {name} names no variant"
        return
    yield from violations({"$ref": reference}, {key: each for key, each in value.items() if key != name}, at)


def _instant_violations(value: str, at: str) -> Iterator[str]:
    try:
        read_instant(value)
    except ValueError:
        yield f"{at}: {value!r} is no date-time"
        return
    if "T" not in value:
        yield f"{at}: {value!r} is a date, not a date-time"


@dataclass
class Recorder:
    """A middleware that sees every exchange under the API's paths, and keeps what breaks the description."""

    seen: set[str] = field(default_factory=set)
    wrong_requests: list[str] = field(default_factory=list)
    wrong_answers: list[str] = field(default_factory=list)

    def watch(self, app: web.Application) -> web.Application:
        app.middlewares.insert(0, self._see)
        return app

    @web.middleware
    async def _see(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        body = b"" if request.content_type == "multipart/form-data" else await request.read()
        answer = await handler(request)
        if request.path.startswith("/api/p/"):
            name = f"{request.method} {endpoint(request)}"
            self.seen.add(name)
            operation = operation_of(request.method, endpoint(request))
            if operation is None:
                self.wrong_requests.append(f"{name}: no such operation")
            else:
                self.wrong_requests += [f"{name}: {each}" for each in _request_violations(operation, request, body)]
                assert isinstance(answer, web.Response)
                self.wrong_answers += [f"{name}: {each}" for each in _answer_violations(name, operation, answer)]
        return answer


def _request_violations(operation: dict[str, Any], request: web.Request, body: bytes) -> Iterator[str]:
    parameters = operation.get("parameters", [])
    known = {each["name"] for each in parameters if each["in"] == "query"}
    yield from (f"{name} is no parameter" for name in request.query if name not in known)
    for each in parameters:
        if each.get("required") and each["in"] == "header" and each["name"] not in request.headers:
            yield f"header {each['name']} is missing"
    described = operation.get("requestBody", {}).get("content")
    if described is None:
        if body:
            yield "a body is sent where none is described"
    elif request.content_type not in described:
        yield f"{request.content_type} is not among {sorted(described)}"
    elif "json" in request.content_type:
        yield from violations(described[request.content_type]["schema"], msgspec.json.decode(body))


def _answer_violations(name: str, operation: dict[str, Any], answer: web.Response) -> Iterator[str]:
    described = operation["responses"].get(str(answer.status))
    good = 200 <= answer.status < 300
    if good and name in UNDESCRIBED and not (described or {}).get("content"):
        schema = UNDESCRIBED[name]
        if schema is not None:
            yield from violations(schema, msgspec.json.decode(_bytes(answer)))
        return
    if described is None:
        yield f"status {answer.status} is not described"
        return
    content = described.get("content")
    if not content:
        if answer.body:
            yield f"{answer.status} has a body where none is described"
    elif answer.content_type not in content:
        yield f"{answer.status} comes as {answer.content_type}, not as one of {sorted(content)}"
    else:
        yield from violations(content[answer.content_type]["schema"], msgspec.json.decode(_bytes(answer)))


def _bytes(answer: web.Response) -> bytes:
    assert isinstance(answer.body, bytes)
    return answer.body
