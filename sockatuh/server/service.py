"""The process that runs a room: its socket, its threads, its signals, and what the service manager hears.

The loop's thread does everything but three things, each with a thread of its own: commits, bcrypt, and reading old
entries. A turn of the loop ends with what it has to send.
"""

from __future__ import annotations

import asyncio
import math
import os
import signal
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal

import bcrypt

from sockatuh import __version__
from sockatuh.errors import SockAtuhError, StoreError
from sockatuh.net.address import Network, lan_address, pack_address, parse_server, resolve
from sockatuh.net.classic import ClassicDialect, ClassicEvent
from sockatuh.net.dialects import Dialects
from sockatuh.net.driver import Driver
from sockatuh.net.sockets import RECEIVE_BUFFER, given_buffers, open_server_socket
from sockatuh.net.systemd import Notifier
from sockatuh.protocol.endpoint import Endpoint
from sockatuh.protocol.events import ServerEvent
from sockatuh.protocol.handshake import ServerIdentity
from sockatuh.protocol.limits import Limits
from sockatuh.protocol.ticket import TicketKey, Tickets, password_generation
from sockatuh.room.admission import PasswordGate
from sockatuh.room.names import NameRules
from sockatuh.room.room import Room
from sockatuh.store.database import rfc3339, wall_clock
from sockatuh.store.history import LostSession, SessionRecorder
from sockatuh.store.keys import ServerKeys, load_ticket_keys
from sockatuh.store.lock import lock_directory
from sockatuh.store.roomlog import Outcome, RoomLog, Row

from .bridge import READ_LIMIT, Bridge, BridgeOptions, Reading
from .passwords import Check, PasswordDesk
from .ready import Ready
from .visitors import Logger

MESSAGE: Final = "message"
TICK: Final = 1.0
SUMMARY_EVERY: Final = 60
UPKEEP_EVERY: Final = 3_600
"""Ticks between two summaries of what was dropped, and two rounds of pruning and renewing ticket keys."""
WRITER_SILENCE: Final = 5.0
"""Seconds after which a writer that has not answered is not alive."""
LAST_WORDS: Final = 3.0
"""Seconds the database has for what is not committed when the server stops."""
VOLATILE_KEPT: Final = 3_600.0
"""Seconds for which the empty rows of messages that are not kept stay: until nobody repeats them any more."""


@dataclass(frozen=True, slots=True)
class ServiceOptions:
    """Everything the admin decided; spans are in seconds (0: none, infinity: for ever)."""

    host: str
    port: int
    room: str
    password_hash: str = field(repr=False)
    state_dir: Path
    synchronous: Literal["full", "normal"]
    history_on_join: int
    message_retention: float
    event_retention: float
    name_ownership: float
    classic: bool
    classic_networks: Sequence[Network]
    max_members: int
    log_texts: bool
    limits: Limits


class Service:
    """One room's server; `announce` hears when it can be joined. Raises SockAtuhErrors when it cannot start."""

    def __init__(
        self, options: ServiceOptions, log: Logger, notifier: Notifier, announce: Callable[[Ready], None]
    ) -> None:
        self._options, self._log, self._notifier, self._announce = options, log, notifier, announce
        self._lock = lock_directory(options.state_dir)
        keys = ServerKeys.load(options.state_dir)
        self._socket = open_server_socket(options.host, options.port)
        self._loop = asyncio.get_running_loop()
        self._stopped: asyncio.Future[str] = self._loop.create_future()
        self._room_log = RoomLog.open(
            options.state_dir / "room.db",
            synchronous=options.synchronous,
            volatile_kinds=frozenset({MESSAGE} if options.message_retention == 0 else ()),
            deliver=lambda outcomes: self._on_loop(self._take_outcomes, outcomes),
            on_error=lambda error: self._on_loop(self._note_storage_error, error),
        )
        self._recorder = SessionRecorder(self._room_log)
        self._lost = self._recorder.lost_sessions()
        self._tickets = Tickets(self._ticket_keys(), password_generation(options.password_hash))
        span = self._room_log.span()
        self._endpoint = Endpoint(
            ServerIdentity(keys.private_key, keys.reset_key, options.room),
            self._tickets,
            log_id=span.log_id,
            head=span.last,
            limits=options.limits,
            random=os.urandom,
            pack_address=pack_address,
        )
        classic = ClassicDialect(
            enabled=options.classic, networks=options.classic_networks, max_peers=max(1024, options.max_members)
        )
        room = Room(
            NameRules(),
            max_members=options.max_members,
            ownership=options.name_ownership,
            grace=options.limits.grace_seconds,
        )
        self._bridge = Bridge(
            self._endpoint,
            classic,
            room,
            PasswordDesk(PasswordGate(os.urandom(32))),
            self._recorder,
            log,
            BridgeOptions(options.history_on_join, options.log_texts, options.limits.text_bytes),
            put=self._room_log.append,
            resume=self._room_log.resume,
            random=os.urandom,
            wall=wall_clock,
        )
        self._driver: Driver[ServerEvent | ClassicEvent] = Driver(
            Dialects(self._endpoint, classic), self._socket, self._on_event
        )
        self._bcrypt = ThreadPoolExecutor(1, "bcrypt")
        self._reader = ThreadPoolExecutor(1, "reader")
        self._keeper = ThreadPoolExecutor(1, "upkeep")
        self._storing = True

    async def run(self) -> None:
        """Serve until SIGTERM (restarting) or SIGINT (closing), or until `stop`."""
        options = self._options
        for number, code in ((signal.SIGTERM, "restarting"), (signal.SIGINT, "closing")):
            self._loop.add_signal_handler(number, self.stop, code)
        recent = self._room_log.recent(options.limits.recent_entries)
        self._bridge.load(self._room_log.last_of_each_key(), recent, time.monotonic())
        self._driver.start()
        await self._wake(self._lost)
        self._say_ready()
        ticking = self._loop.create_task(self._tick())
        # Without its ticks the room would go on, deaf to half of what happens: then rather begin anew.
        ticking.add_done_callback(lambda _: self.stop("restarting"))
        code = await self._stopped
        await self._close(code)
        if ticking.done():
            await ticking
        ticking.cancel()

    def stop(self, code: str) -> None:
        """End `run`; the members are told `code`."""
        if not self._stopped.done():
            self._stopped.set_result(code)

    # What happens.

    def _on_event(self, event: ServerEvent | ClassicEvent) -> None:
        self._bridge.handle(event, time.monotonic())
        self._start_jobs()

    def _take_outcomes(self, outcomes: list[Outcome]) -> None:
        self._bridge.take_outcomes(outcomes, time.monotonic())
        self._note_storing()
        self._driver.flush()

    def _start_jobs(self) -> None:
        while (reading := self._bridge.take_reading()) is not None:
            self._reader.submit(self._read, reading)
        check = self._bridge.take_check(time.monotonic())
        if check is not None:
            self._bcrypt.submit(self._check, check)

    def _read(self, reading: Reading) -> None:
        try:
            rows: list[Row] | None = self._room_log.read(reading.after, reading.through, READ_LIMIT)
        except StoreError as error:
            self._on_loop(self._note_storage_error, error)
            rows = None
        self._on_loop(self._answer_reading, reading, rows)

    def _answer_reading(self, reading: Reading, rows: list[Row] | None) -> None:
        self._bridge.answer_reading(reading, rows)
        self._driver.flush()

    def _check(self, check: Check) -> None:
        try:
            right = bcrypt.checkpw(check.password, self._options.password_hash.encode())
        except ValueError:  # bytes that bcrypt does not take are nobody's password
            right = False
        self._on_loop(self._answer_check, check, right)

    def _answer_check(self, check: Check, right: bool) -> None:
        self._bridge.answer_check(check, right, time.monotonic())
        self._start_jobs()
        self._driver.flush()

    def _on_loop(self, call: Callable[..., object], *arguments: object) -> None:
        """Do something in the loop's thread; nothing any more once the loop is closed."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(call, *arguments)

    # Upkeep.

    async def _tick(self) -> None:
        ticks = 0
        watched_at = -math.inf
        while True:
            await asyncio.sleep(TICK)
            ticks += 1
            now = time.monotonic()
            self._bridge.handle_timer(now)
            self._driver.flush()
            interval = self._notifier.watchdog_interval
            alive = now - self._room_log.answered_at < WRITER_SILENCE
            if interval is not None and alive and now - watched_at >= interval:
                self._notifier.watchdog()
                watched_at = now
            if ticks % SUMMARY_EVERY == 0:
                self._bridge.summarise_dropped()
            if ticks % UPKEEP_EVERY == 1:
                self._renew_ticket_keys()
                self._keeper.submit(self._prune)

    def _prune(self) -> None:
        """Delete what is older than it is to be kept; in a thread of its own."""
        now = wall_clock()
        messages = _before(now, self._options.message_retention or VOLATILE_KEPT)
        events = _before(now, self._options.event_retention)
        try:
            self._room_log.prune(messages, events, frozenset({MESSAGE}))
            if events is not None:
                self._recorder.prune(events)
        except StoreError as error:  # also when the service stops meanwhile: the log is closed then
            if not self._stopped.done():
                self._on_loop(self._note_storage_error, error)

    def _renew_ticket_keys(self) -> None:
        """Make today's key and forget the oldest; a disk that is full for a while is no reason to stop."""
        try:
            self._tickets.replace_keys(self._ticket_keys())
        except (SockAtuhError, OSError) as error:
            self._log.warning("ticket_keys_not_renewed", reason=str(error))

    def _ticket_keys(self) -> list[TicketKey]:
        return [TicketKey(*pair) for pair in load_ticket_keys(self._options.state_dir, datetime.now(UTC))]

    def _note_storage_error(self, error: StoreError) -> None:
        self._log.warning("storage_failed", reason=str(error))

    def _note_storing(self) -> None:
        if self._bridge.is_storing is not self._storing:
            self._storing = self._bridge.is_storing
            if self._storing:
                self._log.info("storage_recovered")
                self._notifier.status(f"{self._bridge.members} members")
            else:
                self._log.warning("storage_failing")
                self._notifier.status("Lines are not stored: the database refuses them")

    # Begin and end.

    async def _wake(self, lost: list[LostSession]) -> None:
        """Tell the clients of a server that is gone to come back, wherever they were last."""
        for session in lost:
            if session.cid is None:
                continue
            try:
                host, port = parse_server(session.address, 0)
                addresses = await resolve(host, port, self._socket.family)
            except (OSError, ValueError):  # of a network that is gone; the client finds out by its ping
                continue
            for address in addresses[:1]:
                self._endpoint.wake(session.cid, address)
        self._driver.flush()

    def _say_ready(self) -> None:
        options = self._options
        host, port = self._socket.getsockname()[:2]
        buffer = given_buffers(self._socket).receive
        address = lan_address() if host in ("::", "0.0.0.0") else host  # noqa: S104 - compared, not bound
        ready = Ready(options.room, host, address, port, self._endpoint.public_key)
        self._log.info(
            "server_started",
            version=__version__,
            room=options.room,
            host=host,
            port=port,
            fingerprint=ready.fingerprint,
            words=" ".join(ready.words),
            invite=ready.invite,
            receive_buffer=buffer,
        )
        if buffer < RECEIVE_BUFFER // 16:
            self._log.warning("receive_buffer_small", bytes=buffer, remedy="raise net.core.rmem_max")
        if options.classic:
            self._log.warning(
                "classic_dialect_on", consequence="what is said leaves in clear while such members are in"
            )
        self._announce(ready)
        self._notifier.ready(f"Room {options.room} on port {port}")

    async def _close(self, code: str) -> None:
        self._notifier.stopping()
        if code == "closing":
            self._bridge.empty_room()
        deadline = time.monotonic() + LAST_WORDS
        while self._bridge.unwritten and time.monotonic() < deadline:
            await asyncio.sleep(0.01)
        self._bridge.close_sessions(code)
        self._driver.flush()
        self._driver.close()
        for executor in (self._bcrypt, self._reader, self._keeper):
            executor.shutdown(wait=False, cancel_futures=True)
        self._bridge.summarise_dropped()
        self._room_log.close()  # whatever still reads or prunes is told that it is closed
        self._lock.close()
        self._log.info("server_stopped", reason=code)


def _before(now: int, retention: float) -> str | None:
    """Return the time before which nothing is kept, None to keep all."""
    return None if math.isinf(retention) else rfc3339(max(0, now - int(retention * 1000)))
