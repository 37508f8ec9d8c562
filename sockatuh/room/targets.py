"""Whom an order is about, and how that is written: in the log's key, in a command, and in a list.

A target is a key, an address or network, a name with all its look-alikes, or a classic member: a name at an address,
because nothing else is known of it. `log_key` identifies target and kind, so a second ban of a target replaces the
first one, and two admins at once cannot cross. IPv4-mapped IPv6 addresses are IPv4 addresses here.
"""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache
from typing import Final, Literal, TypeAlias

import msgspec

OrderKind: TypeAlias = Literal["kick", "ban", "mute"]
"""The orders that stay in force."""
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
Number: TypeAlias = tuple[int, int]
"""A host: the version of IP, and the address as a number."""

MARK: Final = "\u0001"
"""The first character of an order's key in the log; no name key begins with it."""
_MAPPED: Final = ipaddress.IPv6Network("::ffff:0:0/96")


class Who(msgspec.Struct, frozen=True):
    """Somebody who wants to join or is in: the fingerprint of a key ("": none), a host, and the key of a name."""

    owner: str
    host: str
    name_key: str


class Target(msgspec.Struct, frozen=True):
    """A key (`owner`), an address or network, a name (`name_key`), or a classic member (`name_key` and `address`)."""

    owner: str = ""
    address: str = ""
    name_key: str = ""

    @classmethod
    def find(cls, log_key: str) -> tuple[OrderKind, Target] | None:
        """Return the kind and the target that a key of the log names; None if it is no order's."""
        if not log_key.startswith(MARK):
            return None
        kind, _, rest = log_key[len(MARK) :].partition(":")
        form, _, value = rest.partition(":")
        if (known := _KINDS.get(kind)) is None:
            return None
        match form:
            case "key":
                return known, cls(owner=value)
            case "address":
                return known, cls(address=value)
            case "name":
                return known, cls(name_key=value)
            case "classic":
                name_key, _, address = value.rpartition("@")
                return known, cls(address=address, name_key=name_key)
            case _:
                return None

    def log_key(self, kind: OrderKind) -> str:
        """Return the key under which orders of this kind about this target stand in the log."""
        if self.owner:
            return f"{MARK}{kind}:key:{self.owner}"
        if not self.address:
            return f"{MARK}{kind}:name:{self.name_key}"
        if self.name_key:
            return f"{MARK}{kind}:classic:{self.name_key}@{self.address}"
        return f"{MARK}{kind}:address:{self.address}"

    def concerns(self, who: Who) -> bool:
        """Tell whether an order about this target is about somebody."""
        if self.owner:
            return who.owner == self.owner
        if not self.address:
            return who.name_key == self.name_key
        if self.name_key:
            return not who.owner and who.name_key == self.name_key and plain_host(who.host) == self.address
        network, number = find_network(self.address), find_number(who.host)
        return network is not None and number is not None and _holds(network, number)


def is_like_address(text: str) -> bool:
    """Tell whether a text was meant as an address or a network, though it may be none: `10.0.0.0/33`."""
    return _LIKE_ADDRESS.fullmatch(text[:_LONGEST_ADDRESS]) is not None


def find_network(text: str) -> Network | None:
    """Return the network that a text such as `10.0.0.5` or `10.0.0.5/8` names, None if it names none."""
    return _find_network(text) if len(text) <= _LONGEST_ADDRESS else None


@lru_cache(maxsize=1024)
def _find_network(text: str) -> Network | None:
    host, slash, length = text.partition("/")
    try:
        network = ipaddress.ip_network(host.partition("%")[0] + slash + length, strict=False)
    except ValueError:
        return None
    if isinstance(network, ipaddress.IPv6Network) and network.subnet_of(_MAPPED):
        mapped = int(network.network_address) & 0xFFFF_FFFF
        return ipaddress.IPv4Network((mapped, network.prefixlen - _MAPPED.prefixlen))
    return network


def address_of(network: Network) -> str:
    """Return how an order's entry writes a network: a single address without a prefix length."""
    return str(network.network_address) if network.num_addresses == 1 else str(network)


def find_number(host: str) -> Number | None:
    """Return a host as a number, None if it is not an address."""
    return _find_number(host) if len(host) <= _LONGEST_ADDRESS else None


@lru_cache(maxsize=1024)
def _find_number(host: str) -> Number | None:
    host = host.partition("%")[0]
    try:
        if ":" not in host:
            return 4, _ipv4(host)
        found = ipaddress.IPv6Address(host)
    except ValueError:
        return None
    mapped = found.ipv4_mapped
    return (4, int(mapped)) if mapped is not None else (6, int(found))


def _ipv4(host: str) -> int:
    """Return an IPv4 address as a number, in a quarter of the time of `ipaddress`; ValueError if it is none."""
    octets = host.split(".")
    value = 0
    for octet in octets:
        number = int(octet) if octet.isascii() and octet.isdigit() and len(octet) <= 3 else 256
        if number > 255 or (octet[0] == "0" and octet != "0"):
            raise ValueError("not an octet")
        value = value << 8 | number
    if len(octets) != 4:
        raise ValueError("not four octets")
    return value


def find_prefix(address: str) -> tuple[int, int, int] | None:
    """Return the version of a network as orders write it, how many bits vary, and the bits that do not.

    It takes a third of the time of `find_network`, for ten thousand of them.
    """
    host, slash, length = address.partition("/")
    if (number := find_number(host)) is None:
        return None
    version, value = number
    width = 32 if version == 4 else 128
    if slash and not (length.isascii() and length.isdecimal() and len(length) <= 3 and int(length) <= width):
        return None
    bits = width - int(length) if slash else 0
    return version, bits, value >> bits


def plain_host(host: str) -> str:
    """Return a host as an order's entry writes it: without scope, an IPv4-mapped one as IPv4."""
    if ":" not in host and "%" not in host:  # an IPv4 address has one form only, and a room may have thousands
        return host
    network = find_network(host.partition("/")[0])
    return host if network is None else address_of(network)


def _holds(network: Network, number: Number) -> bool:
    version, address = number
    bits = network.max_prefixlen - network.prefixlen
    return version == network.version and address >> bits == int(network.network_address) >> bits


_LONGEST_ADDRESS: Final = 64
_LIKE_ADDRESS: Final = re.compile(
    r"[0-9]{1,3}(?:\.[0-9]{0,3}){0,3}/.*|[0-9]{1,3}(?:\.[0-9]{1,3}){2,}(?:[^0-9].*)?|\[?[0-9a-fA-F]*:[0-9a-fA-F.]*:.*"
)
"""Numbers before a slash, three numbers with points between them, or hexadecimal numbers and colons."""
_KINDS: Final[dict[str, OrderKind]] = {"kick": "kick", "ban": "ban", "mute": "mute"}
