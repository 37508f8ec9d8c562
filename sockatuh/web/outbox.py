"""The lines of one browser on their way into the room: taken from a page, kept on disk, said, answered.

A line that is taken while there is no contact, or by a gateway that is killed then, is said when the browser is in the
room again.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Final

from sockatuh import LineStream
from sockatuh.client.room import Room
from sockatuh.errors import ClientError, TooFast
from sockatuh.room.text import clean_text

from .journal import Journal
from .lines import Lines, NumberUsed, OutOfOrder, Taken, digest_of
from .password_guard import PasswordGuard
from .sayable import refuse_unsayable

GIVEN_UP: Final = 24 * 3600.0
"""Seconds after which a line that could not be said is given up."""


class Outbox:
    """The lines of the browser that has a directory; `clock` returns seconds since 1970."""

    def __init__(self, directory: Path, clock: Callable[[], float]) -> None:
        self._directory, self._clock = directory, clock
        self._kept: Journal | None = None
        self._room: Room | None = None
        self._guard = PasswordGuard()

    @property
    def _journal(self) -> Journal:
        if self._kept is None:
            self._kept = Journal(self._directory)
        return self._kept

    @property
    def _lines(self) -> Lines:
        return self._journal.lines

    @property
    def unanswered(self) -> list[Taken]:
        """The lines that have no answer."""
        return self._lines.unanswered

    def is_unanswered(self, page: str, n: int) -> bool:
        """Tell whether a line was taken and has no answer yet."""
        return self._lines.is_unanswered(page, n)

    def find_stored(self, seq: int) -> tuple[str, int] | None:
        """Return the page and the number of an own line that is stored at `seq`."""
        return self._lines.find_stored(seq)

    def note_password(self, password: str) -> None:
        """Remember a password that the room has accepted, so that no line tells it to everybody."""
        self._guard.note(password)

    # In the room.

    def to_continue(self) -> LineStream:
        """Return the lines that the library is to say, without those that have waited for a day."""
        before = self._clock() * 1000 - GIVEN_UP * 1000
        for number, line in list(self._lines.after(0)):
            if line.at < before:  # nobody expects it to be said now
                self._journal.refuse(number, "not_stored")
        return self._lines.to_continue()

    def enter(self, room: Room, last: int) -> None:
        """Note that the browser is in the room, and say what was taken meanwhile: what comes after line `last`."""
        self._room = room
        for number, line in list(self._lines.after(last)):
            _say(room, number, line)

    def exit(self) -> None:
        """Note that the browser is not in the room, and close the file."""
        self._room = None
        if self._kept is not None:
            self._kept.close()

    def forget(self) -> None:
        """Forget what was read of the file, which is about to be deleted."""
        self.exit()
        self._kept = None

    # What is said, and answered.

    def say(self, page: str, n: int, text: str, *, action: bool = False, to: str = "") -> Taken:
        """Take a line, which is on disk then and is said once, and return what is known of it.

        Raises OutOfOrder, NumberUsed, TooFast, Refused for a line that cannot be said, and KeyFileError for one that
        cannot be written.
        """
        cleaned, is_action = clean_text(text), action and not to
        digest = digest_of(cleaned, is_action, to)
        if (known := self._lines.find(page, n)) is not None:
            if known.digest and known.digest != digest:
                raise NumberUsed
            return known
        if n != (following := self._lines.next_of(page)):
            raise OutOfOrder(following)
        refuse_unsayable(text, to, self._room, self._guard)
        if self._lines.is_full:
            raise TooFast(0, 1.0)
        line = Taken(page, n, cleaned, is_action, to, int(self._clock() * 1000), digest=digest)
        number = self._journal.take(line)
        if self._room is not None:
            _say(self._room, number, line)
        else:
            self._journal.close()  # until this browser is back
        return line

    def store(self, number: int, seq: int) -> Taken | None:
        """Note that a line is stored, and return it; None if it was answered before."""
        if (line := self._lines.line_of(number)) is not None:
            self._journal.store(number, seq)
        return line

    def refuse(self, number: int, error: str) -> Taken | None:
        """Note that a line will never be stored, and return it; None if it was answered before."""
        if (line := self._lines.line_of(number)) is not None:
            self._journal.refuse(number, error)
        return line

    def begin_another_log(self) -> None:
        """Note that the room's log is another one."""
        self._journal.begin_another_log()


def _say(room: Room, number: int, line: Taken) -> None:
    with contextlib.suppress(ClientError):  # it is said when this browser is back
        if (sent := room.send(line.text, action=line.action, to=line.to)) != number:
            raise RuntimeError(f"line {number} was said as {sent}")
