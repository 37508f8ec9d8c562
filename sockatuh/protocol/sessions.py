"""All open sessions of a server, found by connection id, bounded in number (docs/PROTOCOL.md §4, §7)."""

from __future__ import annotations

from collections.abc import Iterator

from .channel import Channel
from .constants import OLD_CHANNEL_SECONDS
from .handshake import Pending
from .limits import Limits
from .ratelimit import place_of
from .session import Rekeying, Session, datagram_rate, open_session


class SessionTable:
    """The sessions, and which channel belongs to which."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._sessions: dict[int, Session] = {}
        self._routes: dict[int, tuple[Session, Channel]] = {}
        self._by_key: dict[bytes, list[Session]] = {}
        self._by_place: dict[bytes, list[Session]] = {}

    def replace_limits(self, limits: Limits) -> None:
        """Hold sessions to other limits from now on; none that is open is closed for it."""
        self._limits = limits
        for session in self._sessions.values():
            session.rate.replace_rate(*datagram_rate(limits))

    def void_tickets(self) -> None:
        """Let no session join with the ticket it came with; those that have joined stay."""
        for session in self._sessions.values():
            session.ticket = None

    def __len__(self) -> int:
        return len(self._sessions)

    def __iter__(self) -> Iterator[Session]:
        return iter(list(self._sessions.values()))

    def find(self, cid: int) -> Session | None:
        """Return the session with this name."""
        return self._sessions.get(cid)

    def route(self, receive_cid: int) -> tuple[Session, Channel] | None:
        """Return the session and the channel a datagram's connection id belongs to."""
        return self._routes.get(receive_cid)

    def is_full(self, packed: bytes) -> bool:
        """Tell whether no session may be opened from this address."""
        of_place = self._by_place.get(place_of(packed), ())
        return len(self._sessions) >= self._limits.sessions or len(of_place) >= self._limits.sessions_per_address

    def in_the_way(self, pending: Pending) -> list[tuple[Session, str]]:
        """Return the sessions a new one ends, and why: the same client's, the most silent of too many of one key."""
        of_key = self._by_key.get(pending.client_key, [])
        same = [session for session in of_key if session.stream == pending.payload.stream]
        others = sorted((session for session in of_key if session not in same), key=lambda session: session.heard_at)
        surplus = others[: max(0, len(others) + 1 - self._limits.sessions_per_key)]
        if not same and not surplus and self.is_full(pending.packed):
            surplus = self._strangers(place_of(pending.packed))[:1]
        return [(session, "replaced") for session in same] + [(session, "too_many_sessions") for session in surplus]

    def _strangers(self, place: bytes) -> list[Session]:
        """Return who may make place for one who comes from there: who has not joined keeps nobody out.

        First those of the same place, so that many of one address cannot drive out who comes from elsewhere.
        """
        of_place = [session for session in self._by_place.get(place, ()) if not session.joined]
        if of_place or len(self._sessions) < self._limits.sessions:
            return of_place
        return [session for session in self._sessions.values() if not session.joined]

    def open(self, pending: Pending, now: float) -> Session:
        """Make a session of a confirmed handshake."""
        session = open_session(pending, self._limits, now)
        self._sessions[session.cid] = session
        self._routes[session.cid] = session, session.channel
        self._by_key.setdefault(session.client_key, []).append(session)
        self._by_place.setdefault(session.place, []).append(session)
        return session

    def remove(self, session: Session) -> None:
        """Forget a session and its channels."""
        del self._sessions[session.cid]
        for channel in session.channels():
            del self._routes[channel.receive_cid]
        of_key = self._by_key[session.client_key]
        of_key.remove(session)
        if not of_key:
            del self._by_key[session.client_key]
        of_place = self._by_place[session.place]
        of_place.remove(session)
        if not of_place:
            del self._by_place[session.place]

    def add_channel(self, session: Session, rekeying: Rekeying) -> None:
        """Read a new channel beside the present one, in place of one that was never used."""
        if session.rekeying is not None:
            del self._routes[session.rekeying.channel.receive_cid]
        session.rekeying = rekeying
        self._routes[rekeying.channel.receive_cid] = session, rekeying.channel

    def promote(self, session: Session, now: float) -> None:
        """Seal with the new channel: its first datagram has come. The old one is read a little longer."""
        rekeying = session.rekeying
        if rekeying is None:
            return
        self._drop_old(session)
        session.old_channel, session.old_until = session.channel, now + OLD_CHANNEL_SECONDS
        session.channel, session.handshake_hash = rekeying.channel, rekeying.handshake_hash
        session.rekeying = None

    def expire_channels(self, session: Session, now: float) -> None:
        """Stop reading a channel that was replaced long enough ago."""
        if session.old_channel is not None and session.old_until <= now:
            self._drop_old(session)

    def _drop_old(self, session: Session) -> None:
        if session.old_channel is not None:
            del self._routes[session.old_channel.receive_cid]
            session.old_channel = None
