"""The corpus of hostile texts, in by every way into a room and looked at on every way out."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import re
import socket
import subprocess
import time
from collections.abc import Iterable
from itertools import dropwhile
from pathlib import Path
from typing import Final

from cli.people import Client
from e2e.running import PASSWORD, Room, ServerProcess, hash_password, key_of
from forgers import FORMER, NAMES, SAID
from hostile import BYTES, COCKTAIL, TEXTS, faults_of_text, lies_in
from kit.programs import SOCKATUH
from prove.attack import Attack, Found, Run, require
from prove.rogue import NotAnswered, Rogue
from prove.shown import PATIENCE, Watched

from sockatuh.protocol import messages as m
from sockatuh.protocol.constants import MAX_PIECE
from sockatuh.room.names import NameRules

FAST: Final = {
    "limits.lines_per_second": 100_000.0,
    "limits.lines_burst": 100_000,
    "limits.handshakes_per_address": 1000.0,
    "limits.handshakes_burst": 1000,
}
HOST: Final = "127.0.0.1"
WATCHER: Final = "watcher"
LOOKER: Final = "looker"
LAST: Final = "the last of all lines"
HARMLESS: Final = (
    "hello",
    "two\nlines",
    "to watcher: do you see it?",
    "a long one " * 20,
    "caf\u00e9 \U0001f469\u200d\U0001f469\u200d\U0001f467",
)
ROWS: Final = 40
_LOG_LINE: Final = re.compile(r"\d\d:\d\d:\d\d (?:info|warning|error) +[a-z_]+ ")
LONGEST_NAME: Final = 200
LONGEST_AWAY: Final = 300
VERSION_BYTES: Final = 32
CLASSIC: Final = "klasik"
HEARD_AT_ONCE: Final = 16
SAID_AGAIN: Final = 0.5
"""Seconds after which a line that has no answer is said again."""
ASKED_AT_ONCE: Final = 50
"""Questions that are asked from one address, which is answered 60 before it has to wait."""
PASTED: Final = 6
"""Texts that are pasted at once."""
ARGUMENT: Final = "\n".join(text.replace("\0", "") for text in TEXTS.values() if len(text) < 1_000)
"""What fits one line of the room, and an argument of a command."""


class Speaker:
    """A member who says bytes as they are, by the secure dialect."""

    def __init__(self, port: int, name: str, version: str = "rogue") -> None:
        self._rogue = Rogue(port, key_of(name), version=version).shake()
        answer = self._rogue.join(name)
        require(isinstance(answer, m.Welcome), f"{name} is not in: {answer}")
        self._number = 0

    def say(self, data: bytes, *, action: bool = False, to: str = "") -> None:
        """Say bytes, to everybody or privately, and wait until they are stored or refused."""
        self._number += 1
        size = MAX_PIECE - len(to)
        pieces = [data[at : at + size] for at in range(0, len(data), size)] or [b""]
        ends_at, said_at = time.monotonic() + PATIENCE, 0.0
        while (now := time.monotonic()) < ends_at:
            if now > said_at + SAID_AGAIN:
                said_at = now
                for index, piece in enumerate(pieces):
                    self._rogue.send(m.Say(self._number, self._number, action, index, len(pieces), piece, to))
            for message in self._rogue.hear(0.1):
                if isinstance(message, m.Stored | m.Unsaid):
                    return
        raise NotAnswered(repr(data[:40]))

    def close(self) -> None:
        self._rogue.ask(m.Leave())
        self._rogue.close()


def encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


# Ways in.


def speak(port: int) -> int:
    """Say everything in the secure dialect and in the classic one; return how many texts that were."""
    secure = Speaker(port, "rogue", version=COCKTAIL.encode()[:VERSION_BYTES].decode(errors="ignore"))
    count = 0
    for text in (*TEXTS.values(), *SAID):
        for action, to in ((False, ""), (True, ""), (False, WATCHER), (False, LOOKER)):
            secure.say(encoded(text), action=action, to=to)
            count += 1
    for data in BYTES.values():
        secure.say(data)
    secure.close()
    for number, texts in enumerate(_by_host()):
        with _classic(number, port) as classic:
            for step in (f"Username:{CLASSIC}{number}", f"Password:{PASSWORD}"):
                classic.send(step.encode())
                classic.recv(2048)
            for data in texts:
                classic.send(data)
    return count + 2 * len(BYTES) + len(TEXTS)


def _by_host() -> list[list[bytes]]:
    """Return what is sent in the classic dialect, as much by each host as is accepted at once."""
    texts = [data[:MAX_PIECE] for data in (*map(encoded, TEXTS.values()), *BYTES.values())]
    return [texts[at : at + HEARD_AT_ONCE] for at in range(0, len(texts), HEARD_AT_ONCE)]


def _classic(number: int, port: int) -> socket.socket:
    """Return a socket of a host of its own."""
    sock = socket.socket(type=socket.SOCK_DGRAM)
    sock.settimeout(5.0)
    sock.bind((f"127.0.1.{number + 1}", 0))
    sock.connect((HOST, port))
    return sock


def introduce(port: int) -> tuple[list[str], int]:
    """Join under every hostile name, secure and classic; return the names that were taken, and how many were tried."""
    rules, names = NameRules(), list[str]()
    wanted = [name for text in TEXTS.values() for name in (text[:LONGEST_NAME], f"a{text[:30]}")]
    wanted += [*NAMES, *FORMER]
    for at in range(0, len(wanted), ASKED_AT_ONCE):
        rogue = Rogue(port, host=f"127.0.2.{at // ASKED_AT_ONCE + 1}").shake()
        for name in wanted[at : at + ASKED_AT_ONCE]:
            answer = rogue.ask(m.Join(name.encode(errors="replace").decode(), None, 0))
            if isinstance(answer, m.NameValid):
                names.append(answer.name)
            else:
                require(
                    isinstance(answer, m.Refused) and answer.code != "name_wait", f"{name!r} is not judged: {answer}"
                )
        rogue.close()
    names = list({rules.key(name): name for name in names}.values())
    excuses = [text.encode(errors="replace")[:LONGEST_AWAY].decode(errors="ignore") for text in TEXTS.values()]
    for name, text in zip(names, itertools.cycle(excuses), strict=False):
        other = Rogue(port).shake()
        require(isinstance(other.join(name), m.Welcome), f"{name!r} is valid and not in")
        other.ask(m.Away(text))
        require(rules.enforce(name) == name, f"{name!r} is no name")
    for number, texts in enumerate(_by_host()):
        with _classic(100 + number, port) as classic:
            for data in texts:
                classic.send(b"Username:" + data)
    return names, len(wanted) + len(TEXTS) + len(BYTES)


def speak_by_commands(client: Client) -> int:
    """Say everything by `send` and `chat`, as arguments, on stdin and as JSON."""
    for args, data in (
        (["send", os.fsdecode(encoded(ARGUMENT))], b""),
        (["send", "-"], encoded(ARGUMENT)),
        (["send", "-"], b"\xc2\x9b77A"),
    ):
        done = client.run(*args, stdin=data)
        require(done.returncode in (0, 2, 4), f"{args[0]}: exit {done.returncode}: {done.stderr}")
        harmless_lines("send", done)
    lines = [*(b"{" + json.dumps({"text": text})[1:].encode() for text in TEXTS.values()), *BYTES.values()]
    for args, given in ((["chat", "--json"], lines), (["chat"], [*map(encoded, TEXTS.values()), *BYTES.values()])):
        done = client.run(*args, stdin=b"\n".join(given) + b"\n")
        require(done.returncode in (0, 4), f"chat: exit {done.returncode}: {done.stderr[-300:]}")
        harmless_lines(" ".join(args), done)
    return 3 + 2 * len(TEXTS) + 2 * len(BYTES)


def type_in(screen: Watched) -> int:
    """Type and paste everything into the screen."""
    texts = [text for text in TEXTS.values() if len(text) < 1_000 and not text.startswith("/")]
    for text in ("\n".join(texts[at : at + PASTED]) for at in range(0, len(texts), PASTED)):
        screen.terminal.type(f"\x1b[200~{encoded(text).decode(errors='replace')}\x1b[201~")
        screen.take()
        screen.terminal.type("\r")
        screen.take()
    return len(texts)


# Ways out.


class Reader:
    """A command that reads the room and writes to files."""

    def __init__(self, client: Client, what: str) -> None:
        self._what = what
        self._files = [client.directory / f"{what}.{stream}" for stream in ("out", "err")]
        with self._files[0].open("wb") as out, self._files[1].open("wb") as err:
            self._process = subprocess.Popen(
                [*SOCKATUH, *what.split()], stdin=subprocess.DEVNULL, stdout=out, stderr=err, env=client.environ
            )

    def end(self) -> str:
        """Wait for the last line, stop the command, and return what it has read."""
        ends_at = time.monotonic() + PATIENCE
        while LAST.encode() not in self._files[0].read_bytes():
            require(time.monotonic() < ends_at, f"{self._what}: the last line did not come")
            time.sleep(0.05)
        self._process.terminate()
        self._process.wait(PATIENCE)
        said, told = (path.read_bytes().decode() for path in self._files)
        faults = faults_of_text(told.replace("\n", ""))
        require(not faults, f"{self._what}: {faults[:5]} on stderr")
        return said


def harmless_lines(what: str, done: subprocess.CompletedProcess[str], *, honest: bool = True) -> None:
    """Require that what a command wrote holds nothing but text, and, if the server is honest, no lie at the margin."""
    for text in (done.stdout, done.stderr):
        faults = sorted({fault for line in text.split("\n") for fault in faults_of_text(line)})
        require(not faults, f"{what}: {faults[:5]}")
        require(not honest or not lies_in(text.split("\n")), f"{what}: {lies_in(text.split(chr(10)))[:1]}")


def json_lines(what: str, text: str) -> int:
    """Require that each line is one object, in printable ASCII; return how many there are."""
    lines = text.removesuffix("\n").split("\n") if text else []
    for line in lines:
        require(line.isascii() and line.isprintable(), f"{what}: {line[:80]!r} is not all printable")
        require(json.dumps(json.loads(line)) == line, f"{what}: {line[:80]!r} is not one object")
    return len(lines)


def read_by_commands(client: Client, room: Room) -> int:
    """Run what reads and ends; return how many lines came."""
    config = ["--config", str(room.directory / "sockatuh.toml")]
    count = 0
    for args in (["who"], ["history", *config, "--all", "-n", "5000"]):
        done = client.run(*args)
        require(done.returncode == 0, f"{args[0]}: exit {done.returncode}: {done.stderr}")
        harmless_lines(args[0], done)
        count += done.stdout.count("\n")
        objects = client.run(*args, "--json")
        require(objects.returncode == 0, f"{args[0]} --json: exit {objects.returncode}: {objects.stderr}")
        count += json_lines(f"{args[0]} --json", objects.stdout)
    return count


def entries_are_lines(what: str, text: str, names: Iterable[str]) -> int:
    """Require that each line is an entry of somebody who is in, or indented."""
    lines = text.removesuffix("\n").split("\n")
    for line in lines:
        author = line[6:].removeprefix("* ").removeprefix("· ").removeprefix("» ")
        is_entry = line[2:3] == ":" and author.startswith(tuple(names))
        require(is_entry or line.startswith("      "), f"{what}: {line[:80]!r} stands at the margin")
    return len(lines)


# The attack.


async def hostile_texts(run: Run) -> Found:
    room = Room(run.directory / "room", hash_password())
    room.directory.mkdir()
    async with room.serve(classic="on", log_messages="always", **FAST) as server:
        return await asyncio.to_thread(_attack, run, room, server)


def _attack(run: Run, room: Room, server: ServerProcess) -> Found:
    watcher, other = (_client(run.directory / name, server.port) for name in (WATCHER, "other"))
    full = _client(run.directory / LOOKER, server.port, "full")
    try:
        return _watch(run, watcher, full, other, room, server)
    finally:
        for client in (watcher, full, other):
            client.close()


def _client(directory: Path, port: int, screen: str = "inline") -> Client:
    return Client(
        directory,
        command=SOCKATUH,
        SOCKATUH_SERVER=f"{HOST}:{port}",
        SOCKATUH_NAME=directory.name,
        SOCKATUH_PASSWORD=PASSWORD,
        SOCKATUH_TRUST="accept-new",
        SOCKATUH_SCREEN=screen,
    )


def _watch(run: Run, watcher: Client, looker: Client, other: Client, room: Room, server: ServerProcess) -> Found:
    port = server.port
    names = [WATCHER, LOOKER, "other", "friend", "rogue", CLASSIC]
    full = Watched(looker.terminal("chat", rows=ROWS), "the full screen", names, paints=True)
    screen = Watched(watcher.terminal("chat", "--inline", rows=ROWS), "chat --inline", names)
    plain = Watched(watcher.terminal("chat", "--plain", rows=ROWS), "chat --plain", names)
    tail = Watched(watcher.terminal("tail", rows=ROWS), "tail", names)
    watched = (full, screen, plain, tail)
    readers = [Reader(watcher, what) for what in ("tail", "tail --json")]
    for each in (full, screen, plain):
        each.wait_for("you are here")
    _be_harmless(watched, port)

    tried, name_count = introduce(port)
    names += tried
    for each in watched:
        each.names = set(names)
        each.take()
    count = speak(port)
    for each in watched:
        each.take()
    count += speak_by_commands(other)
    for each in watched:
        each.take()
    count += type_in(full) + type_in(screen)
    Speaker(port, "friend").say(LAST.encode())
    for each in watched:
        each.wait_for(LAST)
    written = sum(each.judge() for each in watched)

    as_lines, as_json = (reader.end() for reader in readers)
    lines = entries_are_lines("tail", as_lines, names) + json_lines("tail --json", as_json)
    lines += read_by_commands(other, room)
    logged = _judge_log(server) + _console(run)
    return Found(
        f"{count} texts and {name_count} names ({len(tried)} of them taken) of {len(TEXTS) + len(BYTES)} kinds; "
        f"{written:,} characters on 4 terminals, {lines} lines of 6 readers, {logged} of the log",
        "0 escape sequences, control or format characters that are not the screen's own; 0 lines begun by a text",
    )


def _be_harmless(watched: tuple[Watched, ...], port: int) -> None:
    """Do with harmless texts what is done with the others later, to see what the programs write then."""
    friend = Speaker(port, "friend")
    for text in HARMLESS:
        for action in (False, True):
            friend.say(text.encode(), action=action)
        for screen in watched[:2]:
            for typed in (f"\x1b[200~{text}\x1b[201~", "\r", "/nothing\r", "\x15", "/who\r"):
                screen.terminal.type(typed)
                screen.take()
    friend.close()
    for each in watched:
        each.take()
        each.begin()


def _console(run: Run) -> int:
    """Say everything to a server whose log is on a terminal; return how many lines it has written."""
    room = Room(run.directory / "console", hash_password())
    room.directory.mkdir()
    client = Client(room.directory / "admin", command=SOCKATUH)
    try:
        config = str(room.configure(classic="on", log_format="console", **FAST))
        console = Watched(client.terminal("serve", "--config", config, rows=ROWS), "the log")
        console.wait_for("Invite:", "server_started")
        console.begin()
        introduce(room.port)
        speak(room.port)
        console.wait_for("session_closed")
        console.take()
        console.judge()
        lines = console.terminal.written.partition("Invite:")[2].split("\r\n")[1:-1]
    finally:
        client.close()
    wrong = [
        line
        for line in dropwhile(lambda line: not _LOG_LINE.match(line), lines)  # what else is told at the start
        if not _LOG_LINE.match(line.lstrip("\u200e")) and not line.lstrip("\u200e").startswith(" " * 9)
    ]
    require(not wrong, f"{wrong[:1]} is a line of the log")
    return len(lines)


def _judge_log(server: ServerProcess) -> int:
    """Look at the log as it came, one event a line; that it is JSON has been seen when it was read."""
    for line in server.said:
        require(not faults_of_text(line), f"the server's stderr: {faults_of_text(line)[:3]} in {line[:80]!r}")
    authors = [event["author"] for event in server.logged if event["event"] == "message_posted"]
    for name, count in (("rogue", 2 * len(TEXTS)), ("other", 2 * len(TEXTS)), (CLASSIC, len(TEXTS))):
        heard = sum(author.startswith(name) for author in authors)
        require(heard > 0.8 * count, f"of {count} texts of {name} {heard} were logged")
    return len(server.logged)


ATTACKS: Final[tuple[Attack, ...]] = (
    Attack(
        "hostile-texts",
        "A text or a name does nothing to another's terminal or log beyond being shown",
        f"{len(TEXTS) + len(BYTES)} kinds of hostile text and {len(SAID) + len(NAMES) + len(FORMER)} that look like "
        "something else as lines, private lines, actions, names, texts of AWAY and client version, by the secure "
        "and the classic dialect, send, chat (pasted, piped, JSON); looked at in chat, --inline, --plain, tail, "
        "history, who, each --json, and the log",
        hostile_texts,
        180.0,
    ),
)
