"""Attacks on a gateway in a process of its own, with a real room behind it: guessed passwords, and memory."""

from __future__ import annotations

import asyncio
import os
import re
import ssl
from pathlib import Path
from typing import Final

import pytest
from e2e.running import PASSWORD, PATIENCE, Room
from kit.web_client import Client
from kit.web_door import WebDoor

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif("sys.platform != 'linux'", reason="each browser has an address of its own there only"),
]
HOST: Final = "127.0.0.1"
IDLE: Final = 1_500
UNIT: Final = Path("sockatuh/units/sockatuh-web.service")


def test_who_guesses_passwords_does_not_delay_a_browser_at_another_address(room: Room, tmp_path: Path) -> None:
    async def told() -> None:
        async with room.serve():
            door = WebDoor(tmp_path, HOST, room.port, encrypted=False)
            await asyncio.to_thread(door.begin)
            try:
                port = int(door.url.rstrip("/").rpartition(":")[2])
                guesser, other = Client(HOST, port, source="127.0.0.66"), Client(HOST, port, source="127.0.0.77")
                for number in range(4):  # three are free
                    guess = {"name": "eva", "password": f"wrong-{number}"}
                    refused = await guesser.ask("POST", "/join", guess)
                    assert (refused.status, refused.json["error"]) == (403, "password_wrong")
                    assert ("wait" in refused.json) is (number == 3)
                waits = await guesser.ask("POST", "/join", {"name": "eva", "password": PASSWORD})
                assert (waits.status, waits.json["error"]) == (429, "too_many_tries"), "it is told so at once"
                assert 0 < waits.json["wait"] <= refused.json["wait"]
                joined = await other.ask("POST", "/join", {"name": "ana", "password": PASSWORD})
                assert joined.status == 200, joined.body
            finally:
                await asyncio.to_thread(door.end)

    asyncio.run(told())


def test_as_many_idle_tls_connections_as_there_may_be_fit_in_the_units_memory(room: Room, tmp_path: Path) -> None:
    async def told() -> None:
        async with room.serve():
            door = WebDoor(tmp_path, HOST, room.port)
            await asyncio.to_thread(door.begin)
            try:
                port, process = int(door.url.rstrip("/").rpartition(":")[2]), door.process
                tls = ssl.create_default_context(cafile=str(door.state / "web.pem"))
                before = _resident(process)
                opened = []
                async with asyncio.timeout(PATIENCE * 4):
                    for number in range(IDLE):
                        source = f"127.1.{number // 100}.1"
                        opened.append(await asyncio.open_connection(HOST, port, ssl=tls, local_addr=(source, 0)))
                        opened[-1][1].write(b"GET /me HTTP/1.1\r\nHost: 127.0.0.1\r\n")  # and no end
                    most = _resident(process)
                    assert len(os.listdir(f"/proc/{process}/fd")) > IDLE, "all of them are open"
                print(f"{before >> 20} MiB, {most >> 20} MiB with {len(opened)} connections")
                found = re.search(r"^MemoryHigh=([0-9]+)M$", UNIT.read_text(), re.MULTILINE)
                assert found is not None
                assert most < int(found[1]) << 20
                for _, writer in opened:
                    writer.transport.abort()
            finally:
                await asyncio.to_thread(door.end)

    asyncio.run(told())


def _resident(process: int) -> int:
    """Return the bytes of memory that a process has."""
    return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
