"""An attack with datagrams no one asked for: of every length, in fragments, and fragments of what never comes whole."""

from __future__ import annotations

import asyncio
import random
import socket
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from prove.attack import Attack, Found, Run, require, require_in_time
from prove.crowd import Crowd, Delays, room_on
from prove.lan import Host, Lan, go_ashore
from prove.weather import UDP, Weather

from sockatuh.protocol.constants import MAX_DATAGRAM

MEMBERS: Final = 8
LINES_EACH: Final = 20
TALK_SECONDS: Final = 4.0
LONGEST: Final = 65_507
SIZES: Final = (*range(1_300), *range(1_301, LONGEST, 499), LONGEST)
FIRST_BYTES: Final = (0xB1, 0xB2, 0xB3, 0xB4, 0xB5, 0xB6, 0x55)
PIECES: Final = 500
PAUSE: Final = 0.001
IP_MTU_DISCOVER: Final = 10
FRAGMENT_AS_NEEDED: Final = 0
MORE_FRAGMENTS: Final = 0x2000
FULLEST: Final = 1_480
TIMES_SLOWER: Final = 10.0
"""How much slower a line may get meanwhile; the machine is also busy with making the datagrams."""
QUICK: Final = 0.05
"""Seconds below which a delay is too short to be compared."""


@dataclass(slots=True)
class Shots:
    """What was sent, and what came back for it, in bytes."""

    count: int = 0
    sent: int = 0
    answered: int = 0
    answered_long: int = 0


async def shoot(run: Run) -> Found:
    """Let members talk while somebody sends everything that is no datagram of ours."""
    go_ashore()
    with Lan(3, run.seed) as lan:
        async with room_on(lan.server, lan.ADDRESS, run) as crowd:
            await crowd.gather(MEMBERS, lan.clients[:2])
            before = await _talk(crowd, run)
            lan.turn(Weather())
            targets = [(lan.ADDRESS, crowd.room.port), *_members_at(crowd)]
            shooting = asyncio.create_task(_shoot(lan.clients[2], targets, run.dice))
            meanwhile = await _talk(crowd, run)
            shots = await shooting
            passed = lan.turn(Weather())
            after = await _talk(crowd, run)
            crowd.check()
            crowd.check_presence()
    lost = sum(len(voice.lost) for voice in crowd.voices)
    require(not lost, f"contact was lost {lost} times")
    require(passed.fragments > PIECES, f"{passed.fragments} fragments were seen: too few")
    require(not shots.answered_long, f"{shots.answered_long} bytes answered what is longer than {MAX_DATAGRAM}")
    require(shots.answered < shots.sent, f"{shots.sent} bytes were answered with {shots.answered}")
    bound = TIMES_SLOWER * max(before.p99, after.p99, QUICK)
    require_in_time(meanwhile.p99 <= bound, f"lines took {meanwhile} meanwhile, {before} before and {after} after")
    return Found(
        f"{shots.count} datagrams in {passed.datagrams} packets, {passed.fragments} of them fragments",
        f"nothing answered them but {shots.answered} bytes for {shots.sent}; every line told; to everybody {meanwhile} "
        f"meanwhile, {before} before",
    )


async def _talk(crowd: Crowd, run: Run) -> Delays:
    """Let everybody talk; return how long these lines took to all."""
    known = crowd.lines.keys()
    await crowd.talk(crowd.voices, LINES_EACH, TALK_SECONDS, run.dice)
    await crowd.hear_out()
    return crowd.delays(crowd.lines.keys() - known)


def _members_at(crowd: Crowd) -> list[tuple[str, int]]:
    """Return where the members are, as the server sees them."""
    addresses = [session.address.rpartition(":") for session in crowd.room.history.joins(None, None, MEMBERS)]
    return [(host, int(port)) for host, _, port in addresses]


async def _shoot(host: Host, targets: Sequence[tuple[str, int]], dice: random.Random) -> Shots:
    """Send datagrams of all lengths to the server and to members, and pieces of some; count what is answered."""
    shots = Shots()
    with host.entered():
        short, long = _open(), _open()
        raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    with short, long, raw:
        for size in SIZES:
            sock = long if size > MAX_DATAGRAM else short
            for target in (targets[0], dice.choice(targets)):
                data = (bytes([dice.choice(FIRST_BYTES)]) + dice.randbytes(size))[:size]
                shots.count += 1
                shots.sent += sock.sendto(data, target)
            await asyncio.sleep(PAUSE)
        for piece in _pieces(targets[0], dice):
            shots.count += 1
            shots.sent += raw.sendto(piece, targets[0])
        await asyncio.sleep(1.0)
        shots.answered_long = _received(long)
        shots.answered = shots.answered_long + _received(short)
    return shots


def _open() -> socket.socket:
    """Return a socket whose long datagrams are cut into fragments."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, FRAGMENT_AS_NEEDED)
    return sock


def _pieces(target: tuple[str, int], dice: random.Random) -> Iterable[bytes]:
    """Yield first fragments of datagrams that never come whole."""
    host, port = socket.inet_aton(target[0]), target[1]
    for number in range(PIECES):
        udp = struct.pack(">HHHH", 40_000, port, MAX_DATAGRAM + 8, 0) + bytes([0xB5]) + dice.randbytes(FULLEST - 9)
        # The kernel fills in the length, the checksum and our address.
        yield struct.pack(">BBHHHBBH4s4s", 0x45, 0, 0, number + 1, MORE_FRAGMENTS, 64, UDP, 0, bytes(4), host) + udp


def _received(sock: socket.socket) -> int:
    """Return how many bytes have come back."""
    size = 0
    try:
        while True:
            size += len(sock.recv(LONGEST, socket.MSG_DONTWAIT))
    except BlockingIOError:
        return size


ATTACKS: Final = (
    Attack(
        "odd-datagrams",
        "Foreign datagrams have no effect, whole or in fragments",
        "datagrams of 0 to 65,507 bytes, the long ones in IP fragments, and fragments that are never completed, to "
        "the server and to members who talk",
        shoot,
    ),
)
