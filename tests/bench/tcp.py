"""Members of a server that speaks over TCP: a stream of bytes that is the same for all who listen."""

from __future__ import annotations

import contextlib
import selectors
import socket
import time
import zlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

from bench.crowd import PATIENCE, QUIET_WITHOUT_ACKS, Spoilt, Tally, check_order, text_of

CHUNK = 256 * 1024
NUMBER = b"%"


class Stream(ABC):
    """One member's connection. All who only listen get the same bytes, so those are compared by checksum."""

    receives_own_messages = False

    def __init__(self, port: int, *, witness: bool) -> None:
        self.sock = socket.create_connection(("127.0.0.1", port))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock.setblocking(False)
        self.messages = 0
        self.checksum = 0
        self.said: list[bytes] | None = [] if witness else None
        """What came, of the one member whose messages are all looked at."""
        self.is_in = False
        self._rest = b""
        self._collected: list[tuple[bytes, float]] = []

    def fileno(self) -> int:
        return self.sock.fileno()

    @abstractmethod
    def greet(self) -> None:
        """Take what comes before one is in, and answer it; sets `is_in`."""

    @abstractmethod
    def frame(self, text: bytes) -> bytes:
        """Return what says a text."""

    def send(self, number: int) -> None:
        data = self.frame(text_of(number))
        sent = self.sock.send(data)
        if sent < len(data):
            raise Spoilt("the server takes no more")

    def collect(self, now: float) -> None:
        with contextlib.suppress(BlockingIOError):
            data = self.sock.recv(CHUNK)
            # The kernel forgets this with each receipt; without it a server that leaves Nagle on waits 40 ms for us.
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
            if not data:
                raise Spoilt("the server closed a connection")
            self._collected.append((data, now))

    def receive(self, tally: Tally) -> None:
        for data, now in self._collected:
            self._take(data, now, tally)
        self._collected.clear()

    def begin(self) -> None:
        """Forget what came until now: the load begins."""
        self.messages, self.checksum, self._rest = 0, 0, b""
        if self.said is not None:
            self.said.clear()

    def _take(self, data: bytes, now: float, tally: Tally) -> None:
        self.checksum = zlib.crc32(data, self.checksum)
        if self.said is not None:
            self.said.append(data)
        if tally.timed:
            numbers = self._numbers(data)
            self.messages += len(numbers)
            tally.note(numbers, now)
        else:
            count = data.count(NUMBER)
            self.messages += count
            tally.delivered += count

    def _numbers(self, data: bytes) -> list[int]:
        pieces = (self._rest + data).split(NUMBER)
        numbers = [int(piece[:8]) for piece in pieces[1:] if len(piece) >= 8]
        self._rest = NUMBER + pieces[-1] if len(pieces) > 1 and len(pieces[-1]) < 8 else b""
        return numbers


class TcpRoom:
    """A crowd on TCP: it needs no tending."""

    def __init__(self, links: Sequence[Stream]) -> None:
        self._links = links

    @property
    def links(self) -> Sequence[Stream]:
        """Return the members."""
        return self._links

    @property
    def quiet(self) -> float:
        """Return the seconds of silence after which nothing more comes."""
        return QUIET_WITHOUT_ACKS

    def tend(self, now: float) -> None:
        """Do nothing: TCP acknowledges and repeats by itself."""

    def begin(self) -> None:
        """Forget what came until now."""
        for link in self.links:
            link.begin()

    def check(self, sent: Sequence[int]) -> str:
        """Raise Spoilt unless everybody got what was said, once, in order."""
        _check(self.links, sent)
        return ""


def gather(open_link: Callable[[int], Stream], members: int, at_once: int) -> list[Stream]:
    """Open connections, a few at a time, and read what comes meanwhile; TimeoutError if one is not let in."""
    links: list[Stream] = []
    with selectors.DefaultSelector() as selector:
        while len(links) < members or not all(link.is_in for link in links[-at_once:]):
            if all(link.is_in for link in links[-at_once:]):
                for _ in range(min(at_once, members - len(links))):
                    links.append(open_link(len(links)))
                    selector.register(links[-1].sock, selectors.EVENT_READ, links[-1])
                ends_at = time.monotonic() + PATIENCE
            if time.monotonic() > ends_at:
                raise TimeoutError("the server lets nobody in")
            for key, _ in selector.select(0.2):
                key.data.greet()
    return links


def _check(links: Sequence[Stream], sent: Sequence[int]) -> None:
    witness = links[-1]
    numbers = [int(piece[:8]) for piece in b"".join(witness.said or []).split(NUMBER)[1:]]
    check_order(numbers, sent)
    speakers = set(sent)
    for index, link in enumerate(links):
        if index not in speakers and link.checksum != witness.checksum:
            raise Spoilt(f"member {index} got something else than the others")
        if link.messages != sum(1 for speaker in sent if speaker != index or link.receives_own_messages):
            raise Spoilt(f"member {index} got {link.messages} messages")
