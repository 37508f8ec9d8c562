"""Which of our addresses a datagram was sent to, so that the reply has that source (ip(7), ipv6(7)).

On a socket bound to all addresses, the kernel chooses the source of a datagram by its routing table: a machine with two
addresses replies from the first, whichever was asked, and a stateful firewall at the peer drops the reply. So each
datagram is read with the kernel's packet info (IP_PKTINFO, IPV6_PKTINFO), which the peer's address keeps (`Arrival`).
"""

from __future__ import annotations

import errno
import ipaddress
import socket
import struct
import sys
from collections.abc import Callable, Iterable
from typing import Any, Final, TypeAlias

import msgspec

from sockatuh.protocol.seam import Address

from .fallback import Fallback, Tell

Control: TypeAlias = tuple[int, int, bytes]
"""A control message: level, type, data."""
Receive: TypeAlias = Callable[[], tuple[bytes, Address]]

READ_SIZE: Final = 2048
IP_PKTINFO: Final = 26 if sys.platform == "darwin" else 8  # the socket module of Python 3.11 does not name it
NOTES_ASKED: Final[dict[str, tuple[tuple[int, int], ...]]] = {
    "linux": ((socket.IPPROTO_IPV6, 49), (socket.IPPROTO_IP, IP_PKTINFO)),
    "darwin": ((socket.IPPROTO_IPV6, 61), (socket.IPPROTO_IP, IP_PKTINFO)),
}
"""(level, option) of IPV6_RECVPKTINFO and IP_PKTINFO, where the system has both directions of them."""
IPV6_PKTINFO: Final = getattr(socket, "IPV6_PKTINFO", -1)  # not on Windows
IPV4_NOTE: Final = struct.Struct("=I4s4s")
"""struct in_pktinfo: interface, the address of ours to answer from, the destination as it stood in the header."""
IPV6_NOTE: Final = struct.Struct("=16sI")
"""struct in6_pktinfo: destination, interface."""
NOTES_SIZE: Final = 128
EVERYWHERE: Final = ("::", "0.0.0.0")  # noqa: S104 - compared, not bound
UNSPECIFIED: Final = bytes(16)
MAPPED: Final = bytes(10) + b"\xff\xff"
REFUSALS: Final = frozenset({errno.ENOSYS, errno.EPERM, errno.EACCES})
ARRIVALS_KEPT: Final = 4_096
SOURCES_KEPT: Final = 1_024


class Source(msgspec.Struct, frozen=True, eq=False):
    """The source of a datagram, as the control message that sets it."""

    control: Control

    @property
    def packed(self) -> bytes:
        """The control message in memory (struct cmsghdr), padded."""
        level, kind, data = self.control
        word = struct.calcsize("N")
        head = struct.pack("@Nii", struct.calcsize("@Nii") + len(data), level, kind)
        return (head + data).ljust(-(-(len(head) + len(data)) // word) * word, b"\0")


class Arrival(tuple[Any, ...]):
    """A peer's address that knows the source of replies; it equals the plain address.

    So a peer that sends to another of our addresses is still the same peer.
    """

    source: Source | None = None
    note: Control | None = None
    was_sent_to_all: bool = False
    """Whether the datagram came to a broadcast or multicast address."""


def source_of(address: Address) -> Source | None:
    """Return the source for datagrams to an address; None lets the system choose."""
    return getattr(address, "source", None)


def was_sent_to_all(address: Address) -> bool:
    """Return whether a datagram from an address came to a broadcast or multicast address, as far as is known."""
    return getattr(address, "was_sent_to_all", False)


def ask_for_notes(sock: socket.socket) -> bool:
    """Make the kernel deliver packet info; return False if it cannot, or need not.

    A socket bound to one address always replies from that.
    """
    if sock.getsockname()[0] not in EVERYWHERE:
        return False
    asked = False
    for level, option in NOTES_ASKED.get(sys.platform, ()):
        try:
            sock.setsockopt(level, option, 1)
        except OSError:  # of the other family
            continue
        asked = True
    return asked


def find_source(notes: Iterable[Control]) -> Source | None:
    """Return the source of replies for a datagram's packet info, or None if it does not tell.

    It is never a broadcast or multicast address. An interface is named only if the address alone is ambiguous;
    otherwise the routing table chooses the way back.
    """
    found: Source | None = None
    for level, kind, data in notes:
        if level == socket.IPPROTO_IP and kind == IP_PKTINFO and len(data) == IPV4_NOTE.size:
            return _ipv4_source(data)
        if level == socket.IPPROTO_IPV6 and kind == IPV6_PKTINFO and len(data) == IPV6_NOTE.size:
            found = _ipv6_source(data)
    return found


def is_to_all(notes: Iterable[Control]) -> bool:
    """Return whether a datagram's packet info names a broadcast or multicast destination.

    A network's broadcast address looks like any other; it is known by the kernel naming another one to answer from.
    """
    for level, kind, data in notes:
        if level == socket.IPPROTO_IP and kind == IP_PKTINFO and len(data) == IPV4_NOTE.size:
            _, ours, destination = IPV4_NOTE.unpack(data)
            return not _is_ipv4_host(destination) or (_is_ipv4_host(ours) and ours != destination)
        if level == socket.IPPROTO_IPV6 and kind == IPV6_PKTINFO and len(data) == IPV6_NOTE.size and data[0] == 0xFF:
            return True
    return False


def source_at(host: ipaddress.IPv4Address | ipaddress.IPv6Address) -> Source:
    """Return the source for one of our addresses; a link-local one needs an interface too."""
    if host.version == 4:
        return Source((socket.IPPROTO_IP, IP_PKTINFO, IPV4_NOTE.pack(0, host.packed, bytes(4))))
    return Source((socket.IPPROTO_IPV6, IPV6_PKTINFO, IPV6_NOTE.pack(host.packed, 0)))


def arrivals_at(address: Address, sources: Iterable[Source]) -> list[Address]:
    """Return an address once for each of these sources of its family, or unchanged if there is none."""
    is_ipv4 = ":" not in address[0] or address[0].startswith("::ffff:")
    level = socket.IPPROTO_IP if is_ipv4 else socket.IPPROTO_IPV6
    found: list[Address] = []
    for source in sources:
        if source.control[0] == level:
            arrival = Arrival(address)
            arrival.source = source
            found.append(arrival)
    return found or [address]


def _ipv4_source(note: bytes) -> Source | None:
    interface, ours, _ = IPV4_NOTE.unpack(note)
    if not _is_ipv4_host(ours):
        return None
    is_link_local = ours.startswith(b"\xa9\xfe")
    data = IPV4_NOTE.pack(interface if is_link_local else 0, ours, bytes(4))
    return Source((socket.IPPROTO_IP, IP_PKTINFO, data))


def _ipv6_source(note: bytes) -> Source | None:
    destination, interface = IPV6_NOTE.unpack(note)
    if destination == UNSPECIFIED or (destination.startswith(MAPPED) and not _is_ipv4_host(destination[12:])):
        return None
    if destination[0] == 0xFF:
        destination = UNSPECIFIED
    elif not (destination[0] == 0xFE and destination[1] & 0xC0 == 0x80):
        interface = 0
    return Source((socket.IPPROTO_IPV6, IPV6_PKTINFO, IPV6_NOTE.pack(destination, interface)))


def _is_ipv4_host(address: bytes) -> bool:
    """Return whether an address may be that of one machine; a network's broadcast address cannot be recognized."""
    return 0 < address[0] < 224


class ArrivalReceiver:
    """Reads datagrams with their packet info; recent addresses are cached, so that most need not be made.

    If the system refuses packet info at run time, it reads without from then on.
    """

    def __init__(self, sock: socket.socket, tell: Tell) -> None:
        self._recvmsg, self._recvfrom, self._tell = sock.recvmsg, sock.recvfrom, tell
        self._arrivals: dict[Address, Arrival] = {}
        self._sources: dict[Control, tuple[Source | None, bool]] = {}
        self._reads_notes = True

    def __call__(self) -> tuple[bytes, Address]:
        """Return a datagram and the `Arrival` it came from; raises OSError as `socket.recvfrom`."""
        if not self._reads_notes:
            return self._recvfrom(READ_SIZE)
        try:
            data, notes, _, address = self._recvmsg(READ_SIZE, NOTES_SIZE)
        except OSError as error:
            if error.errno not in REFUSALS:
                raise
            return self._read_without(error)
        if not notes:
            return data, address
        arrival = self._arrivals.get(address)
        if arrival is None or arrival.note != notes[-1]:
            arrival = self._remember(address, notes)
        return data, arrival

    def _read_without(self, error: OSError) -> tuple[bytes, Address]:
        found: tuple[bytes, Address] = self._recvfrom(READ_SIZE)
        self._reads_notes = False
        self._tell(Fallback.NO_NOTES, error)
        return found

    def _remember(self, address: Address, notes: list[Control]) -> Arrival:
        arrival = Arrival(address)
        arrival.note = note = notes[-1]
        if note not in self._sources:
            if len(self._sources) >= SOURCES_KEPT:
                self._sources.clear()
            self._sources[note] = find_source(notes), is_to_all(notes)
        arrival.source, arrival.was_sent_to_all = self._sources[note]
        if len(self._arrivals) >= ARRIVALS_KEPT:
            self._arrivals.clear()
        self._arrivals[address] = arrival
        return arrival
