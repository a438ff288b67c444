"""The daemon's HTTP surface in one application."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Final

from aiohttp import web

from engine.metrics import Metrics
from engine.readiness import Readiness
from engine.web.admin import Admin, Inspector
from engine.web.auth import Door, Token
from engine.web.connections import guarded
from engine.web.health import Health
from engine.web.problems import problems
from state.store import Store

_LARGEST_BODY: Final = 64 * 1024  # bytes

_HEADERS: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Server": "loadledger"}


def make_app(  # noqa: PLR0913, PLR0917 - everything the surface shows
    store: Store,
    metrics: Metrics,
    readiness: Readiness,
    tokens: Sequence[Token],
    wake: Callable[[], None],
    inspector: Inspector,
    clock: Callable[[], datetime],
    further: Iterable[web.RouteDef] = (),
) -> web.Application:
    """Return the application: health and metrics open, the admin API, and `further` pages of it, behind `tokens`.

    `wake` is called after each accepted action, so that what it left in the outbox leaves at once. `inspector`
    looks at both vendors.
    """
    # The door belongs to a sub-application: no spelling of a path reaches an admin handler around it.
    admin = web.Application(middlewares=[Door(tokens, clock).middleware()])
    admin.add_routes(Admin(store, metrics.moved, wake, inspector).routes())
    admin.add_routes(further)
    app = web.Application(middlewares=[problems, guarded], client_max_size=_LARGEST_BODY)
    app.add_routes(Health(store, metrics, readiness, clock).routes())
    app.add_subapp("/admin/", admin)
    app.on_response_prepare.append(_careful)
    return app


async def _careful(_: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(_HEADERS)
