"""What an endpoint is about to send."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from .channel import Channel, ChannelExhausted
from .messages import ServerMessage, encode
from .seam import Address
from .session import Session


class Outgoing:
    """Datagrams in the order they leave; messages are sealed when they are put in."""

    def __init__(self, dropped: Counter[str]) -> None:
        self._dropped = dropped
        self._datagrams: list[tuple[bytes, Address]] = []

    def put(self, datagram: bytes, address: Address) -> None:
        """Send a datagram as it is."""
        self._datagrams.append((datagram, address))

    def send(self, session: Session, message: ServerMessage) -> None:
        """Send a message to a session where it is now."""
        self.send_encoded(session, encode(message))

    def send_encoded(self, session: Session, plaintext: bytes) -> None:
        """Send an encoded message to a session where it is now.

        What cannot be sealed is counted and not sent: no session's trouble is another's.
        """
        try:
            datagram = session.channel.seal(plaintext)
        except (ValueError, ChannelExhausted):
            self._dropped["unsendable"] += 1
            return
        self._datagrams.append((datagram, session.address))

    def send_to_all(self, sessions: Sequence[Session], plaintexts: Sequence[bytes]) -> None:
        """Send encoded messages to many sessions."""
        try:
            datagrams = Channel.seal_for_each([session.channel for session in sessions], plaintexts)
        except (ValueError, ChannelExhausted):  # then one by one, so that each gets what can be sealed
            for session in sessions:
                for plaintext in plaintexts:
                    self.send_encoded(session, plaintext)
            return
        addresses = [session.address for session in sessions for _ in plaintexts]
        self._datagrams += zip(datagrams, addresses, strict=True)

    def take(self) -> list[tuple[bytes, Address]]:
        """Return and forget what is to be sent."""
        datagrams, self._datagrams = self._datagrams, []
        return datagrams
