"""The command `discover`, which lists the rooms in this machine's networks, and says of each whether it is known."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Iterable
from typing import Annotated, Final

import typer

from sockatuh.client.discovery import USUAL_SECONDS, Found, FoundRoom, Standing, find_rooms
from sockatuh.net.address import split_address
from sockatuh.net.interfaces import Link
from sockatuh.protocol.constants import DEFAULT_PORT, VERSION
from sockatuh.protocol.identity import fingerprint, words
from sockatuh.protocol.seam import bracketed
from sockatuh.room.text import clean_line
from sockatuh.wording import client as phrases

from .connection import profile_of
from .errors import ExitCode, stop
from .event_loop import run
from .jsonlines import print_line
from .naming import quoted, shown_name
from .options import JsonOption
from .questions import tell
from .rows import NOTE_INDENT, aligned, print_wrapped
from .wrapping import columns_of

WIDE: Final = 100
"""From this many columns on, the words of a key stand in its row."""
LONGEST_SEARCH: Final = 60.0


def _is_a_number(seconds: float) -> float:
    if math.isnan(seconds):  # it compares as neither too short nor too long
        raise typer.BadParameter(phrases.NOT_A_NUMBER)
    return seconds


def discover(
    as_json: JsonOption = False,
    sweep: Annotated[bool, typer.Option("--sweep", help=phrases.HELP_SWEEP)] = False,
    quick: Annotated[bool, typer.Option("--quick", help=phrases.HELP_QUICK)] = False,
    timeout: Annotated[
        float,
        typer.Option(
            "--timeout",
            help=phrases.HELP_SEARCH_TIMEOUT,
            metavar="SECONDS",
            min=0.1,
            max=LONGEST_SEARCH,
            callback=_is_a_number,
        ),
    ] = USUAL_SECONDS,
) -> None:
    """List the rooms that answer."""
    run(lambda: _discover(as_json=as_json, sweep=sweep, quick=quick, seconds=timeout))


async def _discover(*, as_json: bool, sweep: bool, quick: bool, seconds: float) -> None:
    found = await find_rooms(profile_of(os.environ), sweep=sweep, quick=quick, seconds=seconds)
    if as_json:
        for room in (*found.rooms, *found.unproven):
            _print_json(room)
    elif found.rooms:
        print_rooms(found.rooms)
    if found.unproven and not as_json:
        tell(phrases.some_unproven(len(found.unproven)))
    if not found.rooms:
        stop(nothing_found(found, was_swept=sweep), ExitCode.NO_SERVER)


def nothing_found(found: Found, *, was_swept: bool) -> str:
    """Say that nothing was found, and where it was looked for."""
    return phrases.no_room([_network(link) for link in found.links], was_swept=was_swept)


def print_rooms(rooms: Iterable[FoundRoom]) -> None:
    """Print a table of rooms; on a narrow terminal the words of a key stand on a row of their own."""
    columns = columns_of(sys.stdout)
    is_wide = columns is None or columns >= WIDE
    rows: list[tuple[str, ...]] = [phrases.ROOM_COLUMNS]
    below: list[str] = []
    for room in rooms:
        key, spelt = standing_of(room)
        took = phrases.milliseconds(room.seconds)
        rows.append((room_name(room), shown_address(room.server), (key + spelt if is_wide else key).rstrip(": "), took))
        below.append("" if is_wide else spelt)
    head, *lines = aligned(rows)
    print_wrapped([head], NOTE_INDENT)
    for line, spelt in zip(lines, below, strict=True):
        print_wrapped([line, *([" " * NOTE_INDENT + spelt] if spelt else [])], NOTE_INDENT)


def standing_of(room: FoundRoom) -> tuple[str, str]:
    """Return what is known about a room's key, and the words of the key if somebody should look at them."""
    spelt, since = " ".join(words(room.key)), room.pin.first_seen[:10] if room.pin is not None else ""
    if room.version != VERSION:
        return phrases.found_outdated(room.version), ""
    match room.standing:
        case Standing.KNOWN:
            return phrases.found_known(clean_line(since)), ""
        case Standing.MOVED:
            return phrases.found_moved(clean_line(since), shown_address(room.known_as)), ""
        case Standing.OTHER_KEY:
            known = quoted(clean_line(room.pin.room)) if room.pin is not None and room.pin.room else ""
            return phrases.found_other_key(known, shown_address(room.known_as)), spelt
        case Standing.NEW:
            return phrases.found_new(), spelt


def room_name(room: FoundRoom) -> str:
    """Return a room's name as one unit, or a dash if it is not known."""
    return shown_name(room.room) if room.room else "-"


def shown_address(server: str) -> str:
    """Return a server as people write it: without the usual port."""
    host, port = split_address(server)
    return bracketed(host) if port == str(DEFAULT_PORT) else server


def _print_json(room: FoundRoom) -> None:
    print_line(
        "room",
        room=room.room or None,
        server=room.server,
        proven=room.is_proven,
        standing=room.standing,
        known_as=room.known_as or None,
        first_seen=room.pin.first_seen if room.pin is not None else None,
        fingerprint=fingerprint(room.key),
        words=words(room.key),
        ms=_ms(room.seconds),
        addresses=[{"server": each.server, "ms": _ms(each.seconds)} for each in room.addresses],
        version=room.version,
    )


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 1)


def _network(link: Link) -> str:
    networks = [str(address.network) for address, _ in link.broadcasts]
    return f"{link.name} ({', '.join(networks)})" if networks else link.name
