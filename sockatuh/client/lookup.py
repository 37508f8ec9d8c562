"""Looks up a server's addresses, repeatedly, because name servers may not answer for a while, or ever."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable
from typing import Final

from sockatuh.net.resolver import resolve
from sockatuh.protocol.seam import Address

PATIENCE: Final = 1.0
"""Seconds without an answer after which the silence is reported, and between two look-ups."""


async def look_up(
    host: str, port: int, family: int, on_silence: Callable[[], None], *, patience: float = PATIENCE
) -> list[Address]:
    """Return a server's addresses; call `on_silence` once if there is no answer for a while.

    Repeats until there is an answer; the caller may cancel it. Raises OSError if the host has no address.
    """
    was_silent = False
    while True:
        asking = asyncio.ensure_future(resolve(host, port, family))
        try:
            done, _ = await asyncio.wait([asking], timeout=patience)
            if not done and not was_silent:
                was_silent = True
                on_silence()
            return await asking
        except socket.gaierror as error:
            if error.errno != socket.EAI_AGAIN:
                raise
        finally:
            asking.cancel()
        if not was_silent:
            was_silent = True
            on_silence()
        await asyncio.sleep(patience)


async def look_up_again(host: str, port: int, family: int) -> list[Address]:
    """Return a server's addresses as they are now, none if there is no answer."""
    with contextlib.suppress(OSError):
        return await resolve(host, port, family)
    return []
