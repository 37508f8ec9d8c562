"""Datagrams of strangers: random, nearly right, recorded, spoilt; from very many addresses of this machine.

127.0.0.0/8 is all one's own, so each source is a socket that hears what it is answered: bytes out and in are counted
exactly, for each source.
"""

from __future__ import annotations

import contextlib
import itertools
import random
import select
import socket
import struct
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from prove.apart import Signal
from prove.rogue import open_socket, paced

from sockatuh.protocol.constants import (
    COOKIE,
    DATA,
    HELLO,
    HELLO_SIZE,
    INIT,
    INIT_SIZE,
    INIT_TICKET_SIZE,
    MAX_DATAGRAM,
    RESET,
    RESP,
)

SOURCES: Final = 500
NEIGHBOURS: Final = 50
"""Sources of the same /24 as an honest newcomer."""
SPEAKERS_OF_CLASSIC: Final = 50
"""Sources that speak the classic dialect; the others never do."""
BUFFER: Final = 4 * 1024 * 1024
SO_RCVBUFFORCE: Final = 33
SO_MEMINFO: Final = 55
MEMINFO: Final = struct.Struct("@9I")
DROPS: Final = 8
"""Which of the kernel's figures about a socket counts what it had no room for."""
LISTENS_EVERY: Final = 512
TOGETHER: Final = 100
"""Sources that send one datagram each at a time: fewer than the server answers of any kind in a moment."""
PATIENCE: Final = 3.0
"""How many times longer than it should a flood may take."""
LISTENS_ON: Final = 0.5
"""Seconds after the last datagram in which answers may come."""
WORDS: Final = (b"Username:ana", b"Username:a", b"Username:", b"Password:guess", b"Password:", b"hello", b"hello\n")


@dataclass(slots=True)
class _Source:
    socket: socket.socket
    server: tuple[str, int]
    is_classic: bool
    sent: int = 0
    heard: int = 0
    answers: int = 0


@dataclass(frozen=True, slots=True)
class Rain:
    """What came of a flood: datagrams and bytes, and sources that got more than they gave, of either dialect."""

    seconds: float
    sent: int
    sent_bytes: int
    heard: int
    heard_bytes: int
    kinds: dict[int, int]
    """Answers by their first byte."""
    richer: int
    richer_classic: int
    most_classic: int
    """The most datagrams one classic source was answered with."""
    unheard: int
    """Answers the kernel had no room for: if there are any, nothing was counted exactly."""


def pour(
    signal: Signal, port: int, seed: int, recorded: Sequence[bytes], count: int, rate: float, words: int = 0
) -> Rain:
    """Send so many datagrams, at such a rate; `recorded` is what honest clients and the server have said.

    With `words`, one datagram in so many is of the classic dialect. A machine that is slower takes up to three times as
    long, and then gives up.
    """
    dice = random.Random(seed)
    sources = _open_sources(port, dice)
    watch = select.epoll()
    by_number = {each.socket.fileno(): each for each in sources}
    for number in by_number:
        watch.register(number, select.EPOLLIN)
    make = _Maker(dice, recorded).make
    kinds: Counter[int] = Counter()
    speakers = [each for each in sources if each.is_classic]
    others = [each for each in sources if not each.is_classic]
    signal.begin()
    sent, began_at = 0, time.monotonic()
    for sent in itertools.islice(paced(rate, PATIENCE * count / rate), count):
        if words and sent % words == 0:
            _send(dice.choice(speakers), dice.choice(WORDS))
        else:
            _send(others[sent % len(others)], make())
        if sent % LISTENS_EVERY == 0:
            _listen(watch, by_number, kinds, 0.0)
    seconds = time.monotonic() - began_at
    while _listen(watch, by_number, kinds, LISTENS_ON):
        pass
    found = _sum_up(sources, seconds, sent + 1, kinds)
    watch.close()
    for each in sources:
        each.socket.close()
    return found


def _open_sources(port: int, dice: random.Random) -> list[_Source]:
    sources = []
    for number in range(SOURCES):
        host = f"127.0.0.{2 + number}" if number < NEIGHBOURS else f"127.{dice.randrange(1, 256)}.{number % 256}.9"
        sock = socket.socket(type=socket.SOCK_DGRAM)
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER)
        sock.bind((host, 0))
        sources.append(_Source(sock, ("127.0.0.1", port), number >= SOURCES - SPEAKERS_OF_CLASSIC))
    return sources


def _send(source: _Source, data: bytes) -> None:
    try:
        source.socket.sendto(data, source.server)
    except BlockingIOError:
        return
    source.sent += len(data)


def _listen(watch: select.epoll, sources: dict[int, _Source], kinds: Counter[int], seconds: float) -> bool:
    ready = watch.poll(seconds)
    for number, _ in ready:
        source = sources[number]
        try:
            while True:
                data = source.socket.recv(2048)
                source.heard += len(data)
                source.answers += 1
                kinds[data[0]] += 1
        except BlockingIOError:
            continue
    return bool(ready)


def _sum_up(sources: Sequence[_Source], seconds: float, sent: int, kinds: Counter[int]) -> Rain:
    classic = [each for each in sources if each.is_classic]
    return Rain(
        seconds,
        sent,
        sum(each.sent for each in sources),
        sum(each.answers for each in sources),
        sum(each.heard for each in sources),
        dict(kinds),
        richer=sum(each.heard > each.sent for each in sources if not each.is_classic),
        richer_classic=sum(each.heard > each.sent for each in classic),
        most_classic=max(each.answers for each in classic),
        unheard=sum(_unheard(each.socket) for each in sources),
    )


def _unheard(sock: socket.socket) -> int:
    figures = sock.getsockopt(socket.SOL_SOCKET, SO_MEMINFO, MEMINFO.size)
    return int(MEMINFO.unpack(figures)[DROPS])


@dataclass(slots=True)
class _Maker:
    """Makes datagrams, each with some chance of every kind."""

    dice: random.Random
    recorded: Sequence[bytes]
    _block: bytes = field(init=False)
    _makers: list[Callable[[], bytes]] = field(init=False)

    def __post_init__(self) -> None:
        self._block = self.dice.randbytes(1 << 20)
        self._makers = [
            lambda: self._random(self.dice.randrange(1_400)),
            lambda: bytes([self.dice.randrange(HELLO, RESET + 1)]) + self._random(self.dice.randrange(MAX_DATAGRAM)),
            lambda: bytes([HELLO, self.dice.choice((0, 1, 1, 1, 2))]) + self._random(HELLO_SIZE - 2),
            lambda: bytes([INIT, 1, self.dice.randrange(256), 0]) + self._random(INIT_SIZE - 4),
            lambda: bytes([INIT, 1, self.dice.randrange(256), 0]) + self._random(INIT_TICKET_SIZE - 4),
            lambda: bytes([DATA]) + self._random(self.dice.randrange(1, MAX_DATAGRAM)),
            lambda: bytes([self.dice.choice((COOKIE, RESP, RESET))]) + self._random(self.dice.choice((63, 199, 23))),
            lambda: self.dice.choice(self.recorded),
            lambda: self._spoilt(self.dice.choice(self.recorded)),
            lambda: self._spoilt(self.dice.choice(self.recorded)),
        ]

    def make(self) -> bytes:
        return self.dice.choice(self._makers)()

    def _random(self, size: int) -> bytes:
        at = self.dice.randrange(len(self._block) - size)
        return self._block[at : at + size]

    def _spoilt(self, data: bytes) -> bytes:
        at = self.dice.randrange(len(data))
        match self.dice.randrange(4):
            case 0:
                return data[:at]
            case 1:
                return data + self._random(at)
            case _:
                return data[:at] + bytes([data[at] ^ 1 << self.dice.randrange(8)]) + data[at + 1 :]


def drop_alone(port: int, datagrams: Sequence[bytes]) -> list[bytes]:
    """Send each datagram from an address of its own; return those that brought more bytes than they have."""
    generous: list[bytes] = []
    for at in range(0, len(datagrams), TOGETHER):
        sources = []
        for number, data in enumerate(datagrams[at : at + TOGETHER]):
            sock = open_socket(f"127.20.{(at + number) // 250 % 250}.{number % 250 + 1}")
            sock.sendto(data, ("127.0.0.1", port))
            sources.append((sock, data))
        time.sleep(LISTENS_ON)
        for sock, data in sources:
            heard = 0
            with contextlib.suppress(BlockingIOError):
                while True:
                    heard += len(sock.recv(2048))
            sock.close()
            if heard > len(data):
                generous.append(data)
    return generous


def make_all(seed: int, recorded: Sequence[bytes], count: int) -> list[bytes]:
    """Return so many datagrams of a stranger."""
    maker = _Maker(random.Random(seed), recorded)
    return [maker.make() for _ in range(count)]
