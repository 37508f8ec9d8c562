"""A server for hand-made guests: all of it is the real thing but wires, clock and disk, and it commits at once."""

from __future__ import annotations

from protocol.house import IDENTITY, TICKET_KEY
from server.hall import Hall

from sockatuh.protocol.seam import Address
from sockatuh.protocol.server.endpoint import Endpoint
from sockatuh.protocol.server.events import ServerEvent
from sockatuh.server.dialects.classic import ClassicDialect
from sockatuh.server.dialects.demux import Dialects

Sent = list[tuple[bytes, Address]]


class _Told(Dialects[ServerEvent]):
    """Both dialects, and all that they send."""

    def __init__(self, secure: Endpoint, classic: ClassicDialect) -> None:
        super().__init__(secure, classic)
        self.told: Sent = []

    def datagrams_to_send(self) -> Sent:
        sent = super().datagrams_to_send()
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
        self._told = self.core = _Told(self.endpoint, self.classic)

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
