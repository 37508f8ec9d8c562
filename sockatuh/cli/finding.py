"""Which room a `chat` without SERVER joins: that of the last one, wherever it is now, or one that is found."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Final

from msgspec.structs import replace

from sockatuh.client.discovery import USUAL_SECONDS, FoundRoom, Standing, find_rooms
from sockatuh.client.following import move_server
from sockatuh.client.profile import Profile
from sockatuh.client.server_address import ServerAddress, short_form
from sockatuh.errors import KeyFileError
from sockatuh.room.text import clean_line
from sockatuh.wording import client as phrases

from .errors import ExitCode, stop
from .found_rooms import nothing_found, print_rooms, room_name
from .questions import ask, tell

VARIABLE: Final = "SOCKATUH_DISCOVER"
MOST_BAD_ANSWERS: Final = 3
PINNED: Final = (Standing.KNOWN, Standing.MOVED)


def may_discover(environ: Mapping[str, str]) -> bool:
    """Return whether a chat may look for rooms; a value other than `on` and `off` is a usage error."""
    value = environ.get(VARIABLE) or "on"
    if value not in ("on", "off"):
        stop(phrases.on_or_off(VARIABLE, value), ExitCode.USAGE)
    return value == "on"


async def find_server_to_join(profile: Profile, *, may_ask: bool) -> ServerAddress:
    """Look for rooms, and return the address of the one to join; without a person to ask, only of a known one."""
    found = await find_rooms(profile, seconds=USUAL_SECONDS)
    rooms = [room for room in found.rooms if room.is_proven]
    if not rooms:
        stop(nothing_found(found, was_swept=False), ExitCode.NO_SERVER)
    room = _choose(rooms) if may_ask else _only_known(rooms)
    if room.standing is Standing.MOVED:
        try:
            move_server(profile, room.known_as, room.server)
        except KeyFileError as error:
            tell(phrases.not_remembered(clean_line(error.path), error.reason))
            return replace(ServerAddress.parse(room.server), key=room.key)
        tell(phrases.moved(room_name(room), short_form(room.server), short_form(room.known_as)))
    return ServerAddress.parse(room.known_as if room.standing is Standing.KNOWN else room.server)


def _only_known(rooms: Sequence[FoundRoom]) -> FoundRoom:
    known = [room for room in rooms if room.standing in PINNED]
    if len(known) == 1:
        return known[0]
    servers = [short_form(room.server) for room in known or rooms]
    return stop(phrases.name_one(servers, are_known=bool(known)), ExitCode.NO_SERVER)


def _choose(rooms: Sequence[FoundRoom]) -> FoundRoom:
    """Return the room that was found, or that the person chooses; one with another's name is never taken unasked."""
    first, *others = rooms
    is_sure = first.standing is not Standing.OTHER_KEY
    if is_sure and not others:
        tell(phrases.found_one(room_name(first), short_form(first.server)))
        return first
    print_rooms(rooms, sys.stderr, is_numbered=True)
    for _ in range(MOST_BAD_ANSWERS):
        answer = ask(phrases.which_room(1 if is_sure else None)) or ("1" if is_sure else "")
        if answer.isascii() and answer.isdecimal() and len(answer) < 4 and 0 < int(answer) <= len(rooms):
            return rooms[int(answer) - 1]
        tell(phrases.one_to(len(rooms)))
    return stop(phrases.NONE_CHOSEN)
