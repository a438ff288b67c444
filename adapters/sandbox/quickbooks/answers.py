"""How an answer looks on the wire: JSON when it was asked for, else XML, which is the vendor's default."""

from datetime import datetime
from decimal import Decimal
from typing import Final
from xml.sax.saxutils import escape, quoteattr

from aiohttp import web

from adapters.sandbox.quickbooks.clock import answer_time
from adapters.sandbox.quickbooks.faults import Refusal, gateway_json, gateway_xml
from adapters.sandbox.quickbooks.journal import encode
from adapters.sandbox.quickbooks.rules import Object

_ATTRIBUTES: Final = frozenset(
    {"domain", "sparse", "status", "startPosition", "maxResults", "totalCount", "bId", "type", "code"}
)


def wants_json(request: web.Request) -> bool:
    """Say whether a request asks for JSON by name; anything else gets XML."""
    return "application/json" in request.headers.get("Accept", "")


def entity_response(payload: Object, *, status: int, json: bool) -> web.Response:
    """Return the service's answer; `payload` already holds its `time`, unless it is a report."""
    if json:
        return web.Response(body=encode(payload), status=status, content_type="application/json")
    return web.Response(text=as_xml(payload), status=status, content_type="application/xml")


def as_xml(payload: Object) -> str:
    """Return an answer's XML form."""
    content = {key: value for key, value in payload.items() if key != "time"}
    root, time = ("IntuitResponse", f" time={quoteattr(payload['time'])}") if "time" in payload else ("Report", "")
    return (
        '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
        f'<{root} xmlns="http://schema.intuit.com/finance/v3"{time}>'
        + "".join(_elements(key, value) for key, value in content.items())
        + f"</{root}>"
    )


def _elements(name: str, value: object) -> str:
    if isinstance(value, list):
        return "".join(_elements(name, held) for held in value)
    if not isinstance(value, dict):
        return f"<{name}>{escape(_spelled(value))}</{name}>"
    if "value" in value and value.keys() <= {"value", "name"}:
        named = f" name={quoteattr(str(value['name']))}" if "name" in value else ""
        return f"<{name}{named}>{escape(str(value['value']))}</{name}>"
    attributes = "".join(f" {key}={quoteattr(_spelled(held))}" for key, held in value.items() if key in _ATTRIBUTES)
    inner = "".join(_elements(key, held) for key, held in value.items() if key not in _ATTRIBUTES)
    return f"<{name}{attributes}>{inner}</{name}>"


def _spelled(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:f}" if isinstance(value, Decimal) else "" if value is None else str(value)


def gateway_response(refusal: Refusal, now: datetime, *, xml: bool) -> web.Response:
    """Return a gateway refusal in one of its two shapes, whatever the caller asked for."""
    if xml:
        text = gateway_xml(refusal, answer_time(now))
        return web.Response(text=text, status=refusal.status, content_type="application/xml")
    body = encode(gateway_json(refusal, int(now.timestamp() * 1000)))
    return web.Response(body=body, status=refusal.status, content_type="application/json")


def html_response(status: int, title: str) -> web.Response:
    """Return what a load balancer says when there is nobody behind it."""
    text = f"<html><head><title>{status} {title}</title></head><body><h1>{status} {title}</h1></body></html>"
    return web.Response(text=text, status=status, content_type="text/html")
