"""The command `identity`, which shows this person's key and the known servers' keys, and forgets a server's."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer

from sockatuh.client.profile import Profile, default_directory
from sockatuh.protocol.identity import fingerprint, words
from sockatuh.protocol.noise import public_key
from sockatuh.room.text import clean_line
from sockatuh.wording import client as phrases

from .connection import parse_server_address
from .errors import ExitCode, stop
from .jsonlines import print_line
from .options import JsonOption

KEY_FILE: Final = "identity"


class Action(StrEnum):
    """What to do."""

    SHOW = "show"
    FORGET = "forget"


def identity(
    action: Annotated[Action, typer.Argument(metavar="show|forget", help=phrases.HELP_IDENTITY_ACTION)] = Action.SHOW,
    server: Annotated[
        str | None, typer.Argument(metavar="SERVER", help=phrases.HELP_IDENTITY_SERVER, show_default=False)
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show this person's key and the known servers, or forget a server."""
    if (action is Action.FORGET) is (server is None):
        stop(phrases.WHICH_IDENTITY_ACTION, ExitCode.USAGE)
    directory = default_directory(os.environ.get("SOCKATUH_CLIENT_DIR"))
    if server is None:
        _show(directory, as_json=as_json)
    else:
        _forget(Profile(directory), parse_server_address(server).server)


def _show(directory: Path, *, as_json: bool) -> None:
    files = Profile(directory)
    key, path, pins = public_key(files.identity()), directory / KEY_FILE, files.known_servers()
    if as_json:
        print_line("identity", fingerprint=fingerprint(key), words=words(key), path=str(path))
        for server, pin in pins.items():
            seen = {"fingerprint": fingerprint(pin.key), "words": words(pin.key), "first_seen": pin.first_seen}
            print_line("server", server=server, room=clean_line(pin.room), **seen)
        return
    print(phrases.identity(words(key), fingerprint(key), path))
    for server, pin in pins.items():
        print(phrases.known_server(server, words(pin.key), pin.first_seen, clean_line(pin.room)))


def _forget(files: Profile, server: str) -> None:
    had_ticket = files.clear_tickets(server)
    if not (files.forget(server) or had_ticket):
        stop(phrases.not_known(server))
    print(phrases.forgotten(server))
