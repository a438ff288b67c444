"""Every state, phase, trigger and role: everything that can happen to a transaction, wherever it can stand."""

import asyncio
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from aiohttp.web import Application, Request

from engine.metrics import Metrics
from engine.readiness import Readiness
from engine.web.app import make_app
from engine.web.auth import Role, Token, digest, new_token
from tests.unit.atlas import ONE, STATES, Atlas, Spot, Stage
from tests.unit.fakes import Unlooked, spared
from tests.unit.rules import FORCED, TABLE, Place, cells

if TYPE_CHECKING:
    from tests.unit.conftest import Desk

Client = TestClient[Request, Application]
SECRETS = {role: new_token()[0] for role in Role}
REASON = "somebody asked for it"


@pytest.fixture(scope="module")
def atlas() -> Iterator[Atlas]:
    with pytest.MonkeyPatch.context() as patch, spared(patch), tempfile.TemporaryDirectory() as folder:
        yield asyncio.run(Atlas.of(Path(folder) / "atlas.db"))


def test_everything_that_can_happen_anywhere_goes_by_the_rules(atlas: Atlas) -> None:
    assert atlas.wrong == []
    assert len(atlas.spots) > 200
    assert atlas.cases > 5_000


def test_every_line_of_the_table_was_followed(atlas: Atlas) -> None:
    facts = {
        f"{fact}: {state} -> {dest.partition(' / ')[0].strip()}"
        for fact, state, text in cells(TABLE)
        for dest in text.split(" or ")
        if dest != "-" and state != "unrecorded"
    }
    forced = {f"forced: {source} -> {dest}" for source, dest, text in cells(FORCED) if text != "-"}
    revived = {f"message_revived: {state} -> {state}" for state in ("pending", "exported", "paid")}

    assert atlas.moves == facts | forced | revived


# -- people, and what their role lets them do -------------------------------------------------------------------------


def acts(place: Place) -> Iterator[tuple[str, dict[str, str], Place | None]]:
    """Yield what a person can ask for: path, body, and where it leads by the rules."""
    yield "retry", {}, place.retried()
    yield "revert", {}, place.fact("revert_requested")
    yield "reexport", {}, place.fact("reexport_requested")
    for dest in STATES:
        yield "force", {"expected": place.state, "destination": dest}, place.forced(dest)
    for mistaken in set(STATES) - {place.state}:
        yield "force", {"expected": mistaken, "destination": "error"}, None


def allowed(place: Place) -> dict[str, list[str]]:
    """Return what the rules let a person do."""
    asked = [(path, body.get("destination", "")) for path, body, leads in acts(place) if leads is not None]
    return {
        "actions": sorted(path for path, dest in asked if not dest),
        "force": sorted(dest for _, dest in asked if dest),
    }


async def people(client: Client, stage: Stage, spot: Spot) -> None:
    """Let everybody try everything at one spot: first what is refused, then what is not."""
    await stage.set_back(spot)
    before, wanted = await stage.rows(), list(acts(spot.place))
    strangers: list[tuple[Role | None, str, dict[str, str]]]
    strangers = [(role, path, {}) for role in (None, Role.VIEWER) for path in sorted({path for path, *_ in wanted})]
    mistaken = [(Role.OPERATOR, path, body) for path, body, leads in wanted if leads is None]
    for role, path, body in [*strangers, *mistaken]:
        status, told = await ask(client, role, "POST", f"/{path}", json={"reason": REASON, **body})
        refused = {None: 401, Role.VIEWER: 403, Role.OPERATOR: 409}[role]
        assert (status, told["status"], bool(told["detail"])) == (refused, refused, True), (spot.place, path, told)
    assert await stage.rows() == before, spot.place
    for role in Role:
        status, told = await ask(client, role, "GET", "")
        assert (status, {name: sorted(each) for name, each in told["allowed"].items()}) == (200, allowed(spot.place))
    for path, body, leads in wanted:
        if leads is not None:
            status, told = await ask(client, Role.OPERATOR, "POST", f"/{path}", json={"reason": REASON, **body})
            assert (status, *await stage.look()) == (200, leads, []), (spot.place, path, told)
            assert told["state"] == leads.state
            await stage.set_back(spot)


async def ask(client: Client, role: Role | None, method: str, path: str, **given: Any) -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {SECRETS[role]}"} if role else {}
    url = f"/admin/v1/transactions/{ONE}{path}"
    async with client.request(method, url, headers=headers, **given) as answer:
        return answer.status, await answer.json(content_type=None)


async def test_person_can_do_what_role_and_rules_allow_and_nothing_else_leaves_a_trace(
    atlas: Atlas, desk: "Desk", monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = [Token(str(role), role, digest(secret)) for role, secret in SECRETS.items()]
    # The door's clock runs fast, or it would soon send away whoever comes without a token.
    late = partial(desk.clock.forward, seconds=30)
    app = make_app(desk.store, Metrics(), Readiness(desk.clock), tokens, lambda: None, Unlooked(), late)
    alike = {(spot.place.state, spot.place.phases): spot for spot in atlas.spots.values()}
    with spared(monkeypatch):
        async with TestClient(TestServer(app)) as client:
            for spot in alike.values():
                await people(client, Stage(desk), spot)
    assert len(alike) > 30
