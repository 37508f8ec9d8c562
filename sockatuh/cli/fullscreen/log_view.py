"""What commands and keys ask of the log: to show something in it, and to show another part of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from sockatuh.cli.rendering import TEXTS_FROM, Line, draw_answer, plain
from sockatuh.cli.wrapping import CUT, clip, reach, wrap
from sockatuh.room.text import clean_line
from sockatuh.wording import client as phrases

from .scrollback import Draw, Scrollback


class LogView:
    """A log in a window of `size` (columns, rows); `changed` is called when it has to be painted again."""

    def __init__(self, size: tuple[int, int], changed: Callable[[], None]) -> None:
        self._log = Scrollback()
        self._size = size
        """The columns and rows of the log, as it was painted last."""
        self._changed = changed

    @property
    def columns(self) -> int:
        """The log's width."""
        return self._size[0]

    def show(self, lines: Sequence[Line], seq: int = 0) -> None:
        """Show lines of the log; `seq` is the entry they are, if it is one."""
        self.quote(lines, [seq] if seq else [])

    def quote(self, lines: Sequence[Line], seqs: Iterable[int]) -> None:
        """Show lines of the log that are the entries with these seqs."""
        drawn = list(lines)
        self._answer(lambda columns: _refitted(drawn, columns), frozenset(seqs))

    def take_off(self, seq: int) -> None:
        """Show an entry no longer; if a search had led to it, show the next older line that was found."""
        hit = self._log.hit
        self._log.take_off(seq)
        if self._log.hit not in (None, hit):
            self._log.centre(self._log.hit or 0, *self._size)
        self._changed()

    def note(self, sentence: str) -> None:
        """Show a remark between them."""
        self._log.add_note(sentence)
        self._changed()

    def answer(self, lines: Sequence[str]) -> None:
        """Show the answer to a command."""
        kept = list(lines)
        self._answer(lambda columns: [row for line in kept for row in draw_answer(line, columns)])

    def show_links(self, links: Mapping[str, int]) -> None:
        """Show links, each whole on rows of its own without an indent, so that it can be copied.

        Each belongs to the entry with its seq. They are taken off together.
        """
        kept = list(links)
        self._answer(
            lambda columns: [(("class:note", row),) for link in kept for row in _chopped(link, columns)],
            frozenset(links.values()),
        )

    def _answer(self, draw: Draw, quotes: frozenset[int] = frozenset()) -> None:
        """Show rows that were asked for, from the first on if not all of them fit."""
        self._log.add_lines(draw, quotes)
        self._log.read_last(*self._size)
        self._changed()

    def refuse(self, text: str, reason: str) -> None:
        """Say that a text was rejected; what was typed meanwhile stays in the input."""
        self.note(phrases.refused_line(reason))
        first_row = clean_line(text.partition("\n")[0])
        self._log.add_lines(
            lambda columns: [(("class:note", " " * TEXTS_FROM + clip(first_row, max(1, columns - TEXTS_FROM))),)]
        )

    def show_earlier(self, count: int) -> None:  # noqa: ARG002 - the log scrolls
        """Show the screenful before this one."""
        self.scroll_pages(-1)

    # What the keys ask for.

    def scroll_pages(self, pages: int) -> None:
        """Move the log by its height."""
        self.scroll_rows(pages * max(1, self._size[1] - 1))

    def scroll_rows(self, rows: int) -> None:
        """Move the log."""
        self._log.scroll(rows, *self._size)

    def to_oldest(self) -> None:
        """Show the oldest row."""
        self._log.to_oldest(*self._size)

    def to_newest(self) -> None:
        """Show the newest row."""
        self._log.to_newest()

    def to_mention(self) -> None:
        """Show the newest mention, then the one before."""
        self._log.to_mention(*self._size)

    def to_marker(self) -> None:
        """Show what came first while nobody read."""
        self._log.to_marker(*self._size)

    def older_hit(self) -> None:
        """Show the next older line that was found."""
        self._log.to_older_hit(*self._size)


def _chopped(link: str, columns: int) -> list[str]:
    """Return a link in rows that are full, so that the terminal's selection puts it together again."""
    rows: list[str] = []
    while link:
        row = clip(link, columns) or link[:1]
        rows.append(row)
        link = link[len(row) :]
    return rows


def _refitted(lines: Sequence[Line], columns: int) -> list[Line]:
    """Return lines that were drawn for another width; those too long go on in indented rows, in one style."""
    rows: list[Line] = []
    for line in lines:
        text = plain(line)
        if reach(text) <= columns:
            rows.append(line)
        else:
            first, *others = wrap(text, columns, 0, TEXTS_FROM, CUT, whole=False)
            style = line[-1][0]
            rows += [((style, first),), *(((style, " " * TEXTS_FROM + row),) for row in others)]
    return rows
