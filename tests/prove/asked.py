"""A server with several addresses, asked at each by clients whose firewall lets in nothing but answers."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

from e2e.running import PASSWORD, Room, hash_password
from prove.attack import Attack, Found, Run, require, require_in_time
from prove.crowd import Crowd, short
from prove.lan import Host, Lan, go_ashore, need
from prove.service import lonely

SECOND: Final = "10.77.0.2"
SECOND_6: Final = "fd77::2"
LINES_EACH: Final = 30
TALK_SECONDS: Final = 3.0
ANSWERED_WITHIN: Final = 5.0
WOKEN_WITHIN: Final = 6.0
"""Seconds after its start in which a server has woken those of the one before: long before they would ask."""
FIREWALL: Final = """
table inet guard {
  chain in {
    type filter hook input priority 0; policy drop;
    iif lo accept
    ct state established,related accept
    icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-advert } accept
  }
}
"""
"""A client's firewall: what comes is an answer, from where was asked, or does not come in."""


async def asked(run: Run) -> Found:
    """Ask a server at its second addresses, in both dialects, with a socket of its own and with a passed one."""
    go_ashore()
    need("nft")
    with Lan(4, run.seed) as lan:
        lan.server.ip("addr", "add", f"{SECOND}/24", "dev", "lan")
        lan.server.ip("addr", "add", f"{SECOND_6}/64", "dev", "lan", "preferred_lft", "0", "nodad")
        for client in lan.clients:
            client.run("nft", "-f", "-", text=FIREWALL)
        lines = 0
        for is_passed in (False, True):
            async with _room(lan.server, run, is_passed=is_passed) as crowd:
                lines += await _talk(crowd, lan, run)
                if not is_passed:
                    woken = await _wake(crowd, lan.server)
    return Found(
        f"4 clients and one of the classic dialect at {SECOND}, {SECOND_6} and the first addresses, each behind a "
        f"stateful firewall; {lines} lines; the socket its own, and passed to a server without a network",
        "everybody in at once and heard everything, nobody lost contact or seemed to move; all back "
        f"{short(woken)} after `kill -9` and a start",
    )


@contextlib.asynccontextmanager
async def _room(host: Host, run: Run, *, is_passed: bool) -> AsyncIterator[Crowd]:
    with contextlib.ExitStack() as stack:
        room = Room(Path(tempfile.mkdtemp(dir=run.directory)), hash_password())
        if is_passed:
            with host.entered():
                held = stack.enter_context(socket.socket(socket.AF_INET6, socket.SOCK_DGRAM))
            held.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            held.bind(("::", room.port))
            room.held, room.within = held, lonely()
        server = room.server(host="::", classic="on")
        with host.entered():
            server.begin()
        try:
            async with Crowd(room, server, SECOND) as crowd:
                yield crowd
        finally:
            if server.is_running:
                await server.end()


async def _talk(crowd: Crowd, lan: Lan, run: Run) -> int:
    """Let one come from each machine, to another address each; return how many lines were said."""
    hosts = (SECOND, SECOND_6, lan.ADDRESS, lan.ADDRESS_6)
    for number, (client, host) in enumerate(zip(lan.clients, hosts, strict=True)):
        await crowd.enter(f"m{number}", client, host=host)
    with lan.clients[0].entered():
        original = socket.socket(type=socket.SOCK_DGRAM)
    with original:
        original.setblocking(False)
        port = crowd.room.port
        require(await _ask(original, port, b"Username:tono") == b"Username valid!", "the name was not answered")
        require(await _ask(original, port, f"Password:{PASSWORD}".encode()) == b"Berhasil bergabung!", "not welcome")
        await crowd.talk(crowd.voices, LINES_EACH, TALK_SECONDS, run.dice)
        await crowd.hear_out()
        heard = [await _hear(original) for _ in crowd.lines]
        told = {line.decode().partition(": ")[2] for line in heard}
        require(told == crowd.lines.keys(), f"the classic member lacks {len(crowd.lines.keys() - told)} lines")
    crowd.check()
    crowd.check_presence(guests=1)
    lost = [voice.name for voice in crowd.voices if voice.lost]
    require(not lost, f"{', '.join(lost)} lost contact")
    moved = crowd.server.events("session_moved")
    require(not moved, f"{len(moved)} sessions seemed to move")
    return len(crowd.lines)


async def _wake(crowd: Crowd, host: Host) -> float:
    """Kill the server and start it; return after how many seconds the last of those it lost was back."""
    await crowd.server.kill()
    with host.entered():
        crowd.server.begin()
    began = time.monotonic()
    await crowd.until(lambda: all(voice.lost for voice in crowd.voices), lambda: "somebody was not woken")
    for voice in crowd.voices:
        voice.say(f"{voice.name} is back")
    await crowd.hear_out()
    took = time.monotonic() - began
    require({reason for voice in crowd.voices for reason in voice.lost} == {"reset"}, "contact was lost by silence")
    require_in_time(took <= WOKEN_WITHIN, f"the last was back after {short(took)}")
    return took


async def _ask(sock: socket.socket, port: int, data: bytes) -> bytes:
    await asyncio.get_running_loop().sock_sendto(sock, data, (SECOND, port))
    return await _hear(sock)


async def _hear(sock: socket.socket) -> bytes:
    try:
        async with asyncio.timeout(ANSWERED_WITHIN):
            return await asyncio.get_running_loop().sock_recv(sock, 2048)
    except TimeoutError:
        return b""


ATTACKS: Final = (
    Attack(
        "asked-address",
        "A reply leaves from the address that the request was sent to, so a client's stateful firewall admits it",
        "a second IPv4 and a second IPv6 address on one interface, clients that admit only replies (nft, conntrack); "
        "both dialects; the server's own socket and a passed one",
        asked,
    ),
)
