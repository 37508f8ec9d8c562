"""What may be written for a setting that is more than a number or a word, each kind with its sentence."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import Final, TypeAlias

from sockatuh.protocol.constants import MAX_ROOM_BYTES

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

PRIVATE_NETWORKS: Final[tuple[Network, ...]] = tuple(
    ipaddress.ip_network(network)
    for network in (
        "127.0.0.0/8",
        "::1/128",
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "169.254.0.0/16",
        "fc00::/7",
        "fe80::/10",
    )
)


def checked_networks(value: object) -> tuple[Network, ...]:
    """Return networks from a list, or from words between spaces and commas; ValueError says what is none."""
    items = re.split(r"[,\s]+", value.strip()) if isinstance(value, str) else value
    if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
        raise ValueError("should be a list of networks like 10.0.0.0/8 or fd00::/8")
    return tuple(_network(item) for item in items if item)


def _network(item: str) -> Network:
    try:
        return ipaddress.ip_network(item)
    except ValueError:
        shown = ascii(item if len(item) <= 40 else f"{item[:40]}…")
    try:
        meant = f"; is {ipaddress.ip_network(item, strict=False)} meant?"
    except ValueError:
        meant = ""
    raise ValueError(f"should be networks like 10.0.0.0/8 or fd00::/8, and {shown} is none{meant}")


def room_name(value: object) -> str:
    """Return a room's name without space around it, or raise ValueError."""
    name = value.strip() if isinstance(value, str) else ""
    if not name or not name.isprintable() or len(name.encode()) > MAX_ROOM_BYTES:
        raise ValueError(f"should be a printable name of at most {MAX_ROOM_BYTES} bytes")
    return name


def checked_host(value: object) -> str:
    """Return an address or a name as it is, or raise ValueError; whether this machine has it is seen at the start."""
    if isinstance(value, str) and re.fullmatch(r"[!-~]{1,255}", value):
        return value
    raise ValueError("should be an address of this machine or its name, like :: or 192.168.1.20")


def checked_directory(value: object) -> object:
    """Return a path, or raise ValueError with why there can be no such directory."""
    if not isinstance(value, str | Path) or not str(value):
        raise ValueError("should be the path of a directory, like /var/lib/sockatuh")
    if str(value).startswith("~"):
        raise ValueError("should be in a home directory that is there; an absolute path needs none")
    if "\0" in str(value):
        raise ValueError("should be a path without NUL")
    return value
