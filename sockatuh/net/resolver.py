"""Resolve names with the system's resolver, without delaying the end of the program.

If the name server does not answer, getaddrinfo(3) blocks for 20 seconds or more and cannot be interrupted, so it runs
in the background. Addresses are never looked up.
"""

from __future__ import annotations

import queue
import socket
from typing import Any, TypeAlias

from sockatuh.protocol.seam import Address

from .address import MAPPED_TEXT
from .background import in_background, start_in_background

Info: TypeAlias = tuple[Any, ...]
"""What getaddrinfo gives: (family, type, protocol, canonical name, address)."""
Answer: TypeAlias = list[Info] | Exception


async def resolve(host: str, port: int, family: int = socket.AF_INET6) -> list[Address]:
    """Return the host's addresses in the form a socket of `family` sends to, best first; OSError when there are none.

    A dual-stack socket (AF_INET6) reaches IPv4 hosts under their mapped form.
    """
    wanted = socket.AF_UNSPEC if family == socket.AF_INET6 else socket.AF_INET
    found = _read_literal(host, port, wanted)
    if found is None:
        found = _checked(await in_background(lambda: _ask(host, port, wanted)))
    addresses = (_for_family(info[4], family) for info in found)
    return list(dict.fromkeys(addresses))


def resolve_for_binding(host: str, port: int) -> list[tuple[int, Address]]:
    """Return (family, address) of everything a socket can be bound to, or raise OSError; Ctrl-C interrupts it."""
    found = _read_literal(host, port, socket.AF_UNSPEC)
    if found is None:
        answers: queue.SimpleQueue[Answer] = queue.SimpleQueue()
        start_in_background(lambda: answers.put(_ask(host, port, socket.AF_UNSPEC)))
        found = _checked(answers.get())
    return [(info[0], info[4]) for info in found]


def _read_literal(host: str, port: int, family: int) -> list[Info] | None:
    """Return the addresses a numeric host stands for, None for a name; no lookup."""
    try:
        return socket.getaddrinfo(host, port, family, socket.SOCK_DGRAM, flags=socket.AI_NUMERICHOST)
    except (OSError, ValueError):
        return None


def _ask(host: str, port: int, family: int) -> Answer:
    """Ask the resolver, however long that takes."""
    try:
        return socket.getaddrinfo(host, port, family, socket.SOCK_DGRAM)
    except (OSError, ValueError) as error:
        return error


def _checked(answer: Answer) -> list[Info]:
    if isinstance(answer, OSError):
        raise answer
    if isinstance(answer, Exception):  # a label too long or empty never reaches the resolver
        raise socket.gaierror(socket.EAI_NONAME, "not a host name")
    return answer


def _for_family(address: Address, family: int) -> Address:
    if family == socket.AF_INET6 and ":" not in address[0]:
        return (MAPPED_TEXT + address[0], address[1], 0, 0)
    return address
