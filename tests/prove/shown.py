"""What reaches a terminal, held against what the same program writes when nobody is hostile."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable
from typing import Final

from hostile import TITLE, escapes_in, faults_of_text, lies_in, without_escapes
from kit.terminal import Terminal
from prove.attack import require

PATIENCE: Final = 60.0
QUIET: Final = 0.2
"""Seconds without a byte after which a program has nothing more to say."""
_COUNTS: Final = re.compile(r"^\x1b\[[\d;]*([ABCDGHm])$")
_AT_THE_MARGIN: Final = re.compile(r"(?:\d\d:\d\d |--:-- |\u2014 .*|\u2500 new \u2500.*|> ?|$)")
_AUTHOR: Final = re.compile(r"\u200e?(?:\d\d:\d\d|--:--) (?:[*·»] ?)?(.*)")
BELL: Final = "\x07"
BELL_EVERY: Final = 3.0
"""Seconds from one bell to the next."""
_OUR_MARK: Final = re.compile(r"\u200e(?=\d\d:\d\d[: ]|--:-- |\u2014 | {2})|(?<=[\u0590-\u08ff0-9\x22])\u200e")
"""U+200E where the program puts it: before a row and behind a name, or a quoted one, of right-to-left letters."""


def kind_of(sequence: str) -> str:
    """Return an escape sequence without its numbers, if it only moves a little or changes a style."""
    found = _COUNTS.match(sequence)
    return f"\x1b[#{found[1]}" if found else sequence


def kinds_in(written: str) -> set[str]:
    """Return what escape sequences and control characters a program wrote."""
    rest = without_escapes(written)
    return {kind_of(each) for each in escapes_in(written)} | {char for char in rest if char < " "}


class Watched:
    """A terminal that is looked at again and again; `names` are those who may have said something.

    `paints`: it is only looked at when nothing comes any more, as the program paints changed cells in any order.
    """

    def __init__(
        self, terminal: Terminal, what: str, names: Iterable[str] | None = None, *, paints: bool = False
    ) -> None:
        self.terminal, self.what, self.paints = terminal, what, paints
        self.names = None if names is None else set(names)
        self._usual: set[str] | None = None
        self._usual_rows: set[str] = set()
        self._seen, self._began_at = 0, time.monotonic()

    def take(self, until: Callable[[], bool] | None = None) -> None:
        """Look on until something holds, or until nothing comes any more."""
        ends_at, quiet_at = time.monotonic() + PATIENCE, time.monotonic() + QUIET
        while time.monotonic() < ends_at and (until is not None or time.monotonic() < quiet_at):
            before = len(self.terminal.written)
            is_there = self.terminal.read(0.1)
            has_come = len(self.terminal.written) > before
            if has_come:
                quiet_at = time.monotonic() + QUIET
            if has_come is not self.paints:
                self._look()
            if not is_there or (until is not None and until()):
                break
        require(until is None or until(), f"{self.what}: it never came, in:\n{chr(10).join(self._rows())}")

    def wait_for(self, *texts: str) -> None:
        """Look on until all of it was written."""
        self.take(lambda: all(text in self.terminal.written for text in texts))

    def begin(self) -> None:
        """Take what was written until now for usual."""
        self._usual = kinds_in(self.terminal.written)
        self._usual_rows = set(self._rows())
        self._seen, self._began_at = len(self.terminal.written), time.monotonic()

    def judge(self) -> int:
        """Require that nothing unusual was written since; return how many characters it was."""
        written = self.terminal.written[self._seen :]
        strange = kinds_in(written) - (self._usual or {"\r", "\n"}) - {BELL}
        require(not strange, f"{self.what}: {sorted(map(repr, strange))[:5]} never came from it before")
        # A terminal's row may end where pictures are joined.
        plain = without_escapes(written).translate(dict.fromkeys(map(ord, f"\r\b\u200d{BELL}")))
        plain = _OUR_MARK.sub("", plain)
        faults = sorted({fault for line in plain.split("\n") for fault in faults_of_text(line)})
        require(not faults, f"{self.what}: {faults[:5]}")
        require("\b\b" not in written, f"{self.what}: the cursor went back")
        bells, most = without_escapes(written).count(BELL), 1 + (time.monotonic() - self._began_at) / BELL_EVERY
        require(bells <= most, f"{self.what}: {bells} bells")
        screen = self.terminal.screen
        require(TITLE not in screen.title + screen.icon_name, f"{self.what}: the title is {screen.title!r}")
        return len(written)

    def _look(self) -> None:
        if self.names is None or self._usual is None:
            return
        rows = [row for row in self._rows() if row not in self._usual_rows]
        wrong = [row for row in rows if not self._may_stand(row)]
        require(not wrong and not lies_in(rows), f"{self.what}: {(wrong or lies_in(rows))[:1]} stands at the margin")

    def _rows(self) -> list[str]:
        # Not `display`, which stumbles over half of a wide character.
        screen = self.terminal.screen
        cells = ([screen.buffer[y][x].data for x in range(screen.columns)] for y in range(screen.lines))
        return ["".join(row).rstrip() for row in cells]

    def _may_stand(self, row: str) -> bool:
        """Tell whether a row is indented, begins as lines do, or is part of a word that is longer than a row."""
        if row.startswith(" ") or not re.search(r"\s", row):
            return True
        author = _AUTHOR.fullmatch(row)
        if author is not None:
            said_by = author[1]  # or what has come of it until now
            return any(said_by.startswith(name[:20]) or name.startswith(said_by) for name in self.names or ())
        return _AT_THE_MARGIN.match(row) is not None
