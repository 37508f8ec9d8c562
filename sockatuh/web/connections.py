"""The gateway's TCP connections: how many there may be, and how long one may take to ask for something.

Whoever reaches the port can open connections and then do nothing, or next to nothing: send a request byte by byte, or
never read the answer. So each address has a share of them, counted before TLS begins; a request must be whole in time;
and an answer must be taken in time. The stream of a browser that has joined counts for no address, because many
browsers may be behind one, and streams have limits of their own.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import struct
from collections import Counter
from collections.abc import Callable
from typing import Any, Final, TypeAlias

import h11
import msgspec
from uvicorn.protocols.http.h11_impl import H11Protocol

from .headers import headers_for
from .source_address import place_of
from .speech import DEFAULT, speech_of

Peer: TypeAlias = tuple[Any, ...]
"""Address and port of the other end, as sockets have it."""
STREAM: Final = "sockatuh.stream"
"""In the state of a request's scope: a function to be called when the answer is a stream."""
WRITE_BUFFER: Final = 65_536
"""Bytes of an answer that wait in this process for a slow reader."""
SEND_BUFFER: Final = 131_072
"""Bytes that wait in the kernel; it would let them grow to megabytes for each connection."""
_RESET: Final = struct.pack("ii", 1, 0)
"""For SO_LINGER: closing ends the connection at once, with nothing left behind."""


class ConnectionLimits(msgspec.Struct, frozen=True):
    """What connections may take."""

    total: int = 1_500
    """Connections at a time."""
    of_network: int = 500
    """Connections at a time from one IPv6 /64 that are no streams."""
    of_address: int = 128
    """Connections at a time from one address that are no streams."""
    request_within: float = 20.0
    """Seconds for a TLS handshake, and from a request's first byte (of the first: from then on) until it is whole."""
    taken_within: float = 30.0
    """Seconds for which a reader may take nothing of what waits."""


class Connections:
    """Counts the connections that are open, each by its file descriptor.

    The other end's address and port would not do: who resets a connection may have another one from the same port
    before the first is closed here.
    """

    def __init__(self, limits: ConnectionLimits) -> None:
        self.limits = limits
        self._open: dict[int, tuple[str, str]] = {}
        """The address and the network that each counts for, "" for none."""
        self._of_address: Counter[str] = Counter()
        self._of_network: Counter[str] = Counter()
        self._beginning: dict[int, asyncio.TimerHandle] = {}
        """When those are ended that are in a TLS handshake."""

    def __len__(self) -> int:
        return len(self._open)

    def admit(self, connection: int, peer: Peer) -> bool:
        """Count a connection, unless there are too many."""
        address, network = str(peer[0]), place_of(str(peer[0]))
        if (
            len(self._open) >= self.limits.total
            or self._of_address[address] >= self.limits.of_address
            or (network.endswith("/64") and self._of_network[network] >= self.limits.of_network)
        ):
            return False
        self._open[connection] = address, network
        self._of_address[address] += 1
        self._of_network[network] += 1
        return True

    def begin_handshake(self, connection: int, end: Callable[[], None]) -> None:
        """Have a connection ended unless it is ready for requests in time."""
        self._beginning[connection] = asyncio.get_running_loop().call_later(self.limits.request_within, end)

    def end_handshake(self, connection: int) -> None:
        """Note that a connection is ready for requests, or has ended."""
        if (timer := self._beginning.pop(connection, None)) is not None:
            timer.cancel()

    def begin_stream(self, connection: int) -> None:
        """Count a connection for no address any longer."""
        if connection in self._open:
            self._uncount(*self._open[connection])
            self._open[connection] = "", ""

    def release(self, connection: int) -> None:
        """Forget a connection that has ended."""
        self.end_handshake(connection)
        if (counted := self._open.pop(connection, None)) is not None:
            self._uncount(*counted)

    def _uncount(self, address: str, network: str) -> None:
        if address:
            for counter, key in ((self._of_address, address), (self._of_network, network)):
                counter[key] -= 1
                if counter[key] <= 0:
                    del counter[key]


class Listener(socket.socket):
    """A listening socket that takes only the connections that are admitted."""

    def __init__(self, listening: socket.socket, connections: Connections) -> None:
        super().__init__(listening.family, listening.type, listening.proto, listening.detach())
        self.connections = connections

    def accept(self) -> tuple[socket.socket, Peer]:
        """Accept a connection; raises ConnectionAbortedError when it was one too many, and has been ended."""
        descriptor, peer = self._accept()  # type: ignore[attr-defined]  # as socket.accept does
        accepted = _Counted(self.family, self.type, self.proto, descriptor)
        if not self.connections.admit(descriptor, peer):
            with contextlib.suppress(OSError):  # on some systems, of a connection that the other end has reset
                accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            accepted.close()
            raise ConnectionAbortedError
        accepted.release = (self.connections, descriptor)
        # asyncio sets it only on sockets that are for TCP by name. Without it the end of an answer may wait for 40 ms.
        with contextlib.suppress(OSError):
            accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.connections.begin_handshake(descriptor, accepted.give_up)
        return accepted, peer


class _Counted(socket.socket):
    """A connection that is forgotten when it is closed."""

    release: tuple[Connections, int] | None = None

    def give_up(self) -> None:
        """End the connection for both sides; whoever reads it is told, and closes it."""
        with contextlib.suppress(OSError):
            self.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the connection."""
        released, self.release = self.release, None
        if released is not None:
            released[0].release(released[1])
        super().close()


class GuardedProtocol(H11Protocol):
    """uvicorn's side of a connection, with deadlines, and with our own words where it has to answer by itself."""

    counted: Connections
    """Set by `guarded`."""
    _deadline: asyncio.TimerHandle | None = None
    _stalled: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin: the first request must come in time."""
        super().connection_made(transport)
        self.counted.end_handshake(self._descriptor())
        transport.set_write_buffer_limits(WRITE_BUFFER)
        self._look_at_request()

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._end_deadline()
        self._end_stall()
        super().connection_lost(exc)

    def handle_events(self) -> None:
        """Take what has come of a request."""
        before = self.scope
        super().handle_events()
        if self.scope is not None and self.scope is not before:
            self.scope["state"][STREAM] = lambda: self.counted.begin_stream(self._descriptor())
        self._look_at_request()

    def _descriptor(self) -> int:
        """Return what this connection is counted by, -1 once it is closed: then another may have its descriptor."""
        sock = self.transport.get_extra_info("socket")
        return int(sock.fileno()) if sock is not None else -1

    def _look_at_request(self) -> None:
        """Set the deadline while a request is under way; while none is, the time to keep a connection alive counts."""
        is_under_way = self.conn.their_state in (h11.IDLE, h11.SEND_BODY) and self.timeout_keep_alive_task is None
        if not is_under_way:
            self._end_deadline()
        elif self._deadline is None:
            self._deadline = self.loop.call_later(self.counted.limits.request_within, self.transport.abort)

    def pause_writing(self) -> None:
        """Note that the reader takes nothing."""
        super().pause_writing()
        if self._stalled is None:
            self._stalled = self.loop.call_later(self.counted.limits.taken_within, self.transport.abort)

    def resume_writing(self) -> None:
        """Note that the reader takes something again."""
        self._end_stall()
        super().resume_writing()

    def _end_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _end_stall(self) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - the library's words
        """Answer what is no request."""
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE) and (self.cycle is None or self._is_unanswered()):
            body = json.dumps(speech_of(DEFAULT).trouble("bad_request").as_json()).encode()
            told = {"content-type": "application/json", "content-length": str(len(body)), "connection": "close"}
            headers = [*told.items(), *headers_for(is_encrypted=self.scheme == "https")]
            with contextlib.suppress(h11.LocalProtocolError):
                answer = h11.Response(status_code=400, headers=headers, reason=b"Bad Request")
                for event in (answer, h11.Data(data=body), h11.EndOfMessage()):
                    self.transport.write(self.conn.send(event) or b"")
        if self.cycle is not None:
            self.cycle.disconnected = True  # whoever works at it must not answer too
            self.cycle.message_event.set()
        self.transport.close()

    def _is_unanswered(self) -> bool:
        return self.cycle.response_complete or not self.cycle.response_started


def guarded(connections: Connections) -> type[GuardedProtocol]:
    """Return the protocol for the connections of one gateway."""
    return type("Guarded", (GuardedProtocol,), {"counted": connections})
