"""Both ends of the control socket: any bytes to a server, and any bytes as its answer to a command."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from pathlib import Path
from typing import Final

from kit.disk import Diary
from kit.instant_world import InstantWorld
from kit.world_box import WorldBox

from sockatuh.cli.control import _Connection, _converse
from sockatuh.cli.errors import Stopped
from sockatuh.room import orders
from sockatuh.server import box_report
from sockatuh.server.control import ControlSocket

from .decoders import Target

PATIENCE: Final = 20.0
STATUS: Final = b'{"v":1,"do":"status"}\n'
ASKED: Final[tuple[orders.Order | box_report.Query, ...]] = (
    box_report.Names(),
    orders.Kick(name="budi"),
    orders.Ban(target="budi"),
    orders.Unban(target="812"),
    orders.Mute(name="budi"),
    orders.Release(name="budi"),
    orders.Strike(seq=7),
    box_report.Reload(),
)


def socket_of_a_room(directory: Path) -> Target:
    """Return the target: what is said at the control socket of a room with two members."""
    world = InstantWorld()
    box, diary = WorldBox(world), Diary()
    path = directory / "control"

    async def say(data: bytes) -> list[dict[str, object]]:
        reader, writer = await asyncio.open_unix_connection(str(path), limit=1 << 24)
        try:
            with contextlib.suppress(ConnectionError):
                writer.write(data)
                writer.write_eof()
                await writer.drain()
            async with asyncio.timeout(PATIENCE):
                return [json.loads(line) async for line in reader]
        finally:
            writer.close()

    async def converse(data: bytes) -> None:
        control = ControlSocket(path, box, diary)
        control.bind()
        await control.start()
        if world.room.count < 2:
            world.clients.clear()
            for name in ("ana", "budi"):  # a ban may be about either, or about where they come from
                if (person := world.person(name, host="10.0.0.2")).is_in:
                    person.say("hello")
        for line in await say(data):
            assert line["v"] == 1
            assert line["type"] in ("done", "would", "error", "status", "session", "name", "order", "metrics")
        assert [line["type"] for line in await say(STATUS)] == ["status", "done"], "the server answers no more"
        assert not diary.errors, diary.errors
        await control.close()

    def run(data: bytes) -> None:
        asyncio.run(converse(data))

    return run


def answer_to_a_command() -> Target:
    """Return the target: what a command hears in answer to one of its requests; the first byte says which."""

    def run(data: bytes) -> None:
        request = ASKED[data[0] % len(ASKED) if data else 0]
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        with ours, theirs:
            theirs.sendall(data[1 : 1 << 16])
            theirs.shutdown(socket.SHUT_WR)
            try:
                answer = _converse(_Connection(ours, "/run/control"), request, PATIENCE)
            except Stopped:
                return
            assert answer.lines

    return run
