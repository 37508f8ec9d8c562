"""Strangers: whatever they send, they get no more back, the server keeps nothing of it, and members do not notice."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from e2e.relay import relay_to
from e2e.running import PASSWORD, PATIENCE, Room, ServerProcess, conversation, hash_password, joined
from kit.footprint import footprint
from kit.instant_world import InstantWorld
from prove.apart import Apart, apart
from prove.attack import Attack, Found, Missing, Run, require, require_in_time
from prove.flood import BUFFER, SO_RCVBUFFORCE, Rain, drop_alone, make_all, pour
from prove.load import SLOWER, STARVED, Harm, memory, require_calm, scene
from prove.rogue import Rogue

from sockatuh.protocol.constants import COOKIE, DATA, HELLO, HELLO_SIZE, INIT_SIZE, RESET, RESP
from sockatuh.protocol.seam import Address
from sockatuh.server.dialects.classic import NAME_TAKEN

PROMISE: Final = "Strangers receive no more bytes than they send, leave no state behind, and disturb nobody"
RATES: Final = (50_000.0, 25_000.0, 12_500.0)
"""Datagrams a second; while members talk the next one, where the last left the server no core to run on."""
PHASE: Final = 250_000
"""Datagrams in each of four states of the server."""
WATCHED: Final = 2.5
"""Seconds for which members are watched."""
LONGER: Final = 6
WAITING: Final = 100
"""Handshakes left half done."""
SETTLES: Final = 4.0
"""MiB by which the allocator may differ after a flood, whatever its length."""
WORDS_ONE_IN: Final = 50
CLASSIC_RATE, CLASSIC_BURST = 5.0, 20
ALONE: Final = 900
"""Datagrams each of which is the only one of its source."""
IN_PROCESS: Final = 100_000
STRAY: Final[Address] = ("10.66.6.6", 666)
COOKIES: Final = 20_000
BATCH: Final = 50
BREATH: Final = 0.01
"""Seconds for a server to answer a batch."""
NEWCOMER_WITHIN: Final = 10.0
ETH_P_IP: Final = 0x0800
QUIET_FOR: Final = 1.5
"""Seconds without a datagram after which two servers have fallen silent."""
NOT_SILENT: Final = 10.0


@dataclass(frozen=True, slots=True)
class Shower:
    """What came of a flood: what was answered, how the server grew (MiB), and sessions it opened meanwhile."""

    rain: Rain
    grown: float
    opened: int


async def _flood(run: Run) -> Found:
    showers: list[Shower] = []
    room = Room(run.directory, hash_password())
    async with room.serve() as server:
        recorded = await _record(server)
        alone = [*make_all(run.seed, recorded, ALONE), *recorded, *(bytes([DATA]) + bytes(32) for _ in range(10))]
        generous = await asyncio.to_thread(drop_alone, server.port, alone)
        require(not generous, f"more bytes came back than went in: {[data.hex() for data in generous[:3]]}")
        showers.append(await _pour(run, server, recorded, 1))
        waiting = [Rogue(server.port, host=f"127.0.9.{number // 5 + 1}").shake() for number in range(WAITING)]
        showers.append(await _pour(run, server, recorded, 2))
        for each in waiting:
            each.close()
        require(await _members(server) == [], "somebody is in the room")
    async with room.serve(classic="on") as server:
        showers.append(await _pour(run, server, recorded, 3, words=WORDS_ONE_IN))
        require(await _members(server) == [], "somebody is in the room")
    harm, among, newcomer = await _pour_on_members(run, recorded)
    kept = _pour_in_process(run, recorded)
    return _judge([*showers, among], harm, newcomer, kept)


async def _record(server: ServerProcess) -> list[bytes]:
    """Let somebody come, talk and go, and return all that went over the wire."""
    async with relay_to(server.port) as relay, joined("witness", relay.port, server.key) as witness:
        for number in range(20):
            witness.say(f"something to record, {number}")
        await witness.until(witness.is_answered)
        return [*relay.up, *relay.down]


async def _pour(run: Run, server: ServerProcess, recorded: Sequence[bytes], turn: int, *, words: int = 0) -> Shower:
    before, opened = memory(server), len(server.events("session_opened"))
    async with _raining(run, server, recorded, turn, RATES[0], words) as attacker:
        await attacker.begun()
        rain: Rain = await attacker.report()
    return Shower(rain, memory(server) - before, len(server.events("session_opened")) - opened)


def _raining(
    run: Run, server: ServerProcess, recorded: Sequence[bytes], turn: int, rate: float, words: int = 0
) -> contextlib.AbstractAsyncContextManager[Apart]:
    count = PHASE * (LONGER if run.long else 1)
    return apart(pour, server.port, run.seed + turn, recorded, count, rate, words)


async def _pour_on_members(run: Run, recorded: Sequence[bytes]) -> tuple[Harm, Shower, float]:
    """Flood a room where members talk; return also how many seconds it took one more to come in."""
    directory = run.directory / "with members"
    directory.mkdir()
    async with scene(directory) as found:
        for turn, rate in enumerate(RATES):
            opened = len(found.server.events("session_opened"))
            async with _raining(run, found.server, recorded, 4 + turn, rate) as attacker:
                await attacker.begun()
                harm = await found.suffer(WATCHED)
                newcomer = await _come_in(found.server)
                rain: Rain = await attacker.report()
            opened = len(found.server.events("session_opened")) - opened - 1
            if harm.ratio <= SLOWER or harm.starved <= STARVED:
                break
        names = await _members(found.server)
        require(names == [f"speaker_{number}" for number in range(4)], f"somebody is in the room: {names}")
        return harm, Shower(rain, harm.grown, opened), newcomer


async def _come_in(server: ServerProcess) -> float:
    began_at = time.monotonic()
    async with conversation("newcomer", server.port, server.key) as talk:
        await talk.open(PATIENCE)
        await talk.join("newcomer", PASSWORD, PATIENCE)
        seconds = time.monotonic() - began_at
        await talk.leave()
    return seconds


async def _members(server: ServerProcess) -> list[str]:
    """Return who is in the room, as somebody sees it who only looks."""
    async with conversation("looker", server.port, server.key, transient=True) as talk:
        await talk.open(PATIENCE)
        await talk.join("looker", PASSWORD, PATIENCE)
        names = sorted(member.name for member in await talk.list_members(PATIENCE))
        await talk.leave()
        return names


def _pour_in_process(run: Run, recorded: Sequence[bytes]) -> int:
    """Give the same to a server in this process; return how many elements its containers hold more afterwards."""
    kept = 0
    for members in ([], ["ana"]):
        world = InstantWorld(classic=False)
        for name in members:
            world.person(name)
        before = footprint(world.endpoint) + footprint(world.room_server)
        for number, data in enumerate(make_all(run.seed, recorded, IN_PROCESS // 2)):
            world.core.receive_datagram(data, ("10.66.6.6", 1 + number % 60_000), world.now + number / RATES[0])
            world.core.datagrams_to_send()
            require(world.core.next_event() is None, "something happened for a stranger")
        kept += footprint(world.endpoint) + footprint(world.room_server) - before
    return kept


def _judge(showers: Sequence[Shower], harm: Harm, newcomer: float, kept: int) -> Found:
    rains = [each.rain for each in showers]
    sent, heard = (sum(getattr(each, name) for each in rains) for name in ("sent", "heard"))
    share = sum(each.heard_bytes for each in rains) / sum(each.sent_bytes for each in rains)
    classic = next(each for each in rains if each.most_classic)
    most = CLASSIC_BURST + CLASSIC_RATE * (classic.seconds + 1.0)
    require(not any(each.unheard for each in rains), "answers were lost before they were counted")
    require(not any(each.richer for each in rains), "a source got more bytes than it sent")
    require(not any(each.kinds.get(RESP, 0) for each in rains), "a stranger's handshake was answered")
    require(not any(each.opened for each in showers), "a stranger has opened a session")
    require(classic.most_classic <= most, f"a classic source was answered {classic.most_classic} times")
    require(max(each.grown for each in showers) <= SETTLES, f"the server grew: {[each.grown for each in showers]}")
    require(kept == 0, f"{kept} elements are kept of strangers")
    require_calm(harm, "the flood")
    require_in_time(newcomer <= NEWCOMER_WITHIN, f"a newcomer took {newcomer:.1f} s")
    sizes = ", ".join(f"{each.grown:+.1f}" for each in showers)
    return Found(
        f"{sent:,} datagrams from 500 addresses and {ALONE} from one each,"
        f" {rains[-1].sent / rains[-1].seconds:,.0f}/s while members talk",
        f"{heard:,} answers, {share:.3f} of the bytes, no secure source got more than it sent, no session, {kept}"
        f" elements kept; RSS {sizes} MiB (idle, handshakes pending, classic, members); members' {harm}; a newcomer was"
        f" in after {newcomer:.1f} s; classic: {classic.richer_classic} of 50 sources got more than they sent, at most"
        f" {classic.most_classic} answers of {len(NAME_TAKEN)} bytes in {classic.seconds:.0f} s",
    )


# Cookies.


async def _forge_cookies(run: Run) -> Found:
    room = Room(run.directory, hash_password())
    async with room.serve() as server:
        tries, accepted = await asyncio.to_thread(_try_cookies, run, server.port)
        require(accepted == 0, f"{accepted} of {tries:,} cookies were accepted that were not given there")
        for times in (1, 2):
            again = await asyncio.to_thread(_use_again, server.port, times)
            require(again == [COOKIE] * len(again), f"a used cookie was answered with {again}")
        sessions = len(server.events("session_opened"))
        require(sessions == 2, f"{sessions - 2} sessions came of it")
    return Found(f"{tries:,} cookies, 2 handshakes played back", "none accepted, none twice")


def _try_cookies(run: Run, port: int) -> tuple[int, int]:
    """Try cookies that are random, nearly right, or another's; return how many, and how many handshakes began."""
    dice, kinds = run.dice, Counter[int]()
    honest, thief = Rogue(port, host="127.0.10.1").shake(), Rogue(port, host="127.0.10.2")
    for number in range(COOKIES):
        data = bytearray(honest.init)
        match number % 3:
            case 0:
                data[16:32] = dice.randbytes(16)
            case 1:
                data[dice.randrange(4, 32)] ^= 1 << dice.randrange(8)  # connection id, nonce or cookie
            case _:
                data[2] = dice.randrange(256)  # another epoch, or another's cookie as it is
        thief.throw(bytes(data))
        if number % BATCH == 0:
            time.sleep(BREATH)
            kinds.update(answer[0] for answer in thief.receive())
    time.sleep(QUIET_FOR)
    kinds.update(answer[0] for answer in thief.receive())
    honest.close()
    thief.close()
    require(kinds[COOKIE] > COOKIES // 2, f"the server hardly looked at them: {kinds}")
    return COOKIES, kinds[RESP]


def _use_again(port: int, times: int) -> list[int]:
    """Play a handshake back from where it came, when it has become a session; return the kinds of the answers."""
    rogue = Rogue(port, host=f"127.0.11.{times}").shake()
    rogue.throw(rogue.init)
    require([answer[0] for answer in rogue.receive(1.0)] == [RESP], "a repeated INIT was not answered the same")
    rogue.join(f"rogue {times}")
    found = []
    for _ in range(10):
        rogue.throw(rogue.init)
        found += [answer[0] for answer in rogue.receive(0.5) if answer[0] != DATA]
    rogue.close()
    return found


# Mirrors.


async def _mirror(run: Run) -> Found:
    rooms = [Room(run.directory / name, hash_password()) for name in ("one", "other")]
    for room in rooms:
        room.directory.mkdir()
    async with rooms[0].serve(classic="on") as one, rooms[1].serve(classic="on") as other:
        recorded = [*await _record(one), *await _record(other)]
        count, seconds, heard = await asyncio.to_thread(_reflect, run, recorded, (one.port, other.port))
        require(one.is_running and other.is_running, "a server is gone")
    return Found(
        f"{count:,} datagrams in the name of the other server", f"{heard:,} answers, silent after {seconds:.1f} s"
    )


def _reflect(run: Run, recorded: Sequence[bytes], ports: tuple[int, int]) -> tuple[int, float, int]:
    """Show each server datagrams of every type as if they came from the other; watch until they fall silent."""
    dice, kinds = run.dice, [bytes([kind, 1]) for kind in range(HELLO, RESET + 1)]
    probes = [kind + dice.randbytes(size - 2) for kind in kinds for size in (64, HELLO_SIZE, 200, INIT_SIZE, 24)]
    probes += [*recorded, b"Username:mirror", b"Password:" + PASSWORD.encode(), b"hello", b"Username:mirror"]
    with (
        _open(socket.AF_PACKET, socket.htons(ETH_P_IP)) as tap,
        _open(socket.AF_INET, socket.IPPROTO_RAW) as forge,
    ):
        tap.bind(("lo", 0))
        tap.settimeout(QUIET_FOR)
        tap.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER)
        for data in probes:
            for source, target in (ports, ports[::-1]):
                forge.sendto(_udp(data, source, target), ("127.0.0.1", 0))
        began_at = last_at = time.monotonic()
        seen = 0
        for _ in _seen_between(tap, ports):
            last_at, seen = time.monotonic(), seen + 1
            require(last_at - began_at < NOT_SILENT, f"they still talk after {NOT_SILENT:.0f} s: {seen:,} datagrams")
    sent = 2 * len(probes)
    require(sent <= seen <= 2 * sent, f"{sent:,} datagrams became {seen:,}")
    return sent, last_at - began_at, seen - sent


def _seen_between(tap: socket.socket, ports: tuple[int, int]) -> Iterator[bytes]:
    """Yield the datagrams between two ports, until there is none for a while, whatever others send."""
    last_at = time.monotonic()
    while time.monotonic() - last_at < QUIET_FOR:
        try:
            frame, address = tap.recvfrom(4096)
        except TimeoutError:
            return
        is_udp = address[2] != socket.PACKET_OUTGOING and frame[23] == socket.IPPROTO_UDP
        if is_udp and set(struct.unpack_from(">HH", frame, 34)) == set(ports):
            last_at = time.monotonic()
            yield frame[42:]


def _udp(data: bytes, source: int, target: int) -> bytes:
    """Return the IPv4 packet of a datagram within this machine; the kernel fills in what it sums up."""
    here = socket.inet_aton("127.0.0.1")
    header = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 28 + len(data), 0, 0, 64, socket.IPPROTO_UDP, 0, here, here)
    return header + struct.pack(">HHHH", source, target, 8 + len(data), 0) + data


def _open(family: int, protocol: int) -> socket.socket:
    try:
        return socket.socket(family, socket.SOCK_RAW, protocol)
    except PermissionError:
        raise Missing("the right to forge addresses (CAP_NET_RAW): run it as root") from None


ATTACKS: Final = (
    Attack(
        "strangers-flood",
        PROMISE,
        "a million random, mutated and replayed datagrams at 50,000/s: with nobody there, with handshakes pending, with"
        " the classic dialect on, with members; and 100,000 in one process",
        _flood,
        limit=240.0,
    ),
    Attack(
        "strangers-cookies",
        "A cookie opens one handshake, from the address it was issued to, and no other",
        f"{COOKIES:,} random, mutated and stolen cookies; whole handshakes replayed from their own addresses",
        _forge_cookies,
    ),
    Attack(
        "strangers-mirror",
        "Two servers pointed at each other fall silent",
        "datagrams of every type, forged and recorded, sent to each of two servers in the other's name",
        _mirror,
    ),
)
