"""A screen of plain lines: what is in the log on stdout, all else on stderr; no colours, nothing ever redrawn."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence

from sockatuh.protocol.peer_events import LinesDelayed, LinesHeld

from .membership import Membership
from .questions import is_terminal
from .transcript import Line, plain
from .wording import client as phrases


class Plain:
    """A view for pipes, dumb terminals and screen readers; `refused` counts the texts that were not taken."""

    def __init__(self, membership: Membership) -> None:
        self._membership = membership
        self._delayed = False
        self.refused = 0

    @property
    def columns(self) -> int | None:
        """The terminal's width; a file has none."""
        return shutil.get_terminal_size().columns if is_terminal(sys.stdout) else None

    def show(self, lines: Sequence[Line]) -> None:
        """Print lines of the log; whoever reads them has them at once."""
        for line in lines:
            print(plain(line), flush=True)

    def note(self, sentence: str) -> None:
        """Print a remark."""
        print(f"— {sentence} —", file=sys.stderr, flush=True)

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
        print(text, file=sys.stderr, flush=True)

    def answer(self, lines: Sequence[str]) -> None:
        """Print something that was asked for."""
        for line in lines:
            print(f"  {line}", file=sys.stderr, flush=True)
