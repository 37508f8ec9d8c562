"""Every container has a bound in bytes of memory, whether filled with small items or large ones."""

from __future__ import annotations

import gc
import ipaddress
import math
import os
import socket
import threading
import tracemalloc
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
from kit.bare_room import IDENTITY, START, TICKET_KEY, Dice
from kit.disk import Diary
from kit.sessions import make_offers, make_pending, make_session, place
from msgspec.structs import replace

from sockatuh.cli.held_lines import HeldLines
from sockatuh.client.items import Said
from sockatuh.errors import StoreError
from sockatuh.log import unblocked
from sockatuh.net.batch import ADDRESSES_KEPT, BatchSender
from sockatuh.protocol import messages as m
from sockatuh.protocol.client.inbox import EARLY_BYTES, Inbox
from sockatuh.protocol.constants import MAX_NAME_BYTES, MAX_PARTS, MAX_PIECE, RECEIVE_WINDOW
from sockatuh.protocol.server.cookie import CookieJar
from sockatuh.protocol.server.door import Door, standing_of
from sockatuh.protocol.server.events import ServerEvent
from sockatuh.protocol.server.fanout import SWEEP_BYTES, Fanout
from sockatuh.protocol.server.limits import Limits
from sockatuh.protocol.server.packing import Logged
from sockatuh.protocol.server.password_offers import OFFERS_A_TURN
from sockatuh.protocol.server.rate_limit import BucketTable
from sockatuh.protocol.server.recent import Recent
from sockatuh.protocol.server.requests import RELEASED_AT_ONCE, Requests
from sockatuh.protocol.server.send_queue import Outgoing
from sockatuh.protocol.server.session import open_session
from sockatuh.protocol.server.tickets import Tickets
from sockatuh.protocol.server.timers import ServerTimer
from sockatuh.protocol.timers import TimerTable
from sockatuh.room.admission import PasswordGate
from sockatuh.room.entries import Claimed, Left, Message
from sockatuh.room.log import Append, Row
from sockatuh.room.presence import PresenceFold
from sockatuh.server.append_queue import MAX_WAITING_BYTES, AppendQueue
from sockatuh.server.dialects.base import NameAsked, PasswordGiven
from sockatuh.server.dialects.classic import ClassicDialect
from sockatuh.server.log_reads import READ_BYTES, ReadRequest, read_for
from sockatuh.store.roomlog import MAX_QUEUED, RoomLog

MIB = 1_048_576
LIMITS = Limits()
LARGE = LIMITS.text_bytes
COOKIES = GUESSERS = 4_096
EMOJI = "\N{HOT BEVERAGE}\ufe0f \N{SLICE OF PIZZA}"


@pytest.fixture(autouse=True, scope="module")
def _collect_only_what_is_new() -> Iterator[None]:
    """Keep the garbage collector from going through everything else in this process each time it is asked."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


def held_by(fill: Callable[[], object]) -> int:
    """Return how many bytes of memory what `fill` returns holds."""
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        thing = fill()
        gc.collect()
        held = tracemalloc.get_traced_memory()[0] - before
        del thing
        return held
    finally:
        tracemalloc.stop()


def peak_of(work: Callable[[], object]) -> int:
    """Return how many bytes of memory `work` takes at most meanwhile, and for what it returns."""
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        work()
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


def encoded(seq: int, size: int) -> Logged:
    return Logged(seq, m.encode(m.Entry(seq, 1_700_000_000_000, m.MESSAGE, "ana", "x" * size, bytes(6))))


# What the server remembers of the log.


@pytest.mark.parametrize(
    "sizes",
    [
        [10] * 12_000,
        [LARGE] * 1_200,
        [LARGE] * 700 + [10] * 4_000,
        [10] * 4_000 + [LARGE] * 700,
        [10, LARGE] * 900,
    ],
    ids=["small", "large", "large, then small", "small, then large", "mixed"],
)
def test_the_newest_entries(sizes: list[int]) -> None:
    def fill() -> Recent:
        recent = Recent(0, LIMITS.recent_entries, LIMITS.recent_bytes)
        for seq, size in enumerate(sizes, 1):
            recent.extend([encoded(seq, size)])
        return recent

    assert held_by(fill) < LIMITS.recent_bytes + LIMITS.recent_entries * 200


@pytest.fixture(name="log")
def _log(tmp_path: Path) -> Iterator[RoomLog]:
    errors: list[StoreError] = []
    log = RoomLog.open(tmp_path / "room.db", synchronous="normal", volatile_kinds=frozenset(), on_error=errors.append)
    with closing(log):
        yield log


def say(log: RoomLog, count: int, size: int, *, keys: bool = False) -> None:
    for number in range(count):
        body = Left("ana", "", "x" * size, 1.0) if keys else Message("ana", "", "x" * size, action=False)
        log.append(Append(number.to_bytes(16, "big"), body, f"name {number}" if keys else None))
    log.call(lambda _: None)


def test_entries_read_for_one_request_and_at_the_start(log: RoomLog) -> None:
    say(log, 200, LARGE)
    one = READ_BYTES + 2 * LARGE
    assert peak_of(lambda: read_for(log, ReadRequest(1, 0, 200))) < 3 * one
    assert peak_of(lambda: log.recent(LIMITS.recent_entries, MIB)) < 2 * MIB
    found = read_for(log, ReadRequest(1, 0, 200))
    assert found.through == found.rows[-1].seq < 200, "the rest is asked for from there on"


def test_the_names_that_a_start_goes_through(log: RoomLog) -> None:
    say(log, 4_000, 10, keys=True)
    assert peak_of(lambda: sum(row.seq for row in log.last_of_each_key())) < MIB // 4


# What is on its way to the log.


@pytest.mark.parametrize("size", [1, LARGE])
def test_lines_waiting_to_be_stored(size: int) -> None:
    def fill() -> tuple[AppendQueue, deque[Append]]:
        queue: deque[Append] = deque()
        appends = AppendQueue(queue.append, lambda: None)
        number = 0
        while not appends.is_full:
            number += 1
            appends.add(Append(number.to_bytes(16, "big"), Message("ana", "", "x" * size, action=False)))
        return appends, queue

    assert MIB < held_by(fill) < MAX_WAITING_BYTES + LARGE


def test_lines_that_are_given_out_at_once_to_a_log_that_is_back() -> None:
    """Many members have whole lines waiting: not all of them go at once, and each has its turn."""
    events: deque[m.Say] = deque()
    limits = Limits(lines_per_second=10_000, lines_burst=10_000)
    requests = Requests(
        limits,
        Outgoing(Counter()),
        events,  # type: ignore[arg-type]
        TimerTable(ServerTimer),
        make_offers(),
    )
    sessions = [make_session(cid, limits) for cid in range(1, 13)]
    requests.hold(sessions, True, False, START)
    for session in sessions:
        for number in range(1, 64):
            pieces = [b"x" * MAX_PIECE] * (LARGE // MAX_PIECE)
            for index, piece in enumerate(pieces):
                session.lines.receive(m.Say(number, number, False, index, len(pieces), piece), 0.0)
            if not session.lines.ready():
                break
    ready = sum(session.lines.ready() for session in sessions)
    assert ready == len(sessions)
    given = 0
    while any(session.lines.ready() for session in sessions):
        requests.hold(sessions, False, False, START)
        released = sum(len(getattr(event, "text", "")) for event in events)
        events.clear()
        assert 0 < released <= RELEASED_AT_ONCE + LARGE
        given += released
    assert given >= len(sessions) * LARGE // 2


def test_other_work_queued_for_an_unresponsive_disk(log: RoomLog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sockatuh.store.roomlog.MAX_QUEUED", MAX_QUEUED // 8)
    free, held = threading.Event(), threading.Event()

    def stand_still(_: object) -> None:
        held.set()
        assert free.wait(30)

    log.submit(stand_still)
    assert held.wait(30)

    def fill() -> None:
        for number in range(MAX_QUEUED // 8 + 600):
            log.submit(lambda _, number=number: number)  # type: ignore[misc]

    try:
        assert held_by(fill) < 40 * MIB // 8
    finally:
        free.set()


# What members are sent.


@pytest.mark.parametrize("size", [1_000, LARGE])
def test_retransmissions_of_one_sweep(size: int) -> None:
    out = Outgoing(Counter())
    timers = TimerTable(ServerTimer)
    fanout = Fanout(0, LIMITS, out, timers)
    sessions = [make_session(cid) for cid in range(1, 400)]
    for session in sessions:
        fanout.add(session, 0, START)
    fanout.publish([encoded(seq, size) for seq in range(1, 40)], START)
    while out.take():
        pass
    again: set[object] = set()
    sweeps = 0
    while len(again) < len(sessions):
        now = timers.next_at()
        assert now is not None
        assert list(timers.take_due(now)) == [ServerTimer.SWEEP]
        assert peak_of(lambda now=now: fanout.sweep(now)) < SWEEP_BYTES + 2 * MIB  # type: ignore[misc]
        while datagrams := out.take():
            again |= {address for _, address in datagrams}
        sweeps += 1
    assert sweeps < 30, "everybody has its turn, soon"


# State kept for strangers.


def test_handshakes_that_wait() -> None:
    def fill() -> Door:
        door = Door(IDENTITY, Tickets([TICKET_KEY], b"password"), LIMITS, Dice(1), Counter(), deque())
        for number in range(2 * LIMITS.pending):
            pending = make_pending(number + 1)
            if len(door) >= LIMITS.pending:
                door.remove(next(iter(door._by_cid.values())))
            cookie = number.to_bytes(16, "big")
            pending = replace(pending, init=bytes(16) + cookie + os.urandom(480), resp=os.urandom(200))
            door._by_cookie[cookie] = door._by_cid[pending.cid] = pending
            door._seats.seat(pending.cid, pending.packed[:16], standing_of(pending))
        return door

    assert held_by(fill) < LIMITS.pending * 8_192


def test_cookies_that_were_used() -> None:
    def fill() -> CookieJar:
        jar = CookieJar(bytes(32), COOKIES)
        for epoch in (1, 2):
            for number in range(COOKIES + 100):
                now, nonce = 30.0 * epoch, number.to_bytes(8, "big")
                low, cookie = jar.create(bytes(18), nonce, now)
                if jar.verify(bytes(18), nonce, low, cookie, now):
                    jar.consume(cookie, now)
        return jar

    assert held_by(fill) < 2 * COOKIES * 120, "the default is 16 times as many: 16 MB"


def test_rates_that_are_remembered() -> None:
    def fill() -> BucketTable:
        table = BucketTable(1.0, 2.0, LIMITS.sessions)
        for number in range(2 * LIMITS.sessions):
            table.take(number.to_bytes(32, "big"), START + number)
        return table

    assert held_by(fill) < 2 * MIB


@pytest.mark.parametrize("proofs", [False, True], ids=["that wait for an offer", "that wait for bcrypt"])
def test_sessions_of_newcomers(proofs: bool) -> None:
    """Each asks for an offer with the longest names, and sends the longest proof."""
    most, name = 128, "x" * MAX_NAME_BYTES

    def fill() -> object:
        out, events, offers = Outgoing(Counter()), deque[ServerEvent](), make_offers()
        requests = Requests(LIMITS, out, events, TimerTable(ServerTimer), offers)
        sessions = [open_session(make_pending(cid, source=place(cid)), LIMITS, START) for cid in range(1, most + 1)]
        for session in sessions:
            if proofs:
                offers.end_turn()
            for number in range(1, 10):
                requests.call(session, m.Call(number, m.Join(f"{number}{name[1:]}", b"", None)), START)
            requests.call(session, m.Call(10, m.Join(name, bytes(1_000), None)), START)
            offers.open(session, name)
        assert sum(session.joining == 10 for session in sessions) == (most if proofs else OFFERS_A_TURN)
        assert sum(session.joining == 1 for session in sessions) == (0 if proofs else most - OFFERS_A_TURN)
        events.clear()
        while out.take():
            pass
        return sessions, requests, offers

    assert held_by(fill) < most * 4_096


def test_wrong_passwords_that_are_remembered() -> None:
    def fill() -> PasswordGate:
        gate = PasswordGate(bytes(32), max_entries=GUESSERS)
        for number in range(GUESSERS):
            gate.record(b"wrong", False, ("secure", number.to_bytes(16, "big")), f"{number:043}", START)
        return gate

    assert held_by(fill) < GUESSERS * 512, "the default is 16 times as many: 32 MiB"


def test_names_of_absent_members() -> None:
    """Of the longest kind, each of another key, in a room that was found by somebody who takes all he can."""
    most = 1_024

    def fill() -> PresenceFold:
        presence = PresenceFold(math.inf, max_names=most)
        for number in range(1, 5 * most):
            name = f"{number:0128}"
            presence.apply(number, 1_700_000_000_000, Claimed(name, f"{number:043}", 0), f"key of {name}")
        return presence

    assert held_by(fill) < 1_024 * most * 9 // 8


def test_datagrams_to_classic_members_in_one_turn() -> None:
    hosts = [ipaddress.ip_network("10.0.0.0/8")]
    dialect = ClassicDialect(Diary(), os.urandom, enabled=True, networks=hosts, max_peers=1024)
    for number in range(1024):
        address = (f"10.0.{number // 250}.{number % 250}", 5000)
        for data in (b"Username:budi\n", b"Password:right\n"):
            dialect.receive_datagram(data, address, START)
            event = dialect.next_event()
            if isinstance(event, NameAsked):
                dialect.name_valid(event.visitor, "budi")
            elif isinstance(event, PasswordGiven):
                dialect.welcome(event.visitor, "budi", None, START)
    dialect.datagrams_to_send()
    assert dialect.members == 1024
    text = "\n".join(["x" * 1_100] * 10)
    line = Row(1, bytes(16), 0, Message("ana", "", text, action=False))

    def fill() -> ClassicDialect:
        for _ in range(2):
            dialect.publish([line], START)
        return dialect

    assert held_by(fill) < 24 * MIB


def test_addresses_that_are_packed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sockatuh.net.batch.ADDRESSES_KEPT", ADDRESSES_KEPT // 8)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sender = BatchSender(sock, lambda _: None, lambda *_: None)

        def fill() -> None:
            for number in range(ADDRESSES_KEPT // 4):
                _ = sender._sockaddrs[(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", 5000)]

        assert held_by(fill) < MIB


# Entries a client buffers beyond a gap.


def early_entry(seq: int, size: int) -> m.Entries:
    text = (EMOJI + "x" * size)[: max(size, 8)]
    item = m.encode(m.Entry(seq, 1_700_000_000_000, m.MESSAGE, "ana", text, bytes(6)))
    received = m.decode_server_message_untrusted(m.encode(m.Entries(seq - 1, seq, False, (msgspec.Raw(item),))))
    assert isinstance(received, m.Entries)
    return received


@pytest.mark.parametrize("size", [10, 500, LARGE])
def test_entries_ahead_of_a_hole(size: int) -> None:
    """One character beyond the BMP makes each of a text four bytes wide."""

    def fill() -> Inbox:
        inbox = Inbox(0)
        for seq in range(2, RECEIVE_WINDOW + 50):
            inbox.receive(early_entry(seq, size))
        return inbox

    assert held_by(fill) < EARLY_BYTES + MIB


def test_parts_of_entries_ahead_of_a_hole() -> None:
    def fill() -> Inbox:
        inbox = Inbox(0)
        for seq in range(2, RECEIVE_WINDOW + 50):
            for index in range(MAX_PARTS - 1):
                inbox.receive(m.EntryPart(seq, index, MAX_PARTS, os.urandom(MAX_PIECE), False))
        return inbox

    assert held_by(fill) < EARLY_BYTES + MIB


def test_the_next_missing_entry_is_accepted_however_much_is_buffered() -> None:
    inbox = Inbox(0)
    for seq in range(2, RECEIVE_WINDOW):
        inbox.receive(early_entry(seq, LARGE))
    whole = m.encode(m.Entry(1, 1_700_000_000_000, m.MESSAGE, "ana", "y" * LARGE, bytes(6)))
    pieces = [whole[at : at + MAX_PIECE] for at in range(0, len(whole), MAX_PIECE)]
    for index, piece in enumerate(pieces):
        inbox.receive(m.EntryPart(1, index, len(pieces), piece, False))
    assert inbox.cursor > 10
    assert inbox._held == 0, "and all of it is given out"
    inbox.take()
    inbox.receive(early_entry(inbox.cursor + 2, LARGE))
    assert inbox._held > 0


@pytest.mark.parametrize("text", ["\n" * 13, EMOJI + "x" * LARGE], ids=["many lines", "wide"])
def test_lines_that_a_screen_holds(text: str) -> None:
    def fill() -> HeldLines:
        held = HeldLines()
        for seq in range(12_000):
            held.add(Said(seq, 1_700_000_000_000, "ana", f"{seq}{text}"))
        return held

    assert held_by(fill) < 13 * MIB


# The log on stderr.


@pytest.mark.parametrize("line", ["x\n", "x" * 200 + "\n", EMOJI * 4_000 + "\n"], ids=["tiny", "usual", "wide"])
def test_log_lines_that_nobody_reads(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sockatuh.log.MAX_WAITING", MIB)
    reader, writer = os.pipe()
    with open(reader, "rb"), open(writer, "w", encoding="utf-8") as stream:
        with unblocked(stream) as through:
            size = len(line.encode()) + 64

            def fill() -> None:
                for _ in range(2 * MIB // size):
                    through.write(line[:-1] + "\n")

            held = held_by(fill)
            os.set_blocking(reader, False)
            while True:  # so that the thread can end
                try:
                    if not os.read(reader, MIB):
                        break
                except BlockingIOError:
                    if not through._waiting:  # type: ignore[attr-defined]
                        break
        assert held < 1.3 * MIB, "8 times as many are kept"
