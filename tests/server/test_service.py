"""The server on a real socket with a real database: start, periodic work, reload and shutdown."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import sqlite3
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import bcrypt
import pytest
from e2e.relay import relay_to
from e2e.running import PASSWORD, PATIENCE, Room, conversation, eventually, hash_password, joined
from kit.disk import Diary
from kit.server import name_rules

from sockatuh import __version__
from sockatuh.errors import Refused, StoreError
from sockatuh.net.notify import Notifier
from sockatuh.protocol.client import events as e
from sockatuh.protocol.datagrams import reset_token
from sockatuh.protocol.server.limits import Limits
from sockatuh.room.entries import Left, Message, Whispered
from sockatuh.room.log import Append
from sockatuh.server import service as service_module
from sockatuh.server.options import Ready, ServiceOptions
from sockatuh.server.service import Service
from sockatuh.settings.values import PRIVATE_NETWORKS
from sockatuh.store import database as database_module
from sockatuh.store.database import open_reader, wall_clock
from sockatuh.store.files import load_or_create_key
from sockatuh.store.history import HistoryReader, SessionRecorder
from sockatuh.store.roomlog import RoomLog

DAY_MS = 86_400_000
DAY = 86_400.0
FOREVER = float("inf")

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the server runs on Linux and macOS")


@pytest.fixture(scope="module")
def password_hash() -> str:
    return hash_password()


@pytest.fixture
def room(tmp_path: Path, password_hash: str) -> Room:
    return Room(tmp_path, password_hash, is_forked=True)


@pytest.fixture
def options(tmp_path: Path, password_hash: str) -> ServiceOptions:
    return ServiceOptions(
        host="127.0.0.1",
        port=0,
        room="kitchen",
        password_hash=password_hash,
        state_dir=tmp_path / "state",
        synchronous="normal",
        history_on_join=200,
        message_retention=30 * DAY,
        event_retention=365 * DAY,
        name_ownership=90 * DAY,
        classic=False,
        classic_networks=PRIVATE_NETWORKS,
        max_members=100,
        log_texts=False,
        limits=Limits(),
    )


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    """The service manager's end of the notification socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.settimeout(PATIENCE)
        sock.bind(str(tmp_path / "notify"))
        yield sock


@pytest.fixture(autouse=True)
def _one_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """Share one table of look-alikes among the services of this process."""
    monkeypatch.setattr(service_module, "NameRules", name_rules)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run the periodic work of the service a hundred times a second."""
    monkeypatch.setattr(service_module, "TICK", 0.01)
    monkeypatch.setattr(service_module, "UPKEEP_FROM", 1)


@dataclass(slots=True)
class Served:
    """A service in this process."""

    ready: Ready
    diary: Diary
    service: Service


@contextlib.asynccontextmanager
async def serving(
    options: ServiceOptions,
    notifier: Notifier = Notifier(),  # noqa: B008 - it is frozen
    *,
    passed: socket.socket | None = None,
    reread: Callable[[], ServiceOptions] | None = None,
) -> AsyncIterator[Served]:
    diary = Diary()
    ready: asyncio.Future[Ready] = asyncio.get_running_loop().create_future()
    service = Service(options, diary, notifier, ready.set_result, passed=passed, reread=reread)
    ended = asyncio.create_task(service.run())
    ended.add_done_callback(lambda _: ready.cancel())
    try:
        yield Served(await ready, diary, service)
    finally:
        service.stop("restarting")
        await ended


# Start.


def test_a_ready_server_announces_its_address_and_key(options: ServiceOptions) -> None:
    async def story() -> None:
        async with serving(options) as served:
            ready = served.ready
            assert (ready.room, ready.host) == ("kitchen", "127.0.0.1")
            [started] = served.diary.of("server_started")
            wanted = {"version": __version__, "room": "kitchen", "host": "127.0.0.1", "port": ready.port}
            assert wanted.items() <= started.items()
            async with joined("ana", ready.port, ready.server_key) as ana:
                assert ana.conversation.room == "kitchen"
        assert served.diary.of("server_stopped") == [{"reason": "restarting"}]

    asyncio.run(story())


def test_the_classic_dialect_is_turned_on_with_a_warning(options: ServiceOptions) -> None:
    async def story() -> None:
        async with serving(replace(options, classic=True)) as served:
            assert served.diary.of("classic_dialect_on")

    asyncio.run(story())


def test_an_unreachable_lost_session_does_not_prevent_a_start(
    options: ServiceOptions,
) -> None:
    with old_log(options.state_dir, wall_clock) as log:
        SessionRecorder(log).opened(7, "ana", "key", "[fe80::1%2]:5000", "secure", "test", transient=False)

    async def story() -> None:
        async with serving(options) as served:
            assert served.ready.port

    asyncio.run(story())


def test_a_passed_socket_overrides_the_configured_address(options: ServiceOptions) -> None:
    async def story() -> None:
        with socket.socket(type=socket.SOCK_DGRAM) as held:
            held.bind(("127.0.0.1", 0))
            port = held.getsockname()[1]
            for _ in range(2):
                passed = held.dup()
                passed.setblocking(False)
                async with serving(replace(options, port=1), passed=passed) as served:
                    assert served.ready.port == port
                    [warned] = served.diary.of("socket_was_passed")
                    assert warned == {"host": "127.0.0.1", "port": port, "overruled": "127.0.0.1 port 1"}
                    async with joined("ana", port, served.ready.server_key):
                        pass

    asyncio.run(story())


@pytest.mark.parametrize(
    ("damage", "sentence", "code"),
    [
        ("another server", "another sockatuh serves this room already", 1),
        ("port taken", "another program uses this port", 1),
        ("key readable", "others can read it", 8),
        ("newer database", "written by a newer SockAtuh", 1),
    ],
)
def test_a_failed_start_is_explained_in_one_sentence(room: Room, damage: str, sentence: str, code: int) -> None:
    async def story() -> None:
        async with contextlib.AsyncExitStack() as stack:
            match damage:
                case "another server":
                    await stack.enter_async_context(serving_beside(room))
                case "port taken":
                    sock = stack.enter_context(socket.socket(type=socket.SOCK_DGRAM))
                    sock.bind(("127.0.0.1", room.port))
                case "key readable":
                    load_or_create_key(made(room.state_dir) / "server.key")
                    (room.state_dir / "server.key").chmod(0o644)
                case _:
                    with sqlite3.connect(made(room.state_dir) / "room.db") as database:
                        database.execute("PRAGMA user_version = 99")
                    database.close()
            server = room.server()
            assert await asyncio.to_thread(server.run) == code
            [said] = server.said
            assert sentence in said
            assert server.logged == []

    asyncio.run(story())


def made(directory: Path) -> Path:
    directory.mkdir(mode=0o700)
    return directory


@contextlib.asynccontextmanager
async def serving_beside(room: Room) -> AsyncIterator[None]:
    """Serve the same state directory at another port."""
    options = ServiceOptions(
        "127.0.0.1", 0, "kitchen", room.password_hash, room.state_dir, "normal", 0, DAY, DAY, DAY, False, (), 10, False,
        Limits(),
    )  # fmt: skip
    async with serving(options):
        yield


# Shutdown.


@pytest.mark.slow
def test_sigterm_notifies_manager_and_members_of_a_restart(room: Room, manager: socket.socket) -> None:
    room.environ = {"NOTIFY_SOCKET": manager.getsockname(), "WATCHDOG_USEC": "200000"}

    async def story() -> None:
        async with room.serve() as server, joined("ana", room.port, server.key) as ana:
            assert manager.recv(200) == f"READY=1\nSTATUS=Room kitchen on port {room.port}".encode()
            assert await asyncio.to_thread(manager.recv, 200) == b"WATCHDOG=1"
            assert await server.end() == 0
            await ana.until(lambda: ana.all(e.ContactLost) == [e.ContactLost("restarting")])
            while (state := manager.recv(200)) == b"WATCHDOG=1":
                pass
            assert state == b"STOPPING=1"
            assert server.logged[-1]["event"] == "server_stopped"
            assert server.logged[-1]["reason"] == "restarting"
            assert not server.events("member_left")
        [session] = room.history.joins(None, None, 10)
        assert session.reason == "server_stopped"

    asyncio.run(story())


def test_ctrl_c_closes_the_room_and_logs_every_member_out(room: Room) -> None:
    async def story() -> None:
        async with room.serve() as server, joined("ana", room.port, server.key) as ana:
            ana.say("soup at one")
            await ana.until(ana.is_answered)
            assert await server.end(signal.SIGINT) == 0
            await ana.sees("ana left")
            await ana.until(lambda: ana.all(e.ContactLost) == [e.ContactLost("closing")])
            assert [line["reason"] for line in server.events("member_left")] == ["closed"]
            assert server.logged[-1]["reason"] == "closing"
        [session] = room.history.joins(None, "ana", 10)
        assert session.reason == "server_stopped"

    asyncio.run(story())


# A configuration that changes.


def test_sighup_applies_changed_settings_and_notifies_the_manager(room: Room, manager: socket.socket) -> None:
    room.environ = {"NOTIFY_SOCKET": manager.getsockname()}
    before = time.monotonic_ns() // 1000

    async def story() -> None:
        async with room.serve() as server, joined("ana", room.port, server.key) as ana:
            assert manager.recv(300).startswith(b"READY=1")
            another = bcrypt.hashpw(b"another one", bcrypt.gensalt(10)).decode()
            room.configure(password_hash=another, room="cellar", log_level="warning")
            server.send(signal.SIGHUP)
            reloading, _, moment = (await asyncio.to_thread(manager.recv, 300)).partition(b"\nMONOTONIC_USEC=")
            assert reloading == b"RELOADING=1"
            assert before <= int(moment) <= time.monotonic_ns() // 1000
            assert (await asyncio.to_thread(manager.recv, 300)).decode() == (
                "READY=1\nSTATUS=configuration reloaded; password changed: 1 member stays, tickets are void; "
                "needs a restart: room"
            )
            await server.wait_for("restart_needed", settings="room")
            assert not server.events("configuration_reloaded"), "its level is too low by now"
            room.configure(port=0.5)
            server.send(signal.SIGHUP)
            assert (await asyncio.to_thread(manager.recv, 300)).startswith(b"RELOADING=1")
            said = (await asyncio.to_thread(manager.recv, 300)).decode()
            assert said.startswith("READY=1\nSTATUS=Configuration not taken: port (file ")
            await server.wait_for("configuration_refused")
            ana.say("still here")
            await ana.until(ana.is_answered)
            assert not ana.all(e.ContactLost)
            with pytest.raises(Refused, match="password_wrong"):
                async with joined("budi", room.port, server.key):
                    pass

    asyncio.run(story())


def test_a_check_in_progress_during_a_password_change_uses_the_new_hash(
    options: ServiceOptions,
) -> None:
    another = bcrypt.hashpw(b"another one", bcrypt.gensalt(10)).decode()

    async def story() -> None:
        async with serving(options, reread=lambda: replace(options, password_hash=another)) as served:
            port, key, ready = served.ready.port, served.ready.server_key, threading.Event()
            served.service._bcrypt.submit(ready.wait)
            try:
                async with conversation("ana", port, key) as early:
                    await early.open(PATIENCE)
                    joining = asyncio.create_task(early.join("ana", PASSWORD, PATIENCE))
                    await eventually(lambda: served.service._bcrypt._work_queue.qsize() == 1)
                    served.service.reload()
                    await eventually(lambda: served.service._options.password_hash == another)
                    ready.set()
                    with pytest.raises(Refused, match="password_wrong"):
                        await joining
                    await early.join("ana", "another one", PATIENCE)
                    await early.leave()
            finally:
                ready.set()

    asyncio.run(story())


def test_a_shorter_retention_takes_effect_at_once(options: ServiceOptions) -> None:
    fill_with_the_past(options.state_dir)
    history = HistoryReader(options.state_dir / "room.db")
    keeps_all = replace(options, message_retention=FOREVER, event_retention=FOREVER)

    async def story() -> None:
        async with serving(keeps_all, reread=lambda: options) as served:
            served.service.reload()
            await eventually(
                lambda: [line.text for line in history.messages(None, None, 9) if not line.to] == ["10 days", "0 days"]
            )

    asyncio.run(story())


# What it keeps, and for how long.


@pytest.mark.slow
def test_without_retention_texts_are_delivered_but_never_stored(options: ServiceOptions, quick: None) -> None:
    del quick

    async def story() -> None:
        async with (
            serving(replace(options, message_retention=0.0)) as served,
            relay_to(served.ready.port) as relay,
            joined("ana", relay.port, served.ready.server_key) as ana,
            joined("budi", served.ready.port, served.ready.server_key) as budi,
        ):
            ana.say("the first secret soup")
            await ana.until(ana.is_answered)
            relay.change_down = lambda _: None
            again = ana.say("the second secret soup")
            await budi.sees("ana: the second secret soup")
            cid = int.from_bytes(relay.up[-1][1:8], "little")
            token = reset_token(load_or_create_key(options.state_dir / "reset.key"), cid)
            relay.send_down(b"\xb6" + cid.to_bytes(7, "little") + token)
            relay.change_down = lambda data: data
            await ana.until(lambda: bool(ana.all(e.ContactLost)))
            await ana.until(lambda: again in ana.stored)
            async with joined("cici", served.ready.port, served.ready.server_key, history=None) as cici:
                await cici.sees("ana: the second secret soup")
                assert cici.lines == budi.lines == ["ana: the first secret soup", "ana: the second secret soup"]
            assert b"secret soup" not in on_disk(options.state_dir)
        assert b"secret soup" not in on_disk(options.state_dir)
        assert b"ana" in on_disk(options.state_dir)
        async with (
            serving(replace(options, message_retention=0.0)) as served,
            joined("dora", served.ready.port, served.ready.server_key, history=None) as dora,
        ):
            await dora.until(lambda: bool(dora.all(e.CaughtUp)))
            assert dora.lines == []

    asyncio.run(story())


def on_disk(directory: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(directory.iterdir()) if path.is_file())


@contextlib.contextmanager
def old_log(state_dir: Path, clock: Callable[[], int]) -> Iterator[RoomLog]:
    """Write a log as an earlier server did."""

    def fail(error: StoreError) -> None:
        raise AssertionError(error)

    log = RoomLog.open(
        state_dir / "room.db", synchronous="normal", volatile_kinds=frozenset(), on_error=fail, clock=clock
    )
    try:
        yield log
    finally:
        log.close()


def fill_with_the_past(state_dir: Path) -> None:
    """Leave a line, a private one, a name that was used and a closed session of 400, 40, 10 and 0 days ago."""
    for days in (400, 40, 10, 0):
        at = wall_clock() - days * DAY_MS
        with old_log(state_dir, partial(int, at)) as log:
            log.append(Append(days.to_bytes(16, "big"), Message("ana", "key", f"{days} days", action=False)))
            private = Whispered("ana", "key", f"{days} days", "budi", "other")
            log.append(Append(b"private " + days.to_bytes(8, "big"), private))
            left = Left("guest", "key", "left", 1.0)
            log.append(Append(b"guests  " + days.to_bytes(8, "big"), left, f"guest of {days}"))
            recorder = SessionRecorder(log, partial(int, at))
            record = recorder.opened(days, f"{days} days", "key", "10.0.0.2:1", "secure", "", transient=False)
            recorder.closed(record, "left")


@pytest.mark.parametrize(("messages", "events", "lines", "sessions"), [
    (30 * DAY, 365 * DAY, [10, 0], [40, 10, 0]),
    (FOREVER, 30 * DAY, [400, 40, 10, 0], [10, 0]),
    (30 * DAY, FOREVER, [10, 0], [400, 40, 10, 0]),
    (0.0, 30 * DAY, [0], [10, 0]),
])  # fmt: skip
def test_only_data_past_its_retention_is_deleted(
    options: ServiceOptions, quick: None, messages: float, events: float, lines: list[int], sessions: list[int]
) -> None:
    del quick
    fill_with_the_past(options.state_dir)
    history = HistoryReader(options.state_dir / "room.db")

    def kept() -> tuple[list[tuple[str, str]], list[str]]:
        return (
            [(line.text, line.to) for line in history.messages(None, None, 100, private=True)],
            [line.name for line in history.joins(None, None, 100)],
        )

    said = [(f"{days} days", to) for days in lines for to in ("", "budi")]

    async def story() -> None:
        async with serving(replace(options, message_retention=messages, event_retention=events)) as served:
            await eventually(lambda: kept() == (said, [f"{days} days" for days in sessions]))
            assert not served.diary.of("storage_failed")
        with contextlib.closing(open_reader(options.state_dir / "room.db")) as database:
            owned = database.execute("SELECT count(*) FROM log WHERE kind = 'left'").fetchone()
        assert owned == (4,), "the last entry of a name stays: it says whose the name is"

    asyncio.run(story())


# Periodic work.


@pytest.mark.slow
def test_dropped_datagrams_are_summarised_periodically_and_at_shutdown(options: ServiceOptions, quick: None) -> None:
    del quick

    async def story() -> None:
        with socket.socket(type=socket.SOCK_DGRAM) as stranger:
            async with serving(options) as served:
                stranger.connect(("127.0.0.1", served.ready.port))
                for _ in range(3):
                    stranger.send(b"anybody there?")
                await eventually(lambda: bool(served.diary.of("datagram_dropped")))
                stranger.send(b"\xb1 no hello")
                await eventually(lambda: len(served.diary.of("datagram_dropped")) > 1)
                stranger.send(b"anybody?")
        summaries = served.diary.of("datagram_dropped")
        assert {"off", "size"} == {reason for summary in summaries for reason in summary}
        assert sum(int(str(summary.get("off", 0))) for summary in summaries) in (3, 4)

    asyncio.run(story())


@pytest.mark.slow
def test_the_manager_is_notified_only_while_the_writer_is_alive(
    options: ServiceOptions, manager: socket.socket, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    del quick
    monkeypatch.setattr(service_module, "WRITER_SILENCE", 1.5)
    monkeypatch.setattr(database_module, "_PATIENCE_MS", 5_000)  # how long a lasting lock blocks the writer
    notifier = Notifier(manager.getsockname(), watchdog_interval=0.01)

    async def story() -> None:
        async with (
            serving(options, notifier) as served,
            joined("ana", served.ready.port, served.ready.server_key) as ana,
        ):
            with contextlib.closing(sqlite3.connect(options.state_dir / "room.db", isolation_level=None)) as other:
                other.execute("BEGIN IMMEDIATE")
                ana.say("soup at one")
                await asyncio.to_thread(wait_for_silence, manager)
                assert not ana.stored
                other.execute("ROLLBACK")
            await ana.until(ana.is_answered)
            assert await asyncio.to_thread(manager.recv, 200) == b"WATCHDOG=1"

    asyncio.run(story())


def wait_for_silence(manager: socket.socket) -> None:
    """Read notifications to the manager until none has arrived for 50 ticks."""
    manager.settimeout(0.5)
    with contextlib.suppress(TimeoutError):
        for _ in range(1000):
            manager.recv(200)
        raise AssertionError("it never fell silent")
    manager.settimeout(PATIENCE)


def test_failing_to_renew_ticket_keys_only_logs_a_warning(
    options: ServiceOptions, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    del quick
    monkeypatch.setattr(service_module, "UPKEEP_EVERY", 2)

    async def story() -> None:
        async with serving(options) as served:
            (options.state_dir / "ticket.keys").write_text("damaged")
            await eventually(lambda: len(served.diary.of("ticket_keys_not_renewed")) > 1)
            async with joined("ana", served.ready.port, served.ready.server_key) as ana:
                assert ana.admitted.ticket, "the old keys still seal"

    asyncio.run(story())
