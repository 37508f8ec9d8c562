"""Find the addresses of this machine in its local network, and not those of its VPNs or containers.

Linux describes its interfaces by netdevice(7), always for the network of the socket that is used to ask: a service
without a network of its own asks with its passed socket. `choose_addresses` decides which addresses to name.
"""

from __future__ import annotations

import array
import contextlib
import ipaddress
import itertools
import re
import socket
import struct
import sys
from collections.abc import Iterator, Sequence
from enum import IntEnum
from pathlib import Path
from typing import Final, TypeAlias

import msgspec

from .address import HOST_PATTERN, lan_address
from .arrival import EVERYWHERE, Source, source_at

AnyAddress: TypeAlias = ipaddress.IPv4Interface | ipaddress.IPv6Interface

SIOCGIFCONF: Final = 0x8912
SIOCGIFFLAGS: Final = 0x8913
SIOCGIFBRDADDR: Final = 0x8919
SIOCGIFNETMASK: Final = 0x891B
SIOCGIFHWADDR: Final = 0x8927
SIOCETHTOOL: Final = 0x8946
ETHTOOL_GDRVINFO: Final = 3
DRIVER_INFO_SIZE: Final = 196
IFF_UP: Final = 0x1
IFF_BROADCAST: Final = 0x2
IFF_LOOPBACK: Final = 0x8
IFF_POINTOPOINT: Final = 0x10
IFF_RUNNING: Final = 0x40
NOT_A_LAN: Final = IFF_LOOPBACK | IFF_POINTOPOINT
ETHERNET: Final = 1
INFINIBAND: Final = 32
IFREQ: Final = struct.Struct("16sHH4s8s8x" if struct.calcsize("P") == 8 else "16sHH4s8s")
"""Name; family, port, IPv4 address and padding of a sockaddr."""
MAX_INTERFACES: Final = 128
MAX_SOURCES: Final = 16
MAX_LINKS: Final = 32
LARGEST: Final = 16
"""The shortest prefix of a network whose broadcast address is used: beyond it is no LAN."""
USUAL_PREFIX: Final = 24
"""The prefix length assumed for a local network whose own is unknown."""
IPV6_ADDRESSES: Final = Path("/proc/net/if_inet6")
UNIQUE_LOCAL: Final = ipaddress.IPv6Network("fc00::/7")
PASSING: Final = 0x01 | 0x08 | 0x20 | 0x40
"""Flags of IPv6 addresses that do not last: temporary, failed, deprecated, tentative."""

TUNNELS: Final = re.compile(
    r"(tun|tap|wg|tailscale|zt|utun|ppp|wt|nordlynx|proton|ipsec|gre|sit|ip6tnl|ham|nebula|cscotun|vpn|wwan)"
)
"""Names of interfaces of VPNs and dial-up connections."""
INTERNAL: Final = re.compile(
    r"(docker|br-[0-9a-f]{12}$|veth|virbr|lxcbr|lxdbr|incusbr|cni|cbr|flannel|cali|cilium|kube|weave|podman|nerdctl"
    r"|vmnet|vboxnet|vnet|dummy|ifb|mpqemubr|waydroid)"
)
"""Names of interfaces that lead to containers and virtual machines on this machine."""


BRIDGES: Final = re.compile(r"(br\d*$|br-?lan|bridge\d*$|vmbr|lan)")
"""Names of bridges that connect the machine itself to its network."""


class Kind(IntEnum):
    """What an interface leads to, from the most to the least preferred."""

    LOCAL = 0
    BRIDGE = 1
    TUNNEL = 2
    INTERNAL = 3


class Interface(msgspec.Struct, frozen=True):
    """An interface that leads to other machines, and its addresses with their prefix lengths."""

    name: str
    kind: Kind
    addresses: tuple[AnyAddress, ...]


class Link(msgspec.Struct, frozen=True):
    """A network to whose machines something can be sent all at once: an interface, its number, and its addresses.

    `broadcasts` are its IPv4 addresses, each with the address that reaches all machines of its network.
    """

    name: str
    index: int
    broadcasts: tuple[tuple[ipaddress.IPv4Interface, ipaddress.IPv4Address], ...]
    has_ipv6: bool


def lan_addresses_of(sock: socket.socket) -> tuple[str, ...]:
    """Return the addresses at which others reach a bound socket, the best first; loopback only if it is bound to that.

    This is the address it is bound to or, if it is bound to all, each address in this machine's local networks. If none
    is found, it is the machine's name.
    """
    host = str(sock.getsockname()[0])
    if host not in EVERYWHERE:
        return (host,)
    outwards = lan_address()
    found = choose_addresses(find_interfaces(sock), outwards, ipv4=_takes_ipv4(sock), ipv6=host == "::")
    return tuple(found) or ((outwards,) if outwards else (_machine_name(),))


def choose_addresses(
    interfaces: Sequence[Interface], outwards: str | None, *, ipv4: bool = True, ipv6: bool = True
) -> list[str]:
    """Return the addresses to name: those in the local network, or in each of them if there are several.

    IPv6 addresses are named only for networks without IPv4. `outwards`, the source of datagrams to the internet, comes
    first if it is among them.
    """
    for kind in Kind:
        found = [
            address
            for interface in interfaces
            if interface.kind is kind
            for address in _addresses_to_name(interface, ipv4=ipv4, ipv6=ipv6)
        ]
        if found:
            return sorted(dict.fromkeys(found), key=lambda address: address != outwards)
    return []


def _addresses_to_name(interface: Interface, *, ipv4: bool, ipv6: bool) -> list[str]:
    """Return one address for each IPv4 network of an interface, else one IPv6 address, else a link-local one."""
    known = [each for each in interface.addresses if not each.is_loopback and not each.is_unspecified]
    fours = [each for each in known if isinstance(each, ipaddress.IPv4Interface) and ipv4]
    networks = {each.network: str(each.ip) for each in reversed(fours) if not each.is_link_local}
    if networks:
        return [*networks.values()][::-1]
    sixes = [each for each in known if isinstance(each, ipaddress.IPv6Interface) and ipv6 and not each.is_link_local]
    stable = sorted(sixes, key=lambda each: each.ip not in UNIQUE_LOCAL)
    return [*[str(each.ip) for each in stable], *[str(each.ip) for each in fours]][:1]


def kind_of(name: str, flags: int, hardware: int, driver: str) -> Kind:
    """Return what an interface leads to, judged by its name, flags, hardware type and driver.

    A bridge may connect the machine to its network, or lead to its containers. If its name does not tell, every other
    interface of the local network is preferred.
    """
    if flags & IFF_POINTOPOINT or hardware not in (ETHERNET, INFINIBAND) or driver == "tun" or TUNNELS.match(name):
        return Kind.TUNNEL
    if INTERNAL.match(name):
        return Kind.INTERNAL
    return Kind.BRIDGE if driver == "bridge" and not BRIDGES.match(name) else Kind.LOCAL


def find_interfaces(sock: socket.socket) -> list[Interface]:
    """Return the interfaces of the socket's network that lead to other machines; none if the system cannot tell."""
    if sys.platform != "linux":
        return []
    addresses: dict[str, list[AnyAddress]] = {}
    for name, address in itertools.chain(_ipv4_addresses(sock), _ipv6_addresses()):
        addresses.setdefault(name, []).append(address)
    found = []
    for name, known in addresses.items():
        with contextlib.suppress(OSError):
            flags = _answer(sock, SIOCGIFFLAGS, name)
            if flags & (IFF_UP | IFF_LOOPBACK | IFF_RUNNING) == IFF_UP | IFF_RUNNING:
                kind = kind_of(name, flags, _answer(sock, SIOCGIFHWADDR, name), _driver(sock, name))
                found.append(Interface(name, kind, tuple(known)))
    return found


def _ipv4_addresses(sock: socket.socket) -> Iterator[tuple[str, AnyAddress]]:
    """Yield interface and address of each IPv4 address."""
    import fcntl  # not there on Windows

    answers = array.array("B", bytes(MAX_INTERFACES * IFREQ.size))
    at, _ = answers.buffer_info()
    try:
        size, _ = struct.unpack("iP", fcntl.ioctl(sock, SIOCGIFCONF, struct.pack("iP", len(answers), at)))
        for request in IFREQ.iter_unpack(answers.tobytes()[:size]):
            name, address = request[0], request[3]
            prefix = USUAL_PREFIX
            with contextlib.suppress(OSError):  # not available through an IPv6 socket
                mask = IFREQ.unpack(fcntl.ioctl(sock, SIOCGIFNETMASK, IFREQ.pack(*request)))[3]
                prefix = int.from_bytes(mask, "big").bit_count()
            label = name.rstrip(b"\0").decode(errors="replace")
            yield label.partition(":")[0], ipaddress.IPv4Interface((address, prefix))
    except OSError:
        return


def find_links() -> list[Link]:
    """Return the networks that this machine is in, without loopback, tunnels and networks beyond a /16."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        if sys.platform != "linux":
            return _links_by_name()
        fours: dict[str, dict[ipaddress.IPv4Interface, ipaddress.IPv4Address]] = {}
        for name, address in _ipv4_addresses(sock):
            if isinstance(address, ipaddress.IPv4Interface) and LARGEST <= address.network.prefixlen < 31:
                fours.setdefault(name, {})[address] = _broadcast_of(sock, name, address)
        sixes = {name for name, _ in _ipv6_addresses()}
        links = []
        for name in dict.fromkeys([*fours, *sorted(sixes)]):
            with contextlib.suppress(OSError):
                flags = _answer(sock, SIOCGIFFLAGS, name)
                if flags & (IFF_UP | IFF_RUNNING) == IFF_UP | IFF_RUNNING and not flags & NOT_A_LAN:
                    broadcasts = fours.get(name, {}) if flags & IFF_BROADCAST else {}
                    link = Link(name, socket.if_nametoindex(name), tuple(broadcasts.items()), name in sixes)
                    links.append(link)
        return links[:MAX_LINKS]


def _broadcast_of(sock: socket.socket, name: str, address: ipaddress.IPv4Interface) -> ipaddress.IPv4Address:
    """Return the broadcast address that is set for an address, or, without one, the last of its network."""
    import fcntl

    with contextlib.suppress(OSError):
        request = IFREQ.pack(name.encode(), socket.AF_INET, 0, address.ip.packed, bytes(8))
        found = ipaddress.IPv4Address(IFREQ.unpack(fcntl.ioctl(sock, SIOCGIFBRDADDR, request))[3])
        if found in address.network:
            return found
    return address.network.broadcast_address


def _links_by_name() -> list[Link]:
    """Return the networks of this machine's name, where the system cannot be asked: each assumed to be a /24."""
    fours = []
    with contextlib.suppress(OSError):
        for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET, socket.SOCK_DGRAM):
            address = ipaddress.IPv4Interface(f"{info[4][0]}/{USUAL_PREFIX}")
            if not address.is_loopback:
                fours.append((address, address.network.broadcast_address))
    links = [Link(name, index, (), has_ipv6=True) for index, name in socket.if_nameindex()]
    return [*[Link(str(each.ip), 0, ((each, to),), has_ipv6=False) for each, to in fours], *links][:MAX_LINKS]


def find_sources(sock: socket.socket) -> list[Source]:
    """Return the addresses of the socket's network if there are several, else nothing.

    If it is unknown to which of them a peer has sent, the peer is answered from each.
    """
    if sys.platform != "linux" or str(sock.getsockname()[0]) not in EVERYWHERE:
        return []
    found = itertools.chain(_ipv4_addresses(sock), _ipv6_addresses(passing=PASSING))
    hosts = dict.fromkeys(each.ip for _, each in found if not each.is_loopback and not each.is_link_local)
    return [source_at(host) for host in hosts][:MAX_SOURCES] if len(hosts) > 1 else []


def _ipv6_addresses(passing: int = 0) -> Iterator[tuple[str, AnyAddress]]:
    """Yield interface and address of each IPv6 address of this process's own network.

    Addresses that do not last are left out, except those with a flag in `passing`.
    """
    try:
        lines = IPV6_ADDRESSES.read_text("ascii", "replace").splitlines()
    except OSError:
        return
    for line in lines:
        address, _, prefix, _, flags, name = line.split()
        if not int(flags, 16) & PASSING & ~passing:
            yield name, ipaddress.IPv6Interface((bytes.fromhex(address), int(prefix, 16)))


def _answer(sock: socket.socket, question: int, name: str) -> int:
    """Return the first number in the answer to a question about an interface."""
    import fcntl

    answer = fcntl.ioctl(sock, question, struct.pack("16sH22x", name.encode(), 0))
    return int(struct.unpack_from("16sH", answer)[1])


def _driver(sock: socket.socket, name: str) -> str:
    """Return the name of an interface's driver, or "" if it is unknown."""
    import fcntl

    info = array.array("B", struct.pack("=I", ETHTOOL_GDRVINFO).ljust(DRIVER_INFO_SIZE, b"\0"))
    try:
        fcntl.ioctl(sock, SIOCETHTOOL, struct.pack("16sP16x", name.encode(), info.buffer_info()[0]))
    except OSError:
        return ""
    return info.tobytes()[4:36].partition(b"\0")[0].decode(errors="replace")


def _takes_ipv4(sock: socket.socket) -> bool:
    return sock.family == socket.AF_INET or not sock.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)


def _machine_name() -> str:
    """Return the machine's name if it can be typed, else localhost: nobody else can reach it then."""
    name = socket.gethostname()
    return name if name.isascii() and HOST_PATTERN.fullmatch(name) else "localhost"
