"""A room whose database fails for a while, and what everybody is told meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import sqlite3
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from e2e.running import Member, Room, ServerProcess, eventually, hash_password, joined
from prove.attack import Missing, require
from prove.disk import call, move_apart

from sockatuh.protocol.client import events as e

PATIENCE: Final = 30.0
"""Seconds after which what was waited for will never come."""
LINES: Final = 3
"""Lines each member says while nothing can be stored."""
IN_VAIN: Final = "Lines are not stored"
"""How the status begins that the service manager is told meanwhile."""
FILLING: Final = "filling"
"""The file that fills a disk."""


class Manager:
    """The service manager: keeps every status it is told."""

    def __init__(self, directory: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(directory / "notify"))
        self._socket.setblocking(False)
        self._told: list[str] = []

    @property
    def address(self) -> str:
        return str(self._socket.getsockname())

    def statuses(self) -> list[str]:
        """Return every status so far."""
        with contextlib.suppress(BlockingIOError):
            while True:
                self._told += self._socket.recv(65_536).decode().splitlines()
        return [line.removeprefix("STATUS=") for line in self._told if line.startswith("STATUS=")]

    def close(self) -> None:
        self._socket.close()


@dataclass(frozen=True, slots=True)
class Scene:
    """A room, its server, the service manager, and members who talk."""

    room: Room
    server: ServerProcess
    manager: Manager
    members: Sequence[Member]

    @property
    def database(self) -> Path:
        return self.room.state_dir / "room.db"

    async def answered(self) -> None:
        """Wait until everything that was said is stored, and everybody has seen all of it."""
        for member in self.members:
            await member.until(member.is_answered)
        head = max(seq for member in self.members for seq in member.stored.values())
        for member in self.members:
            await member.has_seen(head)

    async def talk_in_vain(self, reason: str) -> None:
        """Say lines while nothing can be stored: nobody is acknowledged, everybody is told, and the admin why."""
        reasons = {"reason": f"{self.database}: {reason}"}
        is_news = not self.manager.statuses()[-1].startswith(IN_VAIN)
        outages = len(self.server.events("storage_failing", **reasons)) + is_news
        stored = [len(member.stored) for member in self.members]
        told = [len(member.all(e.LinesHeld)) for member in self.members]
        for number in range(LINES):
            for member in self.members:
                member.say(f"{member.name} in vain {len(member.said)} {number}")
        for member, before in zip(self.members, told, strict=True):
            await member.until(lambda member=member, before=before: len(member.all(e.LinesHeld)) > before)  # type: ignore[misc]
        sentence = f"{IN_VAIN}: {self.database}: {reason}"
        await eventually(lambda: self.manager.statuses()[-1] == sentence)
        await self.server.wait_for("storage_failing", outages, **reasons)
        require(all(event.get("remedy") for event in self.server.events("storage_failing")), "no remedy was named")
        now = [len(member.stored) for member in self.members]
        require(now == stored, "a line was acknowledged that cannot be stored")

    async def recovered(self, count: int) -> float:
        """Wait until it is over for the `count`th time and everything is there; return how long that took."""
        began = time.monotonic()
        await self.server.wait_for("storage_recovered", count)
        await self.answered()
        took = time.monotonic() - began
        await eventually(lambda: not self.manager.statuses()[-1].startswith(IN_VAIN))
        # Members are told by a datagram, which is on its way while the manager is told.
        await eventually(lambda: not any(member.conversation.is_held for member in self.members))
        return took

    def check(self, *others: str) -> int:
        """Require that everything said is in the log once and was seen by everybody in its order; return how many.

        `others` is what those said who are no members of this scene.
        """
        with contextlib.closing(sqlite3.connect(f"{self.database.as_uri()}?mode=ro", uri=True)) as connection:
            rows = connection.execute("SELECT seq, body FROM log WHERE kind = 'message' ORDER BY seq").fetchall()
        bodies = {seq: json.loads(body) for seq, body in rows}
        in_log = [f"{body['name']}: {body['text']}" for body in bodies.values()]
        said = [f"{member.name}: {text}" for member in self.members for text in member.said.values()] + [*others]
        require(sorted(in_log) == sorted(said), f"{len(said)} lines were said, and {len(in_log)} are in the log")
        for member in self.members:
            mine = member.stored
            require([mine[number] for number in sorted(mine)] == sorted(mine.values()), "lines changed places")
            require(all(bodies[seq]["text"] == member.said[number] for number, seq in mine.items()), "a wrong place")
            require(member.lines == in_log, f"{member.name} saw something else than the log")
            require(not member.all(e.EntriesGone), f"{member.name} was told of a gap")
        return len(said)


@contextlib.asynccontextmanager
async def scene(directory: Path, names: Sequence[str], **settings: object) -> AsyncIterator[Scene]:
    """Run a room in a directory, with members who have all said something."""
    manager = Manager(directory)
    room = Room(directory, hash_password(), environ={"NOTIFY_SOCKET": manager.address})
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(manager.close)
        server = await stack.enter_async_context(room.serve(**settings))
        members = [await stack.enter_async_context(joined(name, room.port, server.key)) for name in names]
        there = Scene(room, server, manager, members)
        for member in members:
            await member.until(lambda member=member: bool(member.all(e.CaughtUp)))  # type: ignore[misc]
        for member in members:
            member.say(f"{member.name} before")
        await there.answered()
        yield there


@contextlib.contextmanager
def tiny_disk(place: Path, megabytes: int) -> Iterator[Callable[[], None]]:
    """Mount a small file system where only this process and its children see it; yield what fills it."""
    move_apart()
    place.mkdir(mode=0o700)
    call("mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=700", "tmpfs", str(place))
    try:
        yield lambda: fill(place / FILLING)
    finally:
        call("umount", str(place))


def fill(path: Path) -> None:
    """Write until there is no room left."""
    with path.open("ab", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))


@contextlib.asynccontextmanager
async def injected(pid: int, name: str, error: str) -> AsyncIterator[None]:
    """Have a system call of a running process fail, in all its threads."""
    command = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={name}", "-e", f"inject={name}:error={error}"]
    try:
        tracer = subprocess.Popen([*command, "-p", str(pid)], stderr=subprocess.DEVNULL)
    except FileNotFoundError:
        raise Missing("there is no strace: apt-get install strace") from None
    try:
        await _traced(pid, tracer)
        yield
    finally:
        tracer.terminate()
        await asyncio.to_thread(tracer.wait, PATIENCE)


async def _traced(pid: int, tracer: subprocess.Popen[bytes]) -> None:
    """Wait until every thread of a process is traced."""
    ends_at = time.monotonic() + PATIENCE
    while not all(_tracer_of(task) for task in Path(f"/proc/{pid}/task").iterdir()):
        if tracer.poll() is not None or time.monotonic() > ends_at:
            raise Missing("strace may not attach to a process here; allow ptrace, or run it as root")
        await asyncio.sleep(0.01)


def _tracer_of(task: Path) -> int:
    with contextlib.suppress(OSError):  # a thread that has ended
        for line in (task / "status").read_text().splitlines():
            if line.startswith("TracerPid:"):
                return int(line.split()[1])
    return 0
