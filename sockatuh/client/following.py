"""Follows a known server to another address: whoever proves its key is that server, wherever it answers.

On a local network a server's address changes whenever DHCP likes. So while the known address does not answer, the key
is looked for elsewhere at the same time, and what is known about the server moves with it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

from sockatuh.errors import IdentityChanged, NoServer
from sockatuh.protocol.client.events import Connected
from sockatuh.protocol.seam import Address

from .name_tags import move_name_tags
from .profile import Profile
from .server_address import ServerAddress
from .session import Conversation
from .unsent import move_unsent

HEAD_START: Final = 0.25
"""Seconds for which only the known address is asked: mostly it answers, and then nobody else is asked anything."""

Seek: TypeAlias = Callable[[], Awaitable[str | None]]
"""Looks for the server's key, and returns the address (`host:port`) that has proved it, None if nobody does."""


async def open_anywhere(
    conversation: Conversation, timeout: float | None, seek: Seek
) -> tuple[Connected, ServerAddress | None]:
    """Open a conversation at the known address or wherever the key is found; return the latter address if it was there.

    Raises as `Conversation.open`.
    """
    seeking = asyncio.create_task(_find(conversation, seek))
    try:
        try:
            connected = await conversation.open(timeout)
        except (NoServer, IdentityChanged):  # at once: no such name any more, or somebody else has the address
            if not (await seeking)[1]:
                raise
            connected = await conversation.open(timeout)
    finally:
        seeking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await seeking
    found, addresses = (None, []) if seeking.cancelled() else seeking.result()
    return connected, found if connected.address in addresses else None


async def _find(conversation: Conversation, seek: Seek) -> tuple[ServerAddress | None, list[Address]]:
    """Return where the key was found, with the addresses that are dialled because of it."""
    await asyncio.sleep(HEAD_START)
    server = await seek()
    if server is None:
        return None, []
    found = ServerAddress.parse(server)
    return found, await conversation.also_dial((found.host, found.port))


def move_server(profile: Profile, before: str, after: str) -> None:
    """Give everything that is known about a server (`host:port`) to another address of it; raises KeyFileError."""
    profile.move(before, after)
    move_name_tags(profile.directory, before, after)
    move_unsent(profile.directory, before, after)
