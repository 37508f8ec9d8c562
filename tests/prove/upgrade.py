"""Attacks on growing older: a room of the first version, a migration killed half-way, a program too old or too new."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
from contextlib import AsyncExitStack, closing
from functools import partial
from pathlib import Path
from typing import Any, Final, cast

from cli.people import Client
from e2e.relay import relay_to
from e2e.running import PASSWORD, Member, Room, hash_password, joined
from kit.programs import SOCKATUH
from prove.attack import Attack, Broken, Found, Run, require
from prove.backups import messages
from store.first_schema import FOREVER, LAST, LINES, lay_out

from sockatuh.errors import NameTaken
from sockatuh.protocol.client import events as e
from sockatuh.protocol.constants import COOKIE, HELLO
from sockatuh.protocol.messages import MESSAGE
from sockatuh.protocol.noise import public_key
from sockatuh.store import migrations
from sockatuh.store.database import open_writer
from sockatuh.store.keys import ServerKeys

FUTURE: Final = (
    (
        "CREATE TABLE bans (key TEXT PRIMARY KEY, until TEXT)",
        "INSERT INTO bans SELECT key, max(at) FROM log WHERE key IS NOT NULL GROUP BY key",
    ),
    ("ALTER TABLE log ADD COLUMN size INTEGER", "UPDATE log SET size = length(body)"),
    ("CREATE INDEX log_size ON log (size)", "DROP TABLE bans"),
)
"""Steps that a later version might take."""
FIRST: Final = 1
"""The schema of the first version."""
MOST_STATEMENTS: Final = 200
OTHER_VERSIONS: Final = (0, 2)


# A room of the first version.


async def _open_the_first_room(run: Run) -> Found:
    room = Room(run.directory, hash_password())
    database = lay_out(room.state_dir)
    keys = ServerKeys.load(room.state_dir)
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(room.serve(log_level="warning", **FOREVER))
        require(server.key == public_key(keys.private_key), "the server is another than the one its members know")
        ana = await stack.enter_async_context(joined("ana", room.port, server.key, history=50))
        await ana.until(lambda: bool(ana.all(e.CaughtUp)))
        require(_lines(ana) == list(LINES), "a member of then does not read what was said then")
        for name in ("ana", "robot"):  # a name of two words is none any more, so nobody can own it
            await _fail_to_take(name, room.port, server.key)
        budi = await stack.enter_async_context(joined("Budi Santoso", room.port, server.key))
        number = budi.say("back again")
        await budi.until(budi.is_answered)
        await ana.sees("Budi_Santoso: back again")
        require(budi.stored[number] > LAST, "the log begins anew")
    kept = messages(database)
    require([line for seq, line in kept.items() if seq <= LAST] == list(LINES), "the log is not what it was")
    with closing(sqlite3.connect(database)) as connection:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
    return Found(
        f"{LAST} entries, 4 names and 3 key files of schema 1", f"all there under schema {version}, names still owned"
    )


def _lines(member: Member) -> list[str]:
    entries = (event.entry for event in member.all(e.EntryArrived))
    return [f"{entry.name}: {entry.text}" for entry in entries if entry.kind >= MESSAGE and entry.text]


async def _fail_to_take(name: str, port: int, key: bytes) -> None:
    try:
        async with joined(name, port, key, private_key=os.urandom(32)):
            raise Broken(f"a stranger took the name {name}")
    except NameTaken:
        pass


# A migration that is killed, and a database that is too new.


class _Mortal(sqlite3.Connection):
    """Kills its process before the statement after so many."""

    left = 0

    def execute(self, *arguments: Any) -> sqlite3.Cursor:
        if _Mortal.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        _Mortal.left -= 1
        return super().execute(*arguments)


def _open_in_another_process(database: Path, after: int) -> bool:
    """Open a room with a later version that is killed after so many statements; tell whether it came through."""
    child = os.fork()
    if child == 0:
        try:
            _Mortal.left = after
            sqlite, later_version = cast(Any, sqlite3), cast(Any, migrations)
            sqlite.connect = partial(sqlite.connect, factory=_Mortal)
            later_version.STEPS = (*migrations.STEPS, *FUTURE)
            open_writer(database, "full").close()
        except BaseException:
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    require(os.waitstatus_to_exitcode(status) in (0, -signal.SIGKILL), "a later version cannot open the room")
    return os.waitstatus_to_exitcode(status) == 0


def _kill_migrations(run: Run) -> Found:
    new = len(migrations.STEPS) + len(FUTURE)
    kills = 0
    for name, make, lines, before in (
        ("first", lay_out, LINES, FIRST),
        ("empty", lambda place: place / "room.db", (), 0),
    ):
        for after in range(MOST_STATEMENTS):
            database = make(run.directory / f"{name}{after}")
            if _open_in_another_process(database, after):
                break
            kills += 1
            if database.exists():
                _check_version(database, before, new, lines)
            require(_open_in_another_process(database, MOST_STATEMENTS), "the next start does not come through")
            _check_version(database, new, new, lines)
        else:
            raise Broken("opening never came to its end")
    _refuse_the_newer(run.directory, new)
    return Found(
        f"killed before each of {kills} statements, in a new room and one of schema {FIRST}",
        f"the schema of before or {new} each time and never between, every line there, the next start completes; "
        "a newer database is refused unchanged",
    )


def _check_version(database: Path, before: int, after: int, lines: tuple[str, ...]) -> None:
    with closing(sqlite3.connect(database)) as connection:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        columns = [row[1] for row in connection.execute("PRAGMA table_info(log)")]
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    require(version in (before, after), f"a killed migration left schema {version}")
    require(("size" in columns) is (version == after), "a killed migration left half a schema")
    require("bans" not in tables, "a killed migration left a table of a step in between")
    if columns:
        require(tuple(messages(database).values()) == lines, "a killed migration lost lines")


def _refuse_the_newer(directory: Path, newer: int) -> None:
    """Start today's server on a database of a later version."""
    place = directory / "newer"
    place.mkdir()
    room = Room(place, "$2b$12$" + "e" * 53)
    database = lay_out(room.state_dir)
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute(f"PRAGMA user_version = {newer}")
    bytes_before = database.read_bytes()
    server = room.server()
    code = server.run()
    said = " ".join(server.said)
    require(code == 1 and "newer SockAtuh" in said, f"a newer database ends `serve` with {code}: {said}")
    require(database.read_bytes() == bytes_before, "a newer database was changed")


# A client of another version.


def _bear_version(version: int, data: bytes) -> bytes:
    return data[:1] + bytes([version]) + data[2:] if data[0] == COOKIE else data


async def _meet_another_version(run: Run) -> Found:
    room = Room(run.directory, hash_password())
    tried = 0
    async with room.serve(log_level="warning") as server, relay_to(server.port) as relay:
        for version in OTHER_VERSIONS:
            relay.change_down = partial(_bear_version, version)
            address = f"127.0.0.1:{relay.port}"
            commands = [("send", "hello", "--server", address), ("tail", address), ("who", address)]
            await asyncio.gather(
                *(asyncio.to_thread(_run_command, run.directory, version, command) for command in commands),
                asyncio.to_thread(_chat, run.directory, version, address),
            )
            tried += len(commands) + 1
        require({data[0] for data in relay.up} == {HELLO}, "more than HELLO was sent to a server of another version")
        relay.change_down = lambda data: data
        done = await asyncio.to_thread(_person(run.directory / "again").run, "send", "hello", "--server", address)
        require(done.returncode == 0, "the same command does not work with a server of its version")
    return Found(
        f"{tried} commands meet protocol versions {' and '.join(map(str, OTHER_VERSIONS))}",
        "exit 7 and one sentence each, nothing asked, nothing sent but HELLO",
    )


def _person(directory: Path) -> Client:
    return Client(directory, SOCKATUH_TRUST="accept-new", SOCKATUH_PASSWORD=PASSWORD, command=SOCKATUH)


def _run_command(directory: Path, version: int, command: tuple[str, ...]) -> None:
    done = _person(directory / f"{command[0]}{version}").run(*command)
    _check_answer(command[0], version, done.returncode, done.stdout, done.stderr)


def _check_answer(verb: str, version: int, code: int, printed: str, said: str) -> None:
    require(code == 7, f"`{verb}` ends with {code} at protocol version {version}: {said}")
    require(printed == "", f"`{verb}` prints {printed!r} on stdout")
    require(f"protocol version {version}" in said, f"`{verb}` does not say which version: {said!r}")
    require(("Update this program" in said) is (version > 1), f"`{verb}` does not say what to update: {said!r}")
    require("Traceback" not in said and said.count("\n") <= 2, f"`{verb}` says more than a sentence: {said!r}")


def _chat(directory: Path, version: int, address: str) -> None:
    """Meet the other version in a terminal, where there would be questions."""
    person = Client(directory / f"chat{version}", command=SOCKATUH)
    terminal = person.terminal("chat", address, columns=200)
    try:
        code = terminal.end()
    finally:
        person.close()
    said = terminal.text
    _check_answer("chat", version, code, "", said + "\n")
    asked = [word for word in ("Trust", "name [", "assword", "Your name") if word in said]
    require(not asked, f"`chat` asked: {said!r}")


ATTACKS: Final[tuple[Attack, ...]] = (
    Attack(
        "upgrade",
        "What the first version wrote still opens: log, history, names and keys.",
        "a room.db and key files of schema 1 are served; a member of that time returns, strangers ask for the names",
        _open_the_first_room,
    ),
    Attack(
        "migration",
        "A migration happens as a whole or not at all, and a database of a newer version is left alone.",
        f"opening with {len(FUTURE)} further steps is killed (kill -9) before every single statement",
        _kill_migrations,
    ),
    Attack(
        "version",
        "A client of another protocol version gets a plain sentence before anything is asked or sent.",
        "send, tail, who and chat in a terminal meet a server whose version was changed on the way",
        _meet_another_version,
    ),
)
