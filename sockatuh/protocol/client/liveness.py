"""Is the server still there? (docs/PROTOCOL.md §7)

Silence alone means nothing; a PING without an answer does. The client sends one when it has sent nothing else
for a while, and as soon as a request is not answered in time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sockatuh.protocol.constants import PING_RETRY_AFTER
from sockatuh.protocol.datagrams import jitter
from sockatuh.protocol.messages import Ping
from sockatuh.protocol.timers import TimerTable

from .timers import ClientTimer

DOUBT_AFTER: Final = 1.0
"""Seconds of silence from the server after which an unanswered request is a reason to ping."""


class Contact:
    """Contact with the server in one session: when to ping, and when to give up."""

    def __init__(
        self, ping_seconds: float, random: Callable[[int], bytes], timers: TimerTable[ClientTimer], now: float
    ) -> None:
        self.received_at = now
        """When the server's last authentic datagram came."""
        self._ping_seconds, self._random, self._timers = ping_seconds, random, timers
        self._nonce = b""
        self._tries = 0
        timers.set(ClientTimer.PING, now + ping_seconds)

    @property
    def is_doubtful(self) -> bool:
        """Tell whether a PING has timed out once."""
        return self._tries > 1

    def received(self, now: float) -> bool:
        """Note an authentic datagram; return whether contact was in doubt, so that recent datagrams may be lost."""
        self.received_at = now
        doubted = self.is_doubtful
        if self._tries:
            self._tries = 0
            self.sent(now)
        return doubted

    def sent(self, now: float) -> None:
        """Note that something was sent: the next PING can wait."""
        if not self._tries:
            self._timers.set(ClientTimer.PING, now + self._ping_seconds * jitter(self._random, 0.1))

    def doubt(self, now: float) -> None:
        """Note that a request had to be repeated: ping at once if the server has been silent."""
        if now - self.received_at >= DOUBT_AFTER:
            self.poke(now)

    def poke(self, now: float) -> None:
        """Ping at once: the machine has slept, or its network has changed."""
        if not self._tries:
            self._timers.set(ClientTimer.PING, now)

    def handle_timer(self, now: float) -> Ping | None:
        """Return the PING to send; None if the last one was not answered either, so that contact is lost."""
        if self._tries == len(PING_RETRY_AFTER):
            return None
        if not self._tries:
            self._nonce = self._random(8)
        self._timers.set(ClientTimer.PING, now + PING_RETRY_AFTER[self._tries])
        self._tries += 1
        return Ping(self._nonce)
