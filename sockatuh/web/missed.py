"""Reads what a tab has missed, and memory no longer has, from the room's log, with a second client of the same key."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

from sockatuh.client.items import EntryEvent, Gap, Here, Role
from sockatuh.client.profile import Profile
from sockatuh.errors import AddressUnusable, KeyFileError, NoServer, NotStored, Refused, SockAtuhError
from sockatuh.protocol.constants import UNDECIDED

from .recent import Shown, end_of, seq_of
from .way import Way

_PASSING: Final = (AddressUnusable, KeyFileError, NotStored)
"""Too many open files, a full disk: the entries are in the log all the same."""


async def read_missed(
    way: Way, profile: Profile, name: str, address: str, after: int, through: int
) -> AsyncIterator[Shown]:
    """Yield the entries after one seq and through another; raises NoServer, also for what passes.

    If the room refuses to show them, there is a gap in their place: coming back would not help.
    """
    read = after
    try:
        async with way.connect(profile, address, name=name, role=Role.READER, after=max(1, after)) as reader:
            async for event in reader:
                if isinstance(event, Here):
                    return
                if isinstance(event, EntryEvent | Gap):
                    read = max(read, end_of(event))
                    if end_of(event) > after:
                        yield event
                    if seq_of(event) >= through:
                        return
    except NoServer:
        raise
    except SockAtuhError as error:
        if isinstance(error, _PASSING) or (isinstance(error, Refused) and error.code in UNDECIDED):
            raise NoServer(way.server.server, 0, str(error)) from error
        yield Gap(read, through, through - read)
