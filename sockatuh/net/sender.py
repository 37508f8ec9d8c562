"""Send datagrams one by one, each from the address of ours that was asked: sendmsg(2) with IP_PKTINFO, IPV6_PKTINFO."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

from sockatuh.protocol.seam import Address

from .arrival import REFUSALS, source_of
from .fallback import Fallback, Tell

Datagrams: TypeAlias = Sequence[tuple[bytes, Address]]
Send: TypeAlias = Callable[[Datagrams], None]

FULL: Final = frozenset({errno.EAGAIN, errno.ENOBUFS, errno.ENOMEM, errno.EMSGSIZE})
"""Errors that sending from another source would not avoid."""
SURE_AFTER: Final = 16
"""Consecutive refusals of datagrams that another call then sent, after which the call itself counts as refused. A
firewall that drops at random causes fewer."""


class Doubt:
    """Counts how often a way of sending was refused for datagrams that another way then sent."""

    def __init__(self) -> None:
        self._in_vain = 0

    def clear(self) -> None:
        """Note that this way of sending works."""
        self._in_vain = 0

    def is_sure(self, error: OSError) -> bool:
        """Note a refusal, and tell whether to give up this way of sending."""
        if error.errno == errno.ENOSYS:
            return True
        if error.errno in REFUSALS:
            self._in_vain += 1
        return self._in_vain >= SURE_AFTER


class Sender:
    """Sends on one socket; `count` is called for each datagram that the system refuses, which is lost.

    If the system refuses a datagram's source because that address was removed, it is sent from another one.
    """

    def __init__(self, sock: socket.socket, count: Callable[[OSError], None], tell: Tell) -> None:
        self._sendto, self._sendmsg = sock.sendto, getattr(sock, "sendmsg", None)  # Windows has no sendmsg
        self._count, self._tell = count, tell
        self.names_sources = self._sendmsg is not None
        self._doubt = Doubt()

    def __call__(self, datagrams: Datagrams) -> None:
        """Send datagrams."""
        for data, address in datagrams:
            self.send(data, address)

    def send(self, data: bytes, address: Address) -> bool:
        """Send a datagram; return whether it left from the intended source."""
        source = source_of(address) if self.names_sources else None
        try:
            if source is None or self._sendmsg is None:
                self._sendto(data, address)
                return True
            self._sendmsg((data,), (source.control,), 0, address)
        except OSError as error:
            if source is None or error.errno in FULL:
                self._count(error)
            else:
                self._send_from_anywhere(data, address, error)
            return False
        self._doubt.clear()
        return True

    def _send_from_anywhere(self, data: bytes, address: Address, refused: OSError) -> None:
        try:
            self._sendto(data, address)
        except OSError as error:
            self._count(error)
            return
        if self._doubt.is_sure(refused):
            self.give_up_sources(refused)

    def give_up_sources(self, error: OSError) -> None:
        """Stop naming sources."""
        self.names_sources = False
        self._tell(Fallback.ANY_SOURCE, error)
