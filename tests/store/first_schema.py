"""The room of `schema1/`: written by the first version of SockAtuh; every later version must open it.

Ana and Budi talked there, a script spoke and took its name, somebody came with the classic dialect; then the server was
killed, began again, and was stopped. Nothing in that directory is ever changed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

WRITTEN: Final = Path(__file__).parent / "schema1"
LAST: Final = 13
"""The seq of the last entry."""
LINES: Final = (
    "ana: soup at one",
    "ana: or at two\nif it rains",
    "Budi Santoso: naïve café ☕ 文字",
    "ana: waves",
    f"ana: {'x' * 3000}",
    "robot: the build is green",
    "tante: halo semua",
    "ana: still here",
)
SESSIONS: Final = (
    ("ana", "server_lost"),
    ("Budi Santoso", "left"),
    ("robot", "left"),
    ("tante", "server_lost"),
    ("ana", "server_stopped"),
)
FOREVER: Final = {"message_retention": "forever", "event_retention": "forever", "name_ownership": "forever"}
"""Settings under which none of its entries expires."""


def lay_out(state_dir: Path) -> Path:
    """Copy the room to a state directory, which is made, and return its database."""
    state_dir.mkdir(mode=0o700, parents=True)
    for file in WRITTEN.iterdir():
        copy = state_dir / file.name
        copy.touch(0o600)
        copy.write_bytes(file.read_bytes())
    return state_dir / "room.db"
