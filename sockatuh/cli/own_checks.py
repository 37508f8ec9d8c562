"""The checks of `doctor` on what a client uses of this machine: its directory, its ticket, its terminal."""

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
from sockatuh.wording import doctor as wording

from .errors import explain
from .naming import shown_name
from .questions import is_terminal
from .verdict import Verdict, bad, fine, skipped


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
    """Yield the verdict about the terminal, and which screen `chat` would take; by default that of stdin and stdout."""
    stdin, stdout = streams or (sys.stdin, sys.stdout)
    if not (is_terminal(stdin) and is_terminal(stdout)):
        yield skipped("terminal", wording.NO_TERMINAL)
        return
    size, encoding, term = shutil.get_terminal_size(), stdout.encoding, environ.get("TERM", "")
    is_plain = term == "dumb"
    multiplexer = "tmux" if environ.get("TMUX") else "screen" if environ.get("STY") else ""
    has_colours = not is_plain and not environ.get("NO_COLOR")
    text = wording.terminal(term, size.columns, size.lines, encoding, colours=has_colours, multiplexer=multiplexer)
    facts = {"term": term, "columns": size.columns, "rows": size.lines, "encoding": encoding, "colours": has_colours}
    if encoding.lower().replace("-", "") != "utf8":
        yield bad("terminal", wording.not_utf8(encoding), wording.NOT_UTF8_REMEDY, **facts)
    else:
        yield fine("terminal", text, **facts)
    yield fine("screen", wording.screen(plain=is_plain), plain=is_plain)
