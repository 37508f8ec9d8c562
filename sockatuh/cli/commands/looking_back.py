"""Commands that look back at the lines held: /search, /history, /links, /copy, /show, /save."""

from __future__ import annotations

import contextlib
import os
from typing import Final

from sockatuh.cli.answer_view import COPIED
from sockatuh.cli.held_lines import HELD
from sockatuh.cli.naming import quoted
from sockatuh.cli.rendering import draw
from sockatuh.client.items import Said, Whispered
from sockatuh.room.text import clean_line, clean_text
from sockatuh.wording import client as phrases
from sockatuh.wording import commands as wording

from .context import CommandContext, Done, NotDone, Outcome, number_in
from .saying import GREATEST_SEQ, split_word

LINKS: Final = 10
EARLIER: Final = 20
"""Entries that /history shows if it is told no number."""
_NEW_AND_NO_LINK: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)


def search(context: CommandContext, rest: str) -> Outcome:
    """Show the lines held that hold a text."""
    text = clean_line(rest).strip()
    if not text:
        return NotDone(wording.SEARCH_WHAT)
    if not (seqs := context.state.held.search(text)):
        return NotDone(wording.not_found(quoted(text), context.state.held.lines))
    context.view.show_found(text, seqs)
    return Done.HANDLED


def show_earlier(context: CommandContext, rest: str) -> Outcome:
    """Show the last entries again."""
    count = number_in(rest.strip() or str(EARLIER), HELD)
    if count is None:
        return NotDone(wording.HISTORY_NUMBER)
    if not context.state.held:
        return NotDone(wording.NO_LINES)
    context.view.show_earlier(count)
    return Done.HANDLED


def list_links(context: CommandContext, _: str) -> Outcome:
    """List the last links."""
    if not (links := context.state.held.links(LINKS)):
        return NotDone(wording.NO_LINKS)
    context.view.show_links(links)
    return Done.HANDLED


def copy(context: CommandContext, rest: str) -> Outcome:
    """Have the terminal copy the last lines' texts."""
    count = number_in(rest.strip() or "1", HELD)
    if count is None:
        return NotDone(wording.COPY_NUMBER)
    if not (texts := context.state.held.texts(count)):
        return NotDone(wording.NO_LINES)
    text = clean_text("\n".join(texts))
    if (size := len(text.encode())) > COPIED:
        return NotDone(wording.copy_too_long(size, COPIED))
    if not context.view.copy(text):
        return NotDone(wording.NO_COPYING)
    return context.tell(wording.copied(len(texts)))


def show_text(context: CommandContext, rest: str) -> Outcome:
    """Show an entry in full."""
    seq = number_in(rest.strip(), GREATEST_SEQ)
    if seq is None:
        return NotDone(phrases.SHOW_WHAT)
    if (entry := context.state.held.find(seq)) is None:
        return NotDone(wording.no_line(seq))
    context.view.show(draw(entry, context.room.me, context.view.columns), seq)
    return Done.HANDLED


def save(context: CommandContext, rest: str) -> Outcome:
    """Save a text in a new file that only its owner can read."""
    number, file = split_word(rest.strip())
    seq = number_in(number, GREATEST_SEQ)
    if seq is None or not file:
        return NotDone(wording.SAVE_WHAT)
    entry = context.state.held.find(seq)
    if not isinstance(entry, Said | Whispered):
        return NotDone(wording.no_line(seq))
    data = f"{clean_text(entry.text)}\n".encode()
    try:
        _write_new(os.path.expanduser(file), data)
    except FileExistsError:
        return NotDone(wording.is_there(file))
    except OSError as error:
        return NotDone(wording.not_saved(file, error.strerror or type(error).__name__))
    except ValueError:  # a NUL byte
        return NotDone(wording.SAVE_WHAT)
    return context.tell(wording.saved(len(data), file))


def _write_new(path: str, data: bytes) -> None:
    """Write a file that must not exist yet, also not as a link; what cannot be written whole is removed."""
    descriptor = os.open(path, _NEW_AND_NO_LINK, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(path)
        raise
