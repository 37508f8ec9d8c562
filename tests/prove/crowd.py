"""A crowd of members: what each said, what came to each and when, and whether that is what it should be."""

from __future__ import annotations

import asyncio
import random
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from e2e.running import PASSWORD, Room, ServerProcess, conversation, hash_password
from prove.attack import Run, require
from prove.lan import Host

from sockatuh.client.session import Conversation
from sockatuh.protocol.client import events as e
from sockatuh.protocol.messages import MESSAGE
from sockatuh.store.database import open_reader

PATIENCE: Final = 60.0
"""Seconds after which what was waited for will never come."""
LOOK_AGAIN: Final = 0.02
"""Seconds between two looks at whether it has come."""
EVERYTHING: Final = 1_000_000


class Voice:
    """One of a crowd: its conversation, what it said, and what came. Times are monotonic seconds."""

    def __init__(self, talk: Conversation, name: str) -> None:
        self.talk, self.name = talk, name
        self.said: dict[int, str] = {}
        self.said_at: dict[str, float] = {}
        self.stored: dict[int, int] = {}
        self.heard: list[tuple[int, str]] = []
        """The lines that came: (seq, text)."""
        self.heard_at: dict[str, float] = {}
        self.seqs: list[int] = []
        """Everything that came, lines or not."""
        self.lost: list[str] = []
        """Why contact was lost, each time."""
        self.ended_with: Exception | None = None
        self._listening = asyncio.create_task(self._listen())

    def say(self, text: str) -> None:
        """Say a line; no two may be the same."""
        self.said_at[text] = time.monotonic()
        self.said[self.talk.say(text)] = text

    async def close(self) -> None:
        """Listen no more."""
        self._listening.cancel()
        await asyncio.wait([self._listening])

    async def _listen(self) -> None:
        try:
            while True:
                self._take(await self.talk.next_event())
        except Exception as error:
            self.ended_with = error

    def _take(self, event: e.PeerEvent) -> None:
        match event:
            case e.EntryArrived(entry):
                self.seqs.append(entry.seq)
                if entry.kind == MESSAGE:
                    self.heard.append((entry.seq, entry.text))
                    self.heard_at.setdefault(entry.text, time.monotonic())
            case e.LineStored(number, seq):
                self.stored[number] = seq
            case e.ContactLost(reason):
                self.lost.append(reason)
            case _:
                pass


class Crowd:
    """Members of one room, found at `address`, on the machines of a network; use it as an async context manager."""

    def __init__(self, room: Room, server: ServerProcess, address: str) -> None:
        self.room, self.server = room, server
        self.voices: list[Voice] = []
        self._address = address
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Crowd:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for voice in self.voices:
            await voice.close()
        await self._stack.aclose()

    async def gather(self, count: int, hosts: Sequence[Host]) -> float:
        """Let so many join at once, from the machines in turn; return how many seconds it took."""
        began = time.monotonic()
        known = len(self.voices)
        await asyncio.gather(
            *(self.enter(f"m{number}", hosts[number % len(hosts)]) for number in range(known, known + count))
        )
        return time.monotonic() - began

    async def enter(self, name: str, machine: Host, **options: Any) -> Voice:
        """Let one member join from a machine."""
        with machine.entered():
            talk = conversation(name, self.room.port, self.server.key, **({"host": self._address} | options))
        await self._stack.enter_async_context(talk)
        await talk.open(PATIENCE)
        await talk.join(name, PASSWORD, PATIENCE)
        voice = Voice(talk, name)
        self.voices.append(voice)
        return voice

    async def talk(self, voices: Sequence[Voice], each: int, seconds: float, dice: random.Random) -> None:
        """Let voices say so many lines each, at any time within so many seconds."""
        agenda = sorted((dice.uniform(0, seconds), voice.name, voice) for voice in voices for _ in range(each))
        began = time.monotonic()
        for at, _, voice in agenda:
            await asyncio.sleep(max(0.0, began + at - time.monotonic()))
            voice.say(f"{voice.name} says line {len(voice.said)}")

    @property
    def lines(self) -> dict[str, float]:
        """What was said, and when."""
        return {text: at for voice in self.voices for text, at in voice.said_at.items()}

    async def hear_out(self, patience: float = PATIENCE) -> None:
        """Wait until everybody has everything, and every line its answer."""
        lines = len(self.lines)
        await self.until(
            lambda: all(len(each.heard) >= lines and len(each.stored) == len(each.said) for each in self.voices),
            lambda: f"{self.lacking()} of {len(self.voices)} members lack some of {lines} lines",
            patience,
        )

    def lacking(self) -> int:
        """Return how many have not got everything."""
        lines = len(self.lines)
        return sum(len(voice.heard) < lines for voice in self.voices)

    async def until(self, holds: Callable[[], bool], complaint: Callable[[], str], patience: float = PATIENCE) -> None:
        """Wait until something holds; Broken with a complaint if it never does, or somebody was thrown out."""
        ends_at = time.monotonic() + patience
        while not holds():
            for voice in self.voices:
                require(voice.ended_with is None, f"{voice.name} was put out: {voice.ended_with!r}")
            require(time.monotonic() < ends_at, f"{complaint()} after {patience:.0f} s")
            await asyncio.sleep(LOOK_AGAIN)

    def check(self) -> None:
        """Hold the room to its promise: nothing lost, nothing doubled, one order; Broken says what is not so."""
        log = [(line.seq, line.text) for line in self.room.history.messages(None, None, EVERYTHING)]
        places = dict(log)
        texts = [text for _, text in log]
        with open_reader(self.room.state_dir / "room.db") as connection:
            unshown = {seq for (seq,) in connection.execute("SELECT seq FROM log WHERE kind = 'claimed'")}
        connection.close()
        require(len(set(texts)) == len(texts), f"{len(texts) - len(set(texts))} lines are in the log twice")
        require(set(texts) == self.lines.keys(), f"{len(self.lines.keys() - set(texts))} lines are not in the log")
        for voice in self.voices:
            told = [places.get(seq) for seq in voice.stored.values()]
            require(told == [voice.said[number] for number in voice.stored], f"{voice.name} was told wrong places")
            require(voice.heard == log, f"{voice.name} has other lines than the log, or in another order")
            whole = [seq for seq in range(voice.seqs[0], voice.seqs[-1] + 1) if seq not in unshown]
            require(voice.seqs == whole, f"{voice.name} has gaps, or entries twice")

    def check_presence(self, guests: int = 0) -> None:
        """Hold the room to its promise: each of us and of so many others has come once, and nobody has gone."""
        with open_reader(self.room.state_dir / "room.db") as connection:
            kinds = dict(connection.execute("SELECT kind, count(*) FROM log GROUP BY kind").fetchall())
        connection.close()
        require(not kinds.get("left"), f"{kinds.get('left')} lines say that somebody left")
        came = kinds.get("joined", 0)
        there = len(self.voices) + guests
        require(came == there, f"{came} lines say that somebody joined, of {there}")

    def delays(self, texts: Collection[str] | None = None) -> Delays:
        """Return how long lines (all, or some) took to everybody, from `say` to the last who got them."""
        lines = {text: at for text, at in self.lines.items() if texts is None or text in texts}
        return Delays.of(max(voice.heard_at[text] for voice in self.voices) - at for text, at in lines.items())


@asynccontextmanager
async def room_on(host: Host, address: str, run: Run) -> AsyncIterator[Crowd]:
    """Serve a room on a machine, to a crowd that has yet to gather and looks for it at an address."""
    room = Room(Path(tempfile.mkdtemp(dir=run.directory)), hash_password())
    server = room.server(host="::")
    with host.entered():
        server.begin()
    try:
        async with Crowd(room, server, address) as crowd:
            yield crowd
    finally:
        if server.is_running:
            await server.end()


@dataclass(frozen=True, slots=True)
class Delays:
    """How long something took: the median, and what one in a hundred exceeds; in seconds."""

    p50: float
    p99: float

    @classmethod
    def of(cls, seconds: Iterable[float]) -> Delays:
        """Sum up many."""
        cuts = statistics.quantiles(seconds, n=100, method="inclusive")
        return cls(cuts[49], cuts[98])

    def __str__(self) -> str:
        return f"p50 {short(self.p50)}, p99 {short(self.p99)}"


def short(seconds: float) -> str:
    """Return a time as people read it."""
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"
