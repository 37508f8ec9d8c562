"""The open sessions of a server, bounded in number, and their channels by connection id (docs/PROTOCOL.md §4, §7)."""

from __future__ import annotations

from collections.abc import Iterator

from sockatuh.protocol.channel import Channel
from sockatuh.protocol.constants import OLD_CHANNEL_SECONDS
from sockatuh.seats import Seats, Standing

from .door import Pending, standing_of
from .limits import Limits
from .rate_limit import place_of
from .session import Rekeying, Session, datagram_rate, open_session


class SessionTable:
    """All open sessions, by cid, by key and by member; and all channels that are read, by connection id."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._sessions: dict[int, Session] = {}
        self._routes: dict[int, tuple[Session, Channel]] = {}
        self._by_key: dict[bytes, list[Session]] = {}
        self._by_member: dict[tuple[bytes, str], list[Session]] = {}
        self._seats: Seats[int] = Seats(limits.sessions)

    def replace_limits(self, limits: Limits) -> None:
        """Apply other limits from now on; no open session is closed because of them."""
        self._limits = limits
        self._seats.size = limits.sessions
        for session in self._sessions.values():
            session.rate.replace_rate(*datagram_rate(limits))

    def void_tickets(self) -> None:
        """Void the tickets that sessions came with; those that have joined stay, but get no other ticket."""
        for session in self._sessions.values():
            session.ticket, session.has_old_password = None, True

    def __len__(self) -> int:
        return len(self._sessions)

    def __iter__(self) -> Iterator[Session]:
        return iter(list(self._sessions.values()))

    def find(self, cid: int) -> Session | None:
        """Return the session with this cid, if it is open."""
        return self._sessions.get(cid)

    def route(self, receive_cid: int) -> tuple[Session, Channel] | None:
        """Return the session and the channel that a datagram's connection id belongs to."""
        return self._routes.get(receive_cid)

    def find_replaced(self, pending: Pending) -> list[tuple[Session, str]] | None:
        """Return the sessions that have to end before a new one is opened, and why; None: the new one is refused.

        These are earlier ones of the same client, the longest silent of too many of one key, and those that have to
        give up their seat.
        """
        of_key = self._by_key.get(pending.client_key, [])
        same = [session for session in of_key if session.stream == pending.payload.stream]
        others = sorted((session for session in of_key if session not in same), key=lambda session: session.received_at)
        surplus = others[: max(0, len(others) + 1 - self._limits.sessions_per_key)]
        ended = [(session, "replaced") for session in same] + [(session, "too_many_sessions") for session in surplus]
        if not ended:
            returns = pending.ticket is not None
            victims = self._seats.find_victims(place_of(pending.packed), returns=returns)
            if victims is None:
                return None
            ended = [(self._sessions[cid], "crowded") for cid in victims]
        return ended

    def open(self, pending: Pending, now: float) -> Session:
        """Open the session of a handshake whose first datagram has come."""
        session = open_session(pending, self._limits, now)
        self._sessions[session.cid] = session
        self._routes[session.cid] = session, session.channel
        self._by_key.setdefault(session.client_key, []).append(session)
        self._seats.seat(session.cid, session.place, standing_of(pending))
        return session

    def join(self, session: Session, name: str) -> None:
        """Note that a session has joined, as a member's or a guest's."""
        session.name = name
        if session.is_guest:
            self._seats.seat(session.cid, session.place, Standing.GUEST)
        else:
            self._by_member.setdefault((session.client_key, name), []).append(session)
            self._seat_members(session)

    def rename(self, session: Session, name: str) -> None:
        """Note that a member, to which this session belongs, has another name; call it for each of its sessions."""
        member = session.client_key, session.name or ""
        of_member = self._by_member[member]
        of_member.remove(session)
        if not of_member:
            del self._by_member[member]
        self.join(session, name)

    def remove(self, session: Session) -> None:
        """Remove a session and its channels."""
        del self._sessions[session.cid]
        self._seats.release(session.cid)
        for channel in session.channels():
            del self._routes[channel.receive_cid]
        of_key = self._by_key[session.client_key]
        of_key.remove(session)
        if not of_key:
            del self._by_key[session.client_key]
        self._seat_members(session)

    def _seat_members(self, changed: Session) -> None:
        """Update the standing of a member's sessions: the only one is kept, further ones are surplus."""
        member = changed.client_key, changed.name or ""
        of_member = self._by_member.get(member)
        if of_member is None or changed.is_guest:
            return
        if changed.cid not in self._sessions:
            of_member.remove(changed)
        if not of_member:
            del self._by_member[member]
        standing = Standing.KEPT if len(of_member) == 1 else Standing.SURPLUS
        for session in of_member:
            self._seats.seat(session.cid, session.place, standing)

    def add_channel(self, session: Session, rekeying: Rekeying) -> None:
        """Read a new channel in addition to the present one; it replaces one that was never used."""
        if session.rekeying is not None:
            del self._routes[session.rekeying.channel.receive_cid]
        session.rekeying = rekeying
        self._routes[rekeying.channel.receive_cid] = session, rekeying.channel

    def promote(self, session: Session, now: float) -> None:
        """Seal with the new channel, now that its first datagram has come; read the old one a little longer."""
        rekeying = session.rekeying
        if rekeying is None:
            return
        self._drop_old(session)
        session.old_channel, session.old_until = session.channel, now + OLD_CHANNEL_SECONDS
        session.channel, session.handshake_hash = rekeying.channel, rekeying.handshake_hash
        session.rekeying = None

    def expire_channels(self, session: Session, now: float) -> None:
        """Stop reading a channel that was replaced OLD_CHANNEL_SECONDS ago."""
        if session.old_channel is not None and session.old_until <= now:
            self._drop_old(session)

    def _drop_old(self, session: Session) -> None:
        if session.old_channel is not None:
            del self._routes[session.old_channel.receive_cid]
            session.old_channel = None
