"""A room's server in virtual time, on wires that lose nothing: all of it is the real thing but the log and the clock.

`settle` lets everything happen that needs no time; `advance` lets time pass.
"""

from __future__ import annotations

import functools
import ipaddress
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from simulation.memorylog import Disk

from sockatuh.log import Logger
from sockatuh.protocol import messages as m
from sockatuh.protocol.client.joining import PeerOptions
from sockatuh.protocol.client.peer import Peer
from sockatuh.protocol.seam import Core
from sockatuh.protocol.server.door import ServerIdentity
from sockatuh.protocol.server.limits import Limits
from sockatuh.protocol.server.tickets import TicketKey, Tickets, password_generation
from sockatuh.room.entries import Body
from sockatuh.room.log import Outcome, Row
from sockatuh.room.names import NameRules
from sockatuh.server.build import LogPort, build
from sockatuh.server.dialects.base import DialectEvent
from sockatuh.server.log_reads import read_for
from sockatuh.server.options import ServiceOptions
from sockatuh.server.password_checks import Check
from sockatuh.store.memory_log import MemoryLog

from .guests import PASSWORD, SERVER, Guest, Outlaw, Person, Teletype

WALL_MS = 1_700_000_000_000
OPTIONS = ServiceOptions(
    host="::",
    port=7625,
    room="kitchen",
    password_hash="the hash",
    state_dir=Path("/state"),
    synchronous="full",
    history_on_join=200,
    message_retention=3600.0,
    event_retention=3600.0,
    name_ownership=3600.0,
    classic=True,
    classic_networks=(ipaddress.ip_network("10.0.0.0/8"),),
    max_members=100,
    log_texts=False,
    limits=Limits(),
)


@functools.cache
def name_rules() -> NameRules:
    """Return the one table of look-alikes; it takes a while to make."""
    return NameRules()


@dataclass(frozen=True, slots=True)
class Logged:
    """One event of the server's log."""

    event: str
    fields: dict[str, object]


class Diary:
    """Keeps what is logged."""

    def __init__(self) -> None:
        self.logged: list[Logged] = []

    def info(self, event: str, **fields: object) -> None:
        self.logged.append(Logged(event, fields))

    warning = info

    def of(self, event: str) -> list[dict[str, object]]:
        return [each.fields for each in self.logged if each.event == event]


@dataclass(slots=True)
class Record:
    """One session as the history has it; `reason` is None while it is open."""

    cid: int | None
    name: str
    address: str
    dialect: str
    transient: bool
    reason: str | None = None


class Ledger:
    """The history's sessions, in memory; `later` has something done when what comes before it is written."""

    def __init__(self, later: Callable[[Callable[[float], None]], None]) -> None:
        self.records: list[Record] = []
        self.later = later

    def opened(
        self, cid: int | None, name: str, owner: str, address: str, dialect: str, version: str, *, transient: bool
    ) -> int:
        del owner, version
        self.records.append(Record(cid, name, address, dialect, transient))
        return len(self.records) - 1

    def moved(self, record: int, address: str) -> None:
        self.records[record].address = address

    def closed(self, record: int, reason: str) -> None:
        assert self.records[record].reason is None, "a session was closed twice"
        self.records[record].reason = reason

    def dropped(self, record: int) -> None:
        self.closed(record, "dropped")

    def when_written(self, then: Callable[[float], None]) -> None:
        self.later(then)

    def open(self) -> list[Record]:
        return [record for record in self.records if record.reason is None]


@dataclass(slots=True)
class _Bcrypt:
    """The slow thread: what it was asked; while it is `held`, it does not answer."""

    right: bytes = PASSWORD.encode()
    held: bool = False
    asked: list[Check] = field(default_factory=list)
    waiting: list[Check] = field(default_factory=list)


class Hall:
    """The server and everybody who is connected to it; `logger` None: the diary."""

    def __init__(
        self,
        *,
        history_on_join: int = 200,
        max_members: int = 100,
        ownership: float = 90 * 86_400.0,
        log_texts: bool = False,
        limits: Limits | None = None,
        classic: bool = True,
        logger: Logger | None = None,
    ) -> None:
        self._dice = random.Random(7625)
        self.now = 1000.0
        self.diary, self.ledger, self.bcrypt = Diary(), Ledger(self._when_written), _Bcrypt()
        self.log = Disk(self.random(16))
        self.writer_busy = False
        self.guests: list[Guest] = []
        self._limits = limits or Limits()
        self._options = replace(
            OPTIONS,
            history_on_join=history_on_join,
            max_members=max_members,
            name_ownership=ownership,
            log_texts=log_texts,
            limits=self._limits,
            classic=classic,
        )
        self._logger = logger or self.diary
        self._identity = ServerIdentity(self.random(32), self.random(32), "kitchen")
        self._ticket_key = TicketKey(self.random(4), self.random(32))
        self._hosts = iter(range(2, 250))
        self.begin()

    def random(self, count: int) -> bytes:
        return self._dice.randbytes(count)

    def wall(self) -> int:
        return WALL_MS + int(self.now * 1000)

    # The process.

    def begin(self, hashed: str = "the hash") -> None:
        """Start a server on the log as it is; one that ran is gone, with all it has not committed."""
        for record in self.ledger.open():
            record.reason = "server_lost"
        self._log = MemoryLog(self.log, self.wall)
        self._log.follow(self.log.head, self._take_committed)
        parts = build(
            self._options,
            self._identity,
            Tickets([self._ticket_key], password_generation(hashed)),
            name_rules(),
            LogPort(self.log.lineage, self.log.head, self._log.append, self._log.resume, self._log.renew),
            self.ledger,
            self._logger,
            random=self.random,
            wall=self.wall,
        )
        self.parts = parts
        self.endpoint, self.classic, self.room, self.bridge = parts.endpoint, parts.classic, parts.room, parts.bridge
        self.core: Core[DialectEvent] = parts.core
        self.bridge.load(self.log.last_of_each_key(), self.log.rows[-self._limits.recent_entries :], self.now)
        self._tick_at = self.now + 1.0

    def stop(self, code: str) -> None:
        """End as the service does."""
        if code == "closing":
            self.bridge.empty_room()
        self.settle()
        self.bridge.close_sessions(code)
        self.settle()

    # Who is there.

    def host(self) -> str:
        return f"10.0.0.{next(self._hosts)}"

    def person(
        self,
        name: str | None = None,
        *,
        key: bytes | None = None,
        host: str | None = None,
        ticket: bytes | None = None,
        transient: bool = False,
        role: int = m.MEMBER,
        cursor: int = 0,
        history: int | None = None,
    ) -> Person:
        """Connect a client; with a name, join at once."""
        key = key or self.random(32)
        options = PeerOptions(
            key,
            self.random(8),
            "test 1",
            role=role or int(transient),
            pin=self.endpoint.public_key,
            ticket=ticket,
            cursor=cursor,
            history=history,
        )
        person = Person(self, Peer(options, self.random), key, (host or self.host(), 40_000 + len(self.guests)))
        self.guests.append(person)
        person.peer.connect([SERVER], self.now)
        if name is not None:
            person.peer.join(name, PASSWORD, self.now)
        self.settle()
        return person

    def teletype(self) -> Teletype:
        """Plug in a client of the classic dialect."""
        teletype = Teletype(self, (self.host(), 50_000))
        self.guests.append(teletype)
        return teletype

    def outlaw(
        self,
        key: bytes | None = None,
        *,
        log_id: bytes | None = None,
        cursor: int = 0,
        ticket: bytes | None = None,
        host: str | None = None,
    ) -> Outlaw:
        """Connect a client that claims to have read up to `cursor` of the log `log_id`."""
        payload = m.InitPayload("outlaw", self.random(8), 0, log_id, cursor, ticket)
        outlaw = Outlaw(self, (host or self.host(), 60_000 + len(self.guests)), key or self.random(32), payload)
        self.guests.append(outlaw)
        self.settle()
        return outlaw

    # What happens.

    def settle(self) -> None:
        """Let everything happen that needs no time."""
        for _ in range(1000):
            if not any([self._serve(), self._write(), self._check(), self._do_due()]):
                return
        raise AssertionError("it does not come to rest")

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        end = self.now + seconds
        self.settle()
        while (at := min([self._tick_at, *self._deadlines()])) <= end:
            self.now = max(self.now, at)
            if self.now >= self._tick_at:
                self._tick_at += 1.0
                self.bridge.handle_timer(self.now)
            self.settle()
        self.now = end
        self.settle()

    def until(self, holds: Callable[[], bool], seconds: float = 60.0) -> None:
        """Let time pass until something holds."""
        end = self.now + seconds
        while not holds():
            assert self.now < end, "it never came"
            self.advance(0.05)

    def bodies(self) -> list[Body]:
        """What the log holds."""
        return [row.body for row in self.log.rows]

    def kinds(self) -> list[str]:
        return [row.kind for row in self.log.rows]

    def _serve(self) -> bool:
        moved = False
        for guest in list(self.guests):
            for data in guest.take_datagrams():
                moved = True
                self.core.receive_datagram(data, guest.address, self.now)
        while (event := self.core.next_event()) is not None:
            moved = True
            self.bridge.handle(event, self.now)
        while (request := self.bridge.take_read()) is not None:
            moved = True
            self.bridge.answer_read(request, read_for(self._log, request))
        while datagrams := self.core.datagrams_to_send():
            moved = True
            for data, address in datagrams:
                for guest in self.guests:
                    if guest.address == address:
                        guest.hear(data)
        return moved

    def _write(self) -> bool:
        if self.writer_busy:
            return False
        self._log.commit()
        return self._log.deliver()

    def _take_committed(self, rows: Sequence[Row], outcomes: Sequence[Outcome]) -> None:
        self.bridge.take_rows(rows, self.now)
        self.bridge.take_outcomes(outcomes, self.now)

    def _when_written(self, then: Callable[[float], None]) -> None:
        self._log.after_commit(lambda: then(self.now))

    def _check(self) -> bool:
        check = self.bridge.take_check(self.now)
        if check is not None:
            self.bcrypt.asked.append(check)
            self.bcrypt.waiting.append(check)
        if self.bcrypt.held or not self.bcrypt.waiting:
            return check is not None
        answered = self.bcrypt.waiting.pop(0)
        self.bridge.answer_check(answered, answered.password == self.bcrypt.right, self.now)
        return True

    def _do_due(self) -> bool:
        moved = False
        at = self.core.get_timer()
        if at is not None and at <= self.now:
            moved = True
            self.core.handle_timer(self.now)
        for guest in self.guests:
            due_at = guest.due_at()
            if due_at is not None and due_at <= self.now:
                moved = True
                guest.do_due()
        return moved

    def _deadlines(self) -> Iterator[float]:
        for at in (self.core.get_timer(), *(guest.due_at() for guest in self.guests)):
            if at is not None:
                yield at
