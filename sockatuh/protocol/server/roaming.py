"""Roaming: a session moves to a new address once the client has answered a challenge there (docs/PROTOCOL.md §7).

An attacker who sends a copy of a member's newest datagram from elsewhere receives challenges, and nothing of the room.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

from sockatuh.protocol.constants import PATH_RETRY_AFTER
from sockatuh.protocol.messages import PathChallenge, encode
from sockatuh.protocol.seam import Address
from sockatuh.protocol.timers import TimerTable

from .events import ServerEvent, SessionMoved
from .send_queue import Outgoing
from .session import PathProbe, Session
from .timers import ServerTimer, SessionDeadlines

AMPLIFICATION: Final = 3
"""The most bytes sent to an unproved address for each byte received from it."""
MOVE_INTERVAL: Final = 1.0
"""The fewest seconds between two moves of a session: each is written to disk."""


class Paths:
    """Challenges new addresses; when a deadline of `probes` is due, `challenge` is to be called for its session."""

    def __init__(
        self,
        out: Outgoing,
        events: deque[ServerEvent],
        random: Callable[[int], bytes],
        timers: TimerTable[ServerTimer],
    ) -> None:
        self.probes = SessionDeadlines(timers, ServerTimer.PROBE)
        self._out, self._events, self._random = out, events, random

    def notice(self, session: Session, address: Address, size: int, now: float) -> None:
        """Note that the session's newest datagram, of `size` bytes, came from another address, to be challenged."""
        probe = session.probe
        due_at = probe.due_at if probe else max(now, session.moved_at + MOVE_INTERVAL)
        if probe is None:
            self.probes.add(session, due_at)
        if probe is None or probe.address != address:
            probe = session.probe = PathProbe(address, self._random(8), due_at)
        probe.address = address
        probe.received += size

    def challenge(self, session: Session, now: float) -> None:
        """Send the challenge (again), or give up the address."""
        probe = session.probe
        if probe is None or now < probe.due_at:  # the deadline was for an earlier address
            return
        if probe.tries == len(PATH_RETRY_AFTER):
            session.probe = None
            return
        probe.due_at = now + PATH_RETRY_AFTER[probe.tries]
        self.probes.add(session, probe.due_at)
        probe.tries += 1
        datagram = session.channel.seal(encode(PathChallenge(probe.token)))
        if probe.tries * len(datagram) <= AMPLIFICATION * probe.received:
            self._out.put(datagram, probe.address)

    def finish(self, session: Session, token: bytes, address: Address, now: float) -> None:
        """Move the session if this answers the challenge and comes from the address that was challenged."""
        probe = session.probe
        if probe is not None and probe.address == address and probe.token == token:
            session.probe = None
            session.address, session.moved_at = address, now
            self._events.append(SessionMoved(session.cid, address))
