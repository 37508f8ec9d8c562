"""The command `ping`, which tells whether a server answers, how fast, and with which key."""

from __future__ import annotations

import os
from typing import Annotated, Final

import typer

from sockatuh.client.ping import Pong, ping
from sockatuh.client.profile import Pin
from sockatuh.client.server_address import ServerAddress, short_form
from sockatuh.protocol.constants import VERSION
from sockatuh.protocol.identity import fingerprint, words
from sockatuh.room.text import clean_line
from sockatuh.wording import client as phrases

from .connection import find_server, profile_of
from .discover import not_nan
from .event_loop import run
from .jsonlines import print_line
from .naming import shown_name
from .options import JsonOption, ServerArgument
from .rows import NOTE_INDENT, print_wrapped

USUAL_SECONDS: Final = 3.0
LONGEST: Final = 60.0


def ping_server(
    server: ServerArgument = None,
    as_json: JsonOption = False,
    timeout: Annotated[
        float,
        typer.Option(
            "--timeout",
            help=phrases.HELP_PING_TIMEOUT,
            metavar="SECONDS",
            min=0.1,
            max=LONGEST,
            callback=not_nan,
        ),
    ] = USUAL_SECONDS,
) -> None:
    """Ask a server for an answer, and print it."""
    run(lambda: _ping(server, as_json=as_json, seconds=timeout))


async def _ping(given: str | None, *, as_json: bool, seconds: float) -> None:
    profile = profile_of(os.environ)
    address = find_server(given, os.environ, profile)
    pin = profile.find_pin(address.server)
    pong = await ping(address, address.key or (pin.key if pin is not None else None), seconds)
    if as_json:
        print_line(
            "pong",
            server=address.server,
            address=pong.address,
            room=clean_line(pong.room),
            ms=round(pong.seconds * 1000, 1),
            version=VERSION,
            known=is_known(address, pin, pong.key),
            first_seen=pin.first_seen if pin is not None and pin.key == pong.key else None,
            fingerprint=fingerprint(pong.key),
            words=words(pong.key),
        )
        return
    print_wrapped([answer(address, pin, pong)], NOTE_INDENT)


def is_known(address: ServerAddress, pin: Pin | None, key: bytes) -> bool:
    """Tell whether a key is the one that the profile or the invite names."""
    return key in (address.key, pin.key if pin is not None else None)


def answer(address: ServerAddress, pin: Pin | None, pong: Pong) -> str:
    """Return the line that tells what a server answered."""
    if pin is not None and pin.key == pong.key:
        standing = phrases.found_known(clean_line(pin.first_seen[:10])) + ": "
    elif address.key == pong.key:
        standing = phrases.found_as_invited()
    else:
        standing = phrases.found_new()
    place = short_form(address.server)
    return phrases.pong(shown_name(pong.room), place, pong.seconds, VERSION) + standing + " ".join(words(pong.key))
