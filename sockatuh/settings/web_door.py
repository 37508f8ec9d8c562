"""The settings of the door for browsers, `[web]`, as values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Encryption: TypeAlias = Literal["self-signed", "certificate", "off"]


@dataclass(frozen=True, slots=True)
class WebDoor:
    """What `sockatuh web` serves, and where."""

    server: str = "127.0.0.1"
    """The room: host, host:port or an invite."""
    listen: str = "[::]:7680"
    """Address and TCP port."""
    encryption: Encryption = "self-signed"
    """TLS with our own certificate, with the one in `certificate` and `key`, or none."""
    certificate: str = ""
    """The path of a certificate with its chain (PEM)."""
    key: str = ""
    """The path of its key (PEM); "": in the same file."""
    browsers: int = 200
    """How many may be in the room at a time."""
    names: tuple[str, ...] = ()
    """Further host names of this machine."""
