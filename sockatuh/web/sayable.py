"""Which lines cannot be said, so that a page is told before they take a number."""

from __future__ import annotations

from sockatuh.client.room import DEFAULT_MAX_TEXT, Room
from sockatuh.errors import Refused
from sockatuh.protocol.constants import MAX_NAME_BYTES
from sockatuh.room.text import clean_line, clean_text
from sockatuh.room.word import one_word

from .password_guard import PasswordGuard


def refuse_unsayable(text: str, to: str, room: Room | None, guard: PasswordGuard) -> None:
    """Raise Refused for a line that cannot be said; without a room, as far as that is known."""
    cleaned = one_word(clean_line(to))
    if to and not 0 < len(cleaned.encode()) <= MAX_NAME_BYTES:
        raise Refused("no_such_name", detail=clean_line(to))
    if room is not None:
        fault = room.fault_of(text, to)
        code = fault[0] if fault is not None else ""
    else:
        size = len(clean_text(text).encode())
        code = "text_empty" if not size else "text_too_long" if size > DEFAULT_MAX_TEXT - MAX_NAME_BYTES else ""
    if not code and guard.occurs_in(clean_text(text)):
        code = "text_is_password"
    if code:
        raise Refused(code, detail=clean_line(to) if code == "no_such_name" else "")
