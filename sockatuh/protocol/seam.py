"""The five methods between a core and the shell that runs it."""

from __future__ import annotations

from typing import Any, Protocol, TypeAlias, TypeVar

Address: TypeAlias = tuple[Any, ...]
"""What `socket.recvfrom` gives. A core compares and hashes it, and knows nothing else about it.

Addresses that are equal lead to the same host, but may remember different addresses of ours to answer from. So a core
answers to the address that the last datagram came with."""


def bracketed(host: str) -> str:
    """Return a host as it is written in front of a port: an IPv6 address in brackets."""
    return f"[{host}]" if ":" in host else host


EventT_co = TypeVar("EventT_co", covariant=True)


class Core(Protocol[EventT_co]):
    """A protocol without I/O: datagrams, addresses and time go in; datagrams, events and a deadline come out."""

    def receive_datagram(self, data: bytes, address: Address, now: float) -> None:
        """Process one datagram; never raises, whatever it contains."""

    def handle_timer(self, now: float) -> None:
        """Handle every timer that is due by `now` (monotonic seconds)."""

    def get_timer(self) -> float | None:
        """Return when `handle_timer` is to be called, or None."""

    def next_event(self) -> EventT_co | None:
        """Return the next thing that happened, or None."""

    def datagrams_to_send(self) -> list[tuple[bytes, Address]]:
        """Remove and return the next datagrams to send; empty if there are none."""
