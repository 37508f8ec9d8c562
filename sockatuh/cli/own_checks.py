"""The checks of `doctor` on what a client uses of this machine: its directory, ticket, terminal and language."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TextIO

from sockatuh.client.profile import Profile
from sockatuh.errors import KeyFileError
from sockatuh.store.files import read_private
from sockatuh.store.ownership import refuse_foreign
from sockatuh.wording import LANGUAGES, admin, choose_language, find_unknown
from sockatuh.wording import VARIABLE as LANGUAGE_VARIABLE
from sockatuh.wording import doctor as wording

from . import notifications, which_screen
from .errors import explain
from .naming import shown_name
from .notifications import Dialect, Notify, dialect_of, find_way
from .questions import is_terminal
from .verdict import Verdict, bad, fine, skipped
from .which_screen import ScreenKind, choose_screen


def check_profile(directory: Path) -> Verdict:
    """Return the verdict on whether the client's directory is private and can be written; nothing is created."""
    above = next(path for path in (directory, *directory.absolute().parents) if path.exists())
    is_new = above != directory
    try:
        if not is_new:
            refuse_foreign(directory / "known_servers")
            if (identity := directory / "identity").exists():
                refuse_foreign(identity)
                read_private(identity)
    except KeyFileError as error:
        text, _, remedy = explain(error).message.partition("; ")
        return bad("profile", text, remedy, path=str(directory))
    except OSError:  # a directory that may not be searched
        return bad("profile", wording.closed_directory(directory), wording.closed_directory_remedy(directory))
    if not above.is_dir() or not os.access(above, os.W_OK | os.X_OK):
        text, remedy = wording.closed_directory(directory), wording.closed_directory_remedy(above)
        return bad("profile", text, remedy, path=str(directory))
    return fine("profile", wording.directory(directory, is_new=is_new), path=str(directory))


def check_ticket(profile: Profile, server: str | None, name: str | None) -> Verdict:
    """Return the verdict on whether a ticket admits this client; `name` is the one that was chosen, if one was."""
    if server is None:
        return skipped("ticket", wording.NO_ADDRESS)
    try:
        name = name or profile.find_name(server)
        ticket = profile.find_ticket(server, name) if name else None
    except KeyFileError:
        return skipped("ticket", wording.PROFILE_UNREADABLE)
    shown = shown_name(name) if name else ""
    if ticket is None:
        return skipped("ticket", wording.no_ticket(shown))
    return fine("ticket", wording.ticket(shown, ticket.day), name=name)


def check_terminal(environ: Mapping[str, str], streams: tuple[TextIO, TextIO] | None = None) -> Iterator[Verdict]:
    """Yield the verdicts about the terminal and what `chat` would do on it; by default that of stdin and stdout."""
    stdin, stdout = streams or (sys.stdin, sys.stdout)
    if not (is_terminal(stdin) and is_terminal(stdout)):
        yield skipped("terminal", wording.NO_TERMINAL)
        return
    size, encoding, term = shutil.get_terminal_size(), stdout.encoding, environ.get("TERM", "")
    multiplexer = "tmux" if environ.get("TMUX") else "screen" if environ.get("STY") else ""
    has_colours = term != "dumb" and not environ.get("NO_COLOR")
    text = wording.terminal(term, size.columns, size.lines, encoding, colours=has_colours, multiplexer=multiplexer)
    facts = {"term": term, "columns": size.columns, "rows": size.lines, "encoding": encoding, "colours": has_colours}
    if encoding.lower().replace("-", "") != "utf8":
        yield bad("terminal", wording.not_utf8(encoding), wording.NOT_UTF8_REMEDY, **facts)
    else:
        yield fine("terminal", text, **facts)
    yield _check_screen(environ, (size.columns, size.lines))
    yield _check_calls(environ)


def _check_screen(environ: Mapping[str, str], size: tuple[int, int]) -> Verdict:
    """Return the verdict on which screen `chat` would take, and why if it is not the full one."""
    try:
        kind = choose_screen(environ, size)
    except ValueError as error:
        return bad("screen", str(error), wording.unset(which_screen.VARIABLE))
    if kind is ScreenKind.FULL:
        because = ""
    elif environ.get(which_screen.VARIABLE) == kind:
        because = wording.said_by(which_screen.VARIABLE)
    elif kind is ScreenKind.PLAIN:
        because = wording.TERM_DUMB
    else:
        because = wording.terminal_small(which_screen.LEAST_COLUMNS, which_screen.LEAST_ROWS)
    return fine("screen", wording.screen(kind, because), screen=kind)


def _check_calls(environ: Mapping[str, str]) -> Verdict:
    """Return the verdict on what calls somebody who is mentioned."""
    try:
        way = find_way(environ)
    except ValueError as error:
        return bad("calls", str(error), wording.unset(notifications.VARIABLE))
    if way is Notify.TERMINAL and dialect_of(environ) is Dialect.NONE:
        return fine("calls", wording.CALLED_BY_BELL_ONLY, notify=Notify.BELL)
    return fine("calls", wording.CALLS[way], notify=way)


def check_language(environ: Mapping[str, str]) -> Verdict:
    """Return the verdict on which language people are spoken to in, and what has chosen it."""
    if unknown := find_unknown(environ):
        return bad("language", admin.no_such_language(unknown, [*LANGUAGES]), wording.unset(LANGUAGE_VARIABLE))
    chosen_by = next(filter(environ.get, (LANGUAGE_VARIABLE, "LC_ALL", "LC_MESSAGES", "LANG")), "")
    said = f"{chosen_by}={environ[chosen_by]}" if chosen_by else ""
    return fine("language", wording.language(choose_language(environ), said))
