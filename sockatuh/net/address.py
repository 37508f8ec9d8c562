"""Addresses: what a person writes, what a socket takes, and what is shown again.

An address is what `socket.recvfrom` gives: (host, port) or (host, port, flow, scope). On a dual-stack socket an IPv4
host appears as `::ffff:192.168.1.20`; people never see that form.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Sequence
from typing import Final, TypeAlias

from sockatuh.protocol.seam import Address, bracketed

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

MAPPED_TEXT: Final = "::ffff:"
MAPPED_BYTES: Final = b"\0" * 10 + b"\xff\xff"
MAX_HOST: Final = 253
NEAR: Final = tuple(
    ipaddress.ip_network(network)
    for network in (
        "127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "100.64.0.0/10", "::1/128",
        "fc00::/7", "fe80::/10",
    )
)  # fmt: skip
"""Every network whose addresses are not public."""
HOST_PATTERN: Final = re.compile(r"[^\s\x00-\x1f\x7f/\\@#?%&=\[\]:]+")


def pack_address(address: Address) -> bytes:
    """Return the 18 bytes a cookie is bound to: the host IPv4-mapped (16) ‖ port (2, LE); OSError when it is a name."""
    host = address[0].partition("%")[0]
    if ":" in host:
        packed = socket.inet_pton(socket.AF_INET6, host)
    else:
        packed = MAPPED_BYTES + socket.inet_pton(socket.AF_INET, host)
    return packed + int(address[1]).to_bytes(2, "little")


def format_address(address: Address) -> str:
    """Return `host:port` or `[v6]:port`; a link-local host keeps its scope."""
    host, port = address[:2]
    if host.lower().startswith(MAPPED_TEXT) and "." in host:
        host = host[len(MAPPED_TEXT) :]
    scope = address[3] if len(address) > 3 else 0
    return f"{bracketed(f'{host}%{scope}' if scope and '%' not in host else host)}:{port}"


def split_address(text: str) -> tuple[str, str]:
    """Return host and port, both as text, of what `format_address` returned or another program wrote in its form."""
    host, _, port = text.rpartition(":")
    return host.strip("[]"), port


def parse_server(text: str, default_port: int) -> tuple[str, int]:
    """Return (host, port) of `host`, `host:port`, `[v6]:port` or a bare IPv6 address; ValueError says why not."""
    text = text.strip()
    if not text:
        raise ValueError("no server given")
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise ValueError(f"{text!r} is not written [address]:port")
        return _checked_v6(host), _parse_port(rest[1:]) if rest else default_port
    if text.count(":") > 1:
        return _checked_v6(text), default_port
    host, colon, port = text.partition(":")
    return _checked_name(host), _parse_port(port) if colon else default_port


def _checked_v6(host: str) -> str:
    try:
        ipaddress.IPv6Address(host)
    except ValueError:
        raise ValueError(f"{host!r} is not an IPv6 address") from None
    _, percent, scope = host.partition("%")  # Python takes anything for one
    if percent and not HOST_PATTERN.fullmatch(scope):
        raise ValueError(f"{host!r} is not an IPv6 address")
    return host


def _checked_name(host: str) -> str:
    if len(host) > MAX_HOST or not HOST_PATTERN.fullmatch(host):
        raise ValueError(f"{host!r} is not a host name or an address")
    return host


def _parse_port(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 5 and 0 < int(text) < 65536):
        raise ValueError(f"{text!r} is not a port; ports are 1 to 65535")
    return int(text)


def is_within(address: Address, networks: Sequence[Network]) -> bool:
    """Tell whether the host is in one of the networks, an IPv4-mapped one as IPv4; False when it is no number."""
    try:
        host = ipaddress.ip_address(address[0].partition("%")[0])
    except ValueError:
        return False
    if host.version == 6 and host.ipv4_mapped is not None:
        host = host.ipv4_mapped
    return any(host in network for network in networks)


def find_source(target: Address) -> str | None:
    """Return from which address of this machine datagrams to `target` leave, None when none can; nothing is sent."""
    family = socket.AF_INET6 if ":" in target[0] else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect(target)
            return str(probe.getsockname()[0])
    except OSError:
        return None


def lan_address() -> str | None:
    """Return the address this process has towards its network, if it has one; nothing is sent to find out."""
    for family, anywhere in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")):
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                probe.connect((anywhere, 9))
                return str(probe.getsockname()[0])
        except OSError:
            continue
    return None
