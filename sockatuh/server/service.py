"""The process that runs a room: its socket, its threads, its signals, and its reports to the service manager.

The event loop's thread does everything except commits, bcrypt, reading old entries and upkeep, each of which has its
own thread. Each turn of the loop ends by sending what is queued.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import signal
import socket
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final

import bcrypt

from sockatuh import __version__
from sockatuh.errors import ConfigurationError, SockAtuhError, StoreError
from sockatuh.log import Logger
from sockatuh.net.address import parse_server
from sockatuh.net.arrival import arrivals_at
from sockatuh.net.driver import Driver
from sockatuh.net.fallback import Fallback
from sockatuh.net.interfaces import find_sources
from sockatuh.net.notify import Notifier
from sockatuh.net.port import drive_port
from sockatuh.net.resolver import resolve
from sockatuh.net.sockets import RECEIVE_BUFFER, given_buffers, open_server_socket, unread_drops
from sockatuh.protocol.server.door import ServerIdentity
from sockatuh.protocol.server.tickets import Tickets, password_generation
from sockatuh.room.entries import LINE_KINDS
from sockatuh.room.log import Outcome, Row, Stretch
from sockatuh.room.names import NameRules
from sockatuh.room.orders import Actor, Order, OrderDenied, Reply
from sockatuh.store.database import wall_clock
from sockatuh.store.files import DATABASE, lock_directory
from sockatuh.store.history import LostSession, SessionRecorder
from sockatuh.store.keys import ServerKeys
from sockatuh.store.roomlog import RoomLog

from .alarms import (
    CONTROL_TOPIC,
    Status,
    StorageAlarm,
    UnreadWatch,
    overruled_trouble,
    unusable_control,
    well_line,
)
from .backup_watch import backup_troubles, last_backup
from .barred_file import BarredFile
from .box_report import Asked, ReloadReply, Trouble
from .build import LogPort, build
from .control import ControlSocket, control_path
from .control_lines import Item
from .dialects.base import DialectEvent
from .guessing import GuessWatch
from .log_reads import Request, read_for
from .loop_calls import LoopCalls
from .options import Ready, ServiceOptions
from .password_checks import Check
from .reload import Reloader, reply_to_reload
from .reports import NEEDS_SURROUNDINGS, Vitals
from .reports import report as make_report
from .surroundings import SurroundingsReader, read_surroundings
from .timing import Timing
from .trusted_clock import TrustedClock
from .upkeep import Pruning, TicketKeyFile
from .write_batching import WriteBatcher

TICK: Final = 1.0
STATUS_EVERY: Final = 5
"""Ticks between two looks at what the service manager shows of a room that is well."""
SUMMARY_EVERY: Final = 60
UPKEEP_EVERY: Final = 3_600
"""Ticks between two summaries of what was dropped, and two rounds of pruning and renewing ticket keys."""
UPKEEP_FROM: Final = 600
"""Ticks before the first of them: a clock that starts in the wrong year is mostly right by then."""
WAKE_AGAIN: Final = (1, 3)
"""Ticks at which the clients of the previous process are woken again: a datagram may be lost."""
LATE: Final = 3.0
"""When ticks are so many seconds apart, the whole process was suspended, and the disk is not to blame."""
WRITER_SILENCE: Final = 5.0
"""Seconds without a sign of the writer after which it counts as dead."""
LAST_WORDS: Final = 3.0
"""Seconds that the database gets to commit what is queued when the server stops."""


class Service:
    """One room's server; `announce` is called when it can be joined. Raises SockAtuhError when it cannot start.

    `passed` is a socket that was opened for it, in place of the one the options name. `reread` reads the options anew
    on SIGHUP; it raises ConfigurationError.
    """

    def __init__(
        self,
        options: ServiceOptions,
        log: Logger,
        notifier: Notifier,
        announce: Callable[[Ready], None],
        *,
        passed: socket.socket | None = None,
        reread: Callable[[], ServiceOptions] | None = None,
    ) -> None:
        self._options, self._log, self._notifier, self._announce = options, log, notifier, announce
        self._lock = lock_directory(options.state_dir)
        try:
            self._control = self._find_control()
            keys = ServerKeys.load(options.state_dir)
            self._socket = passed or open_server_socket(options.host, options.port)
        except BaseException:
            self._lock.close()
            raise
        self._is_passed = passed is not None
        self._loop = asyncio.get_running_loop()
        self._stopped: asyncio.Future[str] = self._loop.create_future()
        self._calls = LoopCalls(self._loop)
        self._database = options.state_dir / DATABASE
        self._room_log = RoomLog.open(
            self._database,
            synchronous=options.synchronous,
            volatile_kinds=LINE_KINDS if options.message_retention == 0 else frozenset(),
            on_error=partial(self._calls.add, self._note_storage_error),
        )
        self._recorder = SessionRecorder(self._room_log, deliver=partial(self._calls.add, self._take_written))
        self._lost = self._recorder.lost_sessions()
        self._clock = TrustedClock(wall_clock, time.monotonic)
        self._ticket_keys = TicketKeyFile(options.state_dir, log, time.monotonic)
        self._tickets = Tickets(self._ticket_keys.load(), password_generation(options.password_hash))
        span = self._room_log.span()
        self._commits, self._turns = Timing(), Timing()
        self._room_log.time_commits(self._commits.observe)
        self._room_log.follow(span.last, partial(self._calls.add, self._take_committed))
        self._pruning = Pruning(self._room_log, self._recorder, span.last, self._clock.read)
        append = partial(self._room_log.append, wake=False)
        self._batcher = WriteBatcher(append, self._room_log.wake, self._loop.call_later, time.monotonic)
        room_log = self._room_log
        self._parts = parts = build(
            options,
            ServerIdentity(keys.private_key, keys.reset_key, options.room),
            self._tickets,
            NameRules(),
            LogPort(room_log.lineage(), span.last, self._batcher.put, room_log.resume, room_log.renew),
            self._recorder,
            log,
            random=os.urandom,
            wall=self._clock.read,
        )
        self._endpoint, self._classic, self._room_server = parts.endpoint, parts.classic, parts.room_server
        self._read_options = reread or (lambda: self._options)
        self._reloader = Reloader(parts, log)
        self._driver: Driver[DialectEvent] = drive_port(
            parts.core,
            self._socket,
            self._on_event,
            self._on_settled,
            partial(_log_fallback, log),
            self._turns.observe,
        )
        self._bcrypt = ThreadPoolExecutor(1, "bcrypt")
        self._reader = ThreadPoolExecutor(1, "reader")
        self._keeper = ThreadPoolExecutor(1, "upkeep")
        self._surroundings = SurroundingsReader(partial(read_surroundings, options.state_dir, self._socket))
        self._status = Status(notifier, self._well_line)
        self._storing = StorageAlarm(self._database, log, self._status)
        self._guesses = GuessWatch(parts.desk.bound, log, self._status)
        self._unread = UnreadWatch(self._socket, self._status)
        self._barred = BarredFile(options.state_dir, os.environ.get("RUNTIME_DIRECTORY"), log)
        self._lasting: list[Trouble] = []
        """What was wrong when the process began, and stays so."""
        self._started_at, self._ticked_at, self._password_checks = 0, 0.0, 0

    async def run(self) -> None:
        """Serve until SIGTERM (restarting) or SIGINT (closing), or until `stop`; SIGHUP reloads."""
        options = self._options
        self._loop.add_signal_handler(signal.SIGHUP, self.reload)
        for number, code in ((signal.SIGTERM, "restarting"), (signal.SIGINT, "closing")):
            self._loop.add_signal_handler(number, self.stop, code)
        recent = self._room_log.recent(options.limits.recent_entries, options.limits.recent_bytes)
        self._note_damage(recent)
        self._room_server.load(self._room_log.last_of_each_key(), recent.rows, time.monotonic())
        self._write_barred()  # before anybody can come in
        self._driver.start()
        await self._wake(self._lost)
        self._recorder.close_lost()
        await self._open_control()
        self._say_ready()
        ticking = self._loop.create_task(self._tick())
        # Without ticks the room would run on with half of its work undone; a restart is better.
        ticking.add_done_callback(lambda _: self.stop("restarting"))
        await self._close(await self._stopped)
        if ticking.done():
            await ticking
        ticking.cancel()

    def stop(self, code: str) -> None:
        """End `run`; clients get CLOSED with `code`."""
        if not self._stopped.done():
            self._stopped.set_result(code)

    def reload(self, answer: Callable[[ReloadReply], None] = lambda _: None) -> None:
        """Apply a changed configuration, without dropping anybody; `answer` is told what was taken."""
        self._notifier.reloading(time.monotonic())
        self._keeper.submit(self._reread, answer)  # a small machine takes a second for it

    def _reread(self, answer: Callable[[ReloadReply], None]) -> None:
        try:
            fresh: ServiceOptions | Exception = self._read_options()
        except Exception as error:
            fresh = error
        self._calls.add(self._take_options, fresh, answer)

    def _take_options(self, fresh: ServiceOptions | Exception, answer: Callable[[ReloadReply], None]) -> None:
        if isinstance(fresh, Exception) and not isinstance(fresh, SockAtuhError | OSError):
            answer(OrderDenied(code="internal"))
            raise fresh
        change, said = self._reloader.reload(self._options, fresh)
        answer(reply_to_reload(change, fresh))
        self._options = change.options
        if {"message_retention", "message_bytes", "event_retention"} & {*change.taken}:
            self._keeper.submit(self._prune, self._pruning.prune)
        self._driver.flush()
        self._notifier.ready(said)
        self._status.repeat()

    # The control socket.

    async def report(self, query: Asked) -> Iterable[Item] | OrderDenied:
        """Answer a query of the control socket."""
        if isinstance(query, NEEDS_SURROUNDINGS):
            await self._surroundings.refresh()
        return make_report(query, self._parts, self._options, self._vitals())

    def carry_out(self, order: Order, actor: Actor, answer: Callable[[Reply], None]) -> None:
        """Carry out an order of the control socket."""
        self._room_server.orders.carry_out(order, actor, answer, time.monotonic())
        self._driver.flush()

    def _find_control(self) -> ControlSocket | None:
        """Return the control socket, not yet open; ConfigurationError if something is wrong with its place."""
        options = self._options
        path = control_path(options.control, options.state_dir, os.environ.get("RUNTIME_DIRECTORY"))
        if path is None:
            return None
        control = ControlSocket(path, self, self._log)
        with contextlib.suppress(OSError):  # `bind` tries again
            control.clear()  # now, because this server may not come to open its own
        return control

    async def _open_control(self) -> None:
        """Answer at the control socket. If the file system refuses it at present, the room is served without it."""
        if self._control is None or self._control.is_bound:
            return
        try:
            self._control.bind()
        except (OSError, ConfigurationError) as error:
            reason = error.strerror or str(error) if isinstance(error, OSError) else str(error)
            if self._status.say(*unusable_control(reason)):
                self._log.warning("control_unusable", reason=reason)
            return
        self._status.say(CONTROL_TOPIC, "")
        await self._control.start()

    def _vitals(self) -> Vitals:
        now, wall, options = time.monotonic(), self._clock.read(), self._options
        host, port = self._socket.getsockname()[:2]
        driver, around = self._driver, self._surroundings.last
        damage = self._storing.damage
        unread = unread_drops(self._socket)
        return Vitals(
            now=now,
            wall=wall,
            ready=Ready(options.room, host, around.addresses, port, self._endpoint.public_key),
            started=self._started_at,
            database=around.database,
            storing=(self._room_server.obstacle(now) or self._room_log.obstacle) is None,
            loop=now - self._ticked_at,
            writer=now - self._room_log.answered_at,
            receive_buffer=given_buffers(self._socket).receive,
            received=driver.received,
            sent=driver.sent,
            dropped={**({"receive_buffer": unread} if unread else {}), **driver.errors},
            password_checks=self._password_checks,
            commits=self._commits.histogram(),
            turns=self._turns.histogram(),
            troubles=(
                *self._status.troubles,
                *([damage] if damage is not None else []),
                *self._lasting,
                *backup_troubles(around.stamp, wall),
            ),
            backup=last_backup(around.stamp),
        )

    # What happens.

    def _on_event(self, event: DialectEvent) -> None:
        self._room_server.handle(event, time.monotonic())

    def _on_settled(self) -> None:
        """Pass on what a turn has led to: reads of the log, passwords for bcrypt, and entries to be written."""
        while (request := self._room_server.take_read()) is not None:
            self._reader.submit(self._read, request)
        check = self._room_server.take_check(time.monotonic())
        if check is not None:
            self._ask_bcrypt(check)
        self._batcher.flush()

    def _take_committed(self, rows: Sequence[Row], outcomes: Sequence[Outcome]) -> None:
        waiting, now = self._room_server.unwritten, time.monotonic()
        self._room_server.take_rows(rows, now)
        self._room_server.take_outcomes(outcomes, now)
        self._look_at_storing(waiting, now)
        self._driver.flush()
        self._batcher.note_fanout(now, time.monotonic())

    def _take_written(self, then: Callable[[float], None]) -> None:
        then(time.monotonic())
        self._driver.flush()

    def _read(self, request: Request) -> None:
        try:
            found: Stretch | Exception = read_for(self._room_log, request)
        except Exception as error:  # whatever it is, the client repeats its request
            found = error
        self._calls.add(self._answer_read, request, found)

    def _answer_read(self, request: Request, found: Stretch | Exception) -> None:
        if isinstance(found, Exception):
            self._storing.warn("history_unreadable", found, time.monotonic())
            self._room_server.answer_read(request, None)
        else:
            self._note_damage(found)
            self._room_server.answer_read(request, found)
        self._driver.flush()

    def _note_damage(self, found: Stretch) -> None:
        if found.damage is not None:
            self._storing.note_damage(found.damage)

    def _ask_bcrypt(self, check: Check) -> None:
        self._password_checks += 1
        self._bcrypt.submit(self._check, check, self._options.password_hash)

    def _check(self, check: Check, password_hash: str) -> None:
        try:
            right = bcrypt.checkpw(check.password, password_hash.encode())
        except ValueError:  # bytes that bcrypt does not accept are never the password
            right = False
        self._calls.add(self._answer_check, check, right, password_hash)

    def _answer_check(self, check: Check, right: bool, password_hash: str) -> None:
        if password_hash != self._options.password_hash:  # it was changed meanwhile
            self._ask_bcrypt(check)
            return
        self._room_server.answer_check(check, right, time.monotonic())
        self._driver.flush()

    # Upkeep.

    async def _tick(self) -> None:
        ticks = 0
        watched_at = -math.inf
        while True:
            began_at = time.monotonic()
            await asyncio.sleep(TICK)
            ticks += 1
            if ticks in WAKE_AGAIN:
                await self._wake(self._lost)
            now = time.monotonic()
            self._room_server.handle_timer(now)
            self._ticked_at = now
            self._guesses.look(now)
            if ticks % STATUS_EVERY == 0:
                self._status.look()
            self._clock.read()
            self._room_log.try_again()
            self._write_barred()
            if now - began_at < LATE:
                self._look_at_storing(self._room_server.unwritten, now)
            self._driver.flush()
            interval = self._notifier.watchdog_interval
            alive = now - self._room_log.answered_at < WRITER_SILENCE
            if interval is not None and alive and now - watched_at >= interval:
                self._notifier.watchdog()
                watched_at = now
            if self._pruning.is_due(self._options):
                self._keeper.submit(self._prune, self._pruning.bound_bytes)
            if ticks % SUMMARY_EVERY == 0:
                self._room_server.summarise_dropped()
                self._unread.look(self._driver.received)
                await self._open_control()
            if ticks >= UPKEEP_FROM and (ticks - UPKEEP_FROM) % UPKEEP_EVERY == 0:
                self._ticket_keys.renew(self._tickets)
                self._keeper.submit(self._prune, self._pruning.prune)

    def _write_barred(self) -> None:
        self._barred.write(self._room_server.orders.book, self._clock.read())

    def _well_line(self) -> str:
        server = self._room_server
        orders = server.orders.book.count(self._clock.read())
        return well_line(self._options.room, server.members, server.lost, orders)

    def _prune(self, prune: Callable[[ServiceOptions], None]) -> None:
        """Delete what is not to be kept; in a thread of its own."""
        try:
            prune(self._options)
        except StoreError as error:  # also when the service stops meanwhile: the log is closed then
            if not self._stopped.done():
                self._calls.add(self._note_storage_error, error)

    def _note_storage_error(self, error: StoreError) -> None:
        self._storing.warn("storage_failed", error, time.monotonic())

    def _look_at_storing(self, waiting: int, now: float) -> None:
        self._storing.look(self._room_server.obstacle(now) or self._room_log.obstacle, waiting, now)

    # Start and stop.

    async def _wake(self, lost: list[LostSession]) -> None:
        """Send RESET to the clients of the previous process, from every address of ours that they may have used."""
        sources = find_sources(self._socket) if lost else []
        for session in lost:
            if session.cid is None:
                continue
            try:
                host, port = parse_server(session.address, 0)
                addresses = await resolve(host, port, self._socket.family)
            except (OSError, ValueError):  # that network is gone; the client notices by its own PING
                continue
            for address in arrivals_at(addresses[0], sources) if addresses else []:
                self._endpoint.wake(session.cid, address)
        self._driver.flush()

    def _say_ready(self) -> None:
        options = self._options
        host, port = self._socket.getsockname()[:2]
        buffer = given_buffers(self._socket).receive
        addresses = self._surroundings.last.addresses
        ready = Ready(options.room, host, addresses, port, self._endpoint.public_key, options.nodes)
        place = {"version": __version__, "room": options.room, "host": host, "port": port}
        proof = {"fingerprint": ready.fingerprint, "words": " ".join(ready.words), "invite": ready.invite}
        self._log.info("server_started", **place, **proof, receive_buffer=buffer)
        if self._is_passed and (options.host, options.port) != (host, port):
            overruled = f"{options.host} port {options.port}"
            self._log.warning("socket_was_passed", host=host, port=port, overruled=overruled)
            self._lasting.append(overruled_trouble(f"{host} port {port}", overruled))
        if buffer < RECEIVE_BUFFER // 16:
            remedy = "raise ReceiveBuffer= in the socket unit" if self._is_passed else "raise net.core.rmem_max"
            self._log.warning("receive_buffer_small", bytes=buffer, remedy=remedy)
            self._lasting.append(Trouble(code="receive_buffer_small", reason=f"{buffer} bytes", remedy=remedy))
        self._classic.start()
        self._started_at = self._clock.read()
        self._ticked_at = time.monotonic()
        self._announce(ready)
        self._notifier.ready(f"Room {options.room} on port {port}")

    async def _close(self, code: str) -> None:
        self._notifier.stopping()
        if self._control is not None:
            self._control.hold()
        if code == "closing":
            self._room_server.empty_room()
        self._room_server.hold_lines(time.monotonic())  # clients repeat them to the next process
        self._driver.flush()
        deadline = time.monotonic() + LAST_WORDS
        while self._room_server.unwritten and time.monotonic() < deadline:
            await asyncio.sleep(0.01)
        if self._control is not None:
            await self._control.close()
        self._room_server.close_sessions(code)
        self._driver.flush()
        self._driver.close()
        for executor in (self._bcrypt, self._reader, self._keeper):
            executor.shutdown(wait=False, cancel_futures=True)
        self._room_server.summarise_dropped()
        self._ticket_keys.renew(self._tickets)  # their age is the time for which servers have run
        self._room_log.close()  # reads and pruning that are still running fail
        self._calls.close()
        self._lock.close()
        self._log.info("server_stopped", reason=code)


def _log_fallback(log: Logger, fallback: Fallback, error: OSError) -> None:
    log.warning(fallback.event, reason=error.strerror, consequence=fallback.consequence)
