"""The command `discover`, which lists the rooms in this machine's networks, and says of each whether it is known."""

from __future__ import annotations

import math
import os
from typing import Annotated, Final

import typer

from sockatuh.client.discovery import USUAL_SECONDS, FoundRoom, find_rooms
from sockatuh.protocol.identity import fingerprint, words
from sockatuh.wording import client as phrases

from .connection import profile_of
from .errors import ExitCode, stop
from .event_loop import run
from .found_rooms import nothing_found, print_rooms
from .jsonlines import print_line
from .options import JsonOption
from .questions import tell

LONGEST_SEARCH: Final = 60.0


def not_nan(seconds: float) -> float:
    """Return a number of seconds that is one, or stop with a usage error."""
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
            callback=not_nan,
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
