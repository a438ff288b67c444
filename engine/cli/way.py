"""The way from a command to the daemon, or to the event loop, and back to the person at the terminal."""

import sys
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Any, Final, Generic, NamedTuple, TypeVar, cast

import anyio
import click
import msgspec

from engine import config, logs, screen
from engine.client import Admin, Refused
from state.lifecycle import State
from state.trouble import StoreBusy, StoreDamaged, StoreError, StoreFailed, StoreMismatch

_USAGE: Final = 2
_STORE_LOST: Final = 3  # trying again is of no use, and may do harm
_LOST: Final = (StoreFailed, StoreDamaged, StoreMismatch)
STATES: Final = [str(state) for state in State]

Function = TypeVar("Function", bound=Callable[..., Any])
Found = TypeVar("Found")


class Look(NamedTuple, Generic[Found]):
    """A look at the vendors: how it is taken here, and where the daemon's answer holds what it found."""

    here: Callable[[config.Config], Coroutine[Any, Any, Any]]
    path: str
    member: str
    shape: type[Found]


def configured(path: Path | None) -> config.Config:
    """Return the configuration, or tell every problem of it and end with exit code 2."""
    try:
        return config.load(path)
    except config.ConfigError as error:
        screen.show_config_problems(screen.console(stderr=True), error.problems)
        sys.exit(_USAGE)


def guarded(work: Callable[[], Coroutine[Any, Any, Any]], *, pass_on: type[Exception] | None = None) -> Any:  # noqa: ANN401
    """Run the event loop; what stops it is said in a sentence, never as a traceback."""
    try:
        return anyio.run(work)
    except BaseExceptionGroup as group:
        error = first(group)
    except (StoreError, OSError, KeyboardInterrupt) as single:
        error = single
    if pass_on and isinstance(error, pass_on):
        raise error
    if isinstance(error, StoreError | OSError):
        click.echo(f"loadledger: {error}", err=True)
        sys.exit(_STORE_LOST if isinstance(error, _LOST) else 1)
    if isinstance(error, KeyboardInterrupt):
        sys.exit(130)
    raise error


def looked(look: Look[Found], path: Path | None, url: str | None, token: str | None) -> Found:
    """Return what a look at the vendors finds, taken by the daemon if one is named, or runs."""
    if url:
        return looked_by_daemon(look, url, token)
    settings = configured(path)
    logs.configure("error", settings.secrets())
    try:
        return cast("Found", guarded(partial(look.here, settings), pass_on=StoreBusy))
    except StoreBusy:
        # The daemon owns the store and with it the one refresh token: it must do the looking.
        return looked_by_daemon(look, f"http://{settings.http.listen}", token)


def looked_by_daemon(look: Look[Found], url: str, token: str | None) -> Found:
    """Return what a look at the vendors finds, taken by the daemon there."""
    return msgspec.convert(answered(url, token, lambda admin: admin.get(look.path))[look.member], look.shape)


def first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """Return the first real error inside nested groups."""
    inner = group.exceptions[0]
    return first(inner) if isinstance(inner, BaseExceptionGroup) else inner


def answered(url: str, token: str | None, question: Callable[[Admin], Coroutine[Any, Any, Any]]) -> Any:  # noqa: ANN401
    """Return the daemon's answer, or say why there is none and end with exit code 1."""

    async def ask() -> Any:  # noqa: ANN401
        async with Admin(url, token) as admin:
            return await question(admin)

    try:
        return anyio.run(ask)
    except Refused as error:
        raise click.ClickException(str(error)) from error
