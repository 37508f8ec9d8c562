"""The bare relay takes a load as the servers do, so its figures mean the same."""

from __future__ import annotations

import sys
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from bench.crowd import Driver, Load
from bench.relay import RelayRoom, relay


@pytest.mark.skipif(sys.platform != "linux", reason="it is pinned to a core, and sends with sendmmsg")
def test_the_relay_tells_everybody_each_message_once_and_in_order(tmp_path: Path) -> None:
    with ExitStack() as stack:
        room = RelayRoom(5)
        for link in room.links:
            stack.enter_context(link.sock)
        _, port = stack.enter_context(relay(tmp_path, room.addresses))
        room.enter(port)
        room.begin()
        carried = stack.enter_context(closing(Driver(room))).carry(Load(2, 0.2, in_flight=20))
    assert carried.messages > 0
    assert carried.deliveries == carried.messages * len(room.links)
