"""Two dialects on one socket, told apart by the first byte (docs/PROTOCOL.md §1)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Final

from sockatuh.protocol.constants import HELLO, RESET
from sockatuh.protocol.seam import Address, Core

from .base import DialectEvent

SECURE_TYPES: Final = frozenset(bytes([kind]) for kind in range(HELLO, RESET + 1))


class Demux:
    """A core made of the secure and the classic dialect's cores. Classic counts what it receives even while off.

    The classic dialect only ever reacts to datagrams, so it is not asked for anything before its first one.

    Unless it is `discoverable`, what came to a broadcast or multicast address is counted in `dropped` and not passed
    on; `was_sent_to_all` tells that by the sender's address.
    """

    def __init__(
        self,
        secure: Core[DialectEvent],
        classic: Core[DialectEvent],
        dropped: Counter[str],
        *,
        was_sent_to_all: Callable[[Address], bool],
        discoverable: bool,
    ) -> None:
        self.discoverable = discoverable
        self._secure, self._classic = secure, classic
        self._dropped, self._was_sent_to_all = dropped, was_sent_to_all
        self._has_heard_classic = False

    def receive_datagram(self, data: bytes, address: Address, now: float) -> None:
        """Pass the datagram to the dialect that its first byte belongs to."""
        if not self.discoverable and self._was_sent_to_all(address):
            self._dropped["sent_to_all"] += 1
        elif data[:1] in SECURE_TYPES:
            self._secure.receive_datagram(data, address, now)
        else:
            self._has_heard_classic = True
            self._classic.receive_datagram(data, address, now)

    def handle_timer(self, now: float) -> None:
        """Do what is due in both."""
        self._secure.handle_timer(now)
        self._classic.handle_timer(now)

    def get_timer(self) -> float | None:
        """Return the earlier of both deadlines."""
        secure = self._secure.get_timer()
        classic = self._classic.get_timer() if self._has_heard_classic else None
        if secure is None or classic is None:
            return classic if secure is None else secure
        return min(secure, classic)

    def next_event(self) -> DialectEvent | None:
        """Return the next event of either, the secure dialect's first."""
        event = self._secure.next_event()
        return self._classic.next_event() if event is None and self._has_heard_classic else event

    def datagrams_to_send(self) -> list[tuple[bytes, Address]]:
        """Remove and return the next datagrams of both."""
        datagrams = self._secure.datagrams_to_send()
        return datagrams + self._classic.datagrams_to_send() if self._has_heard_classic else datagrams
