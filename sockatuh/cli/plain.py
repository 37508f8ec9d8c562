"""A screen of plain lines: what is in the log on stdout, all else on stderr; no colours, nothing ever redrawn."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Final

from sockatuh.protocol.client.events import LinesDelayed, LinesHeld
from sockatuh.wording import client as phrases

from .membership import Membership
from .paragraphs import columns_of
from .rendering import Line, plain
from .rows import NOTE_INDENT, note_rows, print_row, print_wrapped

INDENT: Final = "  "


class Plain:
    """A view for pipes, dumb terminals and screen readers; `refused` counts the texts that were not taken."""

    def __init__(self, membership: Membership) -> None:
        self._membership = membership
        self._delayed = False
        self.refused = 0

    @property
    def columns(self) -> int | None:
        """The terminal's width; a file has none."""
        return columns_of(sys.stdout)

    def show(self, lines: Sequence[Line]) -> None:
        """Print lines of the log; whoever reads them has them at once."""
        for line in lines:
            print_row(plain(line))

    def note(self, sentence: str) -> None:
        """Print a remark."""
        for row in note_rows(sentence, columns_of(sys.stderr)):
            print_row(row, sys.stderr)

    def lose(self, reason: str) -> None:
        """Print that contact is lost."""
        self.note(phrases.LOSSES.get(reason) or phrases.contact_lost(self._membership.unanswered))

    def wait(self, event: LinesDelayed | LinesHeld) -> None:
        """Print why lines wait at the server: for the rate once, until all of them are stored."""
        match event:
            case LinesHeld():
                self.note(phrases.held(self._membership.unanswered))
            case LinesDelayed(wait) if not self._delayed:
                self._delayed = True
                self.note(phrases.delayed(wait))
            case LinesDelayed():
                pass

    def go_on(self) -> None:
        """Nothing waits any more."""
        self._delayed = False

    def refuse(self, text: str, reason: str) -> None:
        """Print why a text was not taken, and the text."""
        self.refused += 1
        self.note(phrases.refused_line(reason))
        self.answer(text.split("\n"))

    def pass_over(self, number: int, reason: str) -> None:
        """Print why a line of the input was not said; whoever wrote it has it, so it is not printed."""
        self.refused += 1
        self.note(phrases.input_line_refused(number, reason))

    def answer(self, lines: Sequence[str]) -> None:
        """Print something that was asked for."""
        print_wrapped((f"{INDENT}{line}" for line in lines), len(INDENT) + NOTE_INDENT, sys.stderr)
