"""The shell around any core: one socket, one timer, and the order in which things happen.

A turn receives up to 64 datagrams, delivers all events, sends everything and sets the timer. So the response to an
event is sent in the same turn, and what becomes ready elsewhere (a commit, a keystroke) is sent by `flush`.

The driver reads the socket itself: asyncio's datagram transport costs about seven times as much for each datagram,
because it allocates 256 KiB for every one.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Final, Generic, TypeVar

from sockatuh.protocol.seam import Core

from .arrival import READ_SIZE, Receive
from .sender import Datagrams, Send

EventT = TypeVar("EventT")

DATAGRAMS_A_TURN: Final = 64
RETRY_SECONDS: Final = 0.1
"""Seconds until processing resumes after an exception in `on_event`, which may be raised again."""

# A loop calls timers up to one tick of its clock early (15 ms on Windows); with a tick added, it does not spin.
CLOCK_TICK: Final = time.get_clock_info("monotonic").resolution


def send_each(sock: socket.socket, count: Callable[[OSError], None], datagrams: Datagrams) -> None:
    """Send datagrams one by one; `count` is called for each one that the system refuses, which is lost."""
    sendto = sock.sendto
    for data, address in datagrams:
        try:
            sendto(data, address)
        except OSError as error:
            count(error)


class Driver(Generic[EventT]):
    """Run a core on a socket in the running event loop, which must be a selector loop.

    `on_settled` is called when the events of a turn are delivered, before its datagrams are sent. `sender` makes the
    function that sends on a socket, by default `send_each`; `receiver` makes the one that reads a datagram, by default
    `recvfrom`. `on_turn` is told how many seconds each turn took. `errors` counts what the system refused, by errno
    name; refused datagrams are lost. `received` and `sent` count datagrams, `sent` also those that were refused.
    """

    def __init__(
        self,
        core: Core[EventT],
        sock: socket.socket,
        on_event: Callable[[EventT], None],
        *,
        on_settled: Callable[[], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
        sender: Callable[[socket.socket, Callable[[OSError], None]], Send] | None = None,
        receiver: Callable[[socket.socket], Receive] | None = None,
        on_turn: Callable[[float], None] | None = None,
    ) -> None:
        self.errors: Counter[str] = Counter()
        self.received = self.sent = 0
        self._send = sender(sock, self._count) if sender is not None else partial(send_each, sock, self._count)
        self._receive = receiver(sock) if receiver is not None else partial(sock.recvfrom, READ_SIZE)
        self._core = core
        self._sock = sock
        self._on_event, self._on_settled = on_event, on_settled
        self._clock, self._on_turn = clock, on_turn
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self._settling = False

    def start(self) -> None:
        """Start reading the socket, and process what the core already has."""
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._sock, self._on_readable)
        self.flush()

    def flush(self) -> None:
        """Deliver the core's events and send its datagrams now; within an event, the current turn does it."""
        if not self._settling and self._loop is not None:
            self._settle(self._clock())

    def close(self) -> None:
        """Stop and close the socket, without sending anything more."""
        if self._loop is not None:
            self._loop.remove_reader(self._sock)
            self._loop = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._sock.close()

    def _on_readable(self) -> None:
        receive_datagram, receive, now = self._core.receive_datagram, self._receive, self._clock()
        for _ in range(DATAGRAMS_A_TURN):
            try:
                data, address = receive()
            except BlockingIOError:
                break
            except OSError as error:
                # An earlier send met a closed port, or (on Windows) the datagram is longer than READ_SIZE.
                self._count(error)
                continue
            self.received += 1
            receive_datagram(data, address, now)
        self._settle(now)

    def _settle(self, began_at: float) -> None:
        self._settling = True
        try:
            while self._loop is not None and (event := self._core.next_event()) is not None:
                self._on_event(event)
            if self._on_settled is not None:
                self._on_settled()
            if self._loop is not None:
                while datagrams := self._core.datagrams_to_send():
                    self.sent += len(datagrams)
                    self._send(datagrams)
        except Exception:  # the loop reports it; the remaining events and datagrams follow a little later
            if self._loop is not None:
                self._loop.call_later(RETRY_SECONDS, self.flush)
            raise
        finally:
            self._settling = False
            self._arm()
            if self._on_turn is not None:
                self._on_turn(self._clock() - began_at)

    def _count(self, error: OSError) -> None:
        self.errors[errno.errorcode.get(error.errno or 0, "other")] += 1

    def _arm(self) -> None:
        """Make the timer fire by the deadline; resetting one that fires early is cheaper than moving it each turn."""
        at = self._core.get_timer()
        if at is None or self._loop is None or (self._timer is not None and self._timer_at <= at):
            return
        if self._timer is not None:
            self._timer.cancel()
        # Not every clock is the loop's: the span is the same on both.
        self._timer = self._loop.call_later(max(0.0, at - self._clock()) + CLOCK_TICK, self._on_timer)
        self._timer_at = at

    def _on_timer(self) -> None:
        self._timer = None
        now, due = self._clock(), self._core.get_timer()
        try:
            if due is not None and due <= now:
                self._core.handle_timer(now)
        finally:
            self._settle(now)
