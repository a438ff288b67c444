"""Connections inside the loop: bytes that take their time, arrive in part, or never do.

Every program keeps its own transports and protocols; what lies between them is drawn from the loop's seed.
"""

import asyncio
import errno
from collections import deque
from collections.abc import Callable, Iterable
from contextvars import Context, copy_context
from dataclasses import dataclass
from itertools import count
from typing import Any, Final

from typing_extensions import override

from tests.simulation.loop import LIFE, Life, Loop

Address = tuple[str, int]
Factory = Callable[[], asyncio.BaseProtocol]
Tap = Callable[[Address, int, bytes], None]

_FOREVER: Final = 1e9  # seconds; longer than any simulation


@dataclass(frozen=True)
class Weather:
    """How bad the network is. Probabilities of a connection; `slow` is that of one write, and lasts up to `longest`."""

    refused: float = 0.0
    lost: float = 0.0  # no answer to the attempt to connect
    cut: float = 0.0  # both ends hear of it
    hole: float = 0.0  # nobody hears of it
    slow: float = 0.0
    longest: float = 0.0
    reach: int = 20_000  # bytes that a connection of the last two kinds carries at most, both ways taken together
    latency: tuple[float, float] = (0.002, 0.05)


FAIR: Final = Weather()


class End(asyncio.Transport):
    """One program's end of a connection."""

    def __init__(self, link: "_Link", protocol: Any, context: Context, names: tuple[Address, Address]) -> None:
        super().__init__()
        self.context = context
        self.life = context.get(LIFE)
        self._link = link
        self._protocol = protocol
        self._names = {"sockname": names[0], "peername": names[1]}
        self._inbox: deque[bytes | Exception | None] = deque()
        self._due = 0.0
        self._paused = False
        self._closing = False
        self._lost = False

    # -- what the program does -------------------------------------------------------------------------------------

    @override
    def write(self, data: Any) -> None:
        if not self._closing and data:
            self._link.carry(self, bytes(data))

    @override
    def writelines(self, list_of_data: Iterable[Any]) -> None:
        self.write(b"".join(list_of_data))

    @override
    def close(self) -> None:
        self._leave(None)

    @override
    def abort(self) -> None:
        self._leave(ConnectionResetError(errno.ECONNRESET, "reset by peer"))

    def _leave(self, farewell: Exception | None) -> None:
        if not self._closing:
            self._closing = True
            self._link.carry(self, farewell)
            self._link.loop.call_soon(self._lose, None, context=self.context)

    @override
    def is_closing(self) -> bool:
        return self._closing

    @override
    def pause_reading(self) -> None:
        self._paused = True

    @override
    def resume_reading(self) -> None:
        self._paused = False
        for _ in range(len(self._inbox)):
            self._link.loop.call_soon(self.arrive, context=self.context)

    @override
    def is_reading(self) -> bool:
        return not self._paused

    @override
    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._names.get(name, default)

    @override
    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._protocol = protocol

    @override
    def get_protocol(self) -> Any:
        return self._protocol

    @override
    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Take any: nothing ever waits to be written."""

    @override
    def get_write_buffer_size(self) -> int:
        return 0

    @override
    def can_write_eof(self) -> bool:
        return False

    # -- what the network does -------------------------------------------------------------------------------------

    def put(self, what: bytes | Exception | None, delay: float) -> None:
        """Let bytes, an end or a reset arrive after a while, behind what is under way."""
        self._inbox.append(what)
        loop = self._link.loop
        self._due = max(self._due, loop.time() + delay)
        loop.call_at(self._due, self.arrive, context=self.context)

    def arrive(self) -> None:
        """Hand over the next thing of the inbox."""
        if self._paused or self._lost or not self._inbox:
            return
        what = self._inbox.popleft()
        if isinstance(what, bytes):
            self._link.loop.trace.note(what)
            self._protocol.data_received(what)
        elif what is None:
            if not self._closing and not self._protocol.eof_received():
                self.close()
        else:
            self._lose(what)

    def _lose(self, error: Exception | None) -> None:
        if not self._lost:
            self._lost = self._closing = True
            self._link.network.ends.pop(id(self), None)
            self._protocol.connection_lost(error)


class _Link:
    """What lies between two ends: how much it carries, and what becomes of it then."""

    def __init__(self, network: "Network", address: Address) -> None:
        self.network = network
        self.loop = network.loop
        self.address = address
        self.number = next(network.numbers)
        weather, chance = network.weather(address), self.loop.chance
        fate = chance.random()
        self._weather = weather
        self._silent = fate >= weather.cut
        self._left = chance.randrange(weather.reach) if fate < weather.cut + weather.hole else _FOREVER
        self._dead = False
        self.client: End
        self.server: End

    def carry(self, sender: End, what: bytes | Exception | None) -> None:
        """Take something from one end to the other, unless it gets lost on the way."""
        if isinstance(what, bytes):
            hears = self.network.asked if sender is self.client else self.network.answered
            hears(self.address, self.number, what)
        if self._dead:
            return
        receiver = self.server if sender is self.client else self.client
        delay = self._delay()
        if isinstance(what, bytes):
            self._left -= len(what)
            if self._left < 0:
                what = what[: len(what) + int(self._left)]
                self._dead = True
        if what is None or isinstance(what, Exception) or what:
            receiver.put(what, delay)
        if self._dead and not self._silent:
            for end in (receiver, sender):
                end.put(ConnectionResetError(errno.ECONNRESET, "cut"), delay)

    def _delay(self) -> float:
        weather, chance = self._weather, self.loop.chance
        if weather.slow and chance.random() < weather.slow:
            return chance.uniform(0, weather.longest)
        return chance.uniform(*weather.latency)


class _Socket:
    def __init__(self, address: Address) -> None:
        self._address = address

    def getsockname(self) -> Address:
        return self._address


class Server:
    """Takes connections to an address until it is closed."""

    def __init__(self, network: "Network", address: Address) -> None:
        self.sockets = [_Socket(address)]
        self._network = network
        self._address = address

    def close(self) -> None:
        """Take no more connections."""
        if self._network.listeners.get(self._address, (None,))[0] is self:
            del self._network.listeners[self._address]

    async def wait_closed(self) -> None:
        """Return: the ones that are open are not its own."""


class Network:
    """All connections of one loop.

    `weather` says how an address can be reached now. `asked` hears what clients write and `answered` what servers do,
    each with the address of the server and the number of the connection, whether or not it arrives.
    """

    def __init__(self, loop: Loop, weather: Callable[[Address], Weather] = lambda _: FAIR) -> None:
        self.loop = loop
        self.weather = weather
        self.asked: Tap = _unheard
        self.answered: Tap = _unheard
        self.numbers = count()
        self.listeners: dict[Address, tuple[Server, Factory, Context]] = {}
        self.ends: dict[int, End] = {}
        self._port = 40_000
        loop.network = self

    async def reach(self, addr_infos: list[Any], **_: Any) -> Address:
        """Come as far as a connected socket, as aiohttp's connector wants one; raises OSError, or waits for ever."""
        address: Address = addr_infos[0][4][:2]
        weather, chance = self.weather(address), self.loop.chance
        fate = chance.random()
        lost = weather.refused <= fate < weather.refused + weather.lost
        await _pause(self.loop, _FOREVER if lost else chance.uniform(*weather.latency))
        if fate < weather.refused:
            raise ConnectionRefusedError(errno.ECONNREFUSED, "refused")
        return address

    def connect(self, address: Address, factory: Factory) -> tuple[End, Any]:
        """Connect a client with the listener of an address; raises ConnectionRefusedError if there is none."""
        found = self.listeners.get(address)
        if found is None:
            raise ConnectionRefusedError(errno.ECONNREFUSED, "refused")
        _, accept, context = found
        self._port += 1
        here = ("127.0.0.1", self._port)
        link, mine = _Link(self, address), copy_context()
        link.client = End(link, factory(), mine, (here, address))
        link.server = End(link, context.run(accept), context.copy(), (address, here))
        for end in (link.client, link.server):
            self._keep(end)
        link.server.context.run(link.server.get_protocol().connection_made, link.server)
        link.client.get_protocol().connection_made(link.client)
        return link.client, link.client.get_protocol()

    def listen(self, address: Address, factory: Factory) -> Server:
        """Take connections to an address; port 0 becomes a free one. Raises OSError if it is taken."""
        if not address[1]:
            self._port += 1
            address = (address[0], self._port)
        if address in self.listeners:
            raise OSError(errno.EADDRINUSE, "the address is in use")
        server = Server(self, address)
        self.listeners[address] = (server, factory, copy_context())
        life = LIFE.get()
        if life is not None:
            life.at_death(server.close)
        return server

    def _keep(self, end: End) -> None:
        self.ends[id(end)] = end

    def bury(self, life: Life) -> None:
        """Close what a killed program held open, as the kernel does: what it wrote is sent, then nothing more."""
        for end in [end for end in self.ends.values() if end.life is life]:
            end.abort()
            del self.ends[id(end)]


def _unheard(_address: Address, _number: int, _data: bytes) -> None:
    """Listen to nothing."""


def _wake(sleeper: "asyncio.Future[None]") -> None:
    if not sleeper.done():
        sleeper.set_result(None)


async def _pause(loop: Loop, seconds: float) -> None:
    woken = loop.create_future()
    handle = loop.call_later(seconds, _wake, woken)
    try:
        await woken
    finally:
        handle.cancel()
