"""Members that talk all the time: each has always a line under way, and says the next when one is stored.

They come in with a ticket and know no password, so none of them can ever cost the server a bcrypt.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

from e2e.running import PASSWORD, Room, conversation
from prove.attack import Broken, require

from sockatuh.client.session import Conversation
from sockatuh.protocol.client import events as e
from sockatuh.protocol.messages import MESSAGE
from sockatuh.store.database import open_reader

PATIENCE: Final = 60.0
"""Seconds after which what was waited for will never come."""
LOOK_AGAIN: Final = 0.01
UNANSWERED: Final = 2
"""Lines each has under way at once."""
EVERYTHING: Final = 10_000_000
FROM_ONE_ADDRESS: Final = {"limits.handshakes_burst": 1000}
"""Settings of a room whose members all sit behind one address, as here."""


class Tireless:
    """One who talks all the time. Times are monotonic seconds."""

    def __init__(self, talk: Conversation, name: str) -> None:
        self.talk, self.name = talk, name
        self.said: dict[int, str] = {}
        self.stored: dict[int, int] = {}
        self.heard: list[tuple[int, str]] = []
        """The lines that came: (seq, text)."""
        self.seqs: list[int] = []
        self.back_at = 0.0
        self.losses = self.returns = 0
        self.is_silent = True
        self.faults: list[str] = []
        self.listening = asyncio.create_task(self._listen())

    def talk_on(self) -> None:
        """Say lines until as many as may be are under way."""
        while not self.is_silent and len(self.said) - len(self.stored) < UNANSWERED:
            text = f"{self.name} says {len(self.said)}"
            self.said[self.talk.say(text)] = text

    async def _listen(self) -> None:
        while True:
            self._take(await self.talk.next_event())
            self.talk_on()

    def _take(self, event: e.PeerEvent) -> None:
        match event:
            case e.EntryArrived(entry):
                self.seqs.append(entry.seq)
                if entry.kind == MESSAGE:
                    self.heard.append((entry.seq, entry.text))
            case e.LineStored(number, seq):
                if number in self.stored:
                    self.faults.append(f"{self.name} was told twice that line {number} is stored")
                self.stored[number] = seq
            case e.Connected(resumed=False):
                self.faults.append(f"{self.name} needed the password")
            case e.Admitted(rewound=rewound):
                self.back_at = time.monotonic()
                self.returns += 1
                if rewound:
                    self.faults.append(f"{self.name} was told that the log was set back")
            case e.ContactLost():
                self.losses += 1
            case e.LineRefused() | e.EntriesGone():
                self.faults.append(f"{self.name} was told {event}")
            case _:
                pass


@asynccontextmanager
async def tireless(room: Room, key: bytes, count: int) -> AsyncIterator[list[Tireless]]:
    """Let so many come in with tickets, silent at first; at the end they leave."""
    async with AsyncExitStack() as stack:
        members = [await _enter(stack, room, key, f"m{number}") for number in range(count)]
        try:
            yield members
        finally:
            for member in members:
                member.listening.cancel()
            await asyncio.wait([member.listening for member in members])
            await asyncio.gather(*(member.talk.leave() for member in members))


async def _enter(stack: AsyncExitStack, room: Room, key: bytes, name: str) -> Tireless:
    async with conversation(name, room.port, key) as first:
        await first.open(PATIENCE)
        ticket = (await first.join(name, PASSWORD, PATIENCE)).ticket
    talk = await stack.enter_async_context(conversation(name, room.port, key, ticket=ticket))
    await talk.open(PATIENCE)
    await talk.admitted(PATIENCE)
    return Tireless(talk, name)


def set_off(members: Sequence[Tireless]) -> None:
    """Let them talk."""
    for member in members:
        member.is_silent = False
        member.talk_on()


async def hush(members: Sequence[Tireless]) -> None:
    """Let them say no more, and wait until all that was said is stored and has come to everybody."""
    for member in members:
        member.is_silent = True
    await until(members, lambda: all(len(each.stored) == len(each.said) for each in members), "lines without an answer")
    lines = sum(len(member.said) for member in members)
    await until(members, lambda: all(len(each.heard) >= lines for each in members), "lines that did not come")


async def until(
    members: Sequence[Tireless],
    holds: Callable[[], bool],
    complaint: str,
    patience: float = PATIENCE,
    failure: type[Broken] = Broken,
) -> None:
    """Wait until something holds; a failure with a complaint if it does not, Broken if somebody is thrown out."""
    ends_at = time.monotonic() + patience
    while not holds():
        for member in members:
            thrown_out = member.listening.done() and member.listening.exception()
            require(not thrown_out, f"{member.name} was thrown out: {thrown_out!r}")
        if time.monotonic() >= ends_at:
            raise failure(f"{complaint} after {patience:.0f} s")
        await asyncio.sleep(LOOK_AGAIN)


def check(room: Room, members: Sequence[Tireless], others: Collection[str] = ()) -> int:
    """Hold the room to its promise: nothing lost, nothing doubled, one order. Return how many lines there are.

    `others` are the lines that somebody else has said meanwhile.
    """
    log = [(line.seq, line.text) for line in room.history.messages(None, None, EVERYTHING)]
    places, said = dict(log), {text for member in members for text in member.said.values()} | set(others)
    require(len(set(places.values())) == len(log), "lines are in the log twice")
    require(set(places.values()) == said, f"{len(said.symmetric_difference(places.values()))} lines too few or many")
    for member in members:
        require(not member.faults, "; ".join(member.faults[:3]))
        right = all(places[seq] == member.said[number] for number, seq in member.stored.items())
        require(right, f"{member.name} was told wrong places")
        require(list(member.stored) == sorted(member.stored), f"{member.name}'s lines were stored out of order")
        require(member.heard == log, f"{member.name} has other lines than the log, or in another order")
        require(member.seqs == list(range(member.seqs[0], member.seqs[-1] + 1)), f"{member.name} has gaps or doubles")
    with open_reader(room.state_dir / "room.db") as connection:
        sound = connection.execute("PRAGMA integrity_check").fetchone()
    connection.close()
    require(sound == ("ok",), f"the database is damaged: {sound}")
    return len(log)


def comings_and_goings(room: Room) -> int:
    """Return how many joins and leaves are in the log."""
    with open_reader(room.state_dir / "room.db") as connection:
        count: int = connection.execute("SELECT count(*) FROM log WHERE kind <> 'message'").fetchone()[0]
    connection.close()
    return count


def open_sessions(room: Room) -> list[str]:
    """Return the names of the sessions that the history has as open."""
    with open_reader(room.state_dir / "room.db") as connection:
        rows = connection.execute("SELECT name FROM sessions WHERE closed IS NULL ORDER BY name").fetchall()
    connection.close()
    return [name for (name,) in rows]
