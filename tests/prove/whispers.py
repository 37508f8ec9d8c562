"""Private lines, looked for by a member they are not meant for: in all that it can get out of the server, and in files.

Eve is a client without manners, so all that was sealed for her is opened and kept, and she asks for what no client
would ask for.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import signal
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from e2e.running import PATIENCE, Member, Room, ServerProcess, hash_password, joined, key_of
from prove.attack import Attack, Found, Run, require
from prove.backups import begin, sockatuh
from prove.rogue import Rogue

from sockatuh.protocol import messages as m
from sockatuh.protocol.constants import MAX_PIECE

EVE: Final = "eve"
NAMES: Final = ("ana", "budi", "cici", "dedi")
PAIRS: Final = (("ana", "budi"), ("budi", "ana"), ("cici", "ana"), ("dedi", "dedi"))
ROUNDS: Final = 3
LONG: Final = MAX_PIECE * 4
"""Bytes of a text that takes several datagrams each way."""
GETS: Final = 100
SECRET: Final = "under-the-mat-"
"""Stands in every private line, and nowhere else."""
PUBLIC: Final = "soup-at-one-"
HISTORY: Final = 10_000


class Eve(Rogue):
    """A member who keeps everything that was sealed for her."""

    def __init__(self, port: int, key: bytes | None = None, **options: Any) -> None:
        self.opened: list[bytes] = []
        self.start = 0
        super().__init__(port, key, **options)

    def enter(self, name: str) -> None:
        """Come in, as often as one likes, and want all history; forget what was opened before."""
        self.opened.clear()
        answer = self.shake().join(name, history=HISTORY)
        require(isinstance(answer, m.Welcome), f"{name} was told {answer}")
        self.start = answer.start if isinstance(answer, m.Welcome) else 0

    def note_opened(self, plaintext: bytes) -> None:
        self.opened.append(plaintext)

    def read_everything(self, head: int) -> None:
        """Request the whole log, in one stretch and entry by entry, until nothing new comes."""
        for after in (0, *range(max(0, head - GETS), head)):
            reached = after
            while reached < head:
                self.send(m.Get(reached, head if after == 0 else after + 1))
                answers = [each for each in self.hear(0.2) if isinstance(each, m.Entries | m.EntryPart)]
                ends = [each.through if isinstance(each, m.Entries) else each.seq for each in answers]
                if after or max(ends, default=reached) <= reached:
                    break
                reached = max(ends)

    def judge(self, private: Sequence[int], others: Sequence[int]) -> int:
        """Require that of private entries she has numbers only, and the others whole, from where she may read on.

        Return how many datagrams were looked at.
        """
        whole, numbers = set[int](), set[int]()
        for plaintext in self.opened:
            require(SECRET.encode() not in plaintext, "a text is in what was sealed for somebody else")
            match m.decode_server_message_untrusted(plaintext):
                case m.EntryPart(seq):
                    whole.add(seq)
                case m.Entries(items=items):
                    for item in map(m.decode_item_untrusted, items):
                        if isinstance(item, m.Unshown):
                            numbers |= {*range(item.seq, item.last + 1)}
                        else:
                            require(item.kind != m.PRIVATE and not item.to, f"{item} was sealed for somebody else")
                            whole.add(item.seq)
                case _:
                    pass
        told = whole.intersection(private)
        require(not told, f"the entries {sorted(told)[:3]} were sealed for somebody else")
        lacking = {seq for seq in private if seq > self.start} - numbers
        require(not lacking, f"of the entries {sorted(lacking)[:3]} not even the number was told")
        require(
            whole >= {seq for seq in others if seq > self.start},
            "she did not get what everybody gets: she does not know how to look",
        )
        return len(self.opened)


@dataclass(slots=True)
class Scene:
    """A room of five, its server, and what has been said in it."""

    room: Room
    server: ServerProcess
    members: dict[str, Member]
    also: Member
    """Another session of one of them."""
    private: list[str] = field(default_factory=list)
    public: list[str] = field(default_factory=list)
    looked_at: int = 0
    """How many datagrams Eve has opened."""
    _counter: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    async def talk(self) -> None:
        """Let people say private lines, short and long, and others between, until those they are for have read them."""
        for _ in range(ROUNDS):
            for name, to in PAIRS:
                number = next(self._counter)
                text = f"{SECRET}{number}" + "x" * (LONG if number % 3 == 0 else 0)
                self.members[name].say(text, to=to)
                self.private.append(f"{name} → {to}: {text}")
                self.members[name].say(f"{PUBLIC}{number}")
                self.public.append(f"{name}: {PUBLIC}{number}")
        for member in self.members.values():
            await member.until(member.is_answered)
        await self.have_read()

    async def have_read(self) -> None:
        """Wait until everybody has all that they may read, and require that it is no more than that."""
        for member in (*self.members.values(), self.also):
            mine = [line for line in self.private if member.name in line.split(": ")[0].split(" → ")]
            await member.until(lambda member=member, mine=mine: {*mine, *self.public} <= {*member.story})  # type: ignore[misc]
            whispered = [line for line in member.story if SECRET in line]
            require(sorted(whispered) == sorted(mine), f"{member.name} was shown {len(whispered)} of {len(mine)}")

    def seqs(self) -> tuple[list[int], list[int]]:
        """Return the places of the private lines in the log, and of the others."""
        rows = _bodies(self.room.state_dir / "room.db")
        told = [(seq, kind, json.loads(body)["text"]) for seq, kind, body in rows if kind in ("private", "message")]
        private = [seq for seq, kind, _ in told if kind == "private"]
        return private, [seq for seq, kind, _ in told if kind == "message"]

    async def look(self, eve: Eve) -> None:
        """Let Eve get all she can, and judge it."""
        private, public = self.seqs()
        await asyncio.to_thread(eve.read_everything, max(private + public))
        self.looked_at += eve.judge(private, public)

    async def enter(self, name: str, *, flags: int = 0) -> Eve:
        """Let somebody else come in who wants all history; keys are as for everybody of that name."""
        eve = Eve(self.room.port, key_of(name), flags=flags)
        await asyncio.to_thread(eve.enter, name)
        return eve


def _bodies(database: Path) -> list[tuple[int, str, str]]:
    with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as connection:
        return connection.execute("SELECT seq, kind, body FROM log WHERE body IS NOT NULL").fetchall()


async def overhear(run: Run) -> Found:
    """Let others whisper, and Eve try everything; then look at what the admin is told."""
    room = Room(run.directory, hash_password())
    limits = {"limits.lines_per_second": 1_000, "limits.lines_burst": 1_000, "limits.handshakes_burst": 1_000}
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(room.serve(log_messages="always", log_level="debug", **limits))
        eve = Eve(room.port, key_of(EVE))
        members = {name: await stack.enter_async_context(joined(name, room.port, server.key)) for name in NAMES}
        also = await stack.enter_async_context(joined("budi", room.port, server.key))
        scene = Scene(room, server, members, also)
        await asyncio.to_thread(eve.enter, EVE)
        await scene.talk()
        await scene.look(eve)
        for name, flags in (("frida", 0), (EVE, 0), (EVE, m.FLAG_READER)):  # newcomers, further sessions, readers
            await scene.look(await scene.enter(name, flags=flags))
        for number in (signal.SIGKILL, signal.SIGTERM):
            await server.end(number)
            await server.start()
            await asyncio.to_thread(eve.enter, EVE)
            await scene.talk()
            await scene.look(eve)
        config = ["--config", str(room.directory / "sockatuh.toml")]
        copy = str(run.directory / "copy")
        for command in (("backup", copy), ("restore", copy)):
            code, said = await sockatuh(*command, *config)
            require(code == 0, f"`sockatuh {command[0]}` ended with {code}: {said}")
            if command[0] == "backup":
                await server.end()
        await server.start()
        await asyncio.to_thread(eve.enter, EVE)
        await scene.talk()
        await scene.look(eve)
        await server.end()
        await _judge_files(scene, config)
        forgotten = await _forget(run, limits)
    return Found(
        f"{len(scene.private)} private lines of four people, one of them in two windows, {len(scene.public)} others; "
        f"{scene.looked_at:,} datagrams opened: pushed, requested, as history, as a reader, after kill -9, a restart "
        "and a restore",
        "each shown to its two people and to nobody else; Eve has their numbers and no byte more; the database says "
        "who, the log who and how long, `history` the text only with --private; with message_retention 0 "
        f"{forgotten} texts are in no file",
    )


async def _judge_files(scene: Scene, config: Sequence[str]) -> None:
    """Require that texts are where they belong: in the database, and printed if somebody asks for them."""
    count = len(scene.private)
    stored = [json.loads(body) for _, kind, body in _bodies(scene.room.state_dir / "room.db") if kind == "private"]
    said = sorted(f"{body['name']} → {body['to']}: {body['text']}" for body in stored)
    require(said == sorted(scene.private), f"the database has {len(said)} private lines of {count}")
    logged = json.dumps(scene.server.logged) + "\n".join(scene.server.said)
    require(SECRET not in logged, "a private line is in the server's log")
    require(PUBLIC in logged, "the log has no texts at all")
    posted = scene.server.events("private_line_posted")
    require(len(posted) == count, f"{len(posted)} private lines were logged of {count}")
    require(all(each["to"] in NAMES and each["bytes"] >= len(SECRET) for each in posted), f"logged: {posted[:1]}")
    for options, is_told in (
        ((), False),
        (("--json",), False),
        (("--private",), True),
        (("--private", "--json"), True),
    ):
        process = await begin("history", "-n", str(HISTORY), *options, *config)
        printed, _ = await asyncio.wait_for(process.communicate(), PATIENCE)
        told = printed.decode().count(SECRET)
        require(told == (count if is_told else 0), f"`history {' '.join(options)}` prints {told} private lines")
        require(PUBLIC in printed.decode(), f"`history {' '.join(options)}` prints nothing")


async def _forget(run: Run, limits: dict[str, int]) -> int:
    """Let people whisper in a room that keeps no lines, and look for them in all its files; return how many."""
    directory = run.directory / "forgetful"
    directory.mkdir()
    room = Room(directory, hash_password())
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(room.serve(message_retention="0", **limits))
        names = {name: await stack.enter_async_context(joined(name, room.port, server.key)) for name in NAMES}
        also = await stack.enter_async_context(joined("budi", room.port, server.key))
        scene = Scene(room, server, names, also)
        await scene.talk()
        await server.end()
        for path in directory.rglob("*"):
            if path.is_file():
                data = path.read_bytes()
                require(SECRET.encode() not in data and PUBLIC.encode() not in data, f"a line is in {path.name}")
    return len(scene.private)


ATTACKS: Final[tuple[Attack, ...]] = (
    Attack(
        "whispers",
        "A private line is shown to its two people and to nobody else, who learns only that there is an entry",
        "a member opens everything that is sealed for her while four others whisper: pushed, requested in every way, "
        "as history, to further sessions and readers, after kill -9, a restart and a restore; the log, the database "
        "and `history` are searched",
        overhear,
    ),
)
