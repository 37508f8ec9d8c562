"""Names that change hands while the server dies: no two ever look alike, and everybody sees one order of all."""

from __future__ import annotations

import asyncio
import random
import signal
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Final

from e2e.running import Member, Room, hash_password, joined, key_of
from prove.attack import Attack, Broken, Found, Run, require
from simulation.laws import TAG, Chronicle, as_shown, shown_to, without_mark

from sockatuh.errors import Refused
from sockatuh.protocol.client import events as e
from sockatuh.protocol.identity import fingerprint
from sockatuh.protocol.noise import public_key
from sockatuh.room.log import Row
from sockatuh.store.roomlog import RoomLog

MEMBERS: Final = 8
WINDOWS: Final = 3
"""How many of them are there twice."""
KILLS: Final = 12
TURN: Final = 0.03
"""Seconds between two things that a member does."""
NAMES: Final = ("salt", "Salt", "SALT", "pepper", "реpper", "cumin", "thyme", "Thyme", "sage")
"""Fewer than there are members who want them; the second pepper is half Cyrillic."""
HARD: Final = {
    "limits.lines_per_second": 1_000,
    "limits.lines_burst": 1_000,
    "limits.handshakes_per_address": 1_000,
    "limits.handshakes_burst": 1_000,
    "name_ownership": "0",
}


@dataclass(slots=True)
class Restless:
    """A member that asks for names, talks, whispers and is away, and notes what came of it."""

    member: Member
    dice: random.Random
    told: Counter[str] = field(default_factory=Counter)
    counter: int = 0

    @property
    def fingerprint(self) -> str:
        return fingerprint(public_key(key_of(self.member.name)))

    async def live(self, until: asyncio.Event) -> None:
        """Do one thing after another; a request waits for its answer as long as it takes."""
        while not until.is_set():
            await asyncio.sleep(self.dice.uniform(0, 2 * TURN))
            match self.dice.randrange(4):
                case 0:
                    await self._rename(self.dice.choice([*NAMES, self.member.name]))
                case 1:
                    self._say(self.dice.choice([*NAMES, "m0", "m1"]))
                case 2:
                    await self.member.conversation.set_away(self.dice.choice([None, "", "lunch"]))
                case _:
                    self._say("")

    async def _rename(self, name: str) -> None:
        try:
            await self.member.conversation.rename(name)
        except Refused as refused:
            self.told[refused.code] += 1
        else:
            self.told["renamed"] += 1

    def _say(self, to: str) -> None:
        self.counter += 1
        self.member.say(f"{self.fingerprint} {id(self)} {self.counter}", to=to)

    @property
    def refused(self) -> dict[int, str]:
        return {event.number: event.code for event in self.member.all(e.LineRefused)}

    def is_answered(self) -> bool:
        return self.member.stored.keys() | self.refused.keys() == self.member.said.keys()


async def change_hands(run: Run) -> Found:
    """Let more people than there are names ask for them, in a server that is killed again and again."""
    dice, kills = run.dice, KILLS * (10 if run.long else 1)
    room = Room(run.directory, hash_password())
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(room.serve(**HARD))
        people = [f"m{number}" for number in (*range(MEMBERS), *range(WINDOWS))]
        members = [await stack.enter_async_context(joined(name, room.port, server.key)) for name in people]
        restless = [Restless(member, random.Random(dice.random())) for member in members]
        enough = asyncio.Event()
        living = [asyncio.create_task(each.live(enough)) for each in restless]
        for _ in range(kills):
            await asyncio.sleep(dice.uniform(0.1, 0.8))
            await server.end(signal.SIGKILL)
            await server.start()
        await asyncio.sleep(1.0)
        enough.set()
        await asyncio.gather(*living)
        for each in restless:
            await each.member.until(each.is_answered)
        for member in members:  # so that everybody reads to one end
            member.say(f"the end of {id(member)}")
        for each in restless:
            await each.member.until(each.is_answered)
        last = max(seq for each in restless for seq in each.member.stored.values())
        for member in members:
            await member.has_seen(last)
        who = {(info.name, info.tag) for info in await members[0].conversation.list_members()}
        await server.end()
        rows = await asyncio.to_thread(_rows, room)
    chronicle = _judge_log([row for row in rows if row.seq <= last])
    for each in restless:
        _judge(each, rows, chronicle)
    here = {(name, owner[:TAG]) for name, owner in chronicle.present.values()}
    require(who == here, f"WHO says {sorted(who)}, the log {sorted(here)}")
    told = sum((each.told for each in restless), Counter[str]())
    changed = sum(row.kind == "renamed" for row in rows)
    whispers = sum(row.kind == "private" for row in rows)
    require(changed > kills, f"{changed} renames in {kills} lives")
    return Found(
        f"{kills} kills, {changed} renames among {MEMBERS} people in {len(members)} windows, "
        f"{told.total() - told['renamed']} refused, {whispers} private lines, {len(chronicle.texts)} lines in all",
        "no two names that look alike at any moment; each rename frees the old name in the same breath; one order for "
        "all, each private line shown to its two keys, 0 lost, 0 doubled; everybody is called what the log says",
    )


def _rows(room: Room) -> list[Row]:
    """Read the whole log."""
    log = RoomLog.open(
        room.state_dir / "room.db", synchronous="normal", volatile_kinds=frozenset(), on_error=lambda _: None
    )
    try:
        return log.read(0, log.span().last, 1 << 20).rows
    finally:
        log.close()


def _judge_log(rows: list[Row]) -> Chronicle:
    try:
        return Chronicle.of(rows)
    except AssertionError as fault:
        raise Broken(f"the log: {fault}") from None


def _judge(each: Restless, rows: list[Row], chronicle: Chronicle) -> None:
    """Hold what one member was shown and told to the log."""
    name, seqs = each.member.name, each.member.seqs
    log = {row.seq: row for row in rows}
    require(seqs == sorted(set(seqs)), f"{name} was shown entries twice, or in another order")
    meant = [seq for seq, row in log.items() if seqs[0] <= seq <= seqs[-1] and shown_to(row.body, each.fingerprint)]
    require(seqs == meant, f"{name} was shown {len(seqs)} entries of {len(meant)}")
    for event in each.member.all(e.EntryArrived):
        shown = as_shown(log[event.entry.seq])
        require(without_mark(event.entry) == shown, f"{name} was shown {event.entry}, the log has {shown}")
    for number, seq in each.member.stored.items():
        require(chronicle.texts.get(each.member.said[number]) == seq, f"{name}: a line is not where it was told")
    wrong = {code for code in each.refused.values() if code != "no_such_name"}
    require(not wrong, f"{name}: lines were refused with {wrong}")
    renamed = [event.name for event in each.member.all(e.NameChanged)]
    admitted = [event.name for event in each.member.all(e.Admitted)]
    called = [event for event in each.member.events if isinstance(event, e.NameChanged | e.Admitted)][-1].name
    owned = [here for here, owner in chronicle.present.values() if owner == each.fingerprint]
    require([called] == owned, f"{name} is called {owned} and thinks it is {called}: {admitted[-2:]}, {renamed[-3:]}")


ATTACKS: Final[tuple[Attack, ...]] = (
    Attack(
        "renames",
        "Names are unique at every moment, also while they change hands, and a rename is seen by all at one place",
        f"{MEMBERS} people, some in two windows, ask for fewer names than they are, some alike, that nobody keeps; "
        f"they talk, whisper and are away, while the server is killed {KILLS} times",
        change_hands,
    ),
)
