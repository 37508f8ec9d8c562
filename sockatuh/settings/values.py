"""The forms of settings that are more than a number or a word: spans, networks, names, paths and password hashes.

Each function returns the value in force, or raises ValueError with a sentence that says what it should be.
"""

from __future__ import annotations

import contextlib
import ipaddress
import math
import os
import re
from pathlib import Path
from typing import Final, TypeAlias

from sockatuh.net.address import format_address, parse_server
from sockatuh.protocol.constants import (
    BCRYPT_COSTS,
    BCRYPT_HASH,
    DEFAULT_PORT,
    MAX_NODE_CHARACTERS,
    MAX_NODES,
    MAX_ROOM_BYTES,
)

from .secret import SecretError, secret_in_text

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

EVERYWHERE: Final = frozenset({"::", "0.0.0.0"})  # noqa: S104 - compared
"""Hosts that a server listens on and nobody can dial."""

AUTO: Final = "auto"
OFF: Final = "off"
"""The control socket is where it belongs, or there is none."""
MAX_SOCKET_BYTES: Final = 107
"""Bytes of a socket's path that a system accepts: unix(7)."""

_UNITS: Final = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}
DAY: Final = _UNITS["d"]

_LOOKS_LIKE_HASH: Final = re.compile(r"\$2[aby]\$[0-9]{2}\$[./A-Za-z0-9]{53}")


def parse_span(value: object) -> float:
    """Return the seconds of a span of time: `12h`, `30d`, `0`, or `forever` (infinity)."""
    if str(value) == "0":
        return 0.0
    if value == "forever":
        return math.inf
    if isinstance(value, str) and (match := re.fullmatch(r"([0-9]{1,12})([smhdw])", value)):
        return int(match[1]) * _UNITS[match[2]]
    raise ValueError("should be a span like 90m, 12h or 30d, or 0, or forever")


def format_span(seconds: float) -> str:
    """Return the shortest text that `parse_span` reads as the same number of whole seconds."""
    if math.isinf(seconds):
        return "forever"
    if seconds == 0:
        return "0"
    unit = next(unit for unit in ("d", "h", "m", "s") if seconds % _UNITS[unit] == 0 or unit == "s")
    return f"{round(seconds / _UNITS[unit])}{unit}"


def checked_networks(value: object) -> tuple[Network, ...]:
    """Return the networks in a list, or in a text that separates them by spaces or commas."""
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


def checked_nodes(value: object) -> tuple[str, ...]:
    """Return the nodes in a list, or in a text that separates them by spaces or commas, each as `host:port`."""
    items = re.split(r"[,\s]+", value.strip()) if isinstance(value, str) else value
    if not isinstance(items, list | tuple) or not all(isinstance(item, str) for item in items):
        raise ValueError(f"should be a list of at most {MAX_NODES} addresses like 192.168.1.21:{DEFAULT_PORT}")
    nodes = tuple(dict.fromkeys(_node(item) for item in items if item))
    if len(nodes) > MAX_NODES:
        raise ValueError(f"should be at most {MAX_NODES} addresses, and these are {len(nodes)}")
    return nodes


def _node(item: str) -> str:
    """Return a node as clients are told it; an address that only means something on this machine is none."""
    try:
        host, port = parse_server(item, DEFAULT_PORT)
        node = format_address((host, port))
        if len(node) <= MAX_NODE_CHARACTERS and node.isprintable() and "%" not in host and host not in EVERYWHERE:
            return node
    except ValueError:
        pass
    shown = ascii(item if len(item) <= 40 else f"{item[:40]}…")
    raise ValueError(f"should be addresses like 192.168.1.21:{DEFAULT_PORT} or box2.lan, and {shown} is none")


def room_name(value: object) -> str:
    """Return a room's name without the space around it."""
    name = value.strip() if isinstance(value, str) else ""
    if not name or not name.isprintable() or len(name.encode()) > MAX_ROOM_BYTES:
        raise ValueError(f"should be a printable name of at most {MAX_ROOM_BYTES} bytes")
    return name


def checked_host(value: object) -> str:
    """Return an address or a host name; whether this machine has it is only known when the socket is opened."""
    if isinstance(value, str) and re.fullmatch(r"[!-~]{1,255}", value):
        return value
    raise ValueError("should be an address of this machine or its name, like :: or 192.168.1.20")


def checked_place(value: object) -> str:
    """Return an address or a host name with a TCP port, written `host:port` or `[v6]:port`."""
    if isinstance(value, str) and value.isprintable() and len(value) <= 255:
        with contextlib.suppress(ValueError):
            if parse_server(value, 0)[1]:
                return value
    raise ValueError("should be an address with a port, like [::]:7680 or 192.168.1.20:7680")


def checked_names(value: object) -> tuple[str, ...]:
    """Return the host names in a list, or in a text that separates them by spaces or commas."""
    items = re.split(r"[,\s]+", value.strip()) if isinstance(value, str) else value
    if not isinstance(items, list | tuple) or not all(isinstance(item, str) for item in items):
        raise ValueError("should be a list of host names like chat.example.org")
    names = tuple(dict.fromkeys(item.lower() for item in items if item))
    if not all(re.fullmatch(r"[a-z0-9._-]{1,253}", name) for name in names):
        raise ValueError("should be a list of host names like chat.example.org")
    return names


def checked_file(value: object) -> str:
    """Return the absolute path of a file, "" for none."""
    if isinstance(value, str) and "\0" not in value and (not value or value.startswith("/")):
        return value
    raise ValueError("should be the absolute path of a file")


def checked_directory(value: object) -> object:
    """Return the path of a directory, which need not exist yet."""
    if not isinstance(value, str | Path) or not str(value):
        raise ValueError("should be the path of a directory, like /var/lib/sockatuh")
    if str(value).startswith("~"):
        raise ValueError("should be in a home directory that is there; an absolute path needs none")
    if "\0" in str(value):
        raise ValueError("should be a path without NUL")
    return value


def find_meant_control(text: str) -> str | None:
    """Return the word that was meant by one in other letters, such as "Off"; None if the text is no such word."""
    word = text.strip().lower()
    return word if word in (AUTO, OFF) and word != text else None


def checked_control(value: object) -> str:
    """Return where the control socket is to be: "auto", "off", or an absolute path that fits into a socket's address.

    A relative one is refused: it is more often a word that was meant to switch the socket off.
    """
    if isinstance(value, Path):
        value = str(value)
    if isinstance(value, str) and (meant := find_meant_control(value)) is not None:
        raise ValueError(
            'should be "auto", "off", or the absolute path of a socket, like /run/sockatuh/control; '
            f'is "{meant}" meant?'
        )
    if not isinstance(value, str) or not (value in (AUTO, OFF) or os.path.isabs(value)) or "\0" in value:
        raise ValueError('should be "auto", "off", or the absolute path of a socket, like /run/sockatuh/control')
    if len(value.encode("utf-8", "surrogateescape")) > MAX_SOCKET_BYTES:
        raise ValueError(f"should be at most {MAX_SOCKET_BYTES} bytes long")
    return value


def checked_announcer(value: object) -> str:
    """Return the name in which the admin speaks, as it is written."""
    from sockatuh.room.names import NameRules  # reads the table of look-alikes

    name = NameRules().enforce(value) if isinstance(value, str) else None
    if not isinstance(name, str):
        raise ValueError("should be a name that a member could have, like admin")
    return name


def checked_hash(value: object) -> str:
    """Return a bcrypt hash; the error says what a shell or a file has done to it, and how to write it.

    The error never quotes the value, which may be the password itself, set here by mistake.
    """
    try:
        text = secret_in_text(value).strip() if isinstance(value, str) else ""
    except SecretError:
        text = ""
    if match := BCRYPT_HASH.fullmatch(text):
        if int(match[1]) not in BCRYPT_COSTS:
            raise ValueError(
                f"should have a bcrypt cost of 10 to 14, not {int(match[1])}; `sockatuh hash-password` makes 12"
            )
        return text
    if _LOOKS_LIKE_HASH.fullmatch(text):
        raise ValueError(
            "should be copied again from what `sockatuh hash-password` printed: "
            "a character of it was changed, and no password has this hash"
        )
    if text[:1] in ("'", '"') and _LOOKS_LIKE_HASH.fullmatch(text.strip("'\"")):
        raise ValueError("should stand without quotes here: nothing takes them off again")
    if _LOOKS_LIKE_HASH.fullmatch(text.replace("$$", "$")):
        raise ValueError("should have single $ signs here: doubling them is for compose files only")
    form = "should be the 60 characters that `sockatuh hash-password` prints ($2b$12$…)"
    if text.startswith("$2") and len(text) >= 60:
        raise ValueError(form)
    raise ValueError(
        f"{form}. Was the $ eaten by a shell, a compose or an env file? "
        "Write it in 'single quotes'; in a compose file double each $"
    )
