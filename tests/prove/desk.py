"""An admin's program at the control socket, without any command: it writes and reads JSON lines (docs/CONTROL.md)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from e2e.running import Room
from prove.attack import require

LAST: Final = frozenset({"done", "would", "error"})
"""The types of the last line of an answer."""
PATIENCE: Final = 20.0
"""Seconds after which an answer will never come."""


class Desk:
    """Asks the server of a room; `asked` counts the requests that were answered."""

    def __init__(self, room: Room) -> None:
        self.socket = room.state_dir / "control"
        self.asked = 0

    async def ask(self, do: str, **fields: object) -> list[dict[str, Any]]:
        """Return all lines of the answer; ConnectionError if the server goes away before the last of them."""
        request = {"v": 1, "do": do} | {key.rstrip("_"): value for key, value in fields.items()}
        async with asyncio.timeout(PATIENCE):
            reader, writer = await asyncio.open_unix_connection(self.socket, limit=1 << 24)
            try:
                writer.write(json.dumps(request).encode() + b"\n")
                lines = await _answer(reader)
            finally:
                writer.close()
                with suppress(OSError):
                    await writer.wait_closed()
        self.asked += 1
        return lines

    async def order(self, do: str, **fields: object) -> dict[str, Any]:
        """Return the last line of the answer."""
        return (await self.ask(do, **fields))[-1]

    async def done(self, do: str, **fields: object) -> dict[str, Any]:
        """Return the last line of the answer, and require that it says `done`."""
        answer = await self.order(do, **fields)
        require(answer["type"] == "done", f"{do} {fields} was answered with {answer}")
        return answer

    async def in_force(self) -> list[dict[str, Any]]:
        """Return the kicks, bans and mutes in force, the oldest first."""
        return [line for line in await self.ask("bans") if line["type"] == "order"]


async def _answer(reader: asyncio.StreamReader) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = []
    while not lines or lines[-1]["type"] not in LAST:
        line = await reader.readline()
        if not line.endswith(b"\n"):
            raise ConnectionResetError("the server went away")
        lines.append(json.loads(line))
        require(lines[-1]["v"] == 1, f"a line of another version: {lines[-1]}")
    return lines


def config_of(room: Room) -> Sequence[str]:
    """Return the option that names a room's settings to a command."""
    return "--config", str(room.directory / "sockatuh.toml")


def database_of(room: Room) -> Path:
    return room.state_dir / "room.db"
