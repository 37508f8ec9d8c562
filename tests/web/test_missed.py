"""What a tab has missed is read from the log, and only what the room refuses to show is left out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from sockatuh import Profile
from sockatuh.client.items import Gap
from sockatuh.errors import AddressUnusable, KeyFileError, NoServer, Refused
from sockatuh.testing import run
from sockatuh.web.missed import read_missed


async def told(error: Exception) -> list[object]:
    """Return what is read of entries 4 to 9 where the room shows 5 and then fails."""

    @asynccontextmanager
    async def connect(*_: object, **__: object) -> AsyncIterator[AsyncIterator[Gap]]:
        async def events() -> AsyncIterator[Gap]:
            yield Gap(3, 5, 2)
            raise error

        yield events()

    way: Any = SimpleNamespace(connect=connect, server=SimpleNamespace(server="127.0.0.1:7625"))
    return [shown async for shown in read_missed(way, Profile(), "ana", "10.0.0.1", 3, 9)]


@pytest.mark.parametrize(
    "error",
    [
        NoServer("a", 1.0),
        AddressUnusable("127.1.2.3", 0, "Too many open files"),
        KeyFileError("a", "full"),
        Refused("busy"),
    ],
    ids=repr,
)
def test_what_passes_leaves_no_gap_because_the_tab_comes_back(error: Exception) -> None:
    with pytest.raises(NoServer):
        run(told(error))


def test_what_the_room_refuses_to_show_is_a_gap_from_the_last_entry_on() -> None:
    assert run(told(Refused("not_allowed"))) == [Gap(3, 5, 2), Gap(5, 9, 4)]
