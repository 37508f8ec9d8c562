"""Shows the rooms that a search has found, as a table, and says so if there are none."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Final, TextIO

from sockatuh.client.discovery import Found, FoundRoom, Standing
from sockatuh.client.server_address import short_form
from sockatuh.net.interfaces import Link
from sockatuh.protocol.constants import VERSION
from sockatuh.protocol.identity import words
from sockatuh.room.text import clean_line
from sockatuh.wording import client as phrases

from .naming import quoted, shown_name
from .rows import NOTE_INDENT, aligned, print_wrapped
from .wrapping import columns_of

WIDE: Final = 100
"""From this many columns on, the words of a key stand in its row."""


def nothing_found(found: Found, *, was_swept: bool) -> str:
    """Say that nothing was found, and where it was looked for."""
    return phrases.no_room([_network(link) for link in found.links], was_swept=was_swept)


def print_rooms(rooms: Iterable[FoundRoom], stream: TextIO | None = None, *, is_numbered: bool = False) -> None:
    """Print a table of rooms; on a narrow terminal the words of a key stand on a row of their own."""
    columns = columns_of(stream or sys.stdout)
    is_wide = columns is None or columns >= WIDE
    rows: list[tuple[str, ...]] = [(*([""] if is_numbered else []), *phrases.ROOM_COLUMNS)]
    below: list[str] = []
    for number, room in enumerate(rooms, 1):
        key, spelt = standing_of(room)
        told = (key + spelt if is_wide else key).rstrip(": ")
        row = room_name(room), short_form(room.server), told, phrases.milliseconds(room.seconds)
        rows.append((*([str(number)] if is_numbered else []), *row))
        below.append("" if is_wide else spelt)
    head, *lines = aligned(rows)
    print_wrapped([head], NOTE_INDENT, stream)
    for line, spelt in zip(lines, below, strict=True):
        print_wrapped([line, *([" " * NOTE_INDENT + spelt] if spelt else [])], NOTE_INDENT, stream)


def standing_of(room: FoundRoom) -> tuple[str, str]:
    """Return what is known about a room's key, and the words of the key if somebody should look at them."""
    spelt, since = " ".join(words(room.key)), room.pin.first_seen[:10] if room.pin is not None else ""
    if room.version != VERSION:
        return phrases.found_outdated(room.version), ""
    match room.standing:
        case Standing.KNOWN:
            return phrases.found_known(clean_line(since)), ""
        case Standing.MOVED:
            return phrases.found_moved(clean_line(since), short_form(room.known_as)), ""
        case Standing.OTHER_KEY:
            known = quoted(clean_line(room.pin.room)) if room.pin is not None and room.pin.room else ""
            return phrases.found_other_key(known, short_form(room.known_as)), spelt
        case Standing.NEW:
            return phrases.found_new(), spelt


def room_name(room: FoundRoom) -> str:
    """Return a room's name as one unit, or a dash if it is not known."""
    return shown_name(room.room) if room.room else "-"


def _network(link: Link) -> str:
    networks = [str(address.network) for address, _ in link.broadcasts]
    return f"{link.name} ({', '.join(networks)})" if networks else link.name
