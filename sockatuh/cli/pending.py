"""Shows own lines that have not arrived in the server's log yet, and why: no contact, or the room's rate."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Final

from sockatuh.client.room import Room, Unplaced
from sockatuh.room.text import clean_line
from sockatuh.wording import client as phrases

from .direction import anchored, apart
from .naming import shown_name
from .rendering import ACTED, NAMES_AT, TO, WHISPERED
from .wrapping import clip, reach

SHOWN: Final = 5
UNSENT: Final = "…"
NARROWEST: Final = 1


def pending_rows(lines: Iterable[Unplaced], me: str, columns: int, *, is_held: bool) -> list[str]:
    """Return a row for each line that is not in the log yet, at most SHOWN, and how many more there are.

    No row begins at the margin, where an entry of the log has its time. `is_held`: the server cannot store any.
    """
    waiting = [line for line in lines if line.seq is None]
    mark = phrases.NOT_STORED_YET if is_held else UNSENT
    indent = " " * NAMES_AT
    room = max(NARROWEST, columns - NAMES_AT - reach(mark) - 2)
    rows = [clip(_text(line, shown_name(me)), room) for line in waiting[:SHOWN]]
    shown = [anchored(f"{indent}{apart(row)} {mark}") for row in rows]
    return shown + ([indent + phrases.more(len(waiting) - SHOWN)] if len(waiting) > SHOWN else [])


def last_heard(room: Room) -> str:
    """Return when the server was heard last, as local time to the second; now, if nothing is overdue."""
    return f"{datetime.now() - timedelta(seconds=room.silence or 0.0):%H:%M:%S}"


class Delay:
    """For how many `seconds` lines wait because they came too fast, None if none does; it ends by itself."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self.seconds: float | None = None
        self._changed = changed
        self._ends: asyncio.TimerHandle | None = None

    def begin(self, seconds: float) -> None:
        """Begin again, for this long from now."""
        self.end()
        self.seconds = seconds
        self._ends = asyncio.get_running_loop().call_later(seconds, self.end)

    def end(self) -> None:
        """End it: no line waits any longer."""
        if self._ends is not None:
            self._ends.cancel()
            self._changed()
        self.seconds, self._ends = None, None


def _text(line: Unplaced, name: str) -> str:
    text = clean_line(line.text)
    if line.to:
        return f"{WHISPERED}{name}{TO}{shown_name(line.to)}  {text}"
    return f"{ACTED}{name} {text}" if line.action else f"{name}  {text}"
