"""Real servers in separate processes, and members connected to them.

Nothing here waits for time to pass: one waits for a line of the server's log or for an event of a client.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, TypeVar

import bcrypt
from kit.programs import DEVNULL, Program
from machine import free_port

from sockatuh.client.session import Conversation, ConversationOptions
from sockatuh.protocol.client import events as e
from sockatuh.protocol.identity import Invite
from sockatuh.protocol.messages import JOINED, LEFT, MESSAGE, PRIVATE, RENAMED, SCRIPT, Entry
from sockatuh.store.history import HistoryReader

PASSWORD = "tulip-harbor-sixteen"
PATIENCE = 30.0
"""Seconds after which what was waited for will never come."""

PASS_ON = """
import os, sys
if sys.argv[1] != "3":
    os.dup2(int(sys.argv[1]), 3)
os.set_inheritable(3, True)
os.environ |= {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1", "LISTEN_FDNAMES": "sockatuh"}
os.execv(sys.argv[2], sys.argv[2:])
"""
"""Starts a program with a passed socket, as a service manager does: sd_listen_fds(3)."""

T = TypeVar("T")


@functools.cache
def hash_password(password: str = PASSWORD) -> str:
    """Return the bcrypt hash of a room's password, as cheap as settings admit."""
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(10)).decode()


@dataclass(slots=True)
class Room:
    """A room's directory and settings; `serve` runs it."""

    directory: Path
    password_hash: str
    port: int = field(default_factory=free_port)
    environ: dict[str, str] = field(default_factory=dict)
    held: socket.socket | None = None
    """A socket the servers are passed, as a service manager does; it outlives them."""
    within: tuple[str, ...] = ()
    """A command that runs the server, as `unshare --net`."""
    is_forked: bool = False
    """Whether the server is forked from a process that has imported it, which spares half a second."""

    @property
    def state_dir(self) -> Path:
        return self.directory / "state"

    @property
    def history(self) -> HistoryReader:
        return HistoryReader(self.state_dir / "room.db")

    def configure(self, **settings: object) -> Path:
        """Write the configuration; a dotted key belongs to a table."""
        values = {
            "host": "127.0.0.1",
            "port": self.port,
            "room": "kitchen",
            "password_hash": self.password_hash,
            "state_dir": str(self.state_dir),
            "log_format": "json",
        } | settings
        path = self.directory / "sockatuh.toml"
        path.write_text("".join(f"{key} = {json.dumps(value)}\n" for key, value in values.items()), "utf-8")
        return path

    def server(self, **settings: object) -> ServerProcess:
        """Return the room's server, not yet started."""
        return ServerProcess(self.configure(**settings), self.environ, self.held, self.within, self.is_forked)

    @contextlib.asynccontextmanager
    async def serve(self, **settings: object) -> AsyncIterator[ServerProcess]:
        """Run the server until the block ends."""
        server = self.server(**settings)
        await server.start()
        try:
            yield server
        finally:
            if server.is_running:
                await server.end()


class ServerProcess:
    """`sockatuh serve` in a process of its own; `logged` are the events of all its lives, `said` its other lines.

    A thread reads what it writes, so that it may outlive the loop of the test that has begun it.
    """

    def __init__(
        self,
        config: Path,
        environ: dict[str, str],
        held: socket.socket | None = None,
        within: tuple[str, ...] = (),
        is_forked: bool = False,
    ) -> None:
        self.logged: list[dict[str, Any]] = []
        self.said: list[str] = []
        self.config, self._held, self._within = config, held, within
        self._environ = {key: value for key, value in os.environ.items() if not key.startswith("SOCKATUH_")} | environ
        self._is_forked = is_forked and not held and not within
        self._process: subprocess.Popen[bytes] | Program | None = None
        self._reading: threading.Thread | None = None
        self._news = threading.Condition()

    @property
    def state_dir(self) -> Path:
        """Where it keeps its state."""
        return self.config.parent / "state"

    @property
    def key(self) -> bytes:
        """The server's public key, as its last invite has it."""
        return self._invite().key

    @property
    def port(self) -> int:
        return self._invite().port

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def launch(self) -> None:
        """Start the process and wait for nothing."""
        stderr = self._fork() if self._is_forked else self._execute()
        self._reading = threading.Thread(target=self._read, args=[stderr])
        self._reading.start()

    def _fork(self) -> IO[bytes]:
        self._process = Program(["serve", "--config", str(self.config)], self._environ, stdin=DEVNULL, stdout=DEVNULL)
        assert self._process.stderr is not None
        return self._process.stderr.buffer

    def _execute(self) -> IO[bytes]:
        command = [sys.executable, "-m", "sockatuh", "serve", "--config", str(self.config)]
        held = [] if self._held is None else [self._held.fileno()]
        if held:
            command = [sys.executable, "-c", PASS_ON, str(held[0]), *command]
        self._process = subprocess.Popen(
            [*self._within, *command],
            env=self._environ,
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            pass_fds=held,
        )
        assert self._process.stderr is not None
        return self._process.stderr

    def begin(self) -> None:
        """Start the process and wait until it can be joined."""
        before = len(self.said)
        self.launch()
        self._wait_until(lambda: any("sockatuh://" in line for line in self.said[before:]))

    def run(self) -> int:
        """Start the process, which ends by itself, and return its exit code."""
        self.launch()
        return self._wait_for_end()

    def finish(self, number: int = signal.SIGTERM) -> int:
        """Send the process a signal, if it is still there, wait for its end and return its exit code."""
        assert self._process is not None
        self._process.send_signal(number)
        return self._wait_for_end()

    def send(self, number: int) -> None:
        """Send the process a signal and wait for nothing."""
        assert self._process is not None
        self._process.send_signal(number)

    def _wait_for_end(self) -> int:
        assert self._process is not None
        assert self._reading is not None
        try:
            code = self._process.wait(PATIENCE)
        finally:
            self._process.kill()  # one that should have ended and has not
        self._reading.join(PATIENCE)
        return code

    # The same, while the loop goes on.

    async def start(self) -> None:
        await asyncio.to_thread(self.begin)

    async def end(self, number: int = signal.SIGTERM) -> int:
        return await asyncio.to_thread(self.finish, number)

    async def kill(self) -> None:
        """Kill the process, as a power failure would."""
        await self.end(signal.SIGKILL)

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until the server's output meets a condition."""
        await asyncio.to_thread(self._wait_until, holds)

    async def wait_for(self, event: str, count: int = 1, **fields: object) -> None:
        """Wait until an event with these fields was logged so many times in all."""
        await self.until(lambda: len(self.events(event, **fields)) >= count)

    def events(self, event: str, **fields: object) -> list[dict[str, Any]]:
        """Return what was logged of an event with these fields."""
        wanted = {"event": event} | fields
        return [line for line in self.logged if wanted.items() <= line.items()]

    def _invite(self) -> Invite:
        invites = [line.split()[-1] for line in self.said if "sockatuh://" in line]
        return Invite.parse_untrusted(invites[-1])

    def _wait_until(self, holds: Callable[[], bool]) -> None:
        with self._news:
            assert self._news.wait_for(lambda: holds() or not self._is_heard(), PATIENCE), "it never came"
        assert holds(), f"the server has ended: {self.said}"

    def _is_heard(self) -> bool:
        return self._reading is not None and self._reading.is_alive()

    def _read(self, stderr: IO[bytes]) -> None:
        with stderr:
            for line in stderr:
                with self._news:
                    if line.startswith(b"{"):
                        self.logged.append(json.loads(line))
                    else:
                        self.said.append(line.decode().rstrip())
                    self._news.notify_all()


class Member:
    """A conversation, and everything that has happened in it."""

    def __init__(self, conversation: Conversation, name: str, admitted: e.Admitted) -> None:
        self.conversation, self.name = conversation, name
        self.admitted = admitted
        self.events: list[e.PeerEvent] = []
        self.said: dict[int, str] = {}
        self.ended_with: Exception | None = None
        self._news = asyncio.Event()
        self._listening = asyncio.create_task(self._listen())

    def all(self, kind: type[T]) -> list[T]:
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def stored(self) -> dict[int, int]:
        return {event.number: event.seq for event in self.all(e.LineStored)}

    @property
    def seqs(self) -> list[int]:
        """The places of everything this member has seen, in the order in which it came."""
        return [event.entry.seq for event in self.all(e.EntryArrived)]

    @property
    def story(self) -> list[str]:
        """What the screen would show."""
        return [line for event in self.all(e.EntryArrived) if (line := _as_shown(event.entry))]

    @property
    def lines(self) -> list[str]:
        """What was said, as the screen would show it."""
        return [line for line in self.story if ": " in line]

    def is_answered(self) -> bool:
        """Tell whether all that was said is stored."""
        return self.stored.keys() == self.said.keys()

    def say(self, text: str, *, to: str = "") -> int:
        """Say a line; `to` is the addressee of a private one."""
        number = self.conversation.say(text, to=to)
        self.said[number] = text
        return number

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until the events so far meet a condition."""
        async with asyncio.timeout(PATIENCE):
            while not holds():
                if self.ended_with is not None:
                    raise self.ended_with
                self._news.clear()
                await self._news.wait()

    async def has_seen(self, seq: int) -> None:
        await self.until(lambda: max(self.seqs, default=0) >= seq)

    async def leave(self) -> None:
        """Leave the room for good."""
        await self.close()
        await self.conversation.leave()

    async def close(self) -> None:
        """Stop listening without leaving the room."""
        self._listening.cancel()
        await asyncio.wait([self._listening])

    async def sees(self, line: str) -> None:
        await self.until(lambda: line in self.story)

    async def _listen(self) -> None:
        """Take events until the conversation ends."""
        try:
            while True:
                self.events.append(await self.conversation.next_event())
                self._news.set()
        except Exception as error:
            self.ended_with = error
            self._news.set()


def _as_shown(entry: Entry) -> str:
    shown = {
        MESSAGE: f"{entry.name}: {entry.text}",
        JOINED: f"{entry.name} joined",
        LEFT: f"{entry.name} left",
        PRIVATE: f"{entry.name} → {entry.to}: {entry.text}",
        RENAMED: f"{entry.name} is now {entry.text}",
    }
    return shown.get(entry.kind, "")


def key_of(name: str) -> bytes:
    """Return the private key for a name, the same in every test."""
    return hashlib.blake2s(name.encode()).digest()


def options_for(name: str, port: int, server_key: bytes | None, **options: Any) -> ConversationOptions:
    """Return options for the server at a port of this machine, without history."""
    settings = {"host": "127.0.0.1", "private_key": key_of(name), "key": server_key, "history": 0} | options
    return ConversationOptions(port=port, **settings)


def conversation(name: str, port: int, server_key: bytes, *, transient: bool = False, **options: Any) -> Conversation:
    """Return a conversation with a server that is known; `transient`: as a script has it."""
    options |= {"role": SCRIPT} if transient else {}
    return Conversation(options_for(name, port, server_key, **options))


@contextlib.asynccontextmanager
async def joined(name: str, port: int, server_key: bytes, **options: Any) -> AsyncIterator[Member]:
    """Join a room as a member that listens, and leave it at the end."""
    async with conversation(name, port, server_key, **options) as talk:
        await talk.open(PATIENCE)
        member = Member(talk, name, await talk.join(name, PASSWORD, PATIENCE))
        try:
            yield member
        finally:
            await member.leave()


async def eventually(holds: Callable[[], bool]) -> None:
    """Poll a condition that nothing announces, such as a row in a database."""
    async with asyncio.timeout(PATIENCE):
        while not holds():
            await asyncio.sleep(0.01)
