"""A room whose whole network belongs to an adversary: he sees every datagram and may do anything with it.

What must hold all the while is asserted where it happens: nothing raised, nothing readable on the wire, no stranger
answered with more than he sent, nothing kept without bound. What must hold in the end is `rest`.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from typing import Final

from kit.clients import Client
from kit.footprint import footprint
from kit.server import SERVER
from kit.world import PASSWORD, Party

from sockatuh.protocol.client import events as e
from sockatuh.protocol.client.state import PeerState
from sockatuh.protocol.constants import COOKIE, DATA, DATA_HEADER_SIZE, HELLO, RESET, RESP, TAG_SIZE
from sockatuh.protocol.messages import PathChallenge, encode
from sockatuh.protocol.seam import Address
from sockatuh.room.entries import Joined, Left, Message, Renamed

from .laws import Chronicle
from .world import FAIR, SimulatedRoom

REMEMBERED: Final = 3_000
"""How many datagrams the adversary can still replay."""
MAX_KEPT: Final = 60_000
"""Elements of the endpoint's containers together: two constant arrays, and what a few members need."""
SETTLE: Final = 240.0
"""Seconds in which everybody is answered when the adversary rests: no wait that he can cause is longer than 65."""
MARK: Final = "unheard-of"
"""Stands in every name and text here, so that the wire can be searched for them."""
STRANGERS: Final[tuple[Address, ...]] = (("10.66.6.6", 666), ("10.66.6.7", 667))
"""An unused address from which the adversary sends."""
CHALLENGE_SIZE: Final = DATA_HEADER_SIZE + len(encode(PathChallenge(bytes(8)))) + TAG_SIZE
ONE_NAME: Final = (f"{MARK} ana", f"{MARK} Ana", f"{MARK} аnа")
"""The last is half Cyrillic."""
SECURE: Final = range(HELLO, RESET + 1)

Seen = tuple[bytes, Address, Address]


class Siege(SimulatedRoom):
    """The world, and what the adversary has seen in it."""

    def __init__(self, seed: int) -> None:
        self.seen: list[Seen] = []
        self.sent = 0
        self.held: list[Seen] = []
        self.holding: frozenset[str] = frozenset()
        """Which datagrams are held: those `to` the server, those `from` it."""
        self.people: dict[str, Client] = {}
        self.lines = 0
        self.resets: set[bytes] = set()
        self.spoken: defaultdict[str, set[bytes]] = defaultdict(set)
        """The connection ids under which each name has spoken."""
        self._arriving = b""
        self.trick = random.Random(seed)
        super().__init__(seed, classic=True)

    def start_server(self) -> None:
        self.came, self.answered, self.challenged = Counter[Address](), Counter[Address](), Counter[Address]()
        self.proved: set[Address] = {address for _, address in self.server.ledger.written.values()}
        """Addresses that were proved to this process, or to one before it: it wakes the clients that are there."""
        self.cookies: set[tuple[Address, bytes]] = set()
        self.opened: dict[bytes, bytes] = {}
        """The RESP that each cookie was used for."""
        super().start_server()

    # People.

    def arrive(self, name: str) -> None:
        """Connect a new member, or a former one with another program."""
        before = self.people.get(name)
        if before is None:
            self.people[name] = self.add_client(name)
            return
        self.kill(before)
        tickets = [event.ticket for event in before.events if isinstance(event, e.Admitted)]
        self.people[name] = self.add_client(
            name, key=before.key, pin=before.peer.pin, ticket=tickets[-1] if tickets else None
        )

    def kill(self, node: Client) -> None:
        """Kill a program."""
        node.peer.stop()
        node.has_left = node.cut_off = True

    def talk(self, node: Client, size: int, to: str = "") -> None:
        """Have somebody say a new line, to everybody or privately."""
        self.lines += 1
        node.say(f"{MARK} {self.lines} ".ljust(size, "x").rstrip(), to=to)

    # The wire.

    def _send(self, data: bytes, source: Address, target: Address) -> None:
        self._look_into(data)
        self.seen.append((data, source, target))
        del self.seen[:-REMEMBERED]
        self.sent += 1
        if data[0] == DATA and target == SERVER:
            for name in (node.name for node in self.members if node.address == source):
                self.spoken[name].add(data[1:8])
        if source == SERVER and data[0] in SECURE:
            self._judge_answer(data, target)
        if ("from" if source == SERVER else "to") in self.holding:
            self.held.append((data, source, target))
        else:
            super()._send(data, source, target)

    def _deliver(self, data: bytes, source: Address, target: Address) -> None:
        self._arriving = data
        if target == SERVER and self.server.is_up:
            self.came[source] += len(data)
        super()._deliver(data, source, target)
        while self._touched:
            self.attend_next()

    def note(self, party: Party, event: object) -> None:
        if isinstance(event, e.ContactLost) and event.reason == "reset" and isinstance(party, Client):
            assert self._arriving in self.resets, "a client believed a RESET that its server has not sent"
            assert self._arriving[1:8] in self.spoken[party.name], "a client believed another's RESET"

    def _look_into(self, data: bytes) -> None:
        if data[0] in SECURE:
            assert MARK.encode() not in data, "a name or a text can be read on the wire"
            assert PASSWORD.encode() not in data, "the password can be read on the wire"

    def _judge_answer(self, data: bytes, target: Address) -> None:
        """Hold what the server sends against what this process of it was sent from there."""
        match data[0]:
            case kind if kind == COOKIE:
                self.cookies.add((target, data[12:28]))
            case kind if kind == RESP:
                cookie = self._arriving[16:32]
                assert (target, cookie) in self.cookies, "a cookie that this address was not given"
                assert self.opened.setdefault(cookie, data) == data, "a cookie was used twice"
            case kind if kind == RESET:
                self.resets.add(data)
        if target in STRANGERS:
            assert data[0] != DATA or len(data) == CHALLENGE_SIZE, "a stranger got something of the room"
        elif data[0] in (RESP, DATA):
            self.proved.add(target)
        if target not in self.proved:
            counts = self.challenged if data[0] == DATA else self.answered
            counts[target] += len(data)
            assert self.answered[target] <= self.came[target], "an address that proved nothing got more than it sent"
            assert self.challenged[target] <= 3 * self.came[target], "too many path challenges"

    def inject(self, data: bytes, source: Address, target: Address) -> None:
        """Have a datagram arrive that nobody here has sent, or not so."""
        if data:
            self.send(data, source, target)

    def release(self, keep: float) -> None:
        """Let go what is held, in any order and each with a chance of `keep`."""
        held, self.held, self.holding = self.held, [], frozenset()
        self.trick.shuffle(held)
        for data, source, target in held:
            if self.trick.random() < keep:
                self.inject(data, source, target)

    # What must hold.

    def bounded(self) -> None:
        """Assert that the server keeps no more than it may."""
        assert footprint(self.server.endpoint) < MAX_KEPT, "the server keeps more than it may"
        assert len(self.held) < 100_000

    def make_good(self) -> None:
        """Let the adversary hold nothing, the weather be fine, the server run and its disk have room."""
        self.weather, self.log.full = FAIR, False
        self.release(keep=0.5)
        if not self.server.is_up:
            self.start_server()
        for node in self._here():
            node.cut_off = False

    def rest(self) -> None:
        """Let the adversary rest and the network be good, and assert that everybody is answered and agrees."""
        self.make_good()
        for node in self._here():
            if node.peer.state is PeerState.IDLE:  # COOKIEs with a forged key have stopped it: its person tries again
                node.connect()
        assert self.run(SETTLE, until=self._everybody_is_answered), self._who_is_not()
        self.check()
        self.no_name_is_held_twice()
        self._all_see_the_same()

    def messages(self) -> list[tuple[int, str, str]]:
        """Return the lines of secure members: a classic one's may be doubled on the way, it has no number."""
        bodies = [(row.seq, row.body) for row in self.log.rows]
        return [(seq, body.name, body.text) for seq, body in bodies if isinstance(body, Message) and body.owner]

    def _check_membership(self, chronicle: Chronicle) -> None:
        if (
            self.server.is_up and not self.server.room_server.unwritten
        ):  # or the room has not yet received what the log has stored
            super()._check_membership(chronicle)

    def _here(self) -> list[Client]:
        return [node for node in self.members if not node.has_left]

    def _is_answered(self, node: Client) -> bool:
        if node.peer.state is PeerState.OPEN and node.refusals:
            return True
        has_read = node.is_script or (bool(node.starts) and self._has_seen_all(node))
        return node.peer.state is PeerState.JOINED and not node.peer.unanswered and has_read

    def _everybody_is_answered(self) -> bool:
        return self.server.is_up and all(self._is_answered(node) for node in self._here())

    def _who_is_not(self) -> str:
        waiting = [node for node in self._here() if not self._is_answered(node)]
        counts = [(node.name, node.peer.state.name, node.peer.unanswered, node.refusals[-2:]) for node in waiting]
        return f"not answered {SETTLE:.0f} s after the adversary has rested, the log at {self.log.head}: {counts}"

    def no_name_is_held_twice(self) -> None:
        """Assert it from the log alone, without the name keys of the server."""
        present: Counter[str] = Counter()
        for row in self.log.rows:
            match row.body:
                case Joined(name=name):
                    present[_folded(name)] += 1
                case Left(name=name, reason=reason) if reason != "renamed":
                    present[_folded(name)] -= 1
                case Renamed(name=name, new=new):  # at once, whatever frees the old one behind it
                    present[_folded(name)] -= 1
                    present[_folded(new)] += 1
                case _:
                    pass
            assert all(count in (0, 1) for count in present.values()), "two members hold one name"

    def _all_see_the_same(self) -> None:
        """Assert that two who have both read an entry have read the same."""
        said: dict[int, tuple[str, str]] = {}
        for node in self.members:
            for entry in node.entries:
                read = entry.name, entry.text
                assert said.setdefault(entry.seq, read) == read, "two members read different things"


def _folded(name: str) -> str:
    """Return one name for all that look alike here, as the room writes them."""
    name = name.replace("_", " ")
    return ONE_NAME[0] if name in ONE_NAME else name.casefold()
