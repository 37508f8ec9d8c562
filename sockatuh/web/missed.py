"""Reads what a tab has missed, and memory no longer has, from the room's log, with a second client of the same key."""

from __future__ import annotations

from collections.abc import AsyncIterator

from sockatuh.client.items import EntryEvent, Gap, Here, Role
from sockatuh.client.profile import Profile
from sockatuh.errors import NoServer, SockAtuhError

from .recent import Shown, end_of, seq_of
from .way import Way


async def read_missed(
    way: Way, profile: Profile, name: str, address: str, after: int, through: int
) -> AsyncIterator[Shown]:
    """Yield the entries after one seq and through another; raises NoServer.

    If the room refuses to show them, there is a gap in their place: coming back would not help.
    """
    try:
        async with way.connect(profile, address, name=name, role=Role.READER, after=max(1, after)) as reader:
            async for event in reader:
                if isinstance(event, Here):
                    return
                if isinstance(event, EntryEvent | Gap):
                    if end_of(event) > after:
                        yield event
                    if seq_of(event) >= through:
                        return
    except NoServer:
        raise
    except SockAtuhError:
        yield Gap(after, through, through - after)
