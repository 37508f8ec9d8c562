"""A server that is stopped and started again on a socket somebody else holds: members notice only a pause."""

from __future__ import annotations

import asyncio
import socket
import sys
from pathlib import Path

import pytest
from e2e.running import Room, hash_password, joined

from sockatuh.protocol.client import events as e

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the server runs on Linux and macOS")


@pytest.mark.slow
def test_a_restart_on_a_held_socket_loses_no_line_and_shows_no_leave(
    tmp_path: Path,
) -> None:
    async def story() -> None:
        with socket.socket(type=socket.SOCK_DGRAM) as held:
            held.bind(("127.0.0.1", 0))
            port = held.getsockname()[1]
            room = Room(tmp_path, hash_password(), port=port, held=held)
            async with (
                room.serve() as server,
                joined("ana", port, server.key) as ana,
                joined("budi", port, server.key) as budi,
            ):
                await ana.sees("budi joined")
                assert await server.end() == 0
                with socket.socket(type=socket.SOCK_DGRAM) as stranger:
                    stranger.connect(("127.0.0.1", port))
                    stranger.send(b"\xb1" + bytes(127))
                    stranger.send(b"\xb1" + bytes(127))  # would raise ConnectionRefusedError, were the port closed
                for number in range(20):
                    ana.say(f"line {number}")
                await server.start()
                await ana.until(ana.is_answered)
                await budi.has_seen(max(ana.stored.values()))
                assert budi.lines == [f"ana: line {number}" for number in range(20)]
                assert [event.reason for event in budi.all(e.ContactLost)] == ["restarting"]
                assert [line for line in ana.story if ": " not in line][-1] == "budi joined"

    asyncio.run(story())
