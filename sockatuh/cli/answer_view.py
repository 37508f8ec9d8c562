"""What a typed command may ask of any screen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Protocol

from .rendering import Line

COPIED: Final = 65_536
"""The most bytes of text that a terminal is asked to copy."""


class AnswerView(Protocol):
    """Where the answers to commands are shown."""

    @property
    def columns(self) -> int | None:
        """Its width, if long lines are to be wrapped."""

    def show(self, lines: Sequence[Line], seq: int = 0) -> None:
        """Show lines of the log; `seq` is the entry they are, if it is one."""

    def answer(self, lines: Sequence[str]) -> None:
        """Show the answer to a command."""

    def note(self, sentence: str) -> None:
        """Show a remark."""

    def show_found(self, text: str, seqs: Sequence[int]) -> None:
        """Show the lines held that a search for a text has found: their seqs, newest first, at least one."""

    def show_earlier(self, count: int) -> None:
        """Show the newest `count` entries held again, or where a screen scrolls, the screenful before this one."""

    def show_links(self, links: Mapping[str, int]) -> None:
        """Show links, each whole on rows of its own without an indent, so that it can be copied.

        Each belongs to the entry with its seq.
        """

    def toggle_people(self) -> bool:
        """Show or hide the list of people; return False where there is none."""

    def copy(self, text: str) -> bool:
        """Have the terminal copy a clean text (at most COPIED bytes); return False where there is no way to."""
