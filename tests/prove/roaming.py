"""Attacks on where people are: ports that routers change, addresses that come and go, several at once on both ends."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from e2e.running import PASSWORD
from prove.attack import Attack, Found, Run, require, require_in_time
from prove.crowd import Crowd, Voice, room_on, short
from prove.lan import Host, Lan, Nat, go_ashore

from sockatuh.protocol.constants import HELLO, HELLO_SIZE, VERSION

MEMBERS: Final = 6
LINES_EACH: Final = 60
TALK_SECONDS: Final = 12.0
CHANGES: Final = 3
BACK_WITHIN: Final = 2.0
"""Seconds after a change within which one who talks is back."""
READER_WITHIN: Final = 4.0
"""The same for one who says nothing, and has to notice it first."""
PATIENCE: Final = 30.0
OTHER_ADDRESS: Final = "fd77::2"
LOCAL: Final = "fe80::77"
"""The server's link-local address, which means nothing without the interface."""


@dataclass(slots=True)
class Moves:
    """Who was moved and when (monotonic seconds), in a crowd that talks."""

    crowd: Crowd
    made: list[tuple[float, Sequence[Voice]]] = field(default_factory=list)

    def note(self, *voices: Voice) -> None:
        """Note that some were moved just now."""
        self.made.append((time.monotonic(), voices))

    def judge(self) -> str:
        """Hold the room to its promise; return the figure."""
        for voice in self.crowd.voices:
            require(not voice.lost, f"{voice.name} lost contact: {', '.join(voice.lost)}")
        wanted, seen = sum(len(voices) for _, voices in self.made), len(self.crowd.server.events("session_moved"))
        require(seen >= wanted, f"the server saw {seen} moves of {wanted}")
        slowest = max(self._back(voice, at) for at, voices in self.made for voice in voices)
        require_in_time(slowest <= BACK_WITHIN, f"the slowest was back after {short(slowest)}")
        return f"nobody left or lost contact, every line told once; the slowest back after {short(slowest)}"

    def _back(self, moved: Voice, at: float) -> float:
        """Return how long it took until a member that was moved received the others' lines, and they its own."""
        others = [voice for voice in self.crowd.voices if voice is not moved]
        hears = min(moved.heard_at[text] for voice in others for text, said in voice.said_at.items() if said > at)
        mine = [text for text, said in moved.said_at.items() if said > at]
        return max(hears, min(voice.heard_at[text] for voice in others for text in mine)) - at


async def rebind(run: Run) -> Found:
    """Let a router show everybody behind it under other ports, again and again while they talk."""
    go_ashore()
    nat = Nat("fickle")
    async with room_on(nat.server, nat.ADDRESS, run) as crowd:
        for number in range(MEMBERS):
            await crowd.enter(f"m{number}", nat.client if number % 2 else nat.server)
        moves = Moves(crowd)
        talking = asyncio.create_task(crowd.talk(crowd.voices, LINES_EACH, TALK_SECONDS, run.dice))
        for number in range(CHANGES):
            await asyncio.sleep(TALK_SECONDS / (CHANGES + 1))
            nat.show_as(20_000 if number % 2 else 30_000)
            moves.note(*crowd.voices[1::2])
        await _hear_out(crowd, talking)
        return Found(f"{CHANGES} times, {MEMBERS} members, {len(crowd.lines)} lines", moves.judge())


async def renumber(run: Run) -> Found:
    """Give two clients that talk and one that only reads other addresses, again and again."""
    go_ashore()
    with Lan(4, run.seed) as lan:
        first, second, third, reader = lan.clients
        async with room_on(lan.server, lan.ADDRESS, run) as crowd, _reading(crowd, reader, run) as read_at:
            moved = [await crowd.enter("m0", first), await crowd.enter("m1", second, host=lan.ADDRESS_6)]
            await crowd.enter("m2", third)
            moves, changed = Moves(crowd), list[float]()
            talking = asyncio.create_task(crowd.talk(crowd.voices, LINES_EACH, TALK_SECONDS, run.dice))
            for number in range(CHANGES):
                await asyncio.sleep(TALK_SECONDS / (CHANGES + 1))
                _change(first, f"10.77.0.{11 + 20 * number}/24", f"10.77.0.{31 + 20 * number}/24")
                _change(second, f"fd77::{12 + 20 * number}/64", f"fd77::{32 + 20 * number}/64")
                moves.note(*moved)
                _change(reader, f"10.77.0.{14 + 20 * number}/24", f"10.77.0.{34 + 20 * number}/24")
                changed.append(time.monotonic())
            await _hear_out(crowd, talking)
            await crowd.until(lambda: len(read_at) >= len(crowd.lines), lambda: f"the reader has {len(read_at)} lines")
            slowest = max(min(at for at in read_at if at > change) - change for change in changed)
            require_in_time(slowest <= READER_WITHIN, f"one who only reads was back after {short(slowest)}")
            figure = f"{moves.judge()}, one who only reads after {short(slowest)}"
            return Found(f"{CHANGES} times, 3 clients, {len(crowd.lines)} lines", figure)


def _change(host: Host, old: str, new: str) -> None:
    """Take an address from a machine and give it another."""
    host.ip("addr", "del", old, "dev", "lan")
    host.ip("addr", "add", new, "dev", "lan", *(["nodad"] if ":" in new else []))


async def _hear_out(crowd: Crowd, talking: asyncio.Task[None]) -> None:
    await talking
    await crowd.hear_out()
    crowd.check()
    crowd.check_presence()


@asynccontextmanager
async def _reading(crowd: Crowd, host: Host, run: Run) -> AsyncIterator[list[float]]:
    """Let a program that only reads, and would notice a new address, join; give when each line came to it."""
    process = await _start(host, run, "tail", "--json", f"{Lan.ADDRESS}:{crowd.room.port}")
    read_at: list[float] = []

    async def listen() -> None:
        assert process.stdout is not None
        async for line in process.stdout:
            if _type_of(line) == "message":
                read_at.append(time.monotonic())  # noqa: PERF401 (each counts when it comes)

    listening = asyncio.create_task(listen())
    try:
        await crowd.server.wait_for("name_claimed", name="reader")
        yield read_at
    finally:
        process.kill()
        await process.wait()
        await listening


def _type_of(line: bytes) -> str:
    told: dict[str, Any] = json.loads(line)
    return str(told["type"])


async def _start(host: Host, run: Run, command: str, *words: str) -> asyncio.subprocess.Process:
    """Run the client's program on a machine."""
    password_file = run.directory / "password"
    password_file.write_text(PASSWORD, "utf-8")
    options = ["--name", "reader", "--password-file", str(password_file), "--trust", "accept-new"]
    return await asyncio.create_subprocess_exec(
        *host.prefix, sys.executable, "-m", "sockatuh", command, *options, *words,
        env=os.environ | {"SOCKATUH_CLIENT_DIR": str(run.directory / "client")},
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip


# Several addresses.


async def many(run: Run) -> Found:
    """Ask a server under an address it would not speak from, and take the address one talks from away."""
    go_ashore()
    with Lan(2, run.seed) as lan:
        _give_many(lan)
        async with room_on(lan.server, OTHER_ADDRESS, run) as crowd:
            answered_from = _ask(lan.clients[0], crowd.room.port)
            require(
                answered_from == OTHER_ADDRESS, f"asked at {OTHER_ADDRESS}, the server answers from {answered_from}"
            )
            for number, client in enumerate([*lan.clients, *lan.clients]):
                await crowd.enter(f"m{number}", client)
            moves = Moves(crowd)
            talking = asyncio.create_task(crowd.talk(crowd.voices, LINES_EACH // 2, TALK_SECONDS / 2, run.dice))
            await asyncio.sleep(TALK_SECONDS / 4)
            lan.clients[0].ip("addr", "del", "fd77::911/64", "dev", "lan")
            moves.note(*crowd.voices[::2])
            await _hear_out(crowd, talking)
            figure = moves.judge()
            await _send_to_local(lan, crowd, run)
    return Found(f"{len(crowd.voices)} members, {len(crowd.lines)} lines", f"{figure}; {LOCAL}%lan reached")


def _give_many(lan: Lan) -> None:
    """Give both ends several addresses; what is deprecated is answered to, but not spoken from."""
    lan.server.ip("addr", "add", f"{OTHER_ADDRESS}/64", "dev", "lan", "preferred_lft", "0", "nodad")
    lan.server.ip("addr", "add", f"{LOCAL}/64", "dev", "lan", "nodad")
    for number, client in enumerate(lan.clients, 1):
        client.ip("addr", "change", f"fd77::1{number}/64", "dev", "lan", "preferred_lft", "0", "valid_lft", "forever")
        client.ip("addr", "add", f"fd77::91{number}/64", "dev", "lan", "nodad")
        client.ip("addr", "add", f"fe80::{number}/64", "dev", "lan", "nodad")


def _ask(host: Host, port: int) -> str:
    """Send a HELLO to the other address; return from which it was answered."""
    with host.entered(), socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
        sock.settimeout(PATIENCE)
        sock.sendto(bytes([HELLO, VERSION]).ljust(HELLO_SIZE, b"\0"), (OTHER_ADDRESS, port))
        return str(sock.recvfrom(2048)[1][0])


async def _send_to_local(lan: Lan, crowd: Crowd, run: Run) -> None:
    """Say a line through the link-local address, with the program itself."""
    server, text = f"[{LOCAL}%lan]:{crowd.room.port}", "from next door"
    process = await _start(lan.clients[1], run, "send", "--server", server, text)
    async with asyncio.timeout(PATIENCE):
        _, told = await process.communicate()
    require(process.returncode == 0, f"send to {server} failed: {told.decode().strip()}")
    await crowd.until(
        lambda: all(voice.heard[-1][1] == text for voice in crowd.voices), lambda: f"{text!r} was not heard"
    )


PROMISE: Final = "A member whose address changes stays the same member: back within 2 s, no join or leave line"

ATTACKS: Final = (
    Attack(
        "nat-rebinding",
        PROMISE,
        "a router that changes the ports of 3 of 6 talking members, 3 times (nft masquerade ranges, conntrack flushed)",
        rebind,
    ),
    Attack(
        "address-change",
        PROMISE,
        "2 talking clients (IPv4, IPv6) and one that only reads get new addresses, 3 times",
        renumber,
    ),
    Attack(
        "many-addresses",
        "A server with several addresses answers at each of them, whichever of its own a client uses",
        "IPv6, several addresses on both ends, the temporary one removed in mid-conversation; link-local with its "
        "scope",
        many,
    ),
)
