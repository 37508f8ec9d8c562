"""The plain-text dialect of the original program (docs/PROTOCOL.md §11).

A stranger asks for a name, then gives the password, and is a member: from then on each datagram is a line, and lines of
others arrive as `NAME: text`. Whatever the room has to decide is an event, which the room server answers with a
command. The name step reserves nothing; only the room knows who is here.

It does not protect anything: all text travels in clear, and nothing proves an address. Whoever can forge an address
speaks as that member, or makes the server send 46 bytes to a stranger for every 9 it receives; one rate for each host,
whatever its ports, bounds that. It is meant for trusted networks, and takes strangers' datagrams from `networks` only.
"""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

import msgspec
import wcwidth

from sockatuh.log import Logger
from sockatuh.net.address import Network, format_address, is_within
from sockatuh.protocol.constants import MAX_DATAGRAM, ROWS_PER_LINE
from sockatuh.protocol.seam import Address
from sockatuh.protocol.server.rate_limit import BucketTable
from sockatuh.room.changes import PresenceChange
from sockatuh.room.commands import Reply
from sockatuh.room.entries import Message, Renamed, Struck
from sockatuh.room.log import Row

from .base import (
    Condition,
    DialectEvent,
    GivenPassword,
    LineSaid,
    NameAsked,
    PasswordGiven,
    Refusal,
    SessionEnded,
    Visitor,
)
from .rounds import Rounds

ASK_NAME: Final = "Username:"
GIVE_PASSWORD: Final = "Password:"  # noqa: S105 - the word before it
NAME_VALID: Final = b"Username valid!"
NAME_TAKEN: Final = b"Username sudah dipakai! Gunakan username lain."
WELCOME: Final = b"Berhasil bergabung!"
PASSWORD_WRONG: Final = b"Password salah! Silakan coba lagi."

TRY_AGAIN: Final = frozenset({"password_wrong", "password_wait", "passwords_guessed", "busy"})
"""Refusals after which the same name and password may be right: the original has no word for "busy"."""
KEPT_OUT: Final = frozenset({"banned", "kicked"})
"""Refusals because of an order of the admin's."""
STRANGER_SECONDS: Final = 60.0
LINE_ENDINGS: Final = (b"\r\n", b"\n")
LONGEST_ENDING: Final = 2
MOST_ROWS: Final = 40
"""Rows of a text that are sent to members, each in one datagram or more."""
MAX_OUTBOX: Final = 16_384
"""Answers of one turn."""
MIN_PEERS: Final = 1_024
"""Addresses remembered even in a small room."""
_RANDOM_SIZE: Final = 8
"""Random bytes at the beginning of a line's id; the session follows."""


class _ClassicPeer(msgspec.Struct):
    address: Address
    """As it was last received: an equal address may carry another address of ours to answer from."""
    received_at: float
    ending: bytes = b""
    name: str | None = None
    visitor: Visitor | None = None
    """Who gave the password: set while it is checked, and as long as the peer is a member."""
    joined_by: int = 0
    """Hash of the text with the password. A member repeats that text when the answer was lost: it is no line."""

    def receive(self, address: Address, now: float, ending: bytes) -> None:
        """Note a datagram. A peer that has ended one with a newline gets newlines from then on."""
        self.address, self.received_at, self.ending = address, now, ending or self.ending


class _ClassicPeers:
    """All peers by state: strangers (named once a name is valid for them), those whose password is checked, members.

    Strangers expire after a minute; when a new one comes and `max_peers` are known, the oldest stranger is evicted. The
    others never are. Strangers and members are kept in the order of their last datagrams.
    """

    def __init__(self, max_peers: int, idle: float) -> None:
        self.strangers: OrderedDict[Address, _ClassicPeer] = OrderedDict()
        self.checking: dict[Address, _ClassicPeer] = {}
        self.members: OrderedDict[Address, _ClassicPeer] = OrderedDict()
        self.max_peers = max_peers
        self._idle = idle

    def admit(self, address: Address, now: float) -> _ClassicPeer | None:
        """Return the stranger, new or known, as the most recent one; None if there is no stranger to evict."""
        if address not in self.strangers:
            if len(self.strangers) + len(self.checking) + len(self.members) >= self.max_peers:
                if not self.strangers:
                    return None
                self.strangers.popitem(last=False)
            self.strangers[address] = _ClassicPeer(address, now)
        self.strangers.move_to_end(address)
        return self.strangers[address]

    def begin_check(self, address: Address) -> None:
        self.checking[address] = self.strangers.pop(address)

    def end_check(self, address: Address) -> _ClassicPeer | None:
        peer = self.checking.pop(address, None)
        if peer is not None:
            # Its last datagram is older than those before it in this order, which therefore expire a moment late; the
            # same is true in `join`.
            self.strangers[address] = peer
        return peer

    def join(self, address: Address) -> _ClassicPeer | None:
        peer = self.checking.pop(address, None)
        if peer is not None:
            self.members[address] = peer
        return peer

    def drop(self, address: Address) -> None:
        for peers in (self.strangers, self.checking, self.members):
            peers.pop(address, None)

    def expire(self, now: float) -> list[_ClassicPeer]:
        """Forget peers that have been silent for too long, and return the members among them."""
        while self.strangers and _first(self.strangers).received_at + STRANGER_SECONDS <= now:
            self.strangers.popitem(last=False)
        silent = []
        while self.members and _first(self.members).received_at + self._idle <= now:
            silent.append(self.members.popitem(last=False)[1])
        return silent

    def find_deadline(self) -> float | None:
        deadlines = []
        if self.strangers:
            deadlines.append(_first(self.strangers).received_at + STRANGER_SECONDS)
        if self.members:
            deadlines.append(_first(self.members).received_at + self._idle)
        return min(deadlines, default=None)


class ClassicDialect:
    """All classic peers of one socket. `dropped` counts the datagrams that were dropped, by reason.

    `rate` (a second) and `burst` bound the datagrams of one member, and of all strangers of one host together. A member
    is gone after `idle` seconds of silence.
    """

    name: Final = "classic"
    encrypted: Final = False
    owns_names: Final = False
    can_be_whispered_to: Final = False

    def __init__(
        self,
        log: Logger,
        random: Callable[[int], bytes],
        *,
        enabled: bool,
        networks: Sequence[Network],
        rate: float = 5.0,
        burst: int = 20,
        max_peers: int = 1024,
        idle: float = 600.0,
    ) -> None:
        self.dropped: Counter[str] = Counter()
        self._log, self._random = log, random
        self._enabled = enabled
        self._networks = tuple(networks)
        self._buckets = BucketTable(rate, burst, max_peers)
        self._peers = _ClassicPeers(max_peers, idle)
        self._events: deque[DialectEvent] = deque()
        self._outbox: list[tuple[bytes, Address]] = []
        self._lines = Rounds()
        self._received_at = 0.0
        self._last_session = 0
        self._holding = False

    # The core.

    def receive_datagram(self, data: bytes, address: Address, now: float) -> None:
        """Process one datagram; never raises, whatever it contains."""
        reason = self._process_untrusted(data, address, now)
        if reason is not None:
            self.dropped[reason] += 1

    def handle_timer(self, now: float) -> None:
        """Forget strangers and end members that have been silent for too long."""
        self._received_at = now
        for peer in self._peers.expire(now):
            if peer.visitor is not None:
                self._events.append(SessionEnded(peer.visitor, "idle", "idle"))
                self._lines.drop(peer.address)

    def get_timer(self) -> float | None:
        """Return when the next peer expires, or None; at once while lines wait to be sent."""
        return self._received_at if self._lines else self._peers.find_deadline()

    def next_event(self) -> DialectEvent | None:
        """Return the next thing that happened, or None: then the datagrams of a turn are sent."""
        if self._events:
            return self._events.popleft()
        self._lines.begin_turn()
        return None

    def datagrams_to_send(self) -> list[tuple[bytes, Address]]:
        """Remove and return the next datagrams to send; empty when this turn has no more."""
        datagrams, self._outbox = self._outbox, []
        return datagrams + self._lines.take()

    # Commands of the room server. A visitor whose peer is not in the state for a command gets no answer.

    def load_recent(self, rows: Sequence[Row]) -> None:
        """Keep nothing: classic members only get what is said while they are here."""

    def name_valid(self, visitor: Visitor, name: str) -> None:
        """Say that the name can be had; the password comes next."""
        peer = self._peers.strangers.get(visitor.address)
        if peer is not None:
            peer.name = name
            self._queue(NAME_VALID, peer)

    def refuse(self, visitor: Visitor, refusal: Refusal) -> None:
        """Say that the password was wrong, so that it is given again, or that the name cannot be had.

        Somebody whom an order keeps out is not told so: the original has no word for it. Its name gets no answer.
        """
        checked = self._peers.end_check(visitor.address)
        if refusal.code in TRY_AGAIN or refusal.code in KEPT_OUT:
            answer, peer = PASSWORD_WRONG, checked
        else:
            answer, peer = NAME_TAKEN, checked or self._peers.strangers.get(visitor.address)
        if peer is not None:
            peer.visitor = None
            self._queue(answer, peer)

    def welcome(self, visitor: Visitor, name: str, known_from: int | None, now: float) -> None:
        """Make a member of a visitor whose join is in the log."""
        peer = self._peers.join(visitor.address)
        if peer is not None:
            self._queue(WELCOME, peer)

    def answer(self, visitor: Visitor, number: int, reply: Reply | Refusal) -> None:
        """Send nothing: classic members give no commands."""

    def rename(self, visitor: Visitor, name: str) -> None:
        """Do nothing: classic members keep their names."""

    def answer_lines(self, answers: Iterable[tuple[int, int, int | Refusal]], now: float) -> None:
        """Send nothing: the original does not acknowledge lines."""

    def publish(self, rows: Sequence[Row], now: float) -> None:
        """Send lines to all members but the one who said them, and who has another name; private lines to nobody.

        Of a line that is struck, what is still queued is dropped; what was sent cannot be taken back.
        """
        if self._peers.members:
            for row in rows:
                if isinstance(row.body, Message) and not row.body.struck:
                    self._send_line(row.body, row)
                elif isinstance(row.body, Struck):
                    self._lines.strike(row.body.line)
                elif isinstance(row.body, Renamed):
                    self._send([f"{row.body.name} is now {row.body.new}".encode()])

    def tell_presence(self, here: int, changes: Sequence[PresenceChange]) -> None:
        """Send nothing: classic members are not told who comes and goes."""

    def supply(self, session: int, after: int, through: int, rows: Sequence[Row]) -> None:
        """Send nothing: classic members do not ask for what they missed."""

    def hold(self, hold: bool, now: float, *, refuses: bool) -> None:
        """Drop lines while the log cannot take more: nothing in this dialect could make a client say them again."""
        self._holding = hold

    def find_condition(self, visitor: Visitor, now: float) -> Condition | None:
        """Return how a session is, None if it is over. Nothing tells what arrived there."""
        peer = self._peers.members.get(visitor.address)
        return Condition(max(0.0, now - peer.received_at), 0) if peer is not None else None

    def close(self, visitor: Visitor, code: str, wait: float = 0.0, detail: str = "") -> None:
        """Forget a visitor without a word."""
        self._peers.drop(visitor.address)
        self._lines.drop(visitor.address)

    def close_all(self, code: str) -> None:
        """Forget all members without a word."""
        for peer in list(self._peers.members.values()):
            if peer.visitor is not None:
                self.close(peer.visitor, code)

    # A new configuration.

    def replace_rules(self, *, enabled: bool, networks: Sequence[Network], max_peers: int) -> None:
        """Change who is admitted from now on; members stay until they fall silent."""
        if enabled != self._enabled:
            self._log_rules(enabled)
        self._enabled, self._networks = enabled, tuple(networks)
        self._peers.max_peers = max_peers
        if not enabled:
            self._peers.strangers.clear()

    def start(self) -> None:
        """Log what it means if the dialect is on when the server starts."""
        if self._enabled:
            self._log_rules(enabled=True)

    def _log_rules(self, enabled: bool) -> None:
        if enabled:
            consequence = "what is said leaves in clear while such members are in"
            self._log.warning("classic_dialect_on", consequence=consequence)
        else:
            consequence = "nobody else comes in; what is said goes to them"
            self._log.warning("classic_dialect_off", members_staying=self.members, consequence=consequence)

    @property
    def members(self) -> int:
        """How many members there are."""
        return len(self._peers.members)

    def is_member(self, address: Address) -> bool:
        """Tell whether datagrams from this address are lines."""
        return address in self._peers.members

    # Datagrams: each step returns the reason why it dropped the datagram, or None.

    def _process_untrusted(self, data: bytes, address: Address, now: float) -> str | None:
        # Cheapest first: 1 size, 2 state, 3 network, 4 rate, 5 encoding. Members stay when the rules are changed.
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
        self._received_at = now
        if member is not None:
            self._buckets.charge(source, data.count(b"\n") / ROWS_PER_LINE - 1)
        ending = next((ending for ending in LINE_ENDINGS if data.endswith(ending)), b"")
        try:
            text = data.removesuffix(ending).decode()
        except UnicodeDecodeError:
            return "encoding"
        if member is None:
            return self._receive_from_stranger(text, ending, address, now)
        member.receive(address, now, ending)
        self._peers.members.move_to_end(address)
        return self._receive_line(text, member)

    def _receive_line(self, text: str, member: _ClassicPeer) -> str | None:
        if hash(text) == member.joined_by:
            self._queue(WELCOME, member)
        elif self._holding:
            self._log.warning("classic_line_dropped", address=format_address(member.address))
            return "held"
        elif member.visitor is not None:
            # The id ends with the session: its line is not sent back to it.
            line = self._random(_RANDOM_SIZE) + _encode_session(member.visitor)
            self._events.append(LineSaid(member.visitor, 0, line, text, action=False))
        return None

    def _receive_from_stranger(self, text: str, ending: bytes, address: Address, now: float) -> str | None:
        if address in self._peers.checking:
            return "checking"
        if text.startswith(ASK_NAME):
            peer = self._peers.admit(address, now)
            if peer is None:
                return "full"
            peer.receive(address, now, ending)
            self._events.append(NameAsked(self._visitor(address, now), text.removeprefix(ASK_NAME)))
            return None
        peer = self._peers.strangers.get(address)
        if not text.startswith(GIVE_PASSWORD) or peer is None or peer.name is None:
            return "state"
        peer.receive(address, now, ending)
        peer.joined_by = hash(text)
        self._peers.begin_check(address)
        peer.visitor = self._visitor(address, now)
        given = GivenPassword(text.removeprefix(GIVE_PASSWORD))
        self._events.append(PasswordGiven(peer.visitor, peer.name, lambda: given))
        return None

    def _visitor(self, address: Address, now: float) -> Visitor:
        self._last_session -= 1  # those of the secure dialect are positive
        return Visitor(self._last_session, self, address, "", "", "member", opened_at=now)

    def _send_line(self, message: Message, row: Row) -> None:
        """Send each row of a text as `NAME: row`, an action's as `* NAME row`.

        A row that is too long for one datagram is cut. Of more than `MOST_ROWS` rows the rest is only counted.
        """
        head = f"* {message.name} " if message.action else f"{message.name}: "
        rows = message.text.split("\n")
        more = len(rows) - MOST_ROWS
        rest = [f"… {more} more line{'s' if more > 1 else ''}"] if more > 0 else []
        datagrams = [datagram for row in rows[:MOST_ROWS] + rest for datagram in _cut_line(head, row)]
        self._send(datagrams, row.id, row.seq)

    def _send(self, datagrams: Sequence[bytes], line: bytes = b"", seq: int = 0) -> None:
        """Send datagrams to all members but the one who said the line with this id, which is the entry `seq`."""
        ended = {ending: [datagram + ending for datagram in datagrams] for ending in (b"", *LINE_ENDINGS)}
        for peer in self._peers.members.values():
            if peer.visitor is None or line[_RANDOM_SIZE:] == _encode_session(peer.visitor):
                continue
            for datagram in ended[peer.ending]:
                if not self._lines.add(datagram, peer.address, seq):
                    self.dropped["outbox"] += 1

    def _queue(self, data: bytes, peer: _ClassicPeer) -> None:
        if len(self._outbox) < MAX_OUTBOX:
            self._outbox.append((data + peer.ending, peer.address))
        else:
            self.dropped["outbox"] += 1


def _encode_session(visitor: Visitor) -> bytes:
    return visitor.session.to_bytes(8, "little", signed=True)


def _first(peers: OrderedDict[Address, _ClassicPeer]) -> _ClassicPeer:
    return next(iter(peers.values()))


def _cut_line(prefix: str, line: str) -> list[bytes]:
    """Cut the line into as many datagrams as it needs, each with the prefix and with room for any line ending."""
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
    """Yield the graphemes of a line, or the characters of a grapheme that is longer than a datagram."""
    for grapheme in wcwidth.iter_graphemes(line):
        unit = grapheme.encode()
        if len(unit) <= room:
            yield unit
        else:
            yield from (character.encode() for character in grapheme)
