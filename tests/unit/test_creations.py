"""What the store keeps of parties on their way into accounting."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from state.creation import Creation
from state.outbox import Phase
from state.trouble import StoreError

if TYPE_CHECKING:
    from tests.unit.conftest import Desk


def creation(desk: "Desk", phase: Phase = Phase.SENT) -> Creation:
    return Creation(phase, "request-0", b'{"DisplayName":"Acme"}', desk.clock() + timedelta(seconds=180), 1, 1, 2)


async def test_announced_creation_survives_a_restart(desk: "Desk", open_desk: Callable[[], Awaitable["Desk"]]) -> None:
    assert await desk.store.memory.creation("customer", "acme") is None
    await desk.store.memory.record("customer", "acme", creation(desk))
    await desk.store.close()
    again = await open_desk()
    assert await again.store.memory.creation("customer", "acme") == creation(desk)
    assert await again.store.memory.creation("vendor", "acme") is None


async def test_newest_that_is_known_of_a_creation_counts(desk: "Desk") -> None:
    newer = replace(creation(desk), phase=Phase.IN_DOUBT, request_id="request-1", body=b"{}", reads=0, tries=3, round=2)
    for known in (creation(desk), newer):
        await desk.store.memory.record("customer", "acme", known)
    assert await desk.store.memory.creation("customer", "acme") == newer


async def test_link_ends_the_creation_of_its_name_and_of_no_other(desk: "Desk") -> None:
    memory = desk.store.memory
    for kind, name in (("customer", "acme"), ("customer", "globex"), ("vendor", "acme")):
        await memory.record(kind, name, creation(desk))
    await memory.link("customer", "c-1", "58", name="acme")
    ended = await memory.creation("customer", "acme")
    assert ended == replace(creation(desk), phase=Phase.WAITING, round=2, reads=0, tries=0)
    assert await memory.linked("customer", "c-1") == "58"
    for kind, name in (("customer", "globex"), ("vendor", "acme")):
        assert await memory.creation(kind, name) == creation(desk)


async def test_creation_is_not_announced_once_the_store_has_another_owner(desk: "Desk") -> None:
    await desk.execute("INSERT INTO runs (started_at) VALUES (0)")
    with pytest.raises(StoreError, match="another owner"):
        await desk.store.memory.record("customer", "acme", creation(desk))
    assert await desk.store.memory.creation("customer", "acme") is None
