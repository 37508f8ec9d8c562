"""The checks of `doctor` on the machine that runs a room: what `check` finds, the unit, the port, the firewall."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from sockatuh.errors import AddressUnusable, Problem
from sockatuh.net.sockets import RECEIVE_BUFFER, given_buffers, open_server_socket
from sockatuh.wording import check as states
from sockatuh.wording import doctor as wording

from .arguments import working_directory
from .check import listens, try_room
from .errors import ExitCode
from .firewalls import Ask, ask_system, find_firewalls
from .verdict import Verdict, bad, fine, skipped
from .which_room import ChosenRoom, choose_room, is_root

SMALL: Final = RECEIVE_BUFFER // 16
"""A receive buffer below this is reported by the server, too."""


def find_room_here() -> ChosenRoom | None:
    """Return the room whose settings are on this machine, None if there are none."""
    from sockatuh.settings.sources import find_file

    room = choose_room(None)
    found = find_file(room.config, room.environ, working_directory())
    return room if room.service is not None or found is not None else None


def check_room(room: ChosenRoom, ask: Ask = ask_system) -> Iterator[Verdict]:
    """Yield the verdicts about a room of this machine."""
    from sockatuh.settings.sources import read

    if room.service is not None and not is_root():
        yield skipped("settings", wording.ONLY_ROOT)
        yield check_unit(room)
        return
    settings, _, problems = read({"config": room.config}, room.environ, working_directory(), credential=room.credential)
    if settings is None or problems:
        yield from map(_unusable, problems)
        yield check_unit(room)
        yield skipped("port", wording.NOT_TRIED)
        return
    state, problems = try_room(settings, room)
    yield from [_unusable(each) for each in problems if each.key != "port"] or [fine("settings", wording.FILES_FINE)]
    yield check_unit(room)
    _, port = listens(settings, room)
    yield check_port(state, port, [each for each in problems if each.key == "port"])
    yield check_buffer(room)
    yield from check_firewalls(port, ask)


def _unusable(problem: Problem) -> Verdict:
    text = wording.problem(problem.key, problem.origin, problem.expected)
    return bad("settings", text, "sockatuh check --show-origin", ExitCode.OTHER, key=problem.key)


def check_unit(room: ChosenRoom) -> Verdict:
    """Return the verdict about the room's service."""
    if room.service is None:
        return skipped("unit", wording.NO_SERVICE)
    if room.service.is_active:
        return fine("unit", wording.UNIT_ACTIVE)
    if room.service.is_listening:
        return fine("unit", wording.UNIT_WAITS)
    return bad("unit", wording.UNIT_DOWN, wording.UNIT_DOWN_REMEDY)


def check_port(state: str, port: int, problems: list[Problem]) -> Verdict:
    """Return the verdict on whether the room has its port; `state` is what `check` says of it."""
    if problems:
        return bad("port", problems[0].expected, "sudo ss -lunp", port=port)
    match state:
        case states.RUNNING:
            return fine("port", wording.answers_at(port), port=port)
        case states.WAITING:
            return fine("port", wording.UNIT_WAITS, port=port)
        case states.READY:
            return bad("port", wording.NOT_RUNNING, wording.NOT_RUNNING_REMEDY, port=port)
        case _:
            return skipped("port", wording.NOT_TRIED)


def check_buffer(room: ChosenRoom) -> Verdict:
    """Return the verdict about the receive buffer that the system grants to this user."""
    if room.service is not None:
        return skipped("rmem", wording.BY_SYSTEMD)
    try:
        with open_server_socket("127.0.0.1", 0) as sock:
            granted = given_buffers(sock).receive
    except AddressUnusable as error:
        return skipped("rmem", str(error))
    if granted < SMALL:
        return bad("rmem", wording.small_buffer(granted, RECEIVE_BUFFER), wording.buffer_remedy(RECEIVE_BUFFER))
    return fine("rmem", wording.buffer(granted), bytes=granted)


def check_firewalls(port: int, ask: Ask = ask_system) -> Iterator[Verdict]:
    """Yield the verdict about each active firewall of this machine."""
    found = find_firewalls(port, ask)
    if not found:
        yield skipped("firewall", wording.NO_FIREWALL)
    for each in found:
        if each.is_open is None:
            yield skipped("firewall", wording.firewall_unknown(each.name, each.command))
        elif each.is_open:
            yield fine("firewall", wording.firewall_open(each.name, port), name=each.name)
        else:
            yield bad("firewall", wording.firewall_closed(each.name, port), each.command, name=each.name)
