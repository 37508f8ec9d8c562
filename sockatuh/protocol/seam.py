"""The five methods between a core and the shell that runs it."""

from __future__ import annotations

from typing import Any, Protocol, TypeAlias, TypeVar

Address: TypeAlias = tuple[Any, ...]
"""What `socket.recvfrom` gives; a core compares and hashes it, and looks no deeper.

Two that are equal lead to the same peer, and may differ in what the shell remembers with them: from where the peer is
answered. So a core answers to the address that was heard last."""

EventT_co = TypeVar("EventT_co", covariant=True)


class Core(Protocol[EventT_co]):
    """A protocol without wires: datagrams, addresses and time go in; datagrams, events and a deadline come out."""

    def receive_datagram(self, data: bytes, address: Address, now: float) -> None:
        """Take one datagram; whatever it holds, nothing is raised."""

    def handle_timer(self, now: float) -> None:
        """Do what was due at or before `now` (monotonic seconds)."""

    def get_timer(self) -> float | None:
        """Return when `handle_timer` wants to be called, or None."""

    def next_event(self) -> EventT_co | None:
        """Return the next thing that happened, or None."""

    def datagrams_to_send(self) -> list[tuple[bytes, Address]]:
        """Return and forget the next of what is to be sent; empty when nothing is left."""
