"""Roaming: a session moves to a new address when the client has shown that it is there (docs/PROTOCOL.md §7).

Whoever copies a member's newest datagram and sends it from elsewhere gets one challenge, and nothing of the room.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

from sockatuh.protocol.constants import PATH_RETRY_AFTER
from sockatuh.protocol.messages import PathChallenge, encode
from sockatuh.protocol.seam import Address

from .events import ServerEvent, SessionMoved
from .send_queue import Outgoing
from .session import PathProbe, Session

AMPLIFICATION: Final = 3
"""How much more may go to an address that is not proved than has come from it."""

MOVE_INTERVAL: Final = 1.0
"""Seconds between two moves: each is written down."""


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

    def notice(self, session: Session, address: Address, size: int, now: float) -> None:
        """Begin to challenge an address the session's newest datagram, of `size` bytes, came from."""
        probe = session.probe
        due_at = probe.due_at if probe else max(now, session.moved_at + MOVE_INTERVAL)
        if probe is None:
            self._wake_up(session, due_at)
        if probe is None or probe.address != address:
            probe = session.probe = PathProbe(address, self._random(8), due_at)
        probe.address = address
        probe.received += size

    def challenge(self, session: Session, now: float) -> None:
        """Send the challenge (again), or give the address up."""
        probe = session.probe
        if probe is None or now < probe.due_at:  # a wake-up for an earlier address
            return
        if probe.tries == len(PATH_RETRY_AFTER):
            session.probe = None
            return
        probe.due_at = now + PATH_RETRY_AFTER[probe.tries]
        self._wake_up(session, probe.due_at)
        probe.tries += 1
        datagram = session.channel.seal(encode(PathChallenge(probe.token)))
        if probe.tries * len(datagram) <= AMPLIFICATION * probe.received:
            self._out.put(datagram, probe.address)

    def finish(self, session: Session, token: bytes, address: Address, now: float) -> None:
        """Move the session if this is the answer, from where it was asked."""
        probe = session.probe
        if probe is not None and probe.address == address and probe.token == token:
            session.probe = None
            session.address, session.moved_at = address, now
            self._events.append(SessionMoved(session.cid, address))
