"""A server and its clients in virtual time, over a network whose weather comes from a seed.

Everything but wires, clock and disk is the real thing: Endpoint, Bridge, Room and Peer as they run in their processes.
"""

from __future__ import annotations

import heapq
import ipaddress
import itertools
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from server.hall import OPTIONS

from sockatuh.protocol.client import events as e
from sockatuh.protocol.client.joining import PeerOptions
from sockatuh.protocol.client.peer import Peer
from sockatuh.protocol.client.state import State
from sockatuh.protocol.seam import Address
from sockatuh.protocol.server.door import ServerIdentity
from sockatuh.protocol.server.endpoint import Endpoint
from sockatuh.protocol.server.limits import Limits
from sockatuh.protocol.server.tickets import TicketKey, Tickets
from sockatuh.room.entries import Message
from sockatuh.room.log import Append, Outcome, Row
from sockatuh.room.names import NameRules
from sockatuh.room.room import Room
from sockatuh.server.build import LogPort, build
from sockatuh.server.log_reads import read_for
from sockatuh.server.room_server import Bridge
from sockatuh.store.memory_log import MemoryLog

from .memorylog import Backup, Disk, Recorder, Silence

SERVER: Address = ("10.0.0.1", 7625)
PASSWORD = "correct horse battery"
BCRYPT_SECONDS = 0.24


@dataclass(slots=True)
class Weather:
    """How bad the network is: shares of datagrams, seconds of delay."""

    loss: float = 0.0
    duplication: float = 0.0
    corruption: float = 0.0
    delay: tuple[float, float] = (0.0002, 0.002)


@dataclass(slots=True)
class Clock:
    """A monotonic clock that stands still while its machine is suspended; `behind` is in seconds."""

    behind: float = 0.0
    stands_still: bool = False

    def read(self, now: float) -> float:
        return now - self.behind


@dataclass(slots=True)
class Node:
    """A client: its peer, where it is, and everything it has seen and been told."""

    peer: Peer
    name: str
    key: bytes
    address: Address
    cut_off: bool = False
    left: bool = False
    transient: bool = False
    clock: Clock = field(default_factory=Clock)
    seen: list[int] = field(default_factory=list)
    lines: list[tuple[int, str, str]] = field(default_factory=list)
    gone: list[tuple[int, int]] = field(default_factory=list)
    stored: dict[int, int] = field(default_factory=dict)
    said: dict[int, str] = field(default_factory=dict)
    starts: list[int] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    events: list[e.PeerEvent] = field(default_factory=list)
    timer_at: float = float("inf")


class World:
    """One room, its clients, and what lies between. `limits` are the server's."""

    def __init__(
        self,
        seed: int,
        rules: NameRules,
        weather: Weather | None = None,
        limits: Limits | None = None,
        *,
        classic: bool = False,
    ) -> None:
        self.dice = random.Random(seed)
        self.now = 1000.0
        self.clock = Clock()
        """The server's."""
        self.wall_ahead = 0
        """Milliseconds by which its wall clock is off."""
        self.weather = weather or Weather()
        self.log = Disk(self.random_bytes(16))
        self.recorder = Recorder(self._when_written)
        self.nodes: list[Node] = []
        self.wire: list[bytes] = []
        self.keep_wire = False
        self.unauthenticated: Counter[Address] = Counter()
        self._classic_networks = [ipaddress.ip_network("10.0.0.0/8")] if classic else []
        self._rules, self._limits = rules, limits or Limits(handshakes_per_address=1000, handshakes_burst=1000)
        self._agenda: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._identity = ServerIdentity(self.random_bytes(32), self.random_bytes(32), "the room")
        self._ticket_key = TicketKey(self.random_bytes(4), self.random_bytes(32))
        self._life = 0
        self._server_timer = float("inf")
        self._committed_by = 0.0
        self.endpoint: Endpoint
        self.bridge: Bridge
        self.room: Room
        self.up = False
        self.start_server()

    def random_bytes(self, count: int) -> bytes:
        return self.dice.randbytes(count)

    # The server and its crashes.

    def start_server(self) -> None:
        self._life += 1
        self.up = True
        self._log = MemoryLog(self.log, self.wall)
        self._log.follow(self.log.head, self._take_committed)
        limits = self._limits
        options = replace(
            OPTIONS,
            history_on_join=50,
            name_ownership=86_400.0,
            limits=limits,
            classic=bool(self._classic_networks),
            classic_networks=self._classic_networks,
        )
        parts = build(
            options,
            self._identity,
            Tickets([self._ticket_key], b"password"),
            self._rules,
            LogPort(self.log.lineage, self.log.head, put=self._put, resume=self._resume, renew=self.log.renew),
            self.recorder,
            Silence(),
            random=self.random_bytes,
            wall=self.wall,
        )
        self.endpoint, self.core, self.room, self.bridge = parts.endpoint, parts.core, parts.room, parts.bridge
        self.bridge.load(self.log.last_of_each_key(), self.log.rows[-limits.recent_entries :], self.server_now)
        for cid, address in self.recorder.take_lost():
            self.endpoint.wake(cid, address)
        self._tick(self._life)

    def crash_server(self) -> None:
        """The process is gone, with whatever was not committed or not yet told."""
        self._life += 1
        self.up = False

    def restore(self, backup: Backup) -> None:
        """Put a backup back and start the server again; sessions of the log it replaces are woken."""
        self.crash_server()
        self.log.put_back(backup, self.random_bytes(16))
        self.start_server()

    def wall(self) -> int:
        return max(0, int(self.now * 1000) + 1_700_000_000_000 + self.wall_ahead)  # no system's clock is before 1970

    @property
    def server_now(self) -> float:
        return self.clock.read(self.now)

    def suspend_server(self, seconds: float) -> None:
        """Its machine sleeps: nothing comes or goes, and its monotonic clock stands still."""
        self.clock.stands_still = True
        self.run(seconds)
        self.clock.stands_still = False
        self.clock.behind += seconds
        self._settle_server()

    def suspend(self, node: Node, seconds: float) -> None:
        """A client's machine sleeps; awake again it pings, as a Conversation does."""
        node.cut_off = node.clock.stands_still = True
        self.run(seconds)
        node.cut_off = node.clock.stands_still = False
        node.clock.behind += seconds
        node.timer_at = float("inf")  # what was to wake it is due later by its clock
        node.peer.poke(node.clock.read(self.now))
        self._settle(node)

    def _when_awake(self, life: int, do: Callable[[], None]) -> None:
        """Do what the server's process does, if it is still there, and not while its machine sleeps."""
        if life != self._life:
            return
        if self.clock.stands_still:
            self.after(0.05, lambda: self._when_awake(life, do))
        else:
            do()

    def _put(self, append: Append) -> None:
        self._log.append(append)
        self._commit_later()

    def _resume(self) -> None:
        self._log.resume()
        self._commit_later()

    def _when_written(self, then: Callable[[float], None]) -> None:
        self._log.after_commit(lambda: then(self.server_now))
        self._commit_later()

    def _commit_later(self) -> None:
        """Commit the next job a little later, and tell the server a little later still; a crash loses either."""
        life, log = self._life, self._log

        def commit() -> None:
            if life == self._life:
                log.commit(1)
                self.after(0.0001, lambda: self._when_awake(life, deliver))

        def deliver() -> None:
            log.deliver()
            self._settle_server()

        self._committed_by = max(self._committed_by, self.now + self.dice.uniform(0.0005, 0.003))
        self.after(self._committed_by - self.now, commit)

    def _take_committed(self, rows: Sequence[Row], outcomes: Sequence[Outcome]) -> None:
        self.bridge.take_rows(rows, self.server_now)
        self.bridge.take_outcomes(outcomes, self.server_now)

    def _tick(self, life: int) -> None:
        self.bridge.handle_timer(self.server_now)
        self._settle_server()
        self.after(1.0, lambda: self._when_awake(life, lambda: self._tick(life)))

    def _settle_server(self) -> None:
        while (event := self.core.next_event()) is not None:
            self.bridge.handle(event, self.server_now)
        self._do_jobs()
        for data, address in self.core.datagrams_to_send():
            self._send(data, SERVER, address)
        self._arm_server()

    def _do_jobs(self) -> None:
        life, bridge = self._life, self.bridge
        while (request := bridge.take_read()) is not None:
            bridge.answer_read(request, read_for(self._log, request))
        check = bridge.take_check(self.server_now)
        if check is not None:

            def answer() -> None:
                bridge.answer_check(check, check.password == PASSWORD.encode(), self.server_now)
                self._settle_server()

            self.after(BCRYPT_SECONDS, lambda: self._when_awake(life, answer))

    def _arm_server(self) -> None:
        at, life = self.core.get_timer(), self._life
        if at is None or (self._server_timer <= at and self._server_timer > self.server_now):
            return
        self._server_timer = max(at, self.server_now)

        def fire() -> None:
            self._server_timer = float("inf")
            self.core.handle_timer(self.server_now)
            self._settle_server()

        self.after(max(0.0, at - self.server_now) + 1e-6, lambda: self._when_awake(life, fire))

    # Clients.

    def add_client(
        self,
        name: str,
        *,
        key: bytes | None = None,
        transient: bool = False,
        password: str = PASSWORD,
        pin: bytes | None = None,
        ticket: bytes | None = None,
        history: int | None = None,
    ) -> Node:
        number = len(self.nodes) + 2
        key = key or self.random_bytes(32)
        stream, role = self.random_bytes(8), int(transient)
        options = PeerOptions(key, stream, "simulated", role=role, pin=pin, ticket=ticket, history=history)
        address = (f"10.0.{number // 250}.{number % 250 + 1}", 5000 + number)
        node = Node(Peer(options, self.random_bytes), name, key, address, transient=transient)
        self.nodes.append(node)
        node.peer.connect([SERVER], node.clock.read(self.now))
        node.peer.join(name, password, node.clock.read(self.now))
        self._settle(node)
        return node

    def say(self, node: Node, text: str) -> None:
        node.said[node.peer.say(text, node.clock.read(self.now))] = text
        self._settle(node)

    def leave(self, node: Node) -> None:
        node.peer.leave(node.clock.read(self.now))
        node.left = True
        self._settle(node)

    def throw(self, data: bytes, source: Address) -> None:
        """A stranger sends something to the server."""
        self._deliver_later(data, source, SERVER)

    def move(self, node: Node) -> None:
        """The client's address changes under it: a NAT rebinds, a laptop changes networks."""
        host, port = node.address
        node.address = (host, port + 1000)

    def _settle(self, node: Node) -> None:
        peer = node.peer
        while (event := peer.next_event()) is not None:
            node.events.append(event)
            self._note(node, event)
        for data, address in peer.datagrams_to_send():
            if not node.cut_off:
                self._send(data, node.address, address)
        at = peer.get_timer()
        now = node.clock.read(self.now)
        if at is not None and (at < node.timer_at or node.timer_at <= now):
            node.timer_at = max(at, now)
            self.after(max(0.0, at - now) + 1e-6, lambda: self._fire(node))

    def _fire(self, node: Node) -> None:
        if node.clock.stands_still:
            self.after(0.05, lambda: self._fire(node))
            return
        now = node.clock.read(self.now)
        if node.timer_at <= now:
            node.timer_at = float("inf")
        node.peer.handle_timer(now)
        self._settle(node)

    def _note(self, node: Node, event: e.PeerEvent) -> None:
        match event:
            case e.ServerOffered():
                node.peer.trust(node.clock.read(self.now))
            case e.Admitted(start=start):
                node.starts.append(start)
            case e.EntryArrived(entry):
                node.seen.append(entry.seq)
                if entry.kind in (3, 4):
                    node.lines.append((entry.seq, entry.name, entry.text))
            case e.EntriesGone(stretch):
                node.gone.append((stretch.after, stretch.through))
            case e.LineStored(number, seq):
                assert number not in node.stored, "a line was acknowledged twice"
                node.stored[number] = seq
            case e.JoinRefused(code):
                node.refused.append(code)
            case _:
                pass

    # The network.

    def _send(self, data: bytes, source: Address, target: Address) -> None:
        if self.keep_wire:
            self.wire.append(data)
        weather, dice = self.weather, self.dice
        copies = 2 if dice.random() < weather.duplication else 1
        for _ in range(copies):
            if dice.random() >= weather.loss:
                arriving = self._spoil(data) if dice.random() < weather.corruption else data
                self._deliver_later(arriving, source, target)

    def _deliver_later(self, data: bytes, source: Address, target: Address) -> None:
        self.after(self.dice.uniform(*self.weather.delay), lambda: self._deliver(data, source, target))

    def _spoil(self, data: bytes) -> bytes:
        """Flip a bit, cut the datagram short, or lengthen it."""
        at = self.dice.randrange(len(data))
        match self.dice.randrange(3):
            case 0:
                return data[:at] + bytes([data[at] ^ 1 << self.dice.randrange(8)]) + data[at + 1 :]
            case 1:
                return data[:at]
            case _:
                return data + self.random_bytes(at + 1)

    def _deliver(self, data: bytes, source: Address, target: Address) -> None:
        if target == SERVER:
            if self.up and not self.clock.stands_still:
                self.core.receive_datagram(data, source, self.server_now)
                self._settle_server()
            return
        for node in self.nodes:
            if node.address == target and not node.cut_off:
                node.peer.receive_datagram(data, source, node.clock.read(self.now))
                self._settle(node)

    # Time.

    def after(self, seconds: float, do: Callable[[], None]) -> None:
        heapq.heappush(self._agenda, (self.now + seconds, next(self._order), do))

    def run(self, seconds: float, until: Callable[[], bool] | None = None) -> bool:
        """Let `seconds` pass, or stop as soon as `until` holds; return whether it does (without it: True)."""
        end = self.now + seconds
        while self._agenda and self._agenda[0][0] <= end:
            if until is not None and until():
                return True
            self.now, _, do = heapq.heappop(self._agenda)
            do()
        self.now = max(self.now, end) if until is None else self.now
        return until is None or until()

    # What must hold.

    def everybody_is_up_to_date(self) -> bool:
        return self.up and all(
            node.peer.state is State.JOINED
            and not node.peer.unanswered
            and (node.transient or (node.seen or node.starts)[-1] == self.log.head)
            for node in self.nodes
            if not node.left
        )

    def messages(self) -> list[tuple[int, str, str]]:
        bodies = [(row.seq, row.body) for row in self.log.rows]
        return [(seq, body.name, body.text) for seq, body in bodies if isinstance(body, Message)]

    def check(self) -> None:
        """Assert the invariants of docs/ARCHITECTURE.md that can be seen from here."""
        messages = self.messages()
        texts = [text for _, _, text in messages]
        assert len(texts) == len(set(texts)), "a line is in the log twice"
        in_log = {seq: text for seq, _, text in messages}
        for node in self.nodes:
            for number, seq in node.stored.items():
                assert in_log[seq] == node.said[number], "an acknowledged line is not where it was said to be"
            assert node.seen == sorted(set(node.seen)), "entries came twice or out of order"
            assert not node.gone, "entries were called gone that are in the log"
            if node.seen:
                assert node.seen == list(range(node.starts[0] + 1, node.seen[-1] + 1)), "there is a gap"
            if node.left and node.peer.unanswered:
                continue
            mine = [text for _, name, text in messages if name == node.name and text in node.said.values()]
            assert mine == [text for text in node.said.values() if text in set(mine)], "one's own lines changed places"
        self._check_membership()

    def _check_membership(self) -> None:
        present: set[str] = set()
        for row in self.log.rows:
            assert row.key is not None or row.kind == "message"
            if row.kind == "joined":
                assert row.key not in present, "two members hold one name"
                present.add(row.key or "")
            elif row.kind == "left":
                present.remove(row.key or "")
        assert self.room.count == len(present)
