"""A server that takes raw datagrams and returns its answers; nothing takes any time."""

from __future__ import annotations

from sockatuh.protocol.seam import Address

from .bare_room import IDENTITY, TICKET_KEY
from .instant_world import InstantWorld

Sent = list[tuple[bytes, Address]]


class DatagramWorld(InstantWorld):
    """A world with the keys of the protocol's tests, without a network."""

    def begin(self, hashed: str | None = None) -> None:
        """Start a server on the log as it is."""
        self._sent: Sent = []
        self.server.identity, self.server.ticket_key = IDENTITY, TICKET_KEY
        super().begin(hashed)

    def receive(self, data: bytes, address: Address, now: float) -> Sent:
        """Take one datagram and return what is sent."""
        self.now = now
        self._hand_over(self.server, data, address)
        self.settle()
        return self._take_sent()

    def timer(self, now: float) -> Sent:
        """Let time pass until `now`, and return what is sent."""
        self.advance(now - self.now)
        return self._take_sent()

    def _send(self, data: bytes, source: Address, target: Address) -> None:
        del source
        self._sent.append((data, target))

    def _take_sent(self) -> Sent:
        sent, self._sent = self._sent, []
        return sent
