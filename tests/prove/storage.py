"""Attacks on the database of a running room: a full disk, a failing one, a lock, a lost file, damage, an unread log."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

from cli.people import Client
from e2e.running import PASSWORD, Room, eventually, hash_password, joined, options_for
from kit.programs import SOCKATUH
from kit.terminal import Terminal
from prove.attack import Attack, Found, Run, require
from prove.outage import FILLING, PATIENCE, Scene, injected, scene, tiny_disk

from sockatuh.client.session import Conversation
from sockatuh.protocol.client import events as e
from sockatuh.protocol.identity import Invite

NAMES: Final = ("ana", "budi", "cici", "dora", "edi")
MEGABYTES: Final = 3
FULL: Final = "the disk is full"
FAILING: Final = "the disk reports an error (disk I/O error)"
LOCKED: Final = "another program has locked it"
FAULTS: Final = (("fdatasync", "EIO"), ("pwrite64", "EIO"), ("pwrite64", "EROFS"))
LONG_LINES: Final = 120
LONG: Final = 1_000
LOGGED_LINES: Final = 2_000
UNHEARD: Final = 65_536
"""Bytes a pipe holds that nobody reads."""
EASY: Final = {"limits.lines_per_second": 10_000, "limits.lines_burst": 100_000}


def program(directory: Path, port: int, name: str) -> Client:
    """Return somebody at a terminal who knows how to come in."""
    return Client(
        directory / name,
        command=SOCKATUH,
        SOCKATUH_SERVER=f"127.0.0.1:{port}",
        SOCKATUH_TRUST="accept-new",
        SOCKATUH_NAME=name,
        SOCKATUH_PASSWORD=PASSWORD,
    )


def come_in(client: Client) -> Terminal:
    terminal = client.terminal("chat", "-n", "0")
    terminal.wait_for("— you are here —", ">")
    return terminal


# The disk is full.


async def fill_the_disk(run: Run) -> Found:
    """Everybody talks on a disk that is full, somebody comes, somebody goes, and the server is started again on it."""
    directory = run.directory / "disk"
    with tiny_disk(directory, MEGABYTES) as fill:
        async with scene(directory, NAMES) as there:
            async with joined("guest", there.room.port, there.server.key):
                fill()
                await there.talk_in_vain(FULL)
            told: list[object] = []
            late = asyncio.create_task(_come_late(there, told))
            await eventually(lambda: bool(told))
            require(not late.done(), "a newcomer was let in that is not in the log")
            first = await _empty(there, directory, 1)
            await asyncio.wait_for(late, PATIENCE)
            await eventually(lambda: _is_closed(there, "guest"))
            require(len(there.server.events("storage_failing")) == 1, "one outage was logged more than once")
            fill()
            await there.server.end()
            await there.server.start()
            for member in there.members:
                await member.until(lambda member=member: bool(member.all(e.Admitted)))  # type: ignore[misc]
            fill()  # a stop in order may have made room: the write-ahead log is emptied
            await there.talk_in_vain(FULL)
            second = await _empty(there, directory, 2)
            count = there.check()
    return Found(
        f"{count} lines, a newcomer and a restart on a disk of {MEGABYTES} MiB, filled twice",
        f"0 acknowledged while full, 0 lost, 0 doubled; all stored {max(first, second):.1f} s after it was emptied",
    )


async def _empty(there: Scene, directory: Path, count: int) -> float:
    (directory / FILLING).unlink()
    return await there.recovered(count)


async def _come_late(there: Scene, told: list[object]) -> None:
    """Join while nothing can be stored; what one is told of it goes to `told`."""
    options = options_for("late", there.room.port, there.server.key)
    async with Conversation(options, told.append) as late:
        await late.open(PATIENCE)
        await late.join("late", PASSWORD, PATIENCE)
        await late.leave()


def _is_closed(there: Scene, name: str) -> bool:
    return all(session.closed is not None for session in there.room.history.joins(None, name, 100))


# The disk fails.


async def fail_the_disk(run: Run) -> Found:
    """Writes and syncs fail with an I/O error; once the server is killed while they do."""
    async with scene(run.directory, NAMES) as there:
        took = []
        for round_, (call, error) in enumerate(FAULTS, 1):
            async with injected(there.server.pid, call, error):
                await there.talk_in_vain(FAILING)
            took.append(await there.recovered(round_))
        async with injected(there.server.pid, "fdatasync", "EIO"):
            await there.talk_in_vain(FAILING)
            await there.server.kill()
        await there.server.start()
        await there.answered()
        require(len(there.server.events("storage_failing")) == len(FAULTS) + 1, "not each outage was logged once")
        count = there.check()
    faults = ", ".join(f"{call} {error}" for call, error in FAULTS)
    return Found(
        f"{count} lines under {faults}, and a kill in the middle",
        f"0 acknowledged meanwhile, 0 lost, 0 doubled; all stored at most {max(took):.1f} s after the disk was well",
    )


# Another program holds it.


async def lock_it(run: Run) -> Found:
    """Another program holds the database exclusively, while a person looks at the screen of a chat."""
    async with scene(run.directory, NAMES) as there:
        client = program(run.directory, there.room.port, "tom")
        try:
            terminal = await asyncio.to_thread(come_in, client)
            with contextlib.closing(sqlite3.connect(there.database, isolation_level=None)) as other:
                other.execute("BEGIN EXCLUSIVE")
                terminal.enter("soup at one")
                await there.talk_in_vain(LOCKED)
                await asyncio.to_thread(terminal.wait_for, "soup at one … not stored yet")
                await _ask_who_is_here(there)
                other.rollback()
            took = await there.recovered(1)
            await asyncio.to_thread(terminal.wait_for, "tom  soup at one")
            await asyncio.to_thread(terminal.wait_for_prompt)
            await asyncio.to_thread(
                terminal.wait_until, lambda: "not stored yet" not in terminal.text, "end of the mark"
            )
        finally:
            client.close()
        for member in there.members:
            await member.sees("tom: soup at one")
        count = there.check("tom: soup at one")
    return Found(
        f"{count} lines and a person's under BEGIN EXCLUSIVE",
        f"0 acknowledged meanwhile, 0 lost, 0 doubled; marked on the screen until stored, {took:.1f} s after",
    )


async def _ask_who_is_here(there: Scene) -> None:
    asking = there.members[0]
    asking.conversation.ask_who("")
    await asking.until(lambda: bool(asking.all(e.MembersListed)))
    require(len(asking.all(e.MembersListed)[0].members) == len(NAMES) + 1, "not everybody was listed")


# The file goes away.


async def take_it_away(run: Run) -> Found:
    """The database is moved away under the server, and later moved back: what was written meanwhile counts once."""
    async with scene(run.directory, NAMES) as there:
        elsewhere = there.database.with_name("elsewhere.db")
        there.database.rename(elsewhere)
        await there.talk_in_vain("it was removed or replaced while the server ran")
        elsewhere.rename(there.database)
        took = await there.recovered(1)
        count = there.check()
    return Found(
        f"{count} lines", f"0 acknowledged while it was gone, 0 lost, 0 doubled; all stored after {took:.1f} s"
    )


# A page is damaged.


async def damage_it(run: Run) -> Found:
    """A page of old lines is overwritten: a reader is told of one gap and gets what comes before and after it."""
    room = Room(run.directory, hash_password())
    async with room.serve(**EASY) as server, joined("ana", room.port, server.key) as ana:
        for number in range(LONG_LINES):
            ana.say(f"{number} " + "x" * LONG)
        await ana.until(ana.is_answered)
        await server.end()
        _overwrite_a_page(room.state_dir / "room.db")
        await server.start()
        require(bool(server.events("history_damaged")), "the damage was not logged at the start")
        async with joined("budi", room.port, server.key, history=None, cursor=1) as budi:
            await budi.until(lambda: bool(budi.all(e.CaughtUp)))
            ana.say("and after")
            await budi.sees("ana: and after")
            seen = len(budi.lines) - 1
            gaps = [event.stretch.count for event in budi.all(e.EntriesGone)]
            await ana.until(ana.is_answered)
        require(0 < seen < LONG_LINES, f"{seen} of {LONG_LINES} lines came from a damaged file")
        require(len(gaps) == 1, f"one damaged page was told as {len(gaps)} gaps")
        require(seen + gaps[0] >= LONG_LINES, f"{seen} lines and a gap of {gaps[0]} are not all of them")
        said = server.events("history_damaged")
        require(len(said) == 1, f"the damage was logged {len(said)} times")
        require("it is damaged" in said[0]["reason"], f"the log says {said[0]['reason']}")
        require("sockatuh restore" in said[0]["remedy"], f"the remedy is {said[0]['remedy']}")
    told = f"{seen} read, one gap of {gaps[0]}, one event in the log with its remedy; the room goes on"
    return Found(f"{LONG_LINES} lines, 1 page overwritten", told)


def _overwrite_a_page(path: Path) -> None:
    data = bytearray(path.read_bytes())
    size = int.from_bytes(data[16:18], "big")
    leaves = [at for at in range(0, len(data), size) if data[at] == 13 and b"xxxx" in data[at : at + size]]
    at = leaves[len(leaves) // 2]
    data[at : at + 64] = os.urandom(64)
    path.write_bytes(data)


# Nobody reads the log.


async def stop_reading_the_log(run: Run) -> Found:
    """Whoever reads the log stops: the room goes on, and not a line of the log is missing when it is read again."""
    room = Room(run.directory, hash_password())
    command = [sys.executable, "-m", "sockatuh", "serve", "--config", str(room.configure(**EASY))]
    with subprocess.Popen(command, stderr=subprocess.PIPE) as process:
        try:
            assert process.stderr is not None
            invites = (line for line in process.stderr if line.startswith(b"Invite"))
            key = Invite.parse_untrusted(next(invites).split()[-1].decode()).key
            took = await _talk(room.port, key)
            process.terminate()
            rest = await asyncio.to_thread(process.stderr.read)
        finally:
            process.kill()
    logged: list[dict[str, Any]] = [json.loads(line) for line in rest.splitlines() if line.startswith(b"{")]
    posted = sum(line["event"] == "message_posted" for line in logged)
    require(len(rest) > 2 * UNHEARD, "the log was too short to fill the pipe")
    require(posted == LOGGED_LINES, f"{LOGGED_LINES - posted} of {LOGGED_LINES} events are missing in the log")
    return Found(
        f"{LOGGED_LINES} lines said, {len(rest) // 1024} KiB of log in a pipe of {UNHEARD // 1024}",
        f"all acknowledged in {took:.1f} s while nobody read; 0 events missing afterwards",
    )


async def _talk(port: int, key: bytes) -> float:
    async with joined("ana", port, key) as ana:
        began = time.monotonic()
        for number in range(LOGGED_LINES):
            ana.say(f"line {number}")
        await ana.until(ana.is_answered)
        return time.monotonic() - began


PROMISE: Final = "What cannot be stored is not acknowledged; it waits, everybody is told why, and nothing is lost"
ATTACKS: Final[tuple[Attack, ...]] = (
    Attack(
        "storage-full",
        PROMISE,
        f"A {MEGABYTES} MiB disk is filled twice under {len(NAMES)} talking members; one joins, one leaves, the "
        "server restarts",
        fill_the_disk,
    ),
    Attack(
        "storage-io-error",
        PROMISE,
        f"Writes and syncs fail (EIO, EROFS) under {len(NAMES)} talking members, and the server is killed meanwhile",
        fail_the_disk,
    ),
    Attack(
        "storage-locked",
        PROMISE,
        f"Another program locks the database under {len(NAMES)} talking members and one at a real screen",
        lock_it,
    ),
    Attack(
        "storage-removed",
        PROMISE,
        f"The database is moved away under {len(NAMES)} talking members, and moved back",
        take_it_away,
    ),
    Attack(
        "storage-damaged",
        "Damage is reported once with its remedy, and costs only the damaged stretch",
        f"One page of {LONG_LINES} lines is overwritten while the server is down; a newcomer reads them all",
        damage_it,
    ),
    Attack(
        "log-unread",
        "A stalled reader of the server's stderr does not hold up the room",
        f"The reader stops while {LOGGED_LINES:,} lines are said, and continues",
        stop_reading_the_log,
    ),
)
