"""The least that a relay in Python does for a line that must survive a crash: open it, commit it, seal and send it.

    python -m bench.relay DIRECTORY PORT     # serves the members whose addresses DIRECTORY has

A turn receives what has come, commits it with the room's own INSERT, one for all, packs eight lines in a datagram
as the room does, seals that for each member and sends. There are no handshakes, since the keys are known, and no order,
acknowledgements, retransmissions, events or log. So what our server costs beyond this is what these cost, and what the
relay costs is what Python, SQLite and the kernel do.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import struct
import sys
import time
import zlib
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Final, NoReturn

from bench.crowd import MESSAGE_BYTES, PATIENCE, QUIET_WITHOUT_ACKS, Spoilt, Tally, check_order, text_of
from bench.process import Server, own_address, served
from machine import free_port

from sockatuh.net.batch import BatchSender
from sockatuh.net.driver import DATAGRAMS_A_TURN
from sockatuh.net.fallback import Fallback
from sockatuh.protocol.channel import Channel
from sockatuh.protocol.constants import DATA_HEADER_SIZE
from sockatuh.protocol.seam import Address
from sockatuh.protocol.server.send_queue import PORTION
from sockatuh.room.entries import Message
from sockatuh.room.log import Append
from sockatuh.store.database import open_writer, wall_clock
from sockatuh.store.log_table import append_all

TESTS: Final = Path(__file__).parents[1]
LINE: Final = struct.Struct(f"<QQ28s{MESSAGE_BYTES}s")
"""A line as the members get it: seq, time, name, text. It has the size of an entry of the room."""
LINES_A_DATAGRAM: Final = 8
OWNER_CHARACTERS: Final = 43
"""Length of a key's fingerprint in the log."""
NONCE_PREFIX: Final = bytes(4)
CID: Final = slice(1, 8)
NONCE: Final = slice(8, DATA_HEADER_SIZE)
READ_SIZE: Final = 2048
RECEIVE_BUFFER: Final = 1 << 20
MEMBERS_NAME: Final = "members.json"


def channel_of(index: int, *, is_server: bool) -> Channel:
    """Return one end of a member's channel."""
    keys = [bytes([direction]) + index.to_bytes(31, "big") for direction in (0, 1)]
    return Channel(keys[is_server], keys[not is_server], index, index, 0.0)


class Fanout:
    """Seals plaintexts for each member and sends them, many with one call."""

    def __init__(self, sock: socket.socket, addresses: Sequence[Address]) -> None:
        self._send = BatchSender(sock, ignore, untold)
        self._members = [(channel_of(index, is_server=True), address) for index, address in enumerate(addresses)]

    def __call__(self, plaintexts: Sequence[bytes]) -> None:
        step = max(1, PORTION // len(plaintexts))
        for at in range(0, len(self._members), step):
            portion = self._members[at : at + step]
            datagrams = Channel.seal_for_each([channel for channel, _ in portion], plaintexts)
            addresses = [address for _, address in portion for _ in plaintexts]
            self._send([*zip(datagrams, addresses, strict=True)])


def ignore(error: OSError) -> None:
    """A datagram that could not leave took its time all the same."""


def untold(fallback: Fallback, error: OSError) -> None:
    """Nothing is given up where this is measured."""
    raise AssertionError(fallback, error)


# The relay, in a process of its own.


class Relay:
    """Takes turns without end."""

    def __init__(self, sock: socket.socket, database: Path, addresses: Sequence[Address]) -> None:
        self._sock = sock
        self._database = open_writer(database, "full")
        self._open_with = [channel_of(index, is_server=True)._decrypt for index in range(len(addresses))]
        self._fanout = Fanout(sock, addresses)

    def run(self) -> NoReturn:
        """Receive, commit and send."""
        while True:
            lines = self._commit([self._open(datagram) for datagram in self._receive()])
            self._fanout([b"".join(lines[at : at + LINES_A_DATAGRAM]) for at in range(0, len(lines), LINES_A_DATAGRAM)])

    def _receive(self) -> list[bytes]:
        """Wait for a datagram; return it with those that have come as well."""
        recv = self._sock.recv
        datagrams = [recv(READ_SIZE)]
        with contextlib.suppress(BlockingIOError):
            while len(datagrams) < DATAGRAMS_A_TURN:
                datagrams.append(recv(READ_SIZE, socket.MSG_DONTWAIT))
        return datagrams

    def _open(self, datagram: bytes) -> tuple[int, bytes]:
        """Return who sent it, and the text in it."""
        index, header = int.from_bytes(datagram[CID], "little"), datagram[:DATA_HEADER_SIZE]
        nonce = NONCE_PREFIX + datagram[NONCE]
        return index, self._open_with[index](nonce, datagram[DATA_HEADER_SIZE:], header)

    def _commit(self, said: Sequence[tuple[int, bytes]]) -> list[bytes]:
        """Return what to tell the members."""
        at = wall_clock()
        bodies = [
            Message(f"member {index}", f"{index:0{OWNER_CHARACTERS}}", str(text, "ascii"), action=False)
            for index, text in said
        ]
        rows = append_all(self._database, [Append(os.urandom(16), body) for body in bodies], at, frozenset())
        return [
            LINE.pack(row.seq, row.at, b"member %d" % index, text)
            for row, (index, text) in zip(rows, said, strict=True)
        ]


def main() -> NoReturn:
    """Serve until the process is ended."""
    directory, port = Path(sys.argv[1]), int(sys.argv[2])
    addresses: list[Address] = [(host, at) for host, at in json.loads((directory / MEMBERS_NAME).read_text("ascii"))]
    with socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        sock.bind(("0.0.0.0", port))  # noqa: S104 (as the server does)
        relay = Relay(sock, directory / "state" / "room.db", addresses)
        print("ready", flush=True)
        relay.run()


# Its crowd.


class RelayMember:
    """A member of the relay, which believes whatever comes."""

    receives_own_messages = True

    def __init__(self, index: int) -> None:
        self.sock = socket.socket(type=socket.SOCK_DGRAM)
        self.sock.bind((own_address(index), 0))
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        self.sock.setblocking(False)
        self.messages = 0
        self.checksum = 0
        self.numbers: list[int] | None = None
        """What came, of the one member whose messages are all looked at."""
        self.server: Address = ("127.0.0.1", 0)
        self._channel = channel_of(index, is_server=False)
        self._decrypt = self._channel._decrypt
        self._collected: list[tuple[bytes, float]] = []

    def fileno(self) -> int:
        return self.sock.fileno()

    def send(self, number: int) -> None:
        """Say a message."""
        self.sock.sendto(self._channel.seal(text_of(number)), self.server)

    def collect(self, now: float) -> None:
        """Take what has come as it is."""
        recv, collected = self.sock.recv, self._collected
        with contextlib.suppress(BlockingIOError):
            while True:
                collected.append((recv(READ_SIZE), now))

    def receive(self, tally: Tally) -> None:
        """Decrypt and count it."""
        for data, now in self._collected:
            plaintext = self._decrypt(NONCE_PREFIX + data[NONCE], data[DATA_HEADER_SIZE:], data[:DATA_HEADER_SIZE])
            numbers = _numbers(plaintext)
            self.messages += len(numbers)
            self.checksum = zlib.crc32(plaintext, self.checksum)
            if self.numbers is not None:
                self.numbers += numbers
            if tally.timed:
                tally.note(numbers, now)
            else:
                tally.delivered += len(numbers)
        self._collected.clear()

    def begin(self) -> None:
        """Forget what came until now: the load begins."""
        self.messages = self.checksum = 0


@cache
def _numbers(plaintext: bytes) -> tuple[int, ...]:
    """Return the numbers of the messages in it, which every member gets alike."""
    return tuple(int(text[1:9]) for _, _, _, text in LINE.iter_unpack(plaintext))


class RelayRoom:
    """The members of the relay: they need no tending."""

    def __init__(self, members: int) -> None:
        self.links = [RelayMember(index) for index in range(members)]

    @property
    def addresses(self) -> list[Address]:
        """Return where they are."""
        return [link.sock.getsockname() for link in self.links]

    def enter(self, port: int) -> None:
        """Have them speak to the relay at a port."""
        for link in self.links:
            link.server = ("127.0.0.1", port)

    @property
    def quiet(self) -> float:
        """Return the seconds of silence after which nothing more comes."""
        return QUIET_WITHOUT_ACKS

    def tend(self, now: float) -> None:
        """Do nothing: what is lost stays lost, and spoils the run."""

    def begin(self) -> None:
        """Forget what came until now."""
        _numbers.cache_clear()
        for link in self.links:
            link.begin()
        self.links[-1].numbers = []

    def check(self, sent: Sequence[int]) -> str:
        """Raise Spoilt unless everybody got what was said, once, in order."""
        check_order(self.links[-1].numbers or [], sent)
        for index, link in enumerate(self.links):
            if (link.messages, link.checksum) != (len(sent), self.links[-1].checksum):
                raise Spoilt(f"member {index} got {link.messages} of {len(sent)} messages, or others")
        return ""


@contextlib.contextmanager
def relay(directory: Path, addresses: Sequence[Address]) -> Iterator[tuple[Server, int]]:
    """Run the relay for members at these addresses; yields it and its port."""
    port = free_port()
    (directory / MEMBERS_NAME).write_text(json.dumps(addresses), "ascii")
    command = [sys.executable, "-m", "bench.relay", str(directory), str(port)]
    with served(command, directory, os.environ | {"PYTHONPATH": str(TESTS)}) as server:
        ends_at = time.monotonic() + PATIENCE
        while (said := (directory / "said").read_text("utf-8")) != "ready\n":
            if time.monotonic() > ends_at or server.process.poll() is not None:
                raise TimeoutError(f"the relay did not start; it said: {said[-300:]}")
            time.sleep(0.01)
        yield server, port


if __name__ == "__main__":
    main()
