"""A server for hand-made guests: all of it is the real thing but wires, clock and disk, and it commits at once."""

from __future__ import annotations

from protocol.house import IDENTITY, TICKET_KEY
from server.hall import Hall

from sockatuh.protocol.seam import Address, Core
from sockatuh.server.dialects.base import DialectEvent

Sent = list[tuple[bytes, Address]]


class _Told:
    """A core, and all that it sends."""

    def __init__(self, core: Core[DialectEvent]) -> None:
        self.receive_datagram, self.handle_timer = core.receive_datagram, core.handle_timer
        self.get_timer, self.next_event, self._send = core.get_timer, core.next_event, core.datagrams_to_send
        self.told: Sent = []

    def datagrams_to_send(self) -> Sent:
        sent = self._send()
        self.told += sent
        return sent

    def take(self) -> Sent:
        told, self.told = self.told, []
        return told


class Lodge(Hall):
    """A hall under the keys of the protocol's tests, which is given datagrams and answers with datagrams."""

    def begin(self, hashed: str = "the hash") -> None:
        """Start a server on the log as it is."""
        self._identity, self._ticket_key = IDENTITY, TICKET_KEY
        super().begin(hashed)
        self._told = self.core = _Told(self.core)

    def receive(self, data: bytes, address: Address, now: float) -> Sent:
        """Take one datagram and return what is sent."""
        self.now = now
        self.core.receive_datagram(data, address, now)
        self.settle()
        return self._told.take()

    def timer(self, now: float) -> Sent:
        """Let everything happen until `now`, in its own time, and return what is sent."""
        self.advance(now - self.now)
        return self._told.take()
