"""Roaming: a session moves to a new address when the client has shown that it is there (docs/PROTOCOL.md §7).

Whoever copies a member's newest datagram and sends it from elsewhere gets one challenge, and nothing of the room.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from .constants import PATH_RETRY_AFTER
from .events import ServerEvent, SessionMoved
from .messages import PathChallenge, encode
from .outgoing import Outgoing
from .seam import Address
from .session import PathProbe, Session


class Paths:
    """Challenges new addresses. `wake_up` is asked to call `challenge` again at a time."""

    def __init__(
        self,
        out: Outgoing,
        events: deque[ServerEvent],
        random: Callable[[int], bytes],
        wake_up: Callable[[Session, float], None],
    ) -> None:
        self._out, self._events, self._random, self._wake_up = out, events, random, wake_up

    def notice(self, session: Session, address: Address, now: float) -> None:
        """Begin to challenge an address the session's newest datagram came from."""
        if session.probe is not None and session.probe.address == address:
            return
        if session.probe is None:
            self._wake_up(session, now)
        session.probe = PathProbe(address, self._random(8))

    def challenge(self, session: Session, now: float) -> None:
        """Send the challenge (again), or give the address up."""
        probe = session.probe
        if probe is None:
            return
        if probe.tries == len(PATH_RETRY_AFTER):
            session.probe = None
            return
        self._out.put(session.channel.seal(encode(PathChallenge(probe.token))), probe.address)
        self._wake_up(session, now + PATH_RETRY_AFTER[probe.tries])
        probe.tries += 1

    def finish(self, session: Session, token: bytes, address: Address) -> None:
        """Move the session if this is the answer, from where it was asked."""
        probe = session.probe
        if probe is not None and probe.address == address and probe.token == token:
            session.probe = None
            session.address = address
            self._events.append(SessionMoved(session.cid, address))
