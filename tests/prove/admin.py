"""Attacks on the admin's orders: servers killed in the middle of one, backups, two admins at once, a full disk.

The admin is a program at the control socket (`desk.py`); where a person would type a command, it is the command.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from bench.orders import measure
from e2e.relay import Relay, as_it_is, relay_to
from e2e.running import PATIENCE, Member, Room, ServerProcess, eventually, hash_password, joined
from prove.attack import Attack, Found, Run, require, require_in_time
from prove.backups import begin, sockatuh
from prove.desk import Desk, config_of, database_of
from prove.outage import FILLING, scene, tiny_disk
from prove.programs import Program
from prove.rogue import Rogue

from sockatuh.client.profile import Profile
from sockatuh.errors import Refused, Removed
from sockatuh.protocol import messages as m
from sockatuh.protocol.client import events as e
from sockatuh.protocol.messages import LEFT

KILLS: Final = 12
ROUNDS: Final = 100
HOUR: Final = 3_600
ENDS_WITHIN: Final = 1.0
"""Seconds by which a ban may end sooner or later than it says."""
SHORT: Final = 4
NOT_STORED_AFTER: Final = (4.0, 9.0)
"""Seconds after which whoever gave an order is told that it is not stored yet."""
MEGABYTES: Final = 3
FLOODING: Final = "flooding"
JOIN_COSTS: Final = 2.0
"""How many times what a join asks at the gate without any orders it may cost with ten thousand."""
START_COSTS: Final = 1.3
"""The same of a start."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of the database that is an order."""

    seq: int
    kind: str
    key: str
    body: dict[str, Any]


def orders_in(database: Path) -> list[Entry]:
    """Return the orders of a database, in order."""
    with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as connection:
        rows = connection.execute(
            "SELECT seq, kind, key, body FROM log WHERE kind IN ('removed', 'banned', 'unbanned', 'muted', 'unmuted') "
            "ORDER BY seq"
        ).fetchall()
    return [Entry(seq, kind, key, json.loads(body)) for seq, kind, key, body in rows]


async def refused(room: Room, server: ServerProcess, name: str, **options: Any) -> Removed:
    """Try to come in, and return how that was refused; Broken if it was not."""
    try:
        async with joined(name, room.port, server.key, **options):
            pass
    except Removed as removed:
        return removed
    except Refused as other:
        require(False, f"{name} was refused with {other.code}")
    require(False, f"{name} came in")
    raise AssertionError


async def thrown_out(member: Member) -> Removed:
    """Wait until a member is removed, and return how it was told."""
    await eventually(lambda: member.ended_with is not None)
    ended = member.ended_with
    require(isinstance(ended, Removed), f"{member.name} was told {ended!r}")
    assert isinstance(ended, Removed)
    return ended


def moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def require_told(removed: Removed, code: str, until: str, reason: str) -> None:
    """Require that somebody was told the right code, reason and end."""
    require((removed.code, removed.reason) == (code, reason), f"told {removed.code}, {removed.reason!r}")
    end = (removed.until or 0) / 1000
    require(abs(end - moment(until)) < 2, f"told that it ends {end - moment(until):+.0f} s from when it does")


# A ban outlives its server.


async def ban_and_kill(run: Run) -> Found:
    """Ban, kill the server, start it; back up, restore; ban for seconds and wait."""
    dice, kills = run.dice, KILLS * (10 if run.long else 1)
    room = Room(run.directory, hash_password())
    desk = Desk(room)
    async with room.serve() as server:
        async with joined("ana", room.port, server.key) as ana, AsyncExitStack() as stack:
            budi = await stack.enter_async_context(joined("budi", room.port, server.key))
            code, said = await sockatuh("ban", "budi", "--for", "1h", "--reason", FLOODING, *config_of(room))
            require(code == 0, f"`sockatuh ban` ended with {code}: {said}")
            [ban] = await desk.in_force()
            require_told(await thrown_out(budi), "banned", ban["until"], FLOODING)
            await ana.sees("budi left")
        unanswered = 0
        for number in range(kills):
            unanswered += await _kill_in_the_middle(server, desk, f"10.9.{number}.1", dice.uniform(0.0, 0.02))
            if dice.random() < 0.3:
                server.launch()
                await asyncio.sleep(dice.uniform(0.0, 0.7))
                await server.kill()
            await server.start()
            standing = await desk.in_force()
            require(standing[0] == ban | {"hits": 0, "hit": None}, f"after a kill the ban is {standing[0]}")
            require_told(await refused(room, server, "budi"), "banned", ban["until"], FLOODING)
        _check_once(room, desk, await desk.in_force())
        await _put_back(room, server, desk, ban)
        late = await _outlast(room, server, desk)
    return Found(
        f"{kills} kills, {unanswered} of them before the answer; a backup put back",
        f"same id and end each time, refused each time; none lost that was answered, none twice; a ban of {SHORT} s "
        f"ended {late:+.1f} s from when it says",
    )


async def _kill_in_the_middle(server: ServerProcess, desk: Desk, target: str, after: float) -> bool:
    """Ban an address and kill the server just then; return whether the answer was lost. What was answered must hold."""
    ordering = asyncio.create_task(desk.order("ban", target=target, for_=HOUR, reason=target))
    await asyncio.sleep(after)
    await server.kill()
    try:
        answer = await ordering
    except (ConnectionError, FileNotFoundError):
        return True
    await server.start()
    listed = [order["what"] for order in await desk.in_force() if order["id"] == answer["id"]]
    require(listed == [target], f"a ban of {target} was answered, and then lost")
    await server.kill()
    return False


def _check_once(room: Room, desk: Desk, in_force: Sequence[dict[str, Any]]) -> None:
    """Require that no order is in the log twice, and that all of the log are in force."""
    stored = orders_in(database_of(room))
    twice = [key for key, count in Counter(entry.key for entry in stored).items() if count > 1]
    require(not twice, f"{twice} are in the log twice")
    require([entry.seq for entry in stored] == [order["id"] for order in in_force], "the log says something else")
    require(desk.asked > 0, "nothing was asked")


async def _put_back(room: Room, server: ServerProcess, desk: Desk, ban: dict[str, Any]) -> None:
    """Make a backup, lift the ban, put the backup back: it is in force again, with the same id and end."""
    file = str(room.directory / "copy.db")
    code, said = await sockatuh("backup", file, *config_of(room))
    require(code == 0, f"`sockatuh backup` ended with {code}: {said}")
    await desk.done("unban", target=str(ban["id"]))
    async with joined("budi", room.port, server.key):
        pass
    await server.end()
    code, said = await sockatuh("restore", file, *config_of(room))
    require(code == 0, f"`sockatuh restore` ended with {code}: {said}")
    await server.start()
    standing = await desk.in_force()
    require(standing[0] == ban | {"hits": 0, "hit": None}, f"after a restore the ban is {standing[0]}")
    require_told(await refused(room, server, "budi"), "banned", ban["until"], FLOODING)


async def _outlast(room: Room, server: ServerProcess, desk: Desk) -> float:
    """Ban somebody for seconds who tries to come in all the time; return how much later than said that succeeds."""
    async with joined("cici", room.port, server.key):
        ban = await desk.done("ban", target="cici", for_=SHORT)
    while True:
        began = time.time()
        try:
            async with joined("cici", room.port, server.key):
                pass
        except Removed:
            continue
        break
    late = time.time() - moment(ban["until"])
    require(began >= moment(ban["until"]) - ENDS_WITHIN, f"it ended {-late:.1f} s early")
    require_in_time(late <= ENDS_WITHIN, f"it ended {late:.1f} s late")
    return late


# A kick of a member with three sessions.


async def kick_three_sessions(run: Run) -> Found:
    """Kick a member that is here with two programs and a third that is out of contact, and try to come back."""
    room = Room(run.directory, hash_password())
    desk = Desk(room)
    async with room.serve() as server, AsyncExitStack() as stack:
        ana = await stack.enter_async_context(joined("ana", room.port, server.key))
        relay = await stack.enter_async_context(relay_to(room.port))
        chat = Program(run.directory / "chat", room.port, "budi")
        key = Profile(run.directory / "chat").identity()
        await chat.start()
        here = await stack.enter_async_context(joined("budi", room.port, server.key, private_key=key))
        lost = await stack.enter_async_context(joined("budi", relay.port, server.key, private_key=key))
        sessions = [line for line in await desk.ask("sessions", name="budi") if line["type"] == "session"]
        require(len(sessions) == 3, f"{len(sessions)} sessions of 3 are listed")
        _cut(relay)
        span = 10
        kick = await desk.done("kick", name="BUDI", for_=span, reason=FLOODING)
        require((kick["name"], kick["sessions"]) == ("budi", 3), f"the kick says {kick}")
        require_told(await thrown_out(here), "kicked", kick["until"], FLOODING)
        code = await chat.end(0)
        require(code == 4, f"`chat` ended with {code}")
        told = [each for each in chat.of("error") if each["code"] == "kicked"]
        require(bool(told), f"`chat` said {chat.objects[-2:]}")
        trying = asyncio.create_task(asyncio.to_thread(_try_by_force, room, key, moment(kick["until"])))
        _mend(relay)
        lost.say("is anybody there?")
        require_told(await thrown_out(lost), "kicked", kick["until"], FLOODING)
        tries = await trying
        await ana.sees("budi left")
        left = [event.entry for event in ana.all(e.EntryArrived) if event.entry.kind == LEFT]
        require([entry.text for entry in left] == ["removed"], f"the room was told {left}")
        await asyncio.sleep(max(0.0, moment(kick["until"]) - time.time()) + 0.2)
        await chat.start(with_password=False)  # the ticket is good still
        await ana.sees("budi joined")
        await chat.end(signal.SIGTERM)
        require(not any("anybody there" in line for line in ana.story), "a line of a removed member was stored")
    return Found(
        f"3 sessions, {tries} JOINs meanwhile",
        "all three told the reason and the end, one `left (removed)`, `chat` ends with 4; every JOIN refused with "
        "`kicked`; let in by its ticket once it is over",
    )


def _cut(relay: Relay) -> None:
    relay.change_up = relay.change_down = lambda _: None


def _mend(relay: Relay) -> None:
    relay.change_up = relay.change_down = as_it_is


def _try_by_force(room: Room, key: bytes, until: float) -> int:
    """Ask to come in with a client that does not mind, as fast as it is answered, until a time; return how often."""
    tries = 0
    while True:
        rogue = Rogue(room.port, key)
        try:
            answer = rogue.shake().join(("budi", "BUDI", "other")[tries % 3])
        finally:
            rogue.close()
        if time.time() >= until:
            break
        require(isinstance(answer, m.Refused), f"somebody who was kicked was told {answer}")
        assert isinstance(answer, m.Refused)
        require((answer.code, answer.detail) == ("kicked", FLOODING), f"somebody who was kicked was told {answer}")
        tries += 1
    require(tries > 0, "nobody tried to come in")
    return tries


# Two admins at once.


async def order_together(run: Run) -> Found:
    """Two admins give orders about one target at the same moment, a hundred times."""
    dice, rounds = run.dice, ROUNDS * (5 if run.long else 1)
    room = Room(run.directory, hash_password())
    one, other = Desk(room), Desk(room)
    replaced = lifted = 0
    async with room.serve() as server:
        async with joined("ana", room.port, server.key), joined("budi", room.port, server.key):
            pass
        for number in range(rounds):
            target = dice.choice(["budi", "10.1.2.3", "10.0.0.0/8", "name:eve"])
            before = len(orders_in(database_of(room)))
            answers = await asyncio.gather(
                one.order("ban", target=target, for_=HOUR, reason=f"one {number}", yes=True),
                other.order("ban", target=target, for_=2 * HOUR, reason=f"other {number}", yes=True),
            )
            require({each["type"] for each in answers} == {"done"}, f"round {number}: {answers}")
            first, second = sorted(answers, key=lambda each: int(each["id"]))
            written = orders_in(database_of(room))[before:]
            require([entry.seq for entry in written] == [first["id"], second["id"]], f"round {number} wrote {written}")
            require(second["replaced"] == first["id"], f"the second replaced {second['replaced']}, not {first['id']}")
            standing = [order for order in await one.in_force() if order["what"] == second["what"]]
            require([order["id"] for order in standing] == [second["id"]], f"round {number} leaves {standing}")
            require(standing[0]["reason"] == second["reason"], "the first one's reason is in force")
            replaced += 1
            if dice.random() < 0.5:
                ends = await asyncio.gather(*(desk.order("unban", target=str(second["id"])) for desk in (one, other)))
                kinds = sorted(each["type"] for each in ends)
                require(kinds == ["done", "error"], f"a ban was lifted by two: {ends}")
                code = next(each["code"] for each in ends if each["type"] == "error")
                require(code == "no_such_order", f"the second to lift it was told {code}")
                require(not [each for each in await one.in_force() if each["id"] == second["id"]], "it is in force")
                lifted += 1
        in_force = await one.in_force()
        await server.kill()
        await server.start()
        require(await one.in_force() == [each | {"hits": 0, "hit": None} for each in in_force], "a restart changed it")
    return Found(
        f"{rounds} rounds of two bans of one target at once, {lifted} of two `unban`",
        f"one entry each; the second replaced the first in all {replaced}, and says so; one of two lifts it",
    )


# The disk is full.


async def order_on_a_full_disk(run: Run) -> Found:
    """Give orders while the disk is full: `not_stored`, in force at once all the same, and stored once it is not."""
    directory = run.directory / "disk"
    with tiny_disk(directory, MEGABYTES) as fill:
        async with scene(directory, ("ana", "budi", "cici")) as there:
            desk = Desk(there.room)
            fill()
            await there.talk_in_vain("the disk is full")
            began = time.monotonic()
            answers = await asyncio.gather(
                desk.order("ban", target="10.5.0.0/16", for_=HOUR, reason="first"),
                desk.order("ban", target="10.6.0.0/16", for_=HOUR, reason="second"),
                desk.order("announce", text="the disk is full"),
            )
            took = time.monotonic() - began
            codes = {each.get("code") for each in answers}
            require(codes == {"not_stored"}, f"on a full disk the admin was told {answers}")
            least, most = NOT_STORED_AFTER
            require_in_time(least < took < most, f"told so after {took:.1f} s")
            code, said = await sockatuh("ban", "10.7.0.0/16", "--config", str(directory / "sockatuh.toml"))
            require(code == 3, f"`sockatuh ban` ended with {code}: {said}")
            require(not orders_in(database_of(there.room)), "an order is in the log of a full disk")
            (directory / FILLING).unlink()
            recovered = await _recovered(there.server, desk)
            await asyncio.gather(*(member.sees("admin: the disk is full") for member in there.members))
            keys = Counter(entry.key for entry in orders_in(database_of(there.room)))
            require(len(keys) == 3 and set(keys.values()) == {1}, f"stored as {keys}")
            await there.server.end()
            listed = await _audit(there.room)
            for what in ("10.5.0.0/16", "10.6.0.0/16", "10.7.0.0/16", "the disk is full"):
                times = sum(what in line for line in listed)
                require(times == 1, f"the audit has {what} {times} times: {listed}")
    return Found(
        f"4 orders on a full disk of {MEGABYTES} MiB",
        f"`not_stored` after {took:.1f} s (exit code 3), all in the log and in force {recovered:.1f} s after it was "
        "emptied, each once; `audit` lists each once",
    )


async def _audit(room: Room) -> list[str]:
    """Return the lines of `sockatuh audit --json`."""
    process = await begin("audit", "--json", *config_of(room))
    printed, said = await process.communicate()
    require(process.returncode == 0, f"`sockatuh audit` ended with {process.returncode}: {said.decode()}")
    return printed.decode().splitlines()


async def _recovered(server: ServerProcess, desk: Desk) -> float:
    """Wait until the orders are in force; return how long that took."""
    began = time.monotonic()
    await server.wait_for("storage_recovered")
    async with asyncio.timeout(PATIENCE):
        while len(await desk.in_force()) < 3:
            await asyncio.sleep(0.05)
    return time.monotonic() - began


# Ten thousand at once.


def order_thousands(run: Run) -> Found:
    """Start with ten thousand bans in force, and ask at the gate, beside the same room without any."""
    cost = measure(run.directory)
    start, join = cost.start_with / cost.start_without, cost.join_with / cost.join_without
    require_in_time(join < JOIN_COSTS, f"{cost}: {join:.1f} times as much for a join")
    require_in_time(start < START_COSTS, f"{cost}: {start:.1f} times as much for a start")
    return Found(f"{cost.orders:,} bans of keys, addresses, networks and names", str(cost))


ATTACKS: Final[tuple[Attack, ...]] = (
    Attack(
        "admin-ban",
        "Orders: a ban that was answered is in force, with its id and its end, whatever happens to the server",
        f"kill -9 {KILLS} times, also in the middle of another order; a restart, a backup and its restore; the banned "
        "client tries to come in each time",
        ban_and_kill,
        limit=180.0,
    ),
    Attack(
        "admin-kick",
        "Orders: a kick removes every session of a member, once for the room, and keeps them out until its end",
        "a member with two programs and a third out of contact; JOINs as fast as they are answered, also under other "
        "names; the lost one comes back",
        kick_three_sessions,
    ),
    Attack(
        "admin-together",
        "Orders: of two orders about one target at once, each is one entry, and the second replaces the first",
        f"two programs at the control socket, {ROUNDS} rounds of two bans of one target, half of them lifted by both",
        order_together,
    ),
    Attack(
        "admin-disk-full",
        "Orders: what cannot be stored is said to be not stored, and is stored once when it can be",
        "three orders and a command on a full disk, which is emptied",
        order_on_a_full_disk,
    ),
    Attack(
        "admin-thousands",
        "Orders: as many as can be in force delay neither a join nor a start",
        "10,000 bans; the start of the server and the question at the gate, beside the same room without any",
        order_thousands,
    ),
)
