"""One session at the server: a client's channel, its cursor in the log, its requests (docs/PROTOCOL.md §5–8).

pending ──first datagram──▶ open ──JOIN admitted──▶ joined ──LEAVE, silence, replaced──▶ closed
                              └────30 s without joining───────────────────────────────────▲
"""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from sockatuh.protocol.channel import Channel
from sockatuh.protocol.identity import fingerprint
from sockatuh.protocol.messages import MEMBER, SCRIPT, Stored, Unsaid, role_of
from sockatuh.protocol.password_proof import Offer
from sockatuh.protocol.seam import Address

from .door import Pending
from .limits import Limits
from .line_assembly import LineReceiver
from .rate_limit import TokenBucket, place_of
from .retransmission import Retransmission
from .tickets import Ticket

CALLS_PER_SECOND = 10.0
CALLS_BURST = 60
"""Calls processed a second, and at once: a list of a thousand members is thirty pages."""
ANSWERS_KEPT = 128
"""Answers to lines kept for repeated SAYs: four times what may be in flight."""


class PathProbe(msgspec.Struct):
    """A new address that has yet to be proved to be the client's."""

    address: Address
    token: bytes
    due_at: float
    received: int = 0
    """Bytes of authentic datagrams that came from there."""
    tries: int = 0


class Rekeying(msgspec.Struct):
    """A new channel whose first datagram has not come, with the request for it and our reply."""

    request: bytes
    reply: bytes
    channel: Channel
    handshake_hash: bytes


class ResumePoint(msgspec.Struct, frozen=True):
    """How far a client claims to have read: its cursor, which proves nothing, and its ticket, which does."""

    log_id: bytes | None = None
    cursor: int = 0
    ticket: Ticket | None = None


@dataclass(slots=True, eq=False)
class Session:
    """A client's session.

    `cid`, that of the first channel, identifies the session for its whole life; `place` is the host it came from.
    """

    cid: int
    channel: Channel
    address: Address
    place: bytes
    client_key: bytes
    owner: str
    """The key's fingerprint, by which an entry's audience is given."""
    stream: bytes
    version: str
    role: int
    log_id: bytes | None
    cursor: int
    ticket: Ticket | None
    handshake_hash: bytes
    opening_hash: bytes
    """The handshake hash it began with; a REKEY changes nothing about it."""
    opened_at: float
    received_at: float
    join_by: float
    idle_seconds: int
    """The silence that RESP allowed this client; changed limits apply to later sessions."""
    rate: TokenBucket
    """The rate of datagrams that are processed."""
    call_rate: TokenBucket
    name: str | None = None
    floor: int = 0
    call_number: int = 0
    questions: int = 0
    """Names it has asked about without a password, since it last gave the right one."""
    joining: int = 0
    """The number of the JOIN that has no answer yet; there is one at a time."""
    offer: Offer | None = None
    """What the client can prove itself by, until it has been tried."""
    proof: bytes | None = field(default=None, repr=False)
    """The proof in the JOIN that has no answer yet."""
    confirmation: bytes = field(default=b"", repr=False)
    """What shows the client that this server knows the hash, once that proof was opened."""
    call_answer: bytes | None = None
    lines: LineReceiver = field(default_factory=LineReceiver)
    line_answers: dict[int, int | Unsaid] = field(default_factory=dict)
    stored: list[tuple[int, int]] = field(default_factory=list)
    unsettled: int = 0
    """Released lines that have no answer yet."""
    throttled: bool = False
    retransmission: Retransmission = field(default_factory=Retransmission)
    probe: PathProbe | None = None
    rekeying: Rekeying | None = None
    old_channel: Channel | None = None
    old_until: float = 0.0
    rekeyed_at: float = float("-inf")
    has_old_password: bool = False
    """Whether the password was changed since it joined: it stays, but gets no ticket that it could come back with."""
    moved_at: float = float("-inf")
    slowed_at: float = float("-inf")
    """When the client was last asked to slow down."""

    @property
    def joined(self) -> bool:
        """Tell whether JOIN was admitted."""
        return self.name is not None

    @property
    def is_guest(self) -> bool:
        """Tell whether it belongs to a guest, a script or a reader, and not to a member."""
        return self.role != MEMBER

    @property
    def is_script(self) -> bool:
        """Tell whether it belongs to a script, which sends lines and calls but gets no entries."""
        return self.role == SCRIPT

    def channels(self) -> list[Channel]:
        """Return every channel that is read."""
        next_channel = self.rekeying.channel if self.rekeying else None
        return [channel for channel in (self.channel, self.old_channel, next_channel) if channel]

    def answer_line(self, number: int, answer: int | Unsaid) -> None:
        """Keep the seq or the refusal that a line was answered with."""
        self.line_answers[number] = answer
        if len(self.line_answers) > ANSWERS_KEPT:
            del self.line_answers[next(iter(self.line_answers))]

    def repeat_answer(self, number: int) -> Stored | Unsaid | None:
        """Return the answer that a line got, if it is kept."""
        match self.line_answers.get(number):
            case None:
                return None
            case int(seq):
                return Stored(((number, seq),))
            case refused:
                return refused


def datagram_rate(limits: Limits) -> tuple[float, float]:
    """Return how many datagrams of a session are processed: (a second, at once)."""
    return limits.datagrams_per_second + 4 * limits.lines_per_second, limits.datagrams_burst


def open_session(pending: Pending, limits: Limits, now: float) -> Session:
    """Return the session that a confirmed handshake becomes."""
    payload = pending.payload
    return Session(
        cid=pending.cid,
        channel=pending.channel,
        address=pending.address,
        place=place_of(pending.packed),
        client_key=pending.client_key,
        owner=fingerprint(pending.client_key),
        stream=payload.stream,
        version=payload.client_version,
        role=role_of(payload.flags),
        log_id=payload.log_id,
        cursor=payload.cursor,
        ticket=pending.ticket,
        handshake_hash=pending.handshake_hash,
        opening_hash=pending.handshake_hash,
        opened_at=now,
        received_at=now,
        join_by=now + limits.join_seconds,
        idle_seconds=limits.idle_seconds,
        rate=TokenBucket(*datagram_rate(limits)),
        call_rate=TokenBucket(CALLS_PER_SECOND, CALLS_BURST),
    )
