"""The process that serves a room: the real cores on a log in memory, with a disk and a bcrypt that take time.

It is a party of the world. A crash loses what is not committed, and outcomes not yet reported.
"""

from __future__ import annotations

import functools
import ipaddress
import random
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from sockatuh.log import Logger
from sockatuh.protocol.seam import Address
from sockatuh.protocol.server.door import ServerIdentity
from sockatuh.protocol.server.limits import Limits
from sockatuh.protocol.server.tickets import TicketKey, Tickets, password_generation
from sockatuh.room.log import Append, Outcome, Row
from sockatuh.room.names import NameRules
from sockatuh.server.build import LogPort, build
from sockatuh.server.log_reads import read_for
from sockatuh.server.options import ServiceOptions
from sockatuh.server.password_checks import Check
from sockatuh.server.trusted_clock import TrustedClock
from sockatuh.store.memory_log import MemoryLog

from .disk import Backup, Diary, Disk, Ledger
from .password_hash import quick_hash
from .world import PASSWORD, START, PartyState

SERVER: Address = ("10.0.0.1", 7625)
WALL_MS = 1_700_000_000_000
DELIVERED_AFTER = 0.0001
"""Seconds between a commit and the news of it, where the disk takes any time at all."""


@functools.cache
def name_rules() -> NameRules:
    """Return the one table of look-alikes; it takes a while to make."""
    return NameRules()


HASH = quick_hash(PASSWORD)
OPTIONS = ServiceOptions(
    host="::",
    port=7625,
    room="kitchen",
    password_hash=HASH,
    state_dir=Path("/state"),
    synchronous="full",
    history_on_join=200,
    message_retention=3600.0,
    event_retention=3600.0,
    name_ownership=90 * 86_400.0,
    classic=True,
    classic_networks=(ipaddress.ip_network("10.0.0.0/8"),),
    max_members=100,
    log_texts=False,
    limits=Limits(),
)


@dataclass(slots=True)
class Bcrypt:
    """The slow thread: what it was asked; while it is `held`, it does not answer."""

    right: bytes
    held: bool = False
    asked: list[Check] = field(default_factory=list)
    waiting: deque[tuple[float, Check]] = field(default_factory=deque)
    """(when it is answered, what)"""


class RoomServer(PartyState):
    """A room's server and its machine."""

    def __init__(
        self,
        dice: random.Random,
        options: ServiceOptions = OPTIONS,
        *,
        disk: tuple[float, float] = (0.0, 0.0),
        bcrypt: float = 0.0,
        password: str = PASSWORD,
        logger: Logger | None = None,
    ) -> None:
        """`disk` and `bcrypt`: how many seconds they take, of the disk at least and at most."""
        super().__init__(SERVER)
        options = replace(options, password_hash=quick_hash(password))
        self._dice, self._options, self.disk, self._bcrypt_seconds = dice, options, disk, bcrypt
        self.diary, self.bcrypt = Diary(), Bcrypt(password.encode())
        self.ledger = Ledger(self._when_written)
        self.log = Disk(dice.randbytes(16))
        self.disk_is_stuck = False
        """Nothing is written."""
        self.wall_ahead = 0
        """Milliseconds by which the machine's wall clock is off."""
        self._logger = logger or self.diary
        self.identity = ServerIdentity(dice.randbytes(32), dice.randbytes(32), options.room)
        self.ticket_key = TicketKey(dice.randbytes(4), dice.randbytes(32))
        self.is_up = False
        self.now = START
        """The machine's monotonic clock, as of the last thing that happened."""
        self.true_time: Callable[[], float] = lambda: self.now
        """The world's time, for the wall clock."""

    def wall(self) -> int:
        return max(0, WALL_MS + int(self.true_time() * 1000) + self.wall_ahead)  # no system's clock is before 1970

    def believed_wall(self) -> int:
        """Return what the running server takes for the time, in ms since 1970: it does not believe every jump."""
        return self._clock.read()

    # The process.

    def start(self, now: float, hashed: str | None = None) -> None:
        """Start a server on the present log; a running one is lost, with everything uncommitted.

        `hashed` is another hash of the room's password, to stay.
        """
        if hashed is not None:
            self._options = replace(self._options, password_hash=hashed)
        self.now, self.is_up = now, True
        lost = self.ledger.take_lost()
        self._clock = TrustedClock(self.wall, lambda: self.now)
        self._log = MemoryLog(self.log, self.wall)
        self._log.follow(self.log.head, self._take_committed)
        self._commits: deque[float] = deque()
        """When each job of the log is done."""
        self._deliveries: deque[float] = deque()
        """When the server is notified of what is done."""
        self.bcrypt.waiting.clear()
        parts = build(
            self._options,
            self.identity,
            Tickets([self.ticket_key], password_generation(self._options.password_hash)),
            name_rules(),
            LogPort(self.log.lineage, self.log.head, self._append, self._resume, self._log.renew),
            self.ledger,
            self._logger,
            random=self._dice.randbytes,
            wall=self._clock.read,
        )
        self.endpoint, self.classic, self.room, self.room_server = (
            parts.endpoint,
            parts.classic,
            parts.room,
            parts.room_server,
        )
        self.core, self.desk, self.parts = parts.core, parts.desk, parts
        self.room_server.load(self.log.last_of_each_key(), self.log.rows[-self._options.limits.recent_entries :], now)
        for cid, address in lost:
            self.endpoint.wake(cid, address)
        self._tick_at = now + 1.0

    def crash(self) -> None:
        """Crash: everything uncommitted is lost."""
        self.is_up = False

    def restore(self, backup: Backup, now: float) -> None:
        """Put a backup back and start again; sessions of the replaced log are reset."""
        self.log.put_back(backup, self._dice.randbytes(16))
        self.start(now)

    # The five methods.

    def receive_datagram(self, data: bytes, address: Address, now: float) -> None:
        if self.is_up:
            self.now = now
            self.core.receive_datagram(data, address, now)

    def datagrams_to_send(self) -> Sequence[tuple[bytes, Address]]:
        return self.core.datagrams_to_send() if self.is_up else ()

    def get_timer(self) -> float | None:
        if not self.is_up:
            return None
        return min(at for at in (self._tick_at, self.core.get_timer(), *self._deadlines()) if at is not None)

    def handle_timer(self, now: float) -> None:
        self.now = now
        at = self.core.get_timer()
        if at is not None and at <= now:
            self.core.handle_timer(now)
        if self._tick_at <= now:
            following = self._tick_at + 1.0
            self._tick_at = following if following > now else now + 1.0
            self._clock.read()
            self.room_server.handle_timer(now)

    def process(self, now: float) -> None:
        """Do everything that needs no more time."""
        self.now = now
        while self.is_up and any([self._handle_events(now), self._write(now), self._deliver(now), self._check(now)]):
            pass

    def _deadlines(self) -> list[float]:
        commits = [] if self.disk_is_stuck else list(self._commits)[:1]
        checks = [] if self.bcrypt.held else [at for at, _ in list(self.bcrypt.waiting)[:1]]
        return [*commits, *checks, *list(self._deliveries)[:1]]

    def _handle_events(self, now: float) -> bool:
        moved = False
        while (event := self.core.next_event()) is not None:
            moved = True
            self.room_server.handle(event, now)
        while (request := self.room_server.take_read()) is not None:
            moved = True
            self.room_server.answer_read(request, read_for(self._log, request))
        return moved

    # The disk.

    def _append(self, append: Append) -> None:
        self._log.append(append)
        self._commit_later()

    def _resume(self) -> None:
        self._log.resume()
        self._commit_later()

    def _when_written(self, then: Callable[[float], None]) -> None:
        self._log.after_commit(lambda: then(self.now))
        self._commit_later()

    def _commit_later(self) -> None:
        last = self._commits[-1] if self._commits else self.now
        self._commits.append(max(last, self.now + self._dice.uniform(*self.disk)))

    def _write(self, now: float) -> bool:
        """Commit what is due in one transaction; the server is notified a little later, if the disk takes any time."""
        count = 0
        while not self.disk_is_stuck and self._commits and self._commits[0] <= now:
            self._commits.popleft()
            count += 1
        if count:
            self._log.commit(count)
            self._deliveries.append(now + (DELIVERED_AFTER if any(self.disk) else 0.0))
        return count > 0

    def _deliver(self, now: float) -> bool:
        """Tell the server what was committed by now."""
        if not self._deliveries or self._deliveries[0] > now:
            return False
        self._deliveries.popleft()
        self._log.deliver()
        return True

    def follow(self) -> None:
        """Tell the server what others have written to the log."""
        if self.is_up:
            self._log.deliver()

    def _take_committed(self, rows: Sequence[Row], outcomes: Sequence[Outcome]) -> None:
        self.room_server.take_rows(rows, self.now)
        self.room_server.take_outcomes(outcomes, self.now)

    # The thread of bcrypt.

    def _check(self, now: float) -> bool:
        check = self.room_server.take_check(now)
        if check is not None:
            self.bcrypt.asked.append(check)
            self.bcrypt.waiting.append((now + self._bcrypt_seconds, check))
        if self.bcrypt.held or not self.bcrypt.waiting or self.bcrypt.waiting[0][0] > now:
            return check is not None
        _, answered = self.bcrypt.waiting.popleft()
        self.room_server.answer_check(answered, answered.password == self.bcrypt.right, now)
        return True
