"""The command `doctor`, which finds out why a room cannot be reached, or what else is wrong on this machine.

It prints a line for each check as soon as that is known. It joins no room and creates no file.
"""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator
from typing import Annotated

import typer

from sockatuh.client.discovery import USUAL_SECONDS, find_rooms
from sockatuh.client.profile import Pin, Profile
from sockatuh.client.server_address import ServerAddress, short_form
from sockatuh.errors import KeyFileError
from sockatuh.wording import doctor as wording

from .connection import parse_server_address, profile_of
from .errors import ExitCode, stop
from .event_loop import run
from .found_rooms import nothing_found, room_name
from .options import JsonOption
from .own_checks import check_language, check_profile, check_terminal, check_ticket
from .server_checks import check_server
from .verdict import Result, Verdict, bad, exit_code_of, fine, print_verdict


def doctor(
    server: Annotated[str | None, typer.Argument(metavar="SERVER", help=wording.HELP_DOCTOR_SERVER)] = None,
    as_json: JsonOption = False,
) -> None:
    """Check everything and print it."""
    run(lambda: _doctor(server, as_json=as_json))


async def _doctor(server: str | None, *, as_json: bool) -> None:
    verdicts = []
    async for verdict in _check_all(server, profile_of(os.environ), as_json=as_json):
        verdicts.append(verdict)
        print_verdict(verdict, as_json=as_json)
    failed = sum(verdict.result is Result.BAD for verdict in verdicts)
    if failed:
        stop(wording.summary(failed), exit_code_of(verdicts))


async def _check_all(given: str | None, profile: Profile, *, as_json: bool) -> AsyncIterator[Verdict]:
    text, address = given or os.environ.get("SOCKATUH_SERVER"), None
    if not text:
        try:
            text = profile.find_last_server()
        except KeyFileError:
            text = None  # the check of the profile says why
    if text:
        address = parse_server_address(text)
    else:
        verdict, address = await _find(profile)
        yield verdict
    if address is not None:
        pin, can_compare = _find_pin(profile, address)
        async for verdict in check_server(address, pin, can_compare=can_compare):
            yield verdict
    if profile.directory is not None:
        yield check_profile(profile.directory)
    yield check_ticket(profile, address.server if address is not None else None, os.environ.get("SOCKATUH_NAME"))
    for verdict in check_terminal(os.environ):
        yield verdict
    if not as_json:  # which speaks English to every program
        yield check_language(os.environ)
    if sys.platform != "win32":
        from .box_checks import check_room, find_room_here

        if (room := find_room_here()) is not None:
            for verdict in check_room(room):
                yield verdict


async def _find(profile: Profile) -> tuple[Verdict, ServerAddress | None]:
    """Look for rooms, because no server is named; return the address of the first one."""
    try:
        found = await find_rooms(profile, seconds=USUAL_SECONDS)
    except KeyFileError:
        found = await find_rooms(Profile(), seconds=USUAL_SECONDS)
    if not found.rooms:
        text, _, remedy = nothing_found(found, was_swept=False).partition("\n")
        return bad("search", text, remedy, ExitCode.NO_SERVER), None
    rooms = [f"{room_name(room)} at {short_form(room.server)}" for room in found.rooms]
    return fine("search", wording.found_rooms(rooms)), ServerAddress.parse(found.rooms[0].server)


def _find_pin(profile: Profile, address: ServerAddress) -> tuple[Pin | None, bool]:
    """Return what is known about a server, and whether that can be read."""
    try:
        return profile.find_pin(address.server), True
    except KeyFileError:  # the check of the profile says why
        return None, False
