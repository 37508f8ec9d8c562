"""A room in memory, in virtual time: for the tests of bots, bridges and everything else that uses `sockatuh.connect`.

    async def test() -> None:
        async with MemoryRoom() as kitchen, kitchen.connect(name="ana") as ana:
            await ana.say("soup at one")
            assert kitchen.lines == [("ana", "soup at one")]

    run(test())

The server's rules, the log's order and the clients are the real ones, down to encryption and acknowledgements. Only
sockets, disk and waiting are missing: `run` has a clock that jumps to whatever is due next, so a test takes
milliseconds however long its bot sleeps, and nothing in it depends on the speed of the machine. In an ordinary event
loop a `MemoryRoom` works in real time.
"""

from __future__ import annotations

import asyncio
import math
import os
import selectors
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path
from typing import Any, Final, Generic, Self, TypeVar

import msgspec

from sockatuh.client.connect import connect
from sockatuh.client.password_hash import hash_password
from sockatuh.client.room import Room
from sockatuh.client.server_address import ServerAddress
from sockatuh.protocol.client.events import PeerEvent
from sockatuh.protocol.client.peer import Peer
from sockatuh.protocol.constants import BCRYPT_COSTS
from sockatuh.protocol.seam import Address, Core
from sockatuh.protocol.server.door import ServerIdentity
from sockatuh.protocol.server.limits import Limits
from sockatuh.protocol.server.tickets import TicketKey, Tickets
from sockatuh.room.entries import Message, Whispered
from sockatuh.room.log import Append, Lineage, Outcome, Row
from sockatuh.room.names import NameRules
from sockatuh.room.orders import Actor, Order, Reply
from sockatuh.server.build import LogPort, build
from sockatuh.server.dialects.base import DialectEvent
from sockatuh.server.log_reads import read_for
from sockatuh.server.options import ServiceOptions
from sockatuh.store.memory_log import MemoryLog, MemoryTable

T = TypeVar("T")
EventT = TypeVar("EventT")

SERVER: Final[Address] = ("10.0.0.1", 7625)
SALT: Final = bytes(16)
"""That of every room's hash, so that a password is hashed once in a process."""
LATENCY: Final = 0.001
"""Seconds a datagram takes from one end to the other."""
COMMIT_SECONDS: Final = 0.001
"""Seconds from an append to its commit."""
UPKEEP_INTERVAL: Final = 1.0
"""Seconds between two rounds of the server's upkeep."""
EPOCH: Final = 1_700_000_000_000
"""The wall clock at time 0 of the loop, in ms since 1970."""


def run(main: Coroutine[Any, Any, T], *, limit: float = 3600.0) -> T:
    """Run a coroutine in virtual time and return its result; raise TimeoutError after `limit` virtual seconds.

    Time stands still while anything runs, and jumps when everything waits. It does not wait for threads.
    """

    async def limited() -> T:
        async with asyncio.timeout(limit):
            return await main

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(limited())


class MemoryRoom:
    """A room in memory, open while its `async with` block lasts. `limits` are the server's bounds."""

    def __init__(self, name: str = "kitchen", *, password: str = "tulip-harbor", limits: Limits | None = None) -> None:
        self.name, self.password = name, password
        self._wire = _Wire()
        self._table = MemoryTable(Lineage(os.urandom(16)))
        identity = ServerIdentity(os.urandom(32), os.urandom(32), name)
        tickets = Tickets([TicketKey(os.urandom(4), os.urandom(32))], b"password")
        hashed = hash_password(password.encode(), SALT, BCRYPT_COSTS[0]).decode()
        options = _options(name, hashed, limits or Limits())
        self._start = partial(_Server, options, identity, tickets, password.encode(), self._table, self._wire)
        self._server: _Server | None = None

    async def __aenter__(self) -> Self:
        self._server = self._start()
        return self

    async def __aexit__(self, *error: object) -> None:
        self._stop("closing")

    @property
    def lines(self) -> list[tuple[str, str]]:
        """What was said to everybody, in order: pairs of a name and a text."""
        bodies = [row.body for row in self._table.rows]
        return [(body.name, body.text) for body in bodies if isinstance(body, Message)]

    @property
    def private_lines(self) -> list[tuple[str, str, str]]:
        """What was said privately, in order: an author's name, an addressee's, and a text."""
        bodies = [row.body for row in self._table.rows]
        return [(body.name, body.to, body.text) for body in bodies if isinstance(body, Whispered)]

    def connect(self, server: str | None = None, **options: Any) -> AbstractAsyncContextManager[Room]:
        """Join the room as `sockatuh.connect` does; any `server` means this one, and the password is filled in."""
        address = ServerAddress(self.name) if server is None else ServerAddress.parse(server)
        return connect(address, **{"password": self.password, "carry": self._carry, **options})

    def cut_network(self) -> None:
        """Drop whatever arrives from now on, at either end."""
        self._wire.is_up = False

    def mend_network(self) -> None:
        """Deliver datagrams again."""
        self._wire.is_up = True

    async def order(self, do: str, **fields: object) -> dict[str, Any]:
        """Give an order as the room's admin: `await kitchen.order("kick", name="bot", for_=60, reason="flooding")`.

        The fields are those of the control socket (docs/CONTROL.md), `for_` standing for `for`; so is the answer.
        Raises ValueError for an order that makes no sense, and RuntimeError while the room is closed.
        """
        if self._server is None:
            raise RuntimeError("the room is closed")
        named = {name.removesuffix("_"): value for name, value in fields.items()}
        try:
            order = msgspec.convert({"do": do, **named}, type=Order)
        except msgspec.ValidationError as error:
            raise ValueError(str(error)) from None
        answered = asyncio.get_running_loop().create_future()
        self._server.carry_out(order, answered.set_result)
        reply: Reply = await answered
        answer: dict[str, Any] = msgspec.to_builtins(reply)
        return answer

    def restart(self) -> None:
        """Replace the server's process; its log and its keys remain."""
        self._stop("restarting")
        self._server = self._start()

    def _stop(self, code: str) -> None:
        if self._server is not None:
            self._server.close(code)
            self._server = None

    def _carry(self, peer: Peer, on_event: Callable[[PeerEvent], None]) -> _WireCarrier:
        return _WireCarrier(peer, on_event, self._wire, self._wire.new_address())


# Virtual time.


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop in virtual time, which begins at 0."""

    def __init__(self) -> None:
        self._skipping = _SkippingSelector()
        super().__init__(self._skipping)

    def time(self) -> float:
        """Return the virtual time in seconds."""
        return self._skipping.skipped


class _SkippingSelector(selectors.DefaultSelector):
    """Adds up the seconds for which it was asked to wait, instead of waiting."""

    def __init__(self) -> None:
        super().__init__()
        self.skipped = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(timeout and 0)
        if not ready and timeout is not None:
            self.skipped += max(0.0, timeout)
        return ready


# The network.


class _Wire:
    """Delivers each datagram after `LATENCY`, in order, if the network is up at that moment."""

    def __init__(self) -> None:
        self.is_up = True
        self._receivers: dict[Address, Callable[[bytes, Address], None]] = {}
        self._under_way: deque[tuple[bytes, Address, Address]] = deque()
        self._clients = 0

    def new_address(self) -> Address:
        """Return an address for another client, on a machine of its own."""
        self._clients += 1
        return f"10.1.{self._clients >> 8}.{self._clients & 255}", 5000

    def attach(self, address: Address, receive: Callable[[bytes, Address], None]) -> None:
        """Pass datagrams for an address to a function, with their source address."""
        self._receivers[address] = receive

    def detach(self, address: Address) -> None:
        """Drop datagrams for an address from now on."""
        del self._receivers[address]

    def send(self, data: bytes, source: Address, target: Address) -> None:
        """Send a datagram."""
        self._under_way.append((data, source, target))
        asyncio.get_running_loop().call_later(LATENCY, self._deliver)

    def _deliver(self) -> None:
        data, source, target = self._under_way.popleft()
        if self.is_up and (receive := self._receivers.get(target)) is not None:
            receive(data, source)


class _WireDriver(Generic[EventT]):
    """Runs a core at one address of the network, as `net/driver.py` does on a socket."""

    def __init__(self, core: Core[EventT], on_event: Callable[[EventT], None], wire: _Wire, address: Address) -> None:
        self._core, self._on_event, self._wire, self._address = core, on_event, wire, address
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._is_open = self._is_settling = False

    def start(self) -> None:
        self._is_open = True
        self._wire.attach(self._address, self._receive)
        self.flush()

    def flush(self) -> None:
        if self._is_settling or not self._is_open:
            return
        self._is_settling = True
        try:
            while (event := self._core.next_event()) is not None:
                self._on_event(event)
            while datagrams := self._core.datagrams_to_send():
                for data, target in datagrams:
                    self._wire.send(bytes(data), self._address, target)
        finally:
            self._is_settling = False
            self._arm()

    def close(self) -> None:
        if self._is_open:
            self._is_open = False
            self._wire.detach(self._address)
        self._arm()

    def _receive(self, data: bytes, source: Address) -> None:
        self._core.receive_datagram(data, source, self._loop.time())
        self.flush()

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._is_open and (at := self._core.get_timer()) is not None:
            self._timer = self._loop.call_at(at, self._fire)

    def _fire(self) -> None:
        self._core.handle_timer(self._loop.time())
        self.flush()


class _WireCarrier(_WireDriver[PeerEvent]):
    """A client's end of the network; every host name resolves to the server."""

    async def look_up(self, host: str, port: int, on_silence: Callable[[], None]) -> list[Address]:
        return await self.look_up_again(host, port)

    async def look_up_again(self, host: str, port: int) -> list[Address]:
        return [SERVER]

    def find_source(self, server: Address) -> str | None:
        return str(self._address[0])

    def watch_machine(self, on_change: Callable[[bool], None]) -> None:
        return None

    async def run_slow(self, work: Callable[[], bytes]) -> bytes:
        return work()  # time stands still meanwhile


# The server.


class _Server:
    """A server process: does what server/service.py does, without threads, files and signals."""

    def __init__(
        self,
        options: ServiceOptions,
        identity: ServerIdentity,
        tickets: Tickets,
        password: bytes,
        table: MemoryTable,
        wire: _Wire,
    ) -> None:
        self._password = password
        self._loop = asyncio.get_running_loop()
        self._log = MemoryLog(table, self._wall)
        parts = build(
            options,
            identity,
            tickets,
            NameRules(),
            LogPort(table.lineage, table.head, self._append, self._log.resume, self._log.renew),
            _Recorder(),
            _Silence(),
            random=os.urandom,
            wall=self._wall,
        )
        self._server = parts.room_server
        self._server.load(table.last_of_each_key(), table.rows[-options.limits.recent_entries :], self._loop.time())
        self._log.follow(table.head, self._take_committed)
        self._driver = _WireDriver[DialectEvent](parts.core, self._on_event, wire, SERVER)
        self._driver.start()
        self._upkeep = self._loop.call_later(UPKEEP_INTERVAL, self._maintain)

    def close(self, code: str) -> None:
        """Store what was said, tell every client why the server stops, and stop."""
        self._commit()
        self._server.close_sessions(code)
        self._driver.flush()
        self._driver.close()
        self._upkeep.cancel()

    def carry_out(self, order: Order, answer: Callable[[Reply], None]) -> None:
        """Carry out an order of the admin's."""
        self._server.orders.carry_out(order, Actor(0, "root"), answer, self._loop.time())
        self._read()
        self._driver.flush()

    def _on_event(self, event: DialectEvent) -> None:
        now = self._loop.time()
        self._server.handle(event, now)
        while (check := self._server.take_check(now)) is not None:
            self._server.answer_check(check, check.password == self._password, now)
        self._read()

    def _read(self) -> None:
        while (request := self._server.take_read()) is not None:
            self._server.answer_read(request, read_for(self._log, request))

    def _append(self, append: Append) -> None:
        self._log.append(append)
        self._loop.call_later(COMMIT_SECONDS, self._commit)

    def _commit(self) -> None:
        self._log.commit()
        self._log.deliver()
        self._driver.flush()

    def _take_committed(self, rows: Sequence[Row], outcomes: Sequence[Outcome]) -> None:
        now = self._loop.time()
        self._server.take_rows(rows, now)
        self._server.take_outcomes(outcomes, now)
        self._read()

    def _maintain(self) -> None:
        self._server.handle_timer(self._loop.time())
        self._read()
        self._driver.flush()
        self._upkeep = self._loop.call_later(UPKEEP_INTERVAL, self._maintain)

    def _wall(self) -> int:
        return EPOCH + int(self._loop.time() * 1000)


class _Recorder:
    """Keeps no history of sessions."""

    def opened(self, *session: object, **more: object) -> int:
        return 0

    def moved(self, record: int, address: str) -> None:
        pass

    def renamed(self, record: int, name: str) -> None:
        pass

    def closed(self, record: int, reason: str) -> None:
        pass

    def dropped(self, record: int) -> None:
        pass

    def when_written(self, then: Callable[[float], None]) -> None:
        loop = asyncio.get_running_loop()
        loop.call_soon(lambda: then(loop.time()))


class _Silence:
    """Logs nothing."""

    def info(self, event: str, **fields: object) -> None:
        pass

    def warning(self, event: str, **fields: object) -> None:
        pass

    def error(self, event: str, **fields: object) -> None:
        pass


def _options(name: str, password_hash: str, limits: Limits) -> ServiceOptions:
    return ServiceOptions(
        host=str(SERVER[0]),
        port=int(SERVER[1]),
        room=name,
        password_hash=password_hash,
        state_dir=Path(),
        synchronous="full",
        history_on_join=50,
        message_retention=math.inf,
        event_retention=math.inf,
        name_ownership=math.inf,
        classic=False,
        classic_networks=(),
        max_members=1_000,
        log_texts=False,
        limits=limits,
    )
