"""The plain-text dialect of the original program (docs/PROTOCOL.md §11).

A stranger asks for a name, then gives the password, and is a member: from then on each datagram is a line, and lines of
others come as `NAME: text`. How to think about it: what needs the room to decide is an event, and the bridge answers it
with a command. A name step holds nothing; only the room knows who is here.

What it does not protect: everything is in clear, and nothing proves an address. Whoever can forge one speaks as that
member, or has a stranger get 46 bytes for each 10 sent in his name; the rate for each host, whatever its ports, bounds
that. It is meant for networks one trusts, and takes datagrams of strangers from `networks` only.
"""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

import wcwidth

from sockatuh.net.address import Network, is_within
from sockatuh.protocol.constants import MAX_DATAGRAM, ROWS_PER_LINE
from sockatuh.protocol.seam import Address
from sockatuh.protocol.server.rate_limit import BucketTable

from .rounds import Rounds

ASK_NAME: Final = "Username:"
GIVE_PASSWORD: Final = "Password:"  # noqa: S105 - the word before it
NAME_VALID: Final = b"Username valid!"
NAME_TAKEN: Final = b"Username sudah dipakai! Gunakan username lain."
WELCOME: Final = b"Berhasil bergabung!"
PASSWORD_WRONG: Final = b"Password salah! Silakan coba lagi."

STRANGER_SECONDS: Final = 60.0
LINE_ENDINGS: Final = (b"\r\n", b"\n")
LONGEST_ENDING: Final = 2
MOST_ROWS: Final = 40
"""Rows of a text that members are sent, each in a datagram of its own at least."""
MAX_OUTBOX: Final = 16_384
"""Answers of one turn."""


@dataclass(frozen=True, slots=True)
class NameAsked:
    """Somebody wants this name; answer with `name_valid` or `name_taken`."""

    address: Address
    name: str


@dataclass(frozen=True, slots=True)
class PasswordGiven:
    """One who was told that `name` is valid gives a password.

    Answer with `welcome`, `password_wrong` or `name_taken`; until then nothing from there is heeded.
    """

    address: Address
    name: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ClassicSaid:
    """A member said this; the text is as it came."""

    address: Address
    text: str


@dataclass(frozen=True, slots=True)
class ClassicSilent:
    """A member was silent for too long, and is none any more."""

    address: Address


ClassicEvent: TypeAlias = NameAsked | PasswordGiven | ClassicSaid | ClassicSilent


@dataclass(slots=True)
class _Peer:
    address: Address
    """As it was heard last: equal ones may be answered from different addresses of ours."""
    heard_at: float
    ending: bytes = b""
    name: str | None = None
    joined_by: int = 0
    """Hash of the text that bore the password. A member repeats it when the answer was lost: it is not for the room."""

    def hear(self, address: Address, now: float, ending: bytes) -> None:
        """One that has sent newlines once gets them from then on."""
        self.address, self.heard_at, self.ending = address, now, ending or self.ending


class _Peers:
    """Who is in which state: among the strangers (named, when told that a name is valid), in the check, or a member.

    Strangers are forgotten after a minute, or sooner when newer ones need their place. The others give way to nobody;
    all together are at most `max_peers`. Strangers and members stand in the order in which they were heard.
    """

    def __init__(self, max_peers: int, idle: float) -> None:
        self.strangers: OrderedDict[Address, _Peer] = OrderedDict()
        self.checking: dict[Address, _Peer] = {}
        self.members: OrderedDict[Address, _Peer] = OrderedDict()
        self.max_peers = max_peers
        self._idle = idle

    def admit(self, address: Address, now: float) -> _Peer | None:
        """Return the stranger, new or known, as the last heard; None when all places are taken by others."""
        if address not in self.strangers:
            if len(self.strangers) + len(self.checking) + len(self.members) >= self.max_peers:
                if not self.strangers:
                    return None
                self.strangers.popitem(last=False)
            self.strangers[address] = _Peer(address, now)
        self.strangers.move_to_end(address)
        return self.strangers[address]

    def begin_check(self, address: Address) -> None:
        self.checking[address] = self.strangers.pop(address)

    def end_check(self, address: Address) -> _Peer | None:
        peer = self.checking.pop(address, None)
        if peer is not None:
            # Last, though heard a moment ago: those before it are forgotten that moment late. The same in `join`.
            self.strangers[address] = peer
        return peer

    def join(self, address: Address) -> _Peer | None:
        peer = self.checking.pop(address, None)
        if peer is not None:
            self.members[address] = peer
        return peer

    def drop(self, address: Address) -> None:
        for peers in (self.strangers, self.checking, self.members):
            peers.pop(address, None)

    def expire(self, now: float) -> list[Address]:
        """Forget who was silent for too long, and return those of them who were members."""
        while self.strangers and _first(self.strangers).heard_at + STRANGER_SECONDS <= now:
            self.strangers.popitem(last=False)
        silent = []
        while self.members and _first(self.members).heard_at + self._idle <= now:
            silent.append(self.members.popitem(last=False)[0])
        return silent

    def find_deadline(self) -> float | None:
        deadlines = []
        if self.strangers:
            deadlines.append(_first(self.strangers).heard_at + STRANGER_SECONDS)
        if self.members:
            deadlines.append(_first(self.members).heard_at + self._idle)
        return min(deadlines, default=None)


class ClassicDialect:
    """A core for all classic peers of one socket; `dropped` counts what was not heeded, by reason.

    `rate` (a second) and `burst` are datagrams of one member, and of all strangers of one host together; `idle` is the
    silence after which a member has left, in seconds.
    """

    def __init__(
        self,
        *,
        enabled: bool,
        networks: Sequence[Network],
        rate: float = 5.0,
        burst: int = 20,
        max_peers: int = 1024,
        idle: float = 600.0,
    ) -> None:
        self.dropped: Counter[str] = Counter()
        self._enabled = enabled
        self._networks = tuple(networks)
        self._buckets = BucketTable(rate, burst, max_peers)
        self._peers = _Peers(max_peers, idle)
        self._events: deque[ClassicEvent] = deque()
        self._outbox: list[tuple[bytes, Address]] = []
        self._lines = Rounds()
        self._heard_at = 0.0

    # The seam.

    def receive_datagram(self, data: bytes, address: Address, now: float) -> None:
        """Take one datagram; whatever it holds, nothing is raised."""
        reason = self._heed_untrusted(data, address, now)
        if reason is not None:
            self.dropped[reason] += 1

    def handle_timer(self, now: float) -> None:
        """Forget strangers and let members go who were not heard for too long."""
        self._heard_at = now
        self._events.extend(ClassicSilent(address) for address in self._peers.expire(now))

    def get_timer(self) -> float | None:
        """Return when somebody will have been silent for too long, or None; at once while lines wait."""
        return self._heard_at if self._lines else self._peers.find_deadline()

    def next_event(self) -> ClassicEvent | None:
        """Return the next thing that happened, or None: then a turn's datagrams are sent."""
        if self._events:
            return self._events.popleft()
        self._lines.begin_turn()
        return None

    def datagrams_to_send(self) -> list[tuple[bytes, Address]]:
        """Return and forget what is to be sent; empty when that was all of this turn."""
        datagrams, self._outbox = self._outbox, []
        return datagrams + self._lines.take()

    # What the bridge answers and commands; an address that is not in the state for it is passed over.

    def name_valid(self, address: Address, name: str) -> None:
        """Say that the name can be had; the password comes next."""
        peer = self._peers.strangers.get(address)
        if peer is not None:
            peer.name = name
            self._queue(NAME_VALID, peer)

    def name_taken(self, address: Address) -> None:
        """Say that the name cannot be had, in the name step or, when it has just gone, after the password."""
        peer = self._peers.end_check(address) or self._peers.strangers.get(address)
        if peer is not None:
            self._queue(NAME_TAKEN, peer)

    def welcome(self, address: Address) -> None:
        """Make a member of one whose password was right and whose join is in the log."""
        peer = self._peers.join(address)
        if peer is not None:
            self._queue(WELCOME, peer)

    def password_wrong(self, address: Address) -> None:
        """Say that the password was wrong; another may be given at once."""
        peer = self._peers.end_check(address)
        if peer is not None:
            self._queue(PASSWORD_WRONG, peer)

    def send_line(self, name: str, text: str, but: Address | None, *, action: bool = False) -> None:
        """Send each row of a text as `NAME: row`, an action's as `* NAME row`, to all members but one.

        What is too long for a datagram is cut; of more than `MOST_ROWS` rows the rest is only counted.
        """
        if not self._peers.members:
            return
        head = f"* {name} " if action else f"{name}: "
        rows = text.split("\n")
        more = len(rows) - MOST_ROWS
        rest = [f"… {more} more line{'s' if more > 1 else ''}"] if more > 0 else []
        datagrams = [datagram for row in rows[:MOST_ROWS] + rest for datagram in _cut_line(head, row)]
        ended = {ending: [datagram + ending for datagram in datagrams] for ending in (b"", *LINE_ENDINGS)}
        for address, peer in self._peers.members.items():
            if address != but:
                for datagram in ended[peer.ending]:
                    if not self._lines.add(datagram, peer.address):
                        self.dropped["outbox"] += 1

    def drop(self, address: Address) -> None:
        """Forget an address, member or not, without a word."""
        self._peers.drop(address)
        self._lines.drop(address)

    def replace_rules(self, *, enabled: bool, networks: Sequence[Network], max_peers: int) -> None:
        """Admit others from now on, or nobody; members stay until they fall silent."""
        self._enabled, self._networks = enabled, tuple(networks)
        self._peers.max_peers = max_peers
        if not enabled:
            self._peers.strangers.clear()

    @property
    def members(self) -> int:
        """How many members there are."""
        return len(self._peers.members)

    def is_member(self, address: Address) -> bool:
        """Tell whether lines from there are heard."""
        return address in self._peers.members

    # Datagrams: a step returns the reason why the datagram went no further, or None.

    def _heed_untrusted(self, data: bytes, address: Address, now: float) -> str | None:
        # Cheapest first: 1 size, 2 state, 3 network, 4 rate, 5 encoding. Members outlive the rules they came in by.
        if len(data) > MAX_DATAGRAM:
            return "size"
        member = self._peers.members.get(address)
        if member is None and not self._enabled:
            return "off"
        if member is None and not is_within(address, self._networks):
            return "network"
        source = address[0] if member is None else address
        if not self._buckets.take(source, now):
            return "rate"
        self._heard_at = now
        if member is not None:
            self._buckets.charge(source, data.count(b"\n") / ROWS_PER_LINE - 1)
        ending = next((ending for ending in LINE_ENDINGS if data.endswith(ending)), b"")
        try:
            text = data.removesuffix(ending).decode()
        except UnicodeDecodeError:
            return "encoding"
        if member is None:
            return self._hear_stranger(text, ending, address, now)
        member.hear(address, now, ending)
        self._peers.members.move_to_end(address)
        self._hear_member(text, member, address)
        return None

    def _hear_member(self, text: str, member: _Peer, address: Address) -> None:
        if hash(text) == member.joined_by:
            self._queue(WELCOME, member)
        else:
            self._events.append(ClassicSaid(address, text))

    def _hear_stranger(self, text: str, ending: bytes, address: Address, now: float) -> str | None:
        if address in self._peers.checking:
            return "checking"
        if text.startswith(ASK_NAME):
            peer = self._peers.admit(address, now)
            if peer is None:
                return "full"
            peer.hear(address, now, ending)
            self._events.append(NameAsked(address, text.removeprefix(ASK_NAME)))
            return None
        peer = self._peers.strangers.get(address)
        if not text.startswith(GIVE_PASSWORD) or peer is None or peer.name is None:
            return "state"
        peer.hear(address, now, ending)
        peer.joined_by = hash(text)
        self._peers.begin_check(address)
        self._events.append(PasswordGiven(address, peer.name, text.removeprefix(GIVE_PASSWORD)))
        return None

    def _queue(self, data: bytes, peer: _Peer) -> None:
        if len(self._outbox) < MAX_OUTBOX:
            self._outbox.append((data + peer.ending, peer.address))
        else:
            self.dropped["outbox"] += 1


def _first(peers: OrderedDict[Address, _Peer]) -> _Peer:
    return next(iter(peers.values()))


def _cut_line(prefix: str, line: str) -> list[bytes]:
    """Return the line in as many datagrams as it needs, each with the prefix, and with room for any line ending."""
    head, data = prefix.encode("utf-8", "replace"), line.encode("utf-8", "replace")
    room = MAX_DATAGRAM - LONGEST_ENDING - len(head)
    if len(data) <= room:
        return [head + data]
    pieces = [b""]
    for unit in _split_units(data.decode(), room):
        if len(pieces[-1]) + len(unit) > room:
            pieces.append(b"")
        pieces[-1] += unit
    return [head + piece for piece in pieces]


def _split_units(line: str, room: int) -> Iterator[bytes]:
    """Yield graphemes, and the characters of one that is longer than a datagram."""
    for grapheme in wcwidth.iter_graphemes(line):
        unit = grapheme.encode()
        if len(unit) <= room:
            yield unit
        else:
            yield from (character.encode() for character in grapheme)
