"""A view of plain lines: the log on stdout, everything else on stderr, without colours or redrawing."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Final

from sockatuh.client.items import Waiting
from sockatuh.client.room import Room
from sockatuh.wording import client as phrases

from .held_lines import HeldLines
from .narrator import draw_earlier, draw_found, found
from .rendering import Line, plain
from .rows import NOTE_INDENT, note_rows, print_row, print_wrapped
from .wrapping import columns_of

INDENT: Final = "  "


class Plain:
    """A view for pipes, dumb terminals and screen readers; `refused` counts rejected texts.

    `held`: the lines shown before, for a person who types commands.
    """

    def __init__(self, room: Room, held: HeldLines | None = None) -> None:
        self._room = room
        self._held = HeldLines() if held is None else held
        self._delayed = False
        self.refused = 0

    @property
    def columns(self) -> int | None:
        """The terminal's width; a file has none."""
        return columns_of(sys.stdout)

    def show(self, lines: Sequence[Line], seq: int = 0) -> None:  # noqa: ARG002 - what is printed stays
        """Print lines of the log and flush them."""
        for line in lines:
            print_row(plain(line))

    def take_off(self, seq: int) -> None:
        """Do nothing: what is printed stays."""

    def note(self, sentence: str) -> None:
        """Print a remark."""
        for row in note_rows(sentence, columns_of(sys.stderr)):
            print_row(row, sys.stderr)

    def lose(self, reason: str) -> None:
        """Print that contact is lost."""
        self.note(phrases.LOSSES.get(reason) or phrases.contact_lost(self._room.unanswered))

    def wait(self, waiting: Waiting) -> None:
        """Print why lines wait at the server; the rate limit is mentioned only once until all lines are stored."""
        if waiting.seconds is None:
            self.note(phrases.held(self._room.unanswered))
        elif not self._delayed:
            self._delayed = True
            self.note(phrases.delayed(waiting.seconds))

    def go_on(self) -> None:
        """Reset the above: no line waits any longer."""
        self._delayed = False

    def refuse(self, text: str, reason: str) -> None:
        """Print why a text was rejected, and the text."""
        self.refused += 1
        self.note(phrases.refused_line(reason))
        self.answer(text.split("\n"))

    def pass_over(self, number: int, reason: str) -> None:
        """Print why a line of the input was not sent, without its text."""
        self.refused += 1
        self.note(phrases.input_line_refused(number, reason))

    def answer(self, lines: Sequence[str]) -> None:
        """Print the answer to a command."""
        print_wrapped((f"{INDENT}{line}" for line in lines), len(INDENT) + NOTE_INDENT, sys.stderr)

    def show_found(self, text: str, seqs: Sequence[int]) -> None:
        """Print the newest of the lines that were found."""
        self.note(found(text, seqs))
        self.show(draw_found(seqs, self._held, self._room.me, self.columns))

    def show_earlier(self, count: int) -> None:
        """Print the newest entries again."""
        self.show(draw_earlier(count, self._held, self._room.me, self.columns))

    def show_links(self, links: Mapping[str, int]) -> None:
        """Print links, each on a row of its own."""
        for link in links:
            print_row(link, sys.stderr)

    def toggle_people(self) -> bool:
        """Return False: there is no list of people."""
        return False

    def copy(self, text: str) -> bool:  # noqa: ARG002 - plain lines control no terminal
        """Return False: plain lines send a terminal no commands."""
        return False
