"""Pasting is no offence: what is too fast is delayed, and said to be; nothing of it is dropped."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import time
from pathlib import Path
from typing import Final

from e2e.running import PASSWORD, PATIENCE, Room, hash_password, joined
from kit.instant_world import InstantWorld
from prove.attack import Attack, Found, Pace, Run, require

from sockatuh.protocol.client import events as e
from sockatuh.protocol.server.limits import Limits

ROWS: Final = 8_182
CLASSIC_MEMBERS: Final = 10
EXTRA: Final = 12
SHORT: Final = 200
LONG: Final = 5_000
LIMITS: Final = Limits()


async def _paste(run: Run) -> Found:
    room = Room(run.directory, hash_password())
    lines = [f"{number:4} a line of a log, as one pastes it, of 64 bytes or so {number}" for number in range(SHORT)]
    async with room.serve() as server, joined("reader", server.port, server.key) as reader:
        await _sockatuh(room, "send", "-", text="\n".join(lines))
        await reader.until(lambda: any(len(line) > 10_000 for line in reader.lines))
        require(reader.lines == ["paster: " + "\n".join(lines)], "the text is not what was sent")
        began_at = time.monotonic()
        said = await _sockatuh(room, "chat", text="\n".join(lines) + "\n")
        seconds = time.monotonic() - began_at
        require("too fast" in said, f"nobody was told that it takes a while: {said}")
        await reader.until(lambda: len(reader.lines) > SHORT)
        require(reader.lines[1:] == [f"paster: {line}" for line in lines], "lines are missing or out of order")
        await reader.leave()
    delays, long_seconds = _paste_in_virtual_time()
    return Found(
        f"{SHORT} lines by `send -`, {SHORT} by a pipe into `chat`, {LONG:,} by a client in virtual time",
        f"all stored, in order: {SHORT} in {seconds:.0f} s, {LONG:,} in {long_seconds:.0f} s (told {delays:,} times"
        " to wait)",
    )


async def _sockatuh(room: Room, verb: str, *words: str, text: str) -> str:
    """Run the program with a text on stdin, and return what it says on stderr."""
    process = await asyncio.create_subprocess_exec(
        *[sys.executable, "-m", "sockatuh", verb, *words],
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        env=_environ(room.directory) | {"SOCKATUH_SERVER": f"127.0.0.1:{room.port}"},
    )
    async with asyncio.timeout(2 * PATIENCE):
        _, said = await process.communicate(text.encode())
    require(process.returncode == 0, f"`{verb}` ended with {process.returncode}: {said.decode()}")
    return said.decode()


def _environ(directory: Path) -> dict[str, str]:
    plain = {key: value for key, value in os.environ.items() if not key.startswith("SOCKATUH_")}
    who = {"SOCKATUH_NAME": "paster", "SOCKATUH_PASSWORD": PASSWORD, "SOCKATUH_TRUST": "accept-new"}
    return plain | who | {"SOCKATUH_CLIENT_DIR": str(directory / "client")}


def _paste_in_virtual_time() -> tuple[int, float]:
    """Say very many lines at once; return how often the client was told to wait, and how long it took."""
    world = InstantWorld(classic=False)
    ana, budi = world.person("ana"), world.person("budi")
    began_at = world.now
    for number in range(LONG):
        ana.peer.say(f"line {number}", world.now)
    world.until(lambda: len(ana.stored) == LONG, 2 * LONG / LIMITS.lines_per_second)
    heard = [line for line in budi.story if ": " in line]
    require(heard == [f"ana: line {number}" for number in range(LONG)], "lines are missing or out of order")
    return len(ana.all(e.LinesDelayed)), world.now - began_at


async def _many_rows(run: Run) -> Found:
    """Say one text of very many rows in a room of classic members, and a line of somebody else behind it."""
    room = Room(run.directory, hash_password())
    text = "a" + "\n" * ROWS + "z"
    async with (
        room.serve(classic="on") as server,
        joined("budi", server.port, server.key) as budi,
        joined("ana", server.port, server.key) as ana,
    ):
        old = [await asyncio.to_thread(_join_classic, server.port, number) for number in range(CLASSIC_MEMBERS)]
        budi.say(text)
        await ana.until(lambda: ana.lines == [f"budi: {text}"])
        said_at = time.monotonic()
        ana.say("soup at one")
        await budi.until(lambda: budi.lines[-1:] == ["ana: soup at one"])
        seconds = time.monotonic() - said_at
        heard = [await asyncio.to_thread(_hear, member) for member in old]
        for budi_said in range(EXTRA):
            budi.say(f"more {budi_said}")
        await ana.until(lambda: ana.lines[-1:] == [f"budi: more {EXTRA - 1}"])
        held = time.monotonic() - said_at - seconds
    wanted = ["budi: a", *["budi: "] * 39, f"budi: … {ROWS + 1 - 40} more lines", "ana: soup at one"]
    for number, rows in enumerate(heard):
        require(rows == wanted, f"classic member {number} heard {len(rows)} datagrams, the last {rows[-2:]}")
    require(held > 10.0, f"{EXTRA} lines behind it cost budi {held:.1f} s: its rows were not counted")
    return Found(
        f"one text of {ROWS + 1:,} rows to {CLASSIC_MEMBERS} classic members and 1 other, and the next line behind it",
        f"each classic member got its 41 datagrams and the next line, which took {seconds * 1000:.0f} ms; "
        f"who said it waited {held:.0f} s for the next {EXTRA} lines",
    )


def _join_classic(port: int, number: int) -> socket.socket:
    member = socket.socket(type=socket.SOCK_DGRAM)
    member.bind((f"127.0.2.{number + 1}", 0))
    member.connect(("127.0.0.1", port))
    member.settimeout(PATIENCE)
    for step in (f"Username:old pi {number}", f"Password:{PASSWORD}"):
        member.send(step.encode())
        member.recv(2048)
    return member


def _hear(member: socket.socket) -> list[str]:
    """Return what a classic member received until the next line came."""
    rows: list[str] = []
    with member:
        while not rows or not rows[-1].startswith("ana: "):
            rows.append(member.recv(2048).decode())
    return rows


ATTACKS: Final = (
    Attack(
        "many-rows",
        "A text of thousands of rows counts as that many rows in its sender's rate, and reaches everybody",
        f"one text of 16 KiB, {ROWS + 1:,} rows, in a room with {CLASSIC_MEMBERS} classic members",
        _many_rows,
        limit=90.0,
    ),
    Attack(
        "pastes",
        "Lines said too fast are delayed, with notice, and never dropped",
        f"{SHORT} lines into `sockatuh send -` and into `sockatuh chat`, and {LONG:,} lines at once from one client",
        _paste,
        limit=180.0,
        pace=Pace.PATIENT,
    ),
)
