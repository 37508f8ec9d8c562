"""Find out how datagrams leave this machine on their way to an address: from where, and through what."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Sequence

import msgspec

from sockatuh.protocol.seam import Address

from .address import MAPPED_TEXT, find_source
from .interfaces import Interface, Kind, find_interfaces


class Route(msgspec.Struct, frozen=True):
    """The way to an address: our own address on it, and the interface, "" if that is not known.

    `is_here`: the address is one of this machine's. `shares_subnet`: it is in a network of that interface; None if the
    system does not tell.
    """

    source: str
    interface: str
    is_tunnel: bool
    is_here: bool
    shares_subnet: bool | None


def find_route(target: Address) -> Route | None:
    """Return the way to an address, None if there is none; nothing is sent."""
    plain = (target[0].removeprefix(MAPPED_TEXT), target[1]) if _is_mapped(target) else target
    source = find_source(plain)
    if source is None:
        return None
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        return judge_route(plain[0], source, find_interfaces(sock))


def judge_route(host: str, source: str, interfaces: Sequence[Interface]) -> Route:
    """Return the way to a host that leaves from one of our addresses."""
    to, own = _parsed(host), _parsed(source)
    is_here = to == own or to.is_loopback
    found = [each for each in interfaces if any(address.ip == own for address in each.addresses)]
    if is_here or not found:
        return Route(source, found[0].name if found and not to.is_loopback else "", False, is_here, None)
    interface = found[0]
    shares = to.is_link_local or any(to in address.network for address in interface.addresses)
    return Route(source, interface.name, interface.kind is Kind.TUNNEL, False, shares)


def _parsed(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    return ipaddress.ip_address(host.partition("%")[0])


def _is_mapped(target: Address) -> bool:
    return bool(target[0].lower().startswith(MAPPED_TEXT)) and "." in target[0]
