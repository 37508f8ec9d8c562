"""A room in bad weather: a server and its clients in virtual time, over a network whose weather comes from a seed.

Everything but wires, clock and disk is the real thing; the machines crash, sleep and change their addresses.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

import msgspec
from kit.clients import Client
from kit.disk import Backup
from kit.server import OPTIONS, RoomServer
from kit.weather import Weather
from kit.world import PASSWORD, World

from sockatuh.protocol.client.joining import PeerOptions
from sockatuh.protocol.client.peer import Peer
from sockatuh.protocol.client.state import PeerState
from sockatuh.protocol.seam import Address
from sockatuh.protocol.server.limits import Limits
from sockatuh.room.decisions import JOIN_LINES_UP_TO
from sockatuh.room.entries import Message, Whispered
from sockatuh.room.log import Outcome, Row
from sockatuh.room.presence import PresenceFold
from sockatuh.room.room import Room
from sockatuh.server.options import ServiceOptions

from .laws import Chronicle, as_shown, is_struck, shown_to, without_mark

DISK = (0.0005, 0.003)
"""Seconds that a commit takes."""
BCRYPT = 0.24
"""Seconds that looking at a password takes."""
NAME_OWNERSHIP = 86_400.0
FAIR = Weather(delay=(0.0002, 0.002))


@dataclass(frozen=True, slots=True)
class Arrival:
    """When a row came to a server: by the time it believed in (ms since 1970), with the rows up to `last`."""

    row: Row
    at: int
    last: int


class WatchedServer(RoomServer):
    """A room's server, of which is noted what its log has delivered: in `arrivals`, the row `seq` at `seq - 1`."""

    def __init__(
        self, dice: random.Random, options: ServiceOptions, *, disk: tuple[float, float], bcrypt: float
    ) -> None:
        super().__init__(dice, options, disk=disk, bcrypt=bcrypt)
        self.arrivals: list[Arrival] = []

    def start(self, now: float, hashed: str | None = None) -> None:
        super().start(now, hashed)
        self.arrivals = self.arrivals[: self.log.head]
        at = self.believed_wall()
        self.arrivals += [Arrival(row, at, self.log.head) for row in self.log.rows[len(self.arrivals) :]]

    def restore(self, backup: Backup, now: float) -> None:
        self.arrivals = []
        super().restore(backup, now)

    def _take_committed(self, rows: Sequence[Row], outcomes: Sequence[Outcome]) -> None:
        at = self.believed_wall()
        self.arrivals += [Arrival(row, at, rows[-1].seq) for row in rows]
        super()._take_committed(rows, outcomes)


class SimulatedRoom(World):
    """One room, its clients, and what lies between. `limits` are the server's."""

    server: WatchedServer

    def __init__(
        self,
        seed: int,
        weather: Weather = FAIR,
        limits: Limits | None = None,
        *,
        classic: bool = False,
        join_lines_up_to: int = JOIN_LINES_UP_TO,
        name_ownership: float = NAME_OWNERSHIP,
    ) -> None:
        dice = random.Random(seed)
        options = replace(
            OPTIONS,
            room="the room",
            history_on_join=50,
            name_ownership=name_ownership,
            limits=limits or Limits(handshakes_per_address=1000, handshakes_burst=1000),
            classic=classic,
            join_lines_up_to=join_lines_up_to,
        )
        super().__init__(WatchedServer(dice, options, disk=DISK, bcrypt=BCRYPT), weather=weather)
        self.dice, self.name_ownership = dice, name_ownership
        self.server.true_time = lambda: self.now
        self.log = self.server.log
        self.members: list[Client] = []
        self.wire: list[bytes] = []
        self.keep_wire = False
        self.start_server()

    @property
    def room(self) -> Room:
        return self.server.room

    # The server and its crashes.

    def start_server(self) -> None:
        self.server.start(self.server.clock.read(self.now))
        self.settle()

    def restore(self, backup: Backup) -> None:
        """Put a backup back and start the server again; sessions of the log it replaces are woken."""
        self.server.restore(backup, self.server.clock.read(self.now))
        self.settle()

    def suspend_server(self, seconds: float) -> None:
        self.suspend(self.server, seconds)
        self.settle()

    # Clients.

    def add_client(
        self,
        name: str,
        *,
        key: bytes | None = None,
        is_script: bool = False,
        password: str = PASSWORD,
        pin: bytes | None = None,
        ticket: bytes | None = None,
        history: int | None = None,
    ) -> Client:
        number = len(self.members) + 2
        key = key or self.dice.randbytes(32)
        stream, role = self.dice.randbytes(8), int(is_script)
        options = PeerOptions(key, stream, "simulated", role=role, pin=pin, ticket=ticket, history=history)
        address = (f"10.0.{number // 250}.{number % 250 + 1}", 5000 + number)
        peer = Peer(options, self.dice.randbytes)
        client = Client(address, world=self, peer=peer, key=key, name=name, is_script=is_script)
        self.members.append(client)
        self.clients.append(client)
        client.connect()
        client.join(name, password)
        return client

    def suspend_client(self, client: Client, seconds: float) -> None:
        """Let a client's machine sleep; awake again it pings, as a Conversation does."""
        self.suspend(client, seconds)
        client.peer.poke(client.now)
        self.settle()

    def move(self, client: Client) -> None:
        """Change a client's address under it: a NAT rebinds, a laptop changes networks."""
        host, port = client.address
        client.address = (host, port + 1000)

    def _send(self, data: bytes, source: Address, target: Address) -> None:
        if self.keep_wire:
            self.wire.append(data)
        super()._send(data, source, target)

    # What must hold.

    def everybody_is_up_to_date(self) -> bool:
        return self.server.is_up and all(
            client.peer.state is PeerState.JOINED
            and not client.peer.unanswered
            and (client.is_script or self._has_seen_all(client))
            for client in self.members
            if not client.has_left
        )

    def _has_seen_all(self, client: Client) -> bool:
        last = next((row.seq for row in reversed(self.log.rows) if shown_to(row.body, client.fingerprint)), 0)
        return client.seen[-1] == last if client.seen else client.starts[-1] >= last

    def as_said(self, seq: int) -> Row:
        """Return an entry as it was before its text was removed, if it was."""
        row = self.log.rows[seq - 1]
        return self.server.arrivals[seq - 1].row if is_struck(row.body) else row

    def messages(self) -> list[tuple[int, str, str]]:
        bodies = [(row.seq, row.body) for row in self.log.rows]
        return [(seq, body.name, body.text) for seq, body in bodies if isinstance(body, Message)]

    def whispers(self) -> list[tuple[int, Whispered]]:
        """Return the private lines in the log, each with its seq."""
        return [(row.seq, row.body) for row in self.log.rows if isinstance(row.body, Whispered)]

    def check(self) -> None:
        """Assert the invariants of docs/ARCHITECTURE.md that can be seen from here."""
        chronicle = Chronicle.of(self.log.rows)
        for client in self.members:
            self._check_shown(client)
            self._check_lines(client, chronicle)
        self._check_membership(chronicle)

    def may_miss_some(self, client: Client) -> bool:
        """Tell whether somebody may not read on from where that client was: the room does not know the key any more."""
        del client
        return False

    def _check_shown(self, client: Client) -> None:
        """Assert that somebody was shown exactly what is meant for that key, each once and in order."""
        assert client.seen == sorted(set(client.seen)), "entries came twice or out of order"
        assert not client.gone or self.may_miss_some(client), "entries were called gone that are in the log"
        rows = self.log.rows
        for entry in client.entries:
            row = self.as_said(entry.seq)
            assert shown_to(row.body, client.fingerprint), "an entry was meant for others"
            assert without_mark(entry) == as_shown(row), "an entry is not what is in the log"
        if client.seen:
            stretch = rows[client.starts[0] : client.seen[-1]]
            meant = [row.seq for row in stretch if shown_to(row.body, client.fingerprint)]
            meant = [seq for seq in meant if not any(after < seq <= through for after, through in client.gone)]
            seen = [seq for seq in client.seen if not is_struck(rows[seq - 1].body)]
            assert seen == meant, "an entry is missing, or was meant for others"

    def _check_lines(self, client: Client, chronicle: Chronicle) -> None:
        """Assert that what somebody said is where that client was told it is, to whom it was said, and in order."""
        for number, seq in client.stored.items():
            was_struck = seq in chronicle.struck and client.said[number] not in chronicle.texts
            is_there = chronicle.texts.get(client.said[number]) == seq
            assert is_there or was_struck, "a line is not where it was said to be"
            body = self.log.rows[seq - 1].body
            assert body.owner == client.fingerprint, "a line is somebody else's"
            assert isinstance(body, Whispered) == bool(client.said_to[number]), "a line was said to others than meant"
            if body.owner not in chronicle.doubles:
                since = chronicle.is_since(body.owner, client.said_as[number], body.name, seq)
                assert since, "a line under a name before"
        for number in client.refused:
            assert client.said[number] not in chronicle.texts, "a refused line is in the log"
        if client.has_left and client.peer.unanswered:
            return
        places = [chronicle.texts[text] for text in client.said.values() if text in chronicle.texts]
        assert places == sorted(places), "its lines changed places"

    def _check_membership(self, chronicle: Chronicle) -> None:
        """Assert that the room is what the log says, and that the last entries of all names say the same."""
        whole, last = PresenceFold(self.name_ownership), PresenceFold(self.name_ownership)
        for fold, rows in ((whole, self.log.rows), (last, self.log.last_of_each_key())):
            for row in rows:
                fold.apply(row.seq, row.at, row.body, row.key)
        assert whole.present == last.present, "the last entries say something else than all of them"
        here = {key: (each.name, each.owner) for key, each in whole.present.items()}
        assert here == chronicle.present, "the fold says something else than the log"
        for key in chronicle.owners:
            uses = [
                msgspec.structs.replace(use, at=0) for fold in (whole, last) if (use := fold.use_of(key)) is not None
            ]
            assert len(uses) == 2, "the last entries say something else of whose a name is"
            assert uses[0] == uses[1], "the last entries say something else of whose a name is"  # but not when: clocks
        here = {member.key: (member.name, member.owner) for member in self.room.members}
        assert here == chronicle.present, "the room says something else than the log"
