"""A server that is hostile: everything it says is meant for the terminals of those who come."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Final

from cli.people import Client
from e2e.running import PASSWORD, hash_password
from hostile import COCKTAIL, TEXTS, TITLE
from kit.bare_room import LOG_ID, TICKET_KEY, BareRoom, pack_address
from kit.programs import SOCKATUH
from prove.attack import Attack, Found, Run, require
from prove.shown import Watched
from prove.terminals import Reader, encoded, harmless_lines, json_lines

from sockatuh.protocol import messages as m
from sockatuh.protocol.password_proof import PasswordHash
from sockatuh.protocol.seam import Address
from sockatuh.protocol.server import events as ev
from sockatuh.protocol.server.door import ServerIdentity
from sockatuh.protocol.server.endpoint import Endpoint
from sockatuh.protocol.server.packing import Logged
from sockatuh.protocol.server.tickets import Tickets

EVIL: Final = COCKTAIL.encode(errors="replace").decode()
ROOM: Final = f"\x1b]0;{TITLE}\x07\x1b[77A\u202e\nroom"
REFUSED: Final = "refused"
FULL: Final = "the full screen"
CLOSE: Final = "close"
FAMILY: Final = "\U0001f469\u200d\U0001f469\u200d\U0001f467"
"""Behind what is joined, a screen says which column is meant."""
LAST: Final = "the last of all lines"
LONGEST: Final = 14_000
A_NAME: Final = 300
IN_A_PAGE: Final = 250
TURN: Final = 0.01
NEVER: Final = (1 << 63) - 1
_ENTRY: Final = re.compile(r"\d\d:\d\d |--:-- | {6}")


class Villain(BareRoom):
    """Knows the password and lets in whoever does, behaves until `hostile`, and then says everything there is."""

    def __init__(self, seed: int) -> None:
        self.hostile = False
        self.asked: Counter[int] = Counter()
        self.closed_for: set[bytes] = set()
        super().__init__(seed=seed)
        self.publish(
            *(_entry(at, m.MESSAGE, "ana", f"line {at}\nand {FAMILY} more of it") for at in range(1, 6)),
            head=5,
            now=0.0,
        )

    def restart(self) -> None:
        identity = ServerIdentity(self.dice(32), self.dice(32), ROOM)
        self.tickets = Tickets([TICKET_KEY], b"password")
        self.endpoint = Endpoint(
            identity,
            self.tickets,
            PasswordHash.parse(hash_password()),
            log_id=LOG_ID,
            head=self.head,
            limits=self.limits,
            random=self.dice,
            pack_address=pack_address,
        )

    def rage(self) -> list[tuple[bytes, Address]]:
        """Say everything, in every field of every kind of entry."""
        self.hostile = True
        said: list[Logged] = []
        for text in map(_sendable, TEXTS.values()):
            name = text[:A_NAME]
            for kind in (m.MESSAGE, m.ACTION, m.JOINED, m.LEFT, m.CLAIMED, m.PRIVATE, m.RENAMED, 77):
                seq = self.head + len(said) + 1
                said.append(_entry(seq, kind, name, _cut(text, LONGEST), tag=name, at=NEVER, to=_to(kind, name)))
        said.append(_entry(self.head + len(said) + 1, m.MESSAGE, "ana", LAST))
        for text in map(_sendable, TEXTS.values()):
            states = (m.IN_CONTACT, m.CONTACT_LOST, m.AWAY, 77)
            self.endpoint.tell_presence(
                NEVER, [m.Change(text[:40], text[:8], state, _cut(text, 150)) for state in states]
            )
        return self.publish(*said, head=said[-1].seq, now=time.monotonic())

    def _answer(self, event: ev.ServerEvent, now: float) -> None:
        match event:
            case ev.JoinAsked(cid, number, name) if name.startswith(REFUSED):
                self.endpoint.answer(cid, number, m.Refused(EVIL, 1_000, EVIL))
            case ev.JoinAsked(cid, number, name, True):
                self.endpoint.open_proof(cid, name)
                self.endpoint.admit(cid, number, EVIL, 0, 0, now)
            case ev.JoinAsked(cid, number, _, False, True):
                self.endpoint.admit(cid, number, EVIL, 0, 0, now)
            case ev.JoinAsked(cid, number, name):
                self.endpoint.accept_name(cid, number, name)
            case ev.WhoAsked(cid, number):
                self.endpoint.answer(cid, number, self._page(cid))
            case ev.RenameAsked(cid, number) | ev.AwayAsked(cid, number):
                self.endpoint.answer(cid, number, m.Refused(EVIL, 1_000, EVIL, EVIL, EVIL))
            case ev.LineReceived(cid, _, line, _, text) if text == CLOSE and line not in self.closed_for:
                self.closed_for.add(line)
                self.endpoint.close(cid, EVIL)
            case ev.LineReceived(cid, number):
                self.endpoint.answer_lines(
                    [(cid, number, m.Unsaid(number, EVIL if self.hostile else "text_empty"))], now
                )
            case _:
                super()._answer(event, now)

    def _page(self, cid: int) -> m.Members:
        if not self.hostile:
            return m.Members((m.MemberInfo("ana", "tag", "secure", True, 1),), False)
        texts = [_cut(_sendable(text), IN_A_PAGE) for text in TEXTS.values()]
        text = texts[self.asked[cid] % len(texts)]
        self.asked[cid] += 1
        return m.Members((m.MemberInfo(text, text, text, False, NEVER, m.MEMBER, text),), self.asked[cid] < len(texts))


class Lair:
    """A socket for a villain, in the running loop."""

    def __init__(self, villain: Villain) -> None:
        self.villain = villain
        self._socket = socket.socket(type=socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.bind(("127.0.0.1", 0))
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._socket, self._receive)
        self._turn = self._loop.call_later(TURN, self._tick)

    @property
    def port(self) -> int:
        return int(self._socket.getsockname()[1])

    def send(self, datagrams: list[tuple[bytes, Address]]) -> None:
        """Send what the villain says."""
        for data, address in datagrams:
            with contextlib.suppress(OSError):
                self._socket.sendto(data, address)

    def close(self) -> None:
        self._turn.cancel()
        self._loop.remove_reader(self._socket)
        self._socket.close()

    def _receive(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                data, address = self._socket.recvfrom(2048)
                self.send(self.villain.receive(data, address, time.monotonic()))

    def _tick(self) -> None:
        self.send(self.villain.timer(time.monotonic()))
        self._turn = self._loop.call_later(TURN, self._tick)


def _sendable(text: str) -> str:
    return encoded(text).decode(errors="replace")


def _cut(text: str, size: int) -> str:
    return text.encode()[:size].decode(errors="ignore")


def _to(kind: int, name: str) -> str:
    """Return to whom an entry is; some kinds have no addressee, and are to be shown as if they had none."""
    return name if kind in (m.MESSAGE, m.PRIVATE, m.RENAMED) else ""


def _entry(
    seq: int, kind: int, name: str, text: str, *, tag: str = "", at: int = 1_700_000_000_000, to: str = ""
) -> Logged:
    return Logged(seq, m.encode(m.Entry(seq, at, kind, name, text, b"", tag, to, bool(to))))


# The attack.


async def hostile_server(run: Run) -> Found:
    lair = Lair(Villain(run.seed))
    loop = asyncio.get_running_loop()

    def rage() -> None:
        loop.call_soon_threadsafe(lambda: lair.send(lair.villain.rage()))

    client = _client(run.directory / "guest", lair.port)
    looker = _client(run.directory / "looker", lair.port, "full")
    try:
        return await asyncio.to_thread(_visit, client, looker, _client(run.directory / REFUSED, lair.port), rage)
    finally:
        looker.close()
        client.close()
        lair.close()


def _client(directory: Path, port: int, screen: str = "inline") -> Client:
    return Client(
        directory,
        command=SOCKATUH,
        SOCKATUH_SERVER=f"127.0.0.1:{port}",
        SOCKATUH_NAME=directory.name,
        SOCKATUH_PASSWORD=PASSWORD,
        SOCKATUH_TRUST="accept-new",
        SOCKATUH_SCREEN=screen,
    )


def _visit(client: Client, looker: Client, refused: Client, rage: Callable[[], None]) -> Found:
    full, screen, plain, tail = watched = [
        Watched(client.terminal(*args, rows=40), what, paints=what == FULL)
        for client, what, args in (
            (looker, FULL, ["chat"]),
            (client, "chat --inline", ["chat"]),
            (client, "chat --plain", ["chat", "--plain"]),
            (client, "tail", ["tail"]),
        )
    ]
    readers = [Reader(client, what) for what in ("tail", "tail --json")]
    for each in (full, screen):
        each.wait_for("you are here", "line 5")
        _be_harmless(each)
        each.begin()
    for each in (plain, tail):
        each.wait_for("line 5")
    rage()
    for each in watched:
        each.wait_for(LAST)
    for each in (full, screen, plain):
        for line, answer in (
            ("hello", "The server refused"),
            ("/msg ana psst", "The server refused"),
            ("/nick ana", "The server refused"),
            ("/away soup", "The server refused"),
            ("/who", "(no contact, away)" if each is full else f"{len(TEXTS)} here: "),
            (CLOSE, "log was set back"),  # it lets everybody begin again at 0
        ):
            each.take()
            each.terminal.type(f"{line}\r")
            if line != CLOSE or each is not full:  # that paints only what stands there in the end
                each.wait_for(answer)
        each.take()
    characters = sum(each.judge() for each in watched)
    lines, objects = (reader.end() for reader in readers)
    wrong = [line for line in lines.removesuffix("\n").split("\n") if not _ENTRY.match(line)]
    require(not wrong, f"tail: {wrong[:1]} stands at the margin")
    count = lines.count("\n") + json_lines("tail --json", objects) + _run_commands(client, refused)
    return Found(
        f"{len(TEXTS)} kinds of hostile text as names, texts, tags, dialects, reasons and members, in every kind of "
        f"entry, as codes and details; {characters:,} characters on 4 terminals, {count} lines",
        "0 escape sequences, control or format characters that are not the screen's own; each entry one line",
    )


def _be_harmless(screen: Watched) -> None:
    """Have the screen do all that it does by itself: an input of several rows among it, and one that is emptied."""
    screen.terminal.type("\x1b[200~one\ntwo\nthree\x1b[201~")
    screen.take()
    screen.terminal.type("\x15\x03")
    screen.take()
    for line in ("hello", "/who", "/nothing"):
        screen.terminal.type(f"{line}\r")
        screen.take()
        screen.terminal.type("\x15")
        screen.take()


def _run_commands(client: Client, refused: Client) -> int:
    """Run what asks and ends; return how many lines came."""
    count = 0
    for who, args, code in (
        (client, ["who"], 0),
        (client, ["who", "--json"], 0),
        (client, ["send", "hello"], 4),
        (client, ["send", "hello", "--json"], 4),
        (refused, ["send", "hello"], 4),
        (refused, ["who", "--json"], 4),
        (client, ["identity"], 0),
        (client, ["identity", "--json"], 0),
    ):
        done = who.run(*args)
        what = " ".join(args)
        require(done.returncode == code, f"{what}: exit {done.returncode}: {done.stderr}")
        harmless_lines(what, done, honest=False)
        if "--json" in args:
            json_lines(what, done.stdout)
        count += done.stdout.count("\n") + done.stderr.count("\n")
    return count


ATTACKS: Final[tuple[Attack, ...]] = (
    Attack(
        "hostile-server",
        "A hostile server does nothing to a member's terminal beyond showing text: the client sanitises by itself",
        "a server whose every name, text, tag, code and detail is hostile, also the room's name; looked at in chat, "
        "--inline, --plain, tail, who, send, identity, each --json",
        hostile_server,
    ),
)
