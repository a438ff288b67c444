"""An event loop with virtual time: whatever is ready runs in an order drawn from a seed, and timers move the clock.

There is no selector and no thread. A `Life` is one run of a program inside the loop: everything that descends from
its context belongs to it, and once it is killed nothing of it ever runs again, as in a process that got SIGKILL.
"""

import asyncio
import gc
import heapq
import sys
from asyncio import events
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar, copy_context
from hashlib import blake2b
from itertools import count
from random import Random
from typing import Any, Final, Protocol, TypeVar, TypeVarTuple, Unpack

from typing_extensions import override

Result = TypeVar("Result")
Args = TypeVarTuple("Args")

_TURN: Final = (
    1e-6  # seconds that pass with every turn of the loop, so that nothing can wait for a time that never comes
)
_STILL: Final = 200_000  # turns without a timer, after which the program is taken to spin
_AWAITS: Final = 20  # on the way out of a coroutine that is closed


class Stuck(Exception):  # noqa: N818 - named for what happened
    """Nothing is left to wait for, or the program spins without ever letting time pass."""


class Killed(BaseException):
    """Raised inside a life that has ended, where its code would otherwise go on."""


class Life:
    """One run of a program, until it is killed.

    `last` is the step it does not live to take, counted from 1: a step is what runs between two awaits of one of its
    tasks, or one callback. `statements` counts what it asks of its database, `last_statement` likewise.
    """

    def __init__(self, *, last: int | None = None, last_statement: int | None = None) -> None:
        self.alive = True
        self.steps = 0
        self.statements = 0
        self._last = last
        self._last_statement = last_statement
        self._at_death: list[Callable[[], object]] = []

    def at_death(self, action: Callable[[], object]) -> None:
        """Do this when it is killed: what the kernel would do with its files and sockets."""
        self._at_death.append(action)

    async def ended(self) -> None:
        """Wait until it is dead."""
        dead = asyncio.get_running_loop().create_future()
        self.at_death(lambda: None if dead.done() else dead.set_result(None))
        await dead

    def kill(self) -> None:
        """End it where it stands."""
        if self.alive:
            self.alive = False
            for action in self._at_death:
                action()

    def die_after(self, steps: int | None, *, statements: int | None = None) -> None:
        """Let it take so many steps more, or ask so many statements of its database; None lets it live."""
        self._last = None if steps is None else self.steps + steps
        self._last_statement = None if statements is None else self.statements + statements

    def step(self) -> bool:
        """Count a step and say whether it may be taken."""
        self.steps += 1
        if self.steps == self._last:
            self.kill()
        return self.alive

    def statement(self) -> None:
        """Count a statement; raises Killed if the life does not get to execute it."""
        self.statements += 1
        if self.statements == self._last_statement:
            self.kill()
        if not self.alive:
            raise Killed


LIFE: ContextVar[Life | None] = ContextVar("life", default=None)


class Trace:
    """A fingerprint of everything that happened, in its order."""

    def __init__(self) -> None:
        self._hash = blake2b(digest_size=8)

    def note(self, what: bytes) -> None:
        """Take something that happened into the fingerprint."""
        self._hash.update(what)

    def hexdigest(self) -> str:
        """Return the fingerprint so far."""
        return self._hash.hexdigest()


class _Task(asyncio.Task[Any]):
    """A task that sets order by when it was made, not by where it lies in memory."""

    _numbers = count()

    def __init__(self, coroutine: Any, context: Context | None, **named: Any) -> None:
        self._number = next(self._numbers)
        self.life = context.get(LIFE) if context else LIFE.get()
        super().__init__(coroutine, context=context, **named)

    @override
    def __hash__(self) -> int:
        return self._number


class _Handle(asyncio.TimerHandle):
    """What is to run, now or at a time: asyncio's own, without what that keeps for its debug mode."""

    __slots__ = ()

    def __init__(self, when: float, callback: Any, args: Any, context: Context | None) -> None:
        self._when: float = when
        self._callback: Any = callback
        self._args: Any = args
        self._context: Context = copy_context() if context is None else context
        self._cancelled: bool = False
        self._repr = self._source_traceback = None

    @override
    def cancel(self) -> None:
        self._cancelled = True
        self._callback = self._args = None


class Network(Protocol):
    """What carries bytes between the programs in the loop."""

    def connect(self, address: tuple[str, int], factory: Callable[[], asyncio.BaseProtocol]) -> Any:
        """Open a connection and return its transport and protocol; raises OSError."""

    def listen(self, address: tuple[str, int], factory: Callable[[], asyncio.BaseProtocol]) -> Any:
        """Take connections to an address and return the server."""


class Loop(asyncio.BaseEventLoop):
    """The loop. `chance` is the only source of randomness of what runs in it."""

    network: Network

    def __init__(self, seed: int | str) -> None:
        self.chance = Random(seed)
        self.trace = Trace()
        self.complaints: list[tuple[Life | None, str]] = []
        self.turns = 0
        self._now = 0.0
        self._soon: list[_Handle] = []
        self._later: list[tuple[float, int, _Handle]] = []
        self._order = count()
        self._ended = False
        self._running = False
        self._graves: list[asyncio.Task[Any]] = []
        _Task._numbers = count()
        super().__init__()

    # -- running -------------------------------------------------------------------------------------------------

    @override
    def run_until_complete(self, future: Any) -> Any:
        main = asyncio.ensure_future(future, loop=self)
        hooks = sys.get_asyncgen_hooks()
        sys.set_asyncgen_hooks(firstiter=None, finalizer=self._finalize)
        events._set_running_loop(self)
        self._running = True
        try:
            still = 0
            while not main.done():
                still = 0 if self._turn() else still + 1
                if still > _STILL:
                    raise Stuck("the program spins: no time passes any more")
        finally:
            self._running = False
            events._set_running_loop(None)
            sys.set_asyncgen_hooks(*hooks)
        return main.result()

    def _turn(self) -> bool:
        """Run all that is ready now, in an order drawn from the seed; return whether the clock was moved by a timer."""
        moved = self._come_due()
        batch, self._soon = self._soon, []
        if len(batch) > 1:
            self.chance.shuffle(batch)
        for handle in batch:
            if not handle._cancelled:
                life = handle._context.get(LIFE)
                if life is None or (life.alive and life.step()):
                    try:
                        handle._context.run(handle._callback, *handle._args)
                    except (SystemExit, KeyboardInterrupt):
                        raise
                    except BaseException as error:  # noqa: BLE001 - as in any loop it is told, and the others run
                        self.call_exception_handler({"message": f"{handle!r} failed", "exception": error})
        return moved

    def _come_due(self) -> bool:
        """Let a turn's time pass, or move the clock to the next timer if nothing is ready; return whether it did."""
        timers = self._later
        while timers and timers[0][2]._cancelled:
            heapq.heappop(timers)
        moved = False
        if not self._soon:
            if not timers:
                raise Stuck("nothing is left to wait for")
            self._now = max(self._now, timers[0][0])
            moved = True
        while timers and timers[0][0] <= self._now:
            timer = heapq.heappop(timers)[2]
            if not timer._cancelled:
                self._soon.append(timer)
        self._now += _TURN
        self.turns += 1
        return moved

    # -- what is to run ------------------------------------------------------------------------------------------

    @override
    def time(self) -> float:
        return self._now

    @override
    def call_soon(
        self, callback: Callable[[Unpack[Args]], object], *args: *Args, context: Context | None = None
    ) -> asyncio.Handle:
        handle = _Handle(0.0, callback, args, context)
        self._soon.append(handle)
        return handle

    call_soon_threadsafe = call_soon  # there is one thread

    @override
    def call_later(
        self,
        delay: float,
        callback: Callable[[Unpack[Args]], object],
        *args: *Args,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        return self.call_at(self._now + delay, callback, *args, context=context)

    @override
    def call_at(
        self,
        when: float,
        callback: Callable[[Unpack[Args]], object],
        *args: *Args,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        handle = _Handle(when, callback, args, context)
        heapq.heappush(self._later, (when, next(self._order), handle))
        return handle

    @override
    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self)

    @override
    def create_task(  # type: ignore[override]
        self, coro: Coroutine[Any, Any, Result], *, name: str | None = None, context: Context | None = None
    ) -> asyncio.Task[Result]:
        return _Task(coro, context, loop=self, name=name)

    @override
    def run_in_executor(self, executor: Any, func: Callable[[Unpack[Args]], Result], *args: *Args) -> Any:
        future = self.create_future()
        future.set_result(func(*args))
        return future

    # -- the network ---------------------------------------------------------------------------------------------

    @override
    async def create_connection(self, protocol_factory: Any, *_: Any, sock: Any = None, **__: Any) -> Any:
        return self.network.connect(sock, protocol_factory)

    @override
    async def create_server(self, protocol_factory: Any, host: Any = None, port: Any = None, **_: Any) -> Any:
        return self.network.listen((host, port), protocol_factory)

    # -- housekeeping --------------------------------------------------------------------------------------------

    def _finalize(self, generator: Any) -> None:
        if not self._ended:
            self.call_soon(self.create_task, generator.aclose())

    @override
    def call_exception_handler(self, context: dict[str, Any]) -> None:
        error = context.get("exception")
        told = f"{context['message']}: {type(error).__name__}: {error}" if error else str(context["message"])
        task = context.get("task") or context.get("future")
        self.complaints.append((task.life if isinstance(task, _Task) else LIFE.get(), told))

    @override
    def get_task_factory(self) -> None:
        return None

    @override
    def is_running(self) -> bool:
        return self._running

    @override
    def is_closed(self) -> bool:
        return self._ended

    get_debug = staticmethod(bool)  # no: every task and future asks, and this is quickest

    def bury(self, life: Life) -> None:
        """Keep what a killed life left suspended: it must not even unwind."""
        self._graves += [task for task in asyncio.all_tasks(self) if isinstance(task, _Task) and task.life is life]

    @override
    def close(self) -> None:
        """Forget everything. What was left suspended is unwound where nobody hears of it."""
        self._ended = True
        self._soon.clear()
        self._later.clear()
        hook, sys.unraisablehook = sys.unraisablehook, lambda _: None
        try:
            for task in {*self._graves, *asyncio.all_tasks(self)}:
                task._log_destroy_pending = False  # type: ignore[attr-defined]
                _unwind(task.get_coro())
            self._graves.clear()
            gc.collect()
        finally:
            sys.unraisablehook = hook


def _unwind(coroutine: Any) -> None:
    for _ in range(_AWAITS):
        try:
            coroutine.close()
        except BaseException:  # noqa: BLE001 - it awaits something on its way out, or fails to
            continue
        return
