from __future__ import annotations

import asyncio
import errno
import select
import socket
import sys
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from sockatuh.net.driver import CLOCK_TICK, Driver
from sockatuh.protocol.seam import Address

LOOPBACK = ("127.0.0.1", 0)
Event = tuple[bytes, Address]


class EchoCore:
    """Reports each datagram, sends what the test says, and records its calls in order."""

    def __init__(self) -> None:
        self.events: deque[Event] = deque()
        self.outbox: list[Event] = []
        self.deadline: float | None = None
        self.turns: list[str] = []
        self._portion = False
        self.timers: list[float] = []
        self.received_at: list[float] = []

    def receive_datagram(self, data: bytes, address: Address, now: float) -> None:
        self.turns.append("received")
        self.received_at.append(now)
        self.events.append((data, address))

    def handle_timer(self, now: float) -> None:
        self.timers.append(now)
        self.deadline = None
        self.events.append((b"timer", ()))

    def get_timer(self) -> float | None:
        return self.deadline

    def next_event(self) -> Event | None:
        return self.events.popleft() if self.events else None

    def datagrams_to_send(self) -> list[Event]:
        datagrams, self.outbox = self.outbox, []
        if datagrams or not self._portion:  # asked once more, whether there is another portion
            self.turns.append("sent")
        self._portion = bool(datagrams)
        return datagrams


class Shell:
    """A driver with its echo core, a peer's socket, and the reported events."""

    def __init__(self, sock: socket.socket, clock: Callable[[], float] = time.monotonic) -> None:
        self.core = EchoCore()
        self.sock = sock
        self.peer = open_loopback()
        self.events: list[bytes] = []
        self.something = asyncio.Event()
        self.driver = Driver(self.core, sock, self.on_event, clock=clock)

    def on_event(self, event: Event) -> None:
        data, address = event
        self.events.append(data)
        self.something.set()
        if address:
            self.core.outbox.append((data.upper(), address))

    async def wait_for_events(self, count: int) -> None:
        async with asyncio.timeout(5.0):
            while len(self.events) < count:
                self.something.clear()
                await self.something.wait()

    def say(self, data: bytes) -> None:
        self.peer.sendto(data, self.sock.getsockname())

    def received(self) -> bytes:
        assert select.select([self.peer], [], [], 5.0)[0]
        return self.peer.recv(2048)


def open_loopback(kind: type[socket.socket] = socket.socket) -> socket.socket:
    sock = kind(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setblocking(False)
    sock.bind(LOOPBACK)
    return sock


def run(test: Callable[[Shell], Awaitable[None]], sock: socket.socket | None = None, **options: Any) -> None:
    async def body() -> None:
        shell = Shell(sock or open_loopback(), **options)
        try:
            await test(shell)
        finally:
            shell.driver.close()
            shell.peer.close()

    asyncio.run(body())


async def pass_a_tick() -> None:
    """Wait until timers that were due a moment ago have been called."""
    loop = asyncio.get_running_loop()
    passed = loop.create_future()
    loop.call_later(2 * CLOCK_TICK, passed.set_result, None)
    await passed


def test_a_datagram_becomes_an_event_and_its_answer_leaves() -> None:
    async def test(shell: Shell) -> None:
        shell.driver.start()
        shell.say(b"hello")
        await shell.wait_for_events(1)
        assert shell.received() == b"HELLO"

    run(test)


def test_an_answer_leaves_in_the_turn_in_which_the_question_came() -> None:
    async def test(shell: Shell) -> None:
        shell.driver.start()
        shell.say(b"hello")
        await shell.wait_for_events(1)
        assert shell.core.turns == ["sent", "received", "sent"]

    run(test)


def test_a_turn_takes_at_most_64_datagrams_and_loses_none() -> None:
    async def test(shell: Shell) -> None:
        for _ in range(100):
            shell.say(b"hello")
        shell.driver.start()
        await shell.wait_for_events(100)
        assert "".join(name[0] for name in shell.core.turns) == "s" + "r" * 64 + "s" + "r" * 36 + "s"

    run(test)


def test_datagrams_from_outside_calls_leave_with_flush() -> None:
    async def test(shell: Shell) -> None:
        shell.driver.start()
        shell.core.outbox.append((b"news", shell.peer.getsockname()))
        shell.driver.flush()
        assert shell.peer.recv(2048) == b"news"

    run(test)


def test_datagrams_ready_before_the_start_leave_at_the_start() -> None:
    async def test(shell: Shell) -> None:
        shell.core.outbox.append((b"first", shell.peer.getsockname()))
        shell.driver.flush()
        assert shell.core.turns == []
        shell.driver.start()
        assert shell.peer.recv(2048) == b"first"

    run(test)


def test_a_flush_inside_an_event_does_not_begin_another_turn() -> None:
    async def test(shell: Shell) -> None:
        def on_event(event: Event) -> None:
            shell.driver.flush()
            shell.on_event(event)

        shell.driver = Driver(shell.core, shell.sock, on_event)
        shell.driver.start()
        shell.say(b"one")
        await shell.wait_for_events(1)
        assert shell.core.turns == ["sent", "received", "sent"]
        assert shell.received() == b"ONE"

    run(test)


def test_a_turn_is_settled_after_its_events_and_before_sending() -> None:
    async def test(shell: Shell) -> None:
        turns = shell.core.turns
        shell.driver = Driver(shell.core, shell.sock, shell.on_event, on_settled=lambda: turns.append("settled"))
        shell.driver.start()
        shell.say(b"one")
        await shell.wait_for_events(1)
        assert turns == ["settled", "sent", "received", "settled", "sent"]

    run(test)


def test_a_failing_event_handler_is_reported_and_blocks_nothing() -> None:
    async def test(shell: Shell) -> None:
        reported: list[object] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context["exception"]))

        def on_event(event: Event) -> None:
            if event[0] == b"bad":
                raise LookupError("a bug")
            shell.on_event(event)

        shell.driver = Driver(shell.core, shell.sock, on_event)
        shell.say(b"bad")
        shell.say(b"good")
        shell.driver.start()
        await shell.wait_for_events(1)
        assert shell.received() == b"GOOD"
        assert [type(error) for error in reported] == [LookupError]

    run(test)


def test_the_timer_of_the_core_is_called_when_it_is_due() -> None:
    async def test(shell: Shell) -> None:
        shell.core.deadline = due = time.monotonic() + 0.002
        shell.driver.start()
        await shell.wait_for_events(1)
        assert shell.events == [b"timer"]
        assert shell.core.timers[0] >= due

    run(test)


def test_time_comes_from_the_given_clock() -> None:
    async def test(shell: Shell) -> None:
        shell.core.deadline = 1000.0
        shell.driver.start()
        await shell.wait_for_events(1)
        shell.say(b"hello")
        await shell.wait_for_events(2)
        assert shell.core.timers == shell.core.received_at == [1000.0]

    run(test, clock=lambda: 1000.0)


def test_a_deadline_that_moved_away_is_not_called_early() -> None:
    async def test(shell: Shell) -> None:
        shell.core.deadline = 1000.0
        shell.driver.start()
        shell.core.deadline = 1060.0
        shell.driver.flush()
        await pass_a_tick()
        assert shell.core.timers == []

    run(test, clock=lambda: 1000.0)


def test_a_deadline_that_came_nearer_is_kept() -> None:
    async def test(shell: Shell) -> None:
        shell.core.deadline = 1060.0
        shell.driver.start()
        shell.core.deadline = 1000.0
        shell.driver.flush()
        await shell.wait_for_events(1)
        assert shell.core.timers == [1000.0]

    run(test, clock=lambda: 1000.0)


def test_a_datagram_the_system_refuses_is_counted_and_the_next_one_leaves() -> None:
    async def test(shell: Shell) -> None:
        there = shell.peer.getsockname()
        shell.core.outbox += [(bytes(70_000), there), (b"next", there)]
        shell.driver.start()
        assert shell.peer.recv(2048) == b"next"
        assert shell.driver.errors == {"EMSGSIZE": 1}

    run(test)


class FullSocket(socket.socket):
    """A socket whose send buffer is always full."""

    def sendto(self, *_: Any) -> int:
        raise BlockingIOError(errno.EAGAIN, "full")


def test_a_full_send_buffer_loses_datagrams_and_counts_them() -> None:
    async def test(shell: Shell) -> None:
        shell.core.outbox += [(b"lost", shell.peer.getsockname())] * 3
        shell.driver.start()
        assert shell.driver.errors == {errno.errorcode[errno.EAGAIN]: 3}
        assert shell.core.outbox == []

    run(test, open_loopback(FullSocket))


class BrokenSocket(socket.socket):
    """A socket with an error of no name, as a resolver has them."""

    def sendto(self, *_: Any) -> int:
        raise socket.gaierror(-99, "no")


def test_errors_without_a_name_are_counted_together() -> None:
    async def test(shell: Shell) -> None:
        shell.core.outbox += [(b"lost", shell.peer.getsockname())]
        shell.driver.start()
        assert shell.driver.errors == {"other": 1}

    run(test, open_loopback(BrokenSocket))


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere only connected sockets, or all, report closed ports")
def test_a_closed_port_at_the_other_end_does_not_stop_the_reading() -> None:
    async def test(shell: Shell) -> None:
        gone = open_loopback()
        address = gone.getsockname()
        gone.close()
        shell.sock.setsockopt(socket.IPPROTO_IP, 11, 1)  # IP_RECVERR: report it as Windows does
        shell.core.outbox.append((b"anybody?", address))
        shell.driver.start()
        shell.say(b"hello")
        await shell.wait_for_events(1)
        assert shell.driver.errors["ECONNREFUSED"] == 1

    run(test)


def test_nothing_happens_after_close() -> None:
    async def test(shell: Shell) -> None:
        shell.core.deadline = 1000.0
        shell.driver.start()
        shell.driver.close()
        shell.driver.close()
        shell.driver.flush()
        await pass_a_tick()
        assert shell.core.timers == []
        assert shell.core.turns == ["sent"]
        assert shell.sock.fileno() == -1

    run(test, clock=lambda: 1000.0)


def test_closing_inside_an_event_ends_the_turn() -> None:
    async def test(shell: Shell) -> None:
        def on_event(event: Event) -> None:
            shell.on_event(event)
            shell.driver.close()

        shell.driver = Driver(shell.core, shell.sock, on_event)
        shell.core.events += [(b"last", ()), (b"never", ())]
        shell.driver.start()
        assert shell.events == [b"last"]
        assert shell.core.turns == []

    run(test)
