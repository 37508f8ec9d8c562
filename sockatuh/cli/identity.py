"""The command `identity`: shows, exports and imports this person's key, and forgets a server's."""

from __future__ import annotations

import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer

from sockatuh.client.profile import Profile
from sockatuh.errors import ExportUnreadable, OtherIdentity
from sockatuh.protocol.identity import fingerprint, words
from sockatuh.protocol.noise import public_key
from sockatuh.room.text import clean_line
from sockatuh.store.files import create_private, explained
from sockatuh.wording import admin as wording
from sockatuh.wording import identity as phrases

from .arguments import a_path, password_in_file
from .connection import parse_server_address, profile_of
from .errors import ExitCode, stop
from .jsonlines import print_line
from .options import JsonOption
from .questions import ask_hidden, may_ask
from .wrapping import folded

KEY_FILE: Final = "identity"
LEAST_PASSPHRASE: Final = 8
"""Bytes of UTF-8 of a passphrase that encrypts a key."""


class Action(StrEnum):
    """What to do."""

    SHOW = "show"
    FORGET = "forget"
    EXPORT = "export"
    IMPORT = "import"


def identity(
    action: Annotated[
        Action, typer.Argument(metavar="show|forget|export|import", help=phrases.HELP_ACTION)
    ] = Action.SHOW,
    what: Annotated[
        str | None, typer.Argument(metavar="SERVER|FILE", help=phrases.HELP_WHAT, show_default=False)
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help=phrases.HELP_REPLACE)] = False,
    passphrase_file: Annotated[
        str | None, typer.Option("--passphrase-file", help=phrases.HELP_PASSPHRASE_FILE, metavar="FILE")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show, export or import this person's key, or forget a server's."""
    if (action is Action.SHOW) is (what is not None):
        stop(phrases.WHICH_ACTION, ExitCode.USAGE)
    if replace and action is not Action.IMPORT:
        stop(phrases.REPLACE_WHAT, ExitCode.USAGE)
    profile = profile_of(os.environ)
    match action:
        case Action.EXPORT if what is not None:
            _export(profile, a_path(what), passphrase_file, as_json=as_json)
        case Action.IMPORT if what is not None:
            _import(profile, a_path(what), passphrase_file, replace=replace, as_json=as_json)
        case Action.FORGET if what is not None:
            _forget(profile, parse_server_address(what).server)
        case _:
            _show(profile, as_json=as_json)


def _show(profile: Profile, *, as_json: bool) -> None:
    key, pins = public_key(profile.identity()), profile.known_servers()
    path = (profile.directory or Path()) / KEY_FILE
    if as_json:
        print_line("identity", fingerprint=fingerprint(key), words=words(key), path=str(path))
        for server, pin in pins.items():
            seen = {"fingerprint": fingerprint(pin.key), "words": words(pin.key), "first_seen": pin.first_seen}
            print_line("server", server=server, room=clean_line(pin.room), **seen)
        return
    _say(phrases.identity(words(key), fingerprint(key), path))
    for server, pin in pins.items():
        _say(phrases.known_server(server, words(pin.key), pin.first_seen, clean_line(pin.room)))


def _forget(profile: Profile, server: str) -> None:
    had_ticket = profile.clear_tickets(server)
    if not (profile.forget(server) or had_ticket):
        stop(phrases.not_known(server))
    _say(phrases.forgotten(server))


def _export(profile: Profile, path: Path, passphrase_file: str | None, *, as_json: bool) -> None:
    from sockatuh.client.exported_identity import export_identity

    if os.path.lexists(path):
        stop(phrases.exists(path))
    key = profile.identity()
    passphrase = _find_passphrase(passphrase_file, is_new=True)
    if (size := len(passphrase.encode(errors="replace"))) < LEAST_PASSPHRASE:
        stop(phrases.passphrase_short(size, LEAST_PASSPHRASE), ExitCode.USAGE)
    if not create_private(path, export_identity(key, passphrase, os.urandom)):
        stop(phrases.exists(path))
    shown = public_key(key)
    if as_json:
        print_line("exported", path=str(path), fingerprint=fingerprint(shown), words=words(shown))
    else:
        _say(phrases.exported(path, words(shown), fingerprint(shown)))


def _import(profile: Profile, path: Path, passphrase_file: str | None, *, replace: bool, as_json: bool) -> None:
    from sockatuh.client.exported_identity import MOST_BYTES, ExportedIdentity

    try:
        with explained(path), open(path, "rb") as file:
            exported = ExportedIdentity(file.read(MOST_BYTES + 1))
        key = exported.open(_find_passphrase(passphrase_file, is_new=False))
    except ExportUnreadable as error:
        stop(phrases.import_refused(error.fault, str(path)))
    shown = public_key(key)
    is_known = profile.has_identity(key)
    try:
        kept = profile.adopt_identity(key, replaces=replace)
    except OtherIdentity as error:
        stop(phrases.has_another(error.path))
    if as_json:
        kept_in = None if kept is None else str(kept)
        print_line("imported", fingerprint=fingerprint(shown), words=words(shown), kept=kept_in)
        return
    _say(phrases.is_the_same() if is_known else phrases.imported(words(shown), fingerprint(shown)))
    if kept is not None:
        _say(phrases.kept(kept))


def _say(sentences: str) -> None:
    print(folded(sentences, sys.stdout))


def _find_passphrase(file: str | None, *, is_new: bool) -> str:
    """Return the passphrase from a file or from a person, who types a new one twice."""
    if file is not None:
        return password_in_file(file)
    if not may_ask():
        stop(phrases.PASSPHRASE_MISSING, ExitCode.USAGE)
    passphrase = ask_hidden(phrases.ASK_NEW_PASSPHRASE if is_new else phrases.ASK_PASSPHRASE)
    if not passphrase:
        stop(phrases.PASSPHRASE_EMPTY)
    is_enough = len(passphrase.encode(errors="replace")) >= LEAST_PASSPHRASE
    if is_new and is_enough and ask_hidden(wording.ASK_AGAIN) != passphrase:
        stop(phrases.PASSPHRASES_DIFFER)
    return passphrase
